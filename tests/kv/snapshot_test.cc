// The stream of a snapshot: the same bytes however they are asked for, and no damage gets through.
#include "kv/snapshot.h"

#include <map>
#include <random>

#include "tests/kv/store_fixture.h"

namespace pintle::kv::testing {
namespace {

std::string Hex(std::string_view bytes) {
  std::string out;
  for (const unsigned char c : bytes) {
    out.push_back("0123456789abcdef"[c >> 4]);
    out.push_back("0123456789abcdef"[c & 15]);
  }
  return out;
}

constexpr char kGolden[] =
    "683000000050494e544c45534e01000000000000000100000000000000010000000000000002000000000000"
    "00f74aceefc9a94139e9abd01a8ad4e9e26358000000116b000000000000000200000000000000000c0a0161"
    "1002180220012a0131076d666f726d6174080200000000000000066d73746174652001000000000000000200"
    "0000000000000100000000000000f74aceefc9a941399197326aaa0131c365080000000300000000000000d9"
    "70f403c8f97e99";

class SnapshotTest : public StoreTest {
 protected:
  std::string Stream(size_t max_bytes, uint64_t from = 0) {
    SnapshotWriter writer(store_->NewSnapshot());
    EXPECT_TRUE(writer.SkipTo(from).ok());
    std::string stream;
    while (!writer.done()) {
      auto bytes = writer.Next(max_bytes);
      EXPECT_TRUE(bytes.ok()) << bytes.status();
      EXPECT_LE(bytes->size(), max_bytes);
      EXPECT_EQ(writer.offset(), from + stream.size() + bytes->size());
      stream += *bytes;
    }
    return stream;
  }
  static absl::Status Read(std::string_view stream, Backend& target, size_t cut = 1 << 20) {
    SnapshotReader reader(target);
    for (size_t at = 0; at < stream.size(); at += cut) {
      const absl::Status fed = reader.Feed(stream.substr(at, cut));
      if (!fed.ok()) return fed;
    }
    return reader.Finish();
  }
  static std::map<std::string, std::string> Content(const BackendReader& backend) {
    std::map<std::string, std::string> content;
    EXPECT_TRUE(backend
                    .Scan("", "\xff",
                          [&](std::string_view key, std::string_view value) {
                            content.emplace(key, value);
                            return true;
                          })
                    .ok());
    return content;
  }
  void FillSmall() {
    Ask(LeaseGrantRequest{LeaseId(5), 60});
    Put("a", "1", 5);
    Delete({"a"});
    store_->PutMeta("members", "who");
    Put("b", "2");
  }
};

TEST_F(SnapshotTest, GoldenStream) {
  Put("a", "1");
  // docs/formats/snapshot.md: head, one chunk of three records, trailer.
  const std::string stream = Stream(1 << 20);
  EXPECT_EQ(Hex(stream), kGolden) << Hex(stream);
}

TEST_F(SnapshotTest, ANewStoreIsTheSameStore) {
  FillSmall();
  auto target = std::make_shared<MemoryBackend>();
  ASSERT_TRUE(Read(Stream(7), *target, 3).ok());
  EXPECT_EQ(Content(*target), Content(*backend_));
  auto copy = Store::Open(target, options_);
  ASSERT_TRUE(copy.ok());
  EXPECT_EQ((*copy)->hash(), store_->hash());
  EXPECT_EQ((*copy)->sequence(), store_->sequence());
  EXPECT_EQ((*copy)->durable_sequence(), store_->sequence());
  EXPECT_EQ((*copy)->GetMeta("members"), "who");
  EXPECT_EQ(Text((*copy)->view()->Range(RangeOf(All()))), Range(All()));
}

TEST_F(SnapshotTest, WhatHappensMeanwhileIsNotPartOfIt) {
  FillSmall();
  const std::string before = Stream(1 << 20);
  SnapshotWriter writer(store_->NewSnapshot());
  auto first = writer.Next(10);
  ASSERT_TRUE(first.ok());
  Put("b", "3");
  Compact(5);
  CompactAll();
  store_.reset();
  backend_.reset(new MemoryBackend);  // the writer keeps what it reads
  auto rest = writer.Next(1 << 20);
  ASSERT_TRUE(rest.ok());
  EXPECT_EQ(*first + *rest, before);
}

TEST_F(SnapshotTest, GoesOnAtAnyOffset) {
  FillSmall();
  for (int i = 0; i < 40; ++i) Put("k" + std::to_string(i), std::string(5000, 'v'));
  const std::string stream = Stream(1 << 20);
  ASSERT_GT(stream.size(), 3 * kSnapshotChunkBytes);
  for (size_t offset = 0; offset <= stream.size(); offset += 997) {
    ASSERT_EQ(Stream(10'000, offset), stream.substr(offset)) << offset;
  }
  SnapshotWriter writer(store_->NewSnapshot());
  EXPECT_FALSE(writer.SkipTo(stream.size() + 1).ok());
}

TEST_F(SnapshotTest, EveryFlippedByteIsFound) {
  FillSmall();
  const std::string stream = Stream(1 << 20);
  for (size_t at = 0; at < stream.size(); ++at) {
    for (const char flip : {'\x01', '\x80', '\xff'}) {
      std::string damaged = stream;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      MemoryBackend target;
      EXPECT_FALSE(Read(damaged, target).ok()) << at;
    }
  }
}

TEST_F(SnapshotTest, EveryTruncationAndAdditionIsFound) {
  FillSmall();
  const std::string stream = Stream(1 << 20);
  for (size_t size = 0; size < stream.size(); ++size) {
    MemoryBackend target;
    EXPECT_TRUE(absl::IsDataLoss(Read(stream.substr(0, size), target))) << size;
  }
  for (const std::string& more :
       {std::string(1, '\0'), stream.substr(stream.size() - 21), stream}) {
    MemoryBackend target;
    EXPECT_TRUE(absl::IsDataLoss(Read(stream + more, target)));
  }
}

TEST_F(SnapshotTest, ChunksInAnotherOrderAreFound) {
  for (int i = 0; i < 40; ++i) Put("k" + std::to_string(i), std::string(5000, 'v'));
  const std::string stream = Stream(1 << 20);
  std::vector<std::string> parts;
  for (size_t at = 0; at < stream.size();) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(stream[at + i]); };
    const size_t size = 13 + (byte(1) | byte(2) << 8 | byte(3) << 16 | byte(4) << 24);
    parts.push_back(stream.substr(at, size));
    at += size;
  }
  ASSERT_GE(parts.size(), 5u);
  for (size_t left_out = 0; left_out < parts.size(); ++left_out) {
    std::string without;
    for (size_t i = 0; i < parts.size(); ++i) without += i == left_out ? "" : parts[i];
    MemoryBackend target;
    EXPECT_FALSE(Read(without, target).ok()) << left_out;
  }
  std::swap(parts[1], parts[2]);
  std::string swapped;
  for (const auto& part : parts) swapped += part;
  MemoryBackend target;
  EXPECT_TRUE(absl::IsDataLoss(Read(swapped, target)));
}

}  // namespace
}  // namespace pintle::kv::testing
