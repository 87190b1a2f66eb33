#include "server/storage/wal_format.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/escaping.h"
#include "base/byte_codec.h"
#include "base/crc32c.h"

namespace pintle::server::storage {
namespace {

constexpr WalIdentity kIdentity{.cluster_id = 0xcdf818194e3a8c32, .member_id = 0x8e9e05c52164694d};

std::string Hex(std::string_view bytes) {
  return absl::BytesToHexString({bytes.data(), bytes.size()});
}

// These bytes are docs/formats/wal.md written out: a change of them needs a new format version.
TEST(WalFormat, GoldenSegmentHead) {
  EXPECT_EQ(Hex(EncodeSegmentHead(kIdentity, 3)),
            "50494e544c57414c01000000000000000300000000000000328c3a4e1918f8cd"
            "4d696421c5059e8e34e6219d0000000000000000000000000000000000000000");
}

TEST(WalFormat, GoldenBatch) {
  std::string out;
  const WalPosition start{.segment = 3, .offset = 64};
  AppendBatchHead(out, start, {.sequence = 9, .durable_end = {2, 4096}, .records = 2});
  AppendHardState(out, start, {raft::Term(5), raft::MemberId(0x8e9e05c52164694d), raft::Index(6)});
  AppendEntry(out, start,
              {{raft::Term(5), raft::Index(7)},
               raft::EntryKind::kNormal,
               std::make_shared<const std::string>("payload")});
  EXPECT_EQ(Hex(out),
            "20000000fb90a72d010000000000000000000000000000000000000000000000"
            "0900000000000000020000000000000000100000000000000200000000000000"
            "200000005132c26f020000000000000005000000000000000000000000000000"
            "4d696421c5059e8e060000000000000000000000000000000000000000000000"
            "070000009305286b030000000000000005000000000000000700000000000000"
            "7061796c6f616400");
}

TEST(WalFormat, RecordsComeBackOnlyWhereTheyWereWritten) {
  std::string segment(kSegmentHeadBytes, '\0');
  std::string out;
  const raft::Entry entry{{raft::Term(5), raft::Index(7)},
                          raft::EntryKind::kNoOp,
                          std::make_shared<const std::string>("0123456789")};
  AppendEntry(out, {1, kSegmentHeadBytes}, entry);
  EXPECT_EQ(out.size(), EntryRecordBytes(entry));
  segment += out;
  WalRecord record;
  size_t size = 0;
  ASSERT_TRUE(DecodeRecord(segment, {1, kSegmentHeadBytes}, record, size));
  EXPECT_EQ(record.entry, entry);
  EXPECT_EQ(size, out.size());
  EXPECT_FALSE(DecodeRecord(segment, {2, kSegmentHeadBytes}, record, size)) << "another segment";
  EXPECT_FALSE(DecodeRecord("12345678" + segment, {1, kSegmentHeadBytes + 8}, record, size))
      << "another offset";
  for (size_t length = 0; length < kSegmentHeadBytes + 42; ++length) {
    EXPECT_FALSE(DecodeRecord(segment.substr(0, length), {1, kSegmentHeadBytes}, record, size));
  }
}

TEST(WalFormat, SegmentHeadsAreChecked) {
  const std::string good = EncodeSegmentHead(kIdentity, 3);
  WalIdentity found;
  EXPECT_EQ(DecodeSegmentHead(good, 3, found), HeadCheck::kGood);
  EXPECT_EQ(found, kIdentity);
  EXPECT_EQ(DecodeSegmentHead(good, 4, found), HeadCheck::kDamaged);
  EXPECT_EQ(DecodeSegmentHead("short", 3, found), HeadCheck::kNotOurs);
  EXPECT_EQ(DecodeSegmentHead(std::string(64, 'x'), 3, found), HeadCheck::kNotOurs);
  for (size_t at = 8; at < 44; ++at) {
    std::string damaged = good;
    damaged[at] = static_cast<char>(damaged[at] ^ 4);
    EXPECT_EQ(DecodeSegmentHead(damaged, 3, found), HeadCheck::kDamaged) << at;
  }
  std::string newer = good.substr(0, 8);
  base::AppendFixed32(newer, kWalFormatVersion + 1);
  newer += good.substr(12, 28);
  base::AppendFixed32(newer, base::Crc32c(newer));
  newer.resize(kSegmentHeadBytes, '\0');
  EXPECT_EQ(DecodeSegmentHead(newer, 3, found), HeadCheck::kNewerVersion);
}

}  // namespace
}  // namespace pintle::server::storage
