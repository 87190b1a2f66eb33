// Bytes of integers, as our files, our peers and Protobuf's wire format lay them out.
//
// Append* write at the end of a string. ByteReader takes from the front of a view and never reads
// past it: a take that does not fit returns false and leaves the reader failed (every later take
// fails too), so that a parser can check once at the end. Formats: little-endian fixed (files,
// peers), big-endian fixed (ordered keys), Protobuf base-128 varint.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pintle::base {

void AppendFixed32(std::string& out, uint32_t value);
void AppendFixed64(std::string& out, uint64_t value);
void AppendBigEndian64(std::string& out, uint64_t value);
void AppendVarint(std::string& out, uint64_t value);

// Protobuf fields: tag and value. A zero integer or empty string is left out, as proto3 does.
void AppendVarintField(std::string& out, uint32_t field, uint64_t value);
void AppendBytesField(std::string& out, uint32_t field, std::string_view value);
// The same, but present even when empty: for messages in a oneof or a repeated field.
void AppendMessageField(std::string& out, uint32_t field, std::string_view encoded);

size_t VarintSize(uint64_t value);

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  bool TakeFixed32(uint32_t& value);
  bool TakeFixed64(uint64_t& value);
  bool TakeBigEndian64(uint64_t& value);
  bool TakeVarint(uint64_t& value);
  bool TakeBytes(size_t count, std::string_view& value);
  // One length-delimited piece: varint length, then that many bytes.
  bool TakeDelimited(std::string_view& value);

  std::string_view rest() const { return rest_; }
  bool empty() const { return rest_.empty(); }
  bool ok() const { return ok_; }

 private:
  bool Fail() {
    ok_ = false;
    rest_ = {};
    return false;
  }

  std::string_view rest_;
  bool ok_ = true;
};

// One field of a Protobuf message, as ForEachField hands it out.
struct WireField {
  uint32_t number = 0;
  uint32_t wire_type = 0;       // 0 varint, 1 fixed64, 2 length-delimited, 5 fixed32
  uint64_t integer = 0;         // wire types 0, 1, 5
  std::string_view bytes = {};  // wire type 2
};

// Reads the next field; false at the end or when malformed (tell them apart by reader.ok()).
bool NextField(ByteReader& reader, WireField& field);

}  // namespace pintle::base
