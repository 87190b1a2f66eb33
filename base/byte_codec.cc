#include "base/byte_codec.h"

#include <bit>
#include <cstring>

namespace pintle::base {
namespace {

static_assert(std::endian::native == std::endian::little, "the file formats are little-endian");

constexpr uint32_t kVarintType = 0;
constexpr uint32_t kFixed64Type = 1;
constexpr uint32_t kBytesType = 2;
constexpr uint32_t kFixed32Type = 5;

void AppendTag(std::string& out, uint32_t field, uint32_t wire_type) {
  AppendVarint(out, (uint64_t{field} << 3) | wire_type);
}

}  // namespace

void AppendFixed32(std::string& out, uint32_t value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void AppendFixed64(std::string& out, uint64_t value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void AppendBigEndian64(std::string& out, uint64_t value) {
  AppendFixed64(out, __builtin_bswap64(value));
}

void AppendVarint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

void AppendVarintField(std::string& out, uint32_t field, uint64_t value) {
  if (value == 0) return;
  AppendTag(out, field, kVarintType);
  AppendVarint(out, value);
}

void AppendBytesField(std::string& out, uint32_t field, std::string_view value) {
  if (!value.empty()) AppendMessageField(out, field, value);
}

void AppendMessageField(std::string& out, uint32_t field, std::string_view encoded) {
  AppendTag(out, field, kBytesType);
  AppendVarint(out, encoded.size());
  out.append(encoded);
}

size_t VarintSize(uint64_t value) {
  return value == 0 ? 1 : (static_cast<size_t>(std::bit_width(value)) + 6) / 7;
}

bool ByteReader::TakeFixed32(uint32_t& value) {
  std::string_view bytes;
  if (!TakeBytes(sizeof(value), bytes)) return false;
  std::memcpy(&value, bytes.data(), sizeof(value));
  return true;
}

bool ByteReader::TakeFixed64(uint64_t& value) {
  std::string_view bytes;
  if (!TakeBytes(sizeof(value), bytes)) return false;
  std::memcpy(&value, bytes.data(), sizeof(value));
  return true;
}

bool ByteReader::TakeBigEndian64(uint64_t& value) {
  if (!TakeFixed64(value)) return false;
  value = __builtin_bswap64(value);
  return true;
}

bool ByteReader::TakeVarint(uint64_t& value) {
  value = 0;
  for (size_t i = 0; i < rest_.size() && i < 10; ++i) {
    const auto byte = static_cast<uint8_t>(rest_[i]);
    if (i == 9 && byte > 1) return Fail();
    value |= uint64_t{byte & 0x7fu} << (7 * i);
    if (byte < 0x80) {
      rest_.remove_prefix(i + 1);
      return true;
    }
  }
  return Fail();
}

bool ByteReader::TakeBytes(size_t count, std::string_view& value) {
  if (!ok_ || rest_.size() < count) return Fail();
  value = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return true;
}

bool ByteReader::TakeDelimited(std::string_view& value) {
  uint64_t size = 0;
  return TakeVarint(size) && TakeBytes(size, value);
}

bool NextField(ByteReader& reader, WireField& field) {
  if (reader.empty()) return false;
  uint64_t tag = 0;
  if (!reader.TakeVarint(tag)) return false;
  field = WireField{.number = static_cast<uint32_t>(tag >> 3),
                    .wire_type = static_cast<uint32_t>(tag & 7)};
  switch (field.wire_type) {
    case kVarintType:
      return reader.TakeVarint(field.integer);
    case kFixed64Type:
      return reader.TakeFixed64(field.integer);
    case kBytesType:
      return reader.TakeDelimited(field.bytes);
    case kFixed32Type: {
      uint32_t value = 0;
      if (!reader.TakeFixed32(value)) return false;
      field.integer = value;
      return true;
    }
    default: {  // groups and unknown types: not in any message of ours
      std::string_view none;
      reader.TakeBytes(reader.rest().size() + 1, none);  // fails the reader
      return false;
    }
  }
}

}  // namespace pintle::base
