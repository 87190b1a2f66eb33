#include "server/storage/wal_format.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "base/byte_codec.h"
#include "base/crc32c.h"
#include "server/storage/wal_witness.h"
#include "tests/storage/memory_file_system.h"

namespace pintle::server::storage {
namespace {

constexpr WalIdentity kIdentity{.cluster_id = 0xcdf818194e3a8c32,
                                .member_id = 0x8e9e05c52164694d,
                                .data_dir = 0x1122334455667788};

std::string Hex(std::string_view bytes) {
  return absl::BytesToHexString({bytes.data(), bytes.size()});
}

raft::EntryId Id(uint64_t term, uint64_t index) { return {raft::Term(term), raft::Index(index)}; }

raft::Entry MakeEntry(uint64_t term, uint64_t index, raft::EntryKind kind, std::string bytes) {
  return {Id(term, index), kind, std::make_shared<const std::string>(std::move(bytes))};
}

SegmentHead MakeSegmentHead() {
  return {
      .identity = kIdentity,
      .segment = 3,
      .sequence = 8,
      .base = Id(4, 2),
      .last = Id(5, 6),
      .hard_state = {raft::Term(5), raft::MemberId(0x8e9e05c52164694d), raft::Index(6), Id(5, 9)}};
}

BatchHead MakeBatchHead() {
  return {
      .sequence = 9,
      .durable_end = {2, 4096},
      .base = Id(4, 2),
      .previous = Id(5, 6),
      .last = Id(5, 8),
      .hard_state = {raft::Term(5), raft::MemberId(0x8e9e05c52164694d), raft::Index(6), Id(5, 9)},
      .entries = 2,
      .reset = false,
      .bytes = 512};
}

std::vector<raft::Entry> MakeEntries() {
  return {MakeEntry(5, 7, raft::EntryKind::kNormal, "payload"),
          MakeEntry(5, 8, static_cast<raft::EntryKind>(77), "of a later version")};
}

constexpr WalPosition kStart{.segment = 3, .offset = kSegmentHeadBytes};

std::string MakeSegment() {
  std::string batch;
  EncodeBatch(kIdentity, kStart, MakeBatchHead(), MakeEntries(), batch);
  return EncodeSegmentHead(MakeSegmentHead()) + batch;
}

// These bytes are docs/formats/wal.md written out: a change of them needs a new format version.
TEST(WalFormat, GoldenSegmentHead) {
  EXPECT_EQ(Hex(EncodeSegmentHead(MakeSegmentHead())),
            "50494e544c57414c02000000b712fe610300000000000000328c3a4e1918f8cd"
            "4d696421c5059e8e887766554433221108000000000000000400000000000000"
            "0200000000000000050000000000000006000000000000000500000000000000"
            "4d696421c5059e8e060000000000000005000000000000000900000000000000"
            "9e9433dd00000000000000000000000000000000000000000000000000000000"
            "0000000000000000000000000000000000000000000000000000000000000000"
            "0000000000000000000000000000000000000000000000000000000000000000"
            "0000000000000000000000000000000000000000000000000000000000000000"
            "0000000000000000000000000000000000000000000000000000000000000000"
            "0000000000000000000000000000000000000000000000000000000000000000"
            "0000000000000000000000000000000000000000000000000000000000000000"
            "0000000000000000000000000000000000000000000000000000000000000000"
            "0000000000000000000000000000000000000000000000000000000000000000"
            "0000000000000000000000000000000000000000000000000000000000000000"
            "0000000000000000000000000000000000000000000000000000000000000000"
            "0000000000000000000000000000000000000000000000000000000000000000");
}

TEST(WalFormat, GoldenBatch) {
  EXPECT_EQ(Hex(MakeSegment().substr(kSegmentHeadBytes)),
            "5042415402000000090000000000000002000000000000000010000000000000"
            "0400000000000000020000000000000005000000000000000600000000000000"
            "0500000000000000080000000000000005000000000000004d696421c5059e8e"
            "0600000000000000050000000000000009000000000000000002000000000000"
            "00000000000000000fa73c860000000005000000000000000700000000000000"
            "e00000000700000058a4209e00000000a677231d000000000500000000000000"
            "0800000000000000e700000012000000eb7b41e44d00000030d9e15600000000"
            "7061796c6f61646f662061206c617465722076657273696f6e00000000000000"
            "0000000000000000000000000000000000000000000000000000000000000000"
            "0000000000000000000000000000000000000000000000000000000000000000"
            "0000000000000000000000000000000000000000000000000000000000000000"
            "0000000000000000000000000000000050454e44020000000900000000000000"
            "0200000000000000001000000000000004000000000000000200000000000000"
            "0500000000000000060000000000000005000000000000000800000000000000"
            "05000000000000004d696421c5059e8e06000000000000000500000000000000"
            "09000000000000000002000000000000000000000000000093105e2b00000000");
}

TEST(WalFormat, ABatchComesBack) {
  const std::string segment = MakeSegment();
  for (const bool want_copy : {false, true}) {
    WalPosition at = kStart;
    if (want_copy) at.offset = segment.size() - kBatchHeadBytes;
    BatchHead head;
    bool is_copy = false;
    ASSERT_TRUE(DecodeBatchHead(kIdentity, segment, at, head, is_copy));
    EXPECT_EQ(is_copy, want_copy);
    EXPECT_EQ(head, MakeBatchHead());
  }
  const std::vector<raft::Entry> entries = MakeEntries();
  for (uint32_t i = 0; i < 2; ++i) {
    EntryHead head;
    ASSERT_TRUE(DecodeEntryHead(kIdentity, segment, kStart, i, head));
    EXPECT_EQ(head.id, entries[i].id);
    EXPECT_EQ(head.kind, entries[i].kind);
    ASSERT_TRUE(IsPayloadIntact(kIdentity, segment, kStart, head));
    EXPECT_EQ(segment.substr(kStart.offset + head.offset, head.length), entries[i].bytes());
  }
}

TEST(WalFormat, FlagsOfABatchComeBack) {
  for (const bool reset : {false, true}) {
    for (const bool members : {false, true}) {
      BatchHead written = MakeBatchHead();
      written.reset = reset;
      written.members = members;
      std::string batch;
      EncodeBatch(kIdentity, kStart, written, MakeEntries(), batch);
      BatchHead read;
      bool is_copy = false;
      ASSERT_TRUE(DecodeBatchHead(kIdentity, std::string(kStart.offset, '\0') + batch, kStart, read,
                                  is_copy));
      EXPECT_EQ(read, written);
    }
  }
}

// A part is valid only where it was written, in the log that it was written for.
TEST(WalFormat, EveryPartIsBoundToItsPlace) {
  const std::string segment = MakeSegment();
  BatchHead head;
  EntryHead entry;
  bool is_copy = false;
  ASSERT_TRUE(DecodeEntryHead(kIdentity, segment, kStart, 0, entry));
  const auto any = [&](const WalIdentity& identity, std::string_view bytes, WalPosition start) {
    const WalPosition copy{start.segment, start.offset + 512 - kBatchHeadBytes};
    EntryHead other;
    return DecodeBatchHead(identity, bytes, start, head, is_copy) ||
           DecodeBatchHead(identity, bytes, copy, head, is_copy) ||
           DecodeEntryHead(identity, bytes, start, 0, other) ||
           IsPayloadIntact(identity, bytes, start, entry);
  };
  EXPECT_TRUE(any(kIdentity, segment, kStart));
  EXPECT_FALSE(any(kIdentity, segment, {4, kStart.offset})) << "another segment";
  EXPECT_FALSE(any(kIdentity, std::string(512, 'x') + segment, {3, kStart.offset + 512}))
      << "another offset";
  for (uint64_t WalIdentity::*field :
       {&WalIdentity::cluster_id, &WalIdentity::member_id, &WalIdentity::data_dir}) {
    WalIdentity other = kIdentity;
    other.*field += 1;
    EXPECT_FALSE(any(other, segment, kStart)) << "another log";
  }
}

TEST(WalFormat, AnyCutIsNoticed) {
  const std::string segment = MakeSegment();
  BatchHead head;
  bool is_copy = false;
  for (size_t length = 0; length < segment.size(); ++length) {
    EXPECT_FALSE(DecodeBatchHead(kIdentity, segment.substr(0, length), kStart, head, is_copy))
        << length;
  }
}

TEST(WalFormat, SegmentHeadsAreChecked) {
  const std::string good = EncodeSegmentHead(MakeSegmentHead());
  SegmentHead found;
  uint32_t version = 0;
  EXPECT_EQ(DecodeSegmentHead(good, 3, found, version), HeadCheck::kGood);
  EXPECT_EQ(found, MakeSegmentHead());
  EXPECT_EQ(DecodeSegmentHead(good, 4, found, version), HeadCheck::kDamaged);
  EXPECT_EQ(DecodeSegmentHead("short", 3, found, version), HeadCheck::kDamaged);
  EXPECT_EQ(DecodeSegmentHead(std::string(600, 'x'), 3, found, version), HeadCheck::kDamaged);
  for (size_t at = 0; at < 132; ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = good;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      EXPECT_EQ(DecodeSegmentHead(damaged, 3, found, version), HeadCheck::kDamaged) << at;
    }
  }
}

TEST(WalFormat, OtherVersionsAreTold) {
  const std::string good = EncodeSegmentHead(MakeSegmentHead());
  SegmentHead found;
  uint32_t version = 0;
  std::string newer = good.substr(0, 8);
  base::AppendFixed32(newer, kWalFormatVersion + 1);
  base::AppendFixed32(newer, base::Crc32c(newer));
  newer.resize(kSegmentHeadBytes, '\x7f');
  EXPECT_EQ(DecodeSegmentHead(newer, 3, found, version), HeadCheck::kOtherVersion);
  EXPECT_EQ(version, kWalFormatVersion + 1);
  std::string older = good.substr(0, 8);
  base::AppendFixed32(older, 1);
  older.resize(kSegmentHeadBytes, '\0');
  EXPECT_EQ(DecodeSegmentHead(older, 3, found, version), HeadCheck::kOtherVersion);
  EXPECT_EQ(version, 1U);
}

TEST(WalWitness, HasGoldenBytesAndSurvivesATornMark) {
  MemoryFileSystem files;
  ASSERT_TRUE(files.MakeFolder("/m").ok());
  const WalIdentity identity{.cluster_id = 0xc1, .member_id = 0xa1, .data_dir = 0xd1};
  auto witness = WalWitness::Open(files, "/m/log.witness", identity);
  ASSERT_TRUE(witness.ok()) << witness.status();
  EXPECT_EQ((*witness)->mark(), std::nullopt);
  ASSERT_TRUE((*witness)->Write({3, raft::Term(5)}).ok());
  ASSERT_TRUE((*witness)->Write({4, raft::Term(6)}).ok());
  const std::string bytes = *files.ReadWhole("/m/log.witness");
  ASSERT_EQ(bytes.size(), 8192U);
  EXPECT_EQ(absl::BytesToHexString(bytes.substr(0, 36)),
            "50494e544c5749540200000000000000040000000000000006000000000000008b15c263");
  EXPECT_EQ(bytes.find_first_not_of('\0', 36), 4096U);
  for (size_t at = 0; at < 36; ++at) {
    std::string torn = bytes;
    torn[at] = static_cast<char>(torn[at] ^ 1);
    uint64_t sequence = 0;
    EXPECT_EQ(ParseWitness(identity, torn, sequence), (WalMark{3, raft::Term(5)})) << at;
    EXPECT_EQ(sequence, 1U);
  }
  uint64_t sequence = 0;
  EXPECT_EQ(ParseWitness({0xc1, 0xa1, 0xd2}, bytes, sequence), std::nullopt) << "of another log";
}

}  // namespace
}  // namespace pintle::server::storage
