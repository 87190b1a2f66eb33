#include "base/byte_codec.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/escaping.h"

namespace pintle::base {
namespace {

std::string Hex(std::string_view bytes) {
  return absl::BytesToHexString({bytes.data(), bytes.size()});
}
std::string Bytes(std::string_view hex) { return absl::HexStringToBytes({hex.data(), hex.size()}); }

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

TEST(ByteCodec, FixedIntegers) {
  std::string out;
  AppendFixed32(out, 0x01020304);
  AppendFixed64(out, 0x0102030405060708);
  AppendBigEndian64(out, 0x0102030405060708);
  EXPECT_EQ(Hex(out),
            "04030201"
            "0807060504030201"
            "0102030405060708");
  ByteReader reader(out);
  uint32_t four = 0;
  uint64_t little = 0;
  uint64_t big = 0;
  EXPECT_TRUE(reader.TakeFixed32(four));
  EXPECT_TRUE(reader.TakeFixed64(little));
  EXPECT_TRUE(reader.TakeBigEndian64(big));
  EXPECT_EQ(four, 0x01020304u);
  EXPECT_EQ(little, 0x0102030405060708u);
  EXPECT_EQ(big, little);
  EXPECT_TRUE(reader.empty());
  EXPECT_TRUE(reader.ok());
}

TEST(ByteCodec, BigEndianSortsLikeTheNumbers) {
  std::string last;
  for (const uint64_t number :
       {uint64_t{0}, uint64_t{1}, uint64_t{255}, uint64_t{256}, kMax / 2, kMax}) {
    std::string out;
    AppendBigEndian64(out, number);
    EXPECT_TRUE(last.empty() || last < out) << number;
    last = out;
  }
}

TEST(ByteCodec, Varints) {
  struct Case {
    uint64_t number;
    const char* hex;
  };
  for (const Case& c : std::vector<Case>{{0, "00"},
                                         {1, "01"},
                                         {127, "7f"},
                                         {128, "8001"},
                                         {300, "ac02"},
                                         {16383, "ff7f"},
                                         {16384, "808001"},
                                         {kMax >> 1, "ffffffffffffffff7f"},
                                         {kMax, "ffffffffffffffffff01"}}) {
    std::string out;
    AppendVarint(out, c.number);
    EXPECT_EQ(Hex(out), c.hex);
    EXPECT_EQ(VarintSize(c.number), out.size()) << c.number;
    ByteReader reader(out);
    uint64_t number = 1;
    EXPECT_TRUE(reader.TakeVarint(number));
    EXPECT_EQ(number, c.number);
    EXPECT_TRUE(reader.empty());
  }
}

TEST(ByteCodec, VarintSizesAtEveryBit) {
  for (int bit = 0; bit < 64; ++bit) {
    for (const uint64_t number : {uint64_t{1} << bit, (uint64_t{1} << bit) - 1}) {
      std::string out;
      AppendVarint(out, number);
      EXPECT_EQ(VarintSize(number), out.size()) << number;
    }
  }
}

TEST(ByteCodec, VarintsThatAreTooLongOrCutAreRefused) {
  for (const char* hex : {"", "80", "ffffffffffffffffff02", "ffffffffffffffffff7f",
                          "80808080808080808080", "8080808080808080808001"}) {
    const std::string bytes = Bytes(hex);
    ByteReader reader(bytes);
    uint64_t number = 0;
    EXPECT_FALSE(reader.TakeVarint(number)) << hex;
    EXPECT_FALSE(reader.ok());
  }
}

TEST(ByteReader, StaysFailed) {
  const std::string bytes = Bytes("0102");
  ByteReader reader(bytes);
  uint32_t four = 0;
  uint64_t number = 0;
  std::string_view piece;
  EXPECT_FALSE(reader.TakeFixed32(four));
  EXPECT_FALSE(reader.TakeVarint(number));
  EXPECT_FALSE(reader.TakeBytes(1, piece));
  EXPECT_FALSE(reader.TakeBytes(0, piece));
  EXPECT_FALSE(reader.ok());
  EXPECT_TRUE(reader.empty());
}

TEST(ByteReader, TakesPiecesByLength) {
  const std::string bytes = Bytes(
      "03616263"
      "00"
      "05");
  ByteReader reader(bytes);
  std::string_view piece;
  EXPECT_TRUE(reader.TakeDelimited(piece));
  EXPECT_EQ(piece, "abc");
  EXPECT_TRUE(reader.TakeDelimited(piece));
  EXPECT_EQ(piece, "");
  EXPECT_FALSE(reader.TakeDelimited(piece));
  EXPECT_FALSE(reader.ok());
}

TEST(ByteReader, ALengthBeyondMemoryDoesNotWrapAround) {
  std::string bytes;
  AppendVarint(bytes, kMax);
  bytes += "abc";
  ByteReader reader(bytes);
  std::string_view piece;
  EXPECT_FALSE(reader.TakeDelimited(piece));
}

TEST(ProtobufFields, ZeroIsLeftOutButMessagesAreNot) {
  std::string out;
  AppendVarintField(out, 1, 0);
  AppendBytesField(out, 2, "");
  EXPECT_EQ(out, "");
  AppendMessageField(out, 2, "");
  AppendVarintField(out, 16, 300);
  AppendBytesField(out, 3, "ab");
  EXPECT_EQ(Hex(out),
            "1200"
            "8001ac02"
            "1a026162");
}

TEST(ProtobufFields, AreReadInOrder) {
  const std::string bytes = Bytes(
      "1200"
      "8001ac02"
      "1a026162"
      "250a000000"
      "290b00000000000000");
  ByteReader reader(bytes);
  WireField field;
  ASSERT_TRUE(NextField(reader, field));
  EXPECT_EQ(field.number, 2u);
  EXPECT_EQ(field.wire_type, 2u);
  EXPECT_EQ(field.bytes, "");
  ASSERT_TRUE(NextField(reader, field));
  EXPECT_EQ(field.number, 16u);
  EXPECT_EQ(field.integer, 300u);
  ASSERT_TRUE(NextField(reader, field));
  EXPECT_EQ(field.bytes, "ab");
  ASSERT_TRUE(NextField(reader, field));
  EXPECT_EQ(field.wire_type, 5u);
  EXPECT_EQ(field.integer, 10u);
  ASSERT_TRUE(NextField(reader, field));
  EXPECT_EQ(field.wire_type, 1u);
  EXPECT_EQ(field.integer, 11u);
  EXPECT_FALSE(NextField(reader, field));
  EXPECT_TRUE(reader.ok()) << "the end is not an error";
}

TEST(ProtobufFields, MalformedOnesFailTheReader) {
  // A cut tag, a cut value of every type, a length beyond the end, a group, unknown wire types.
  for (const char* hex :
       {"80", "08", "0880", "09010203", "0d0102", "12ff01", "12036162", "0b", "0c", "0e", "0f"}) {
    const std::string bytes = Bytes(hex);
    ByteReader reader(bytes);
    WireField field;
    EXPECT_FALSE(NextField(reader, field)) << hex;
    EXPECT_FALSE(reader.ok()) << hex;
  }
}

TEST(ProtobufFields, RandomBytesNeverReadBeyondTheEnd) {
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    // On the heap and of exact size: a sanitizer sees the first byte too many.
    const std::vector<char> bytes = [&] {
      std::vector<char> made(random() % 24);
      for (char& byte : made) byte = static_cast<char>(random());
      return made;
    }();
    ByteReader reader({bytes.data(), bytes.size()});
    WireField field;
    size_t fields = 0;
    while (NextField(reader, field)) {
      ++fields;
      ASSERT_LE(field.bytes.size(), bytes.size());
    }
    ASSERT_LE(fields, bytes.size());
    ASSERT_TRUE(reader.empty());
  }
}

}  // namespace
}  // namespace pintle::base
