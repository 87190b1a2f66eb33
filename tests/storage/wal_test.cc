#include "server/storage/wal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/storage/memory_file_system.h"

namespace pintle::server::storage {
namespace {

using ::testing::HasSubstr;

constexpr WalIdentity kIdentity{.cluster_id = 0xc1, .member_id = 0xa1};
const std::string kFolder = "/data/log";

std::string SegmentPath(uint64_t number) {
  const std::string digits = std::to_string(number);  // tests stay below ten where it matters
  return kFolder + "/" + std::string(16 - digits.size(), '0') + digits + ".wal";
}

raft::Entry MakeEntry(uint64_t term, uint64_t index, std::string bytes) {
  return {{raft::Term(term), raft::Index(index)},
          raft::EntryKind::kNormal,
          std::make_shared<const std::string>(std::move(bytes))};
}

raft::HardState MakeState(uint64_t term, uint64_t vote, uint64_t commit) {
  return {raft::Term(term), raft::MemberId(vote), raft::Index(commit)};
}

class WalTest : public ::testing::Test {
 protected:
  WalTest() { EXPECT_TRUE(files_.MakeFolder("/data").ok()); }
  absl::Status Open() { return OpenAs(kIdentity); }
  absl::Status OpenAs(WalIdentity identity) {
    wal_.reset();
    contents_ = WalContents();
    auto opened = Wal::Open(files_, folder_, identity, options_, contents_);
    if (!opened.ok()) return opened.status();
    wal_ = *std::move(opened);
    return absl::OkStatus();
  }
  void MustAppend(const std::vector<raft::Entry>& entries, bool sync = true,
                  std::optional<raft::HardState> state = std::nullopt) {
    ASSERT_TRUE(wal_->Append(state, entries, sync).ok());
  }
  std::string Bytes(uint64_t segment) { return *files_.ReadWhole(SegmentPath(segment)); }

  MemoryFileSystem files_;
  std::string folder_ = kFolder;
  WalOptions options_{.first_segment_bytes = 4096, .largest_segment_bytes = 4096};
  std::unique_ptr<Wal> wal_;
  WalContents contents_;
};

TEST_F(WalTest, ANewLogIsEmptyAndStaysSo) {
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(contents_.entries.empty());
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(contents_.entries.empty());
  EXPECT_EQ(contents_.hard_state, raft::HardState{});
  EXPECT_EQ(contents_.dropped, "");
}

TEST_F(WalTest, EntriesAndHardStateComeBack) {
  ASSERT_TRUE(Open().ok());
  const std::vector<raft::Entry> entries{MakeEntry(1, 1, "a"), MakeEntry(1, 2, ""),
                                         MakeEntry(2, 3, std::string(1000, 'x'))};
  MustAppend(entries, true, MakeState(2, 0xa1, 1));
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(contents_.entries, entries);
  EXPECT_EQ(contents_.hard_state, MakeState(2, 0xa1, 1));
}

// What a log of small segments holds is always what a plain vector would, however often it is
// reopened, with and without a crash; what was synced is never lost.
TEST_F(WalTest, RandomBatchesAgainstAModel) {
  for (uint32_t seed = 0; seed < 12; ++seed) {
    folder_ = "/data/" + std::to_string(seed);
    std::mt19937 random(seed);
    options_.first_segment_bytes = 256 + random() % 1024;
    options_.largest_segment_bytes = options_.first_segment_bytes * (1 + random() % 3);
    std::vector<raft::Entry> model;
    raft::HardState state;
    uint64_t term = 1;
    ASSERT_TRUE(Open().ok());
    for (int step = 0; step < 200; ++step) {
      if (random() % 10 == 0) {
        wal_.reset();
        if (random() % 2 == 0) files_.Crash();
        const auto opened = Open();
        ASSERT_TRUE(opened.ok()) << "seed " << seed << " step " << step << ": " << opened;
        ASSERT_EQ(contents_.entries, model) << "seed " << seed << " step " << step;
        ASSERT_EQ(contents_.hard_state, state);
        ASSERT_EQ(contents_.dropped, "");
      }
      if (random() % 4 == 0) model.resize(random() % (model.size() + 1)), ++term;
      std::vector<raft::Entry> batch;
      for (uint32_t count = random() % 4; count > 0; --count) {
        batch.push_back(MakeEntry(term, model.size() + 1, std::string(random() % 700, 'e')));
        model.push_back(batch.back());
      }
      // A suffix that was cut and not replaced is not something a log is told.
      if (batch.empty()) {
        batch.push_back(MakeEntry(term, model.size() + 1, "one"));
        model.push_back(batch.back());
      }
      std::optional<raft::HardState> change;
      if (random() % 3 == 0) change = state = MakeState(term, random() % 3, model.size() / 2);
      ASSERT_NO_FATAL_FAILURE(MustAppend(batch, true, change));
    }
  }
}

TEST_F(WalTest, AFirstBatchLargerThanASegment) {
  options_ = {.first_segment_bytes = 128, .largest_segment_bytes = 256};
  ASSERT_TRUE(Open().ok());
  const std::vector<raft::Entry> large{MakeEntry(1, 1, std::string(5000, 'L'))};
  MustAppend(large);
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(contents_.entries, large);
  MustAppend({MakeEntry(1, 2, std::string(9000, 'M'))});
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(contents_.entries.size(), 2U);
}

TEST_F(WalTest, WhatWasLeftUnsyncedMayGoButLeavesNoGap) {
  ASSERT_TRUE(Open().ok());
  MustAppend({MakeEntry(1, 1, "synced")});
  MustAppend({}, false, MakeState(1, 0, 1));
  wal_.reset();
  files_.Crash();
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(contents_.entries.size(), 1U);
  EXPECT_EQ(contents_.hard_state, raft::HardState{});
  MustAppend({MakeEntry(1, 2, "more")});
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(contents_.entries.size(), 2U);
}

// A process is killed before its sync; the next one reads what the page cache still has, and acts
// on it: it has to survive a power loss from then on.
TEST_F(WalTest, WhatOpenReturnsIsDurable) {
  ASSERT_TRUE(Open().ok());
  MustAppend({MakeEntry(1, 1, "a")});
  MustAppend({MakeEntry(1, 2, "b")}, false);
  ASSERT_TRUE(Open().ok());
  ASSERT_EQ(contents_.entries.size(), 2U);
  wal_.reset();
  files_.Crash();
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(contents_.entries.size(), 2U);
}

// The last batch cut, or zeroed, from every byte on: what was before is there, the loss is said,
// and the log goes on.
TEST_F(WalTest, ATornLastBatchIsDroppedAtEveryByte) {
  ASSERT_TRUE(Open().ok());
  MustAppend({MakeEntry(1, 1, "first")}, true, MakeState(1, 7, 0));
  const size_t start = Bytes(1).find_last_not_of('\0') / 8 * 8 + 8;
  MustAppend({MakeEntry(1, 2, "second"), MakeEntry(1, 3, "third")}, true, MakeState(3, 8, 2));
  const std::string whole = Bytes(1);
  const size_t end = whole.find_last_not_of('\0') + 1;
  ASSERT_GT(end, start);
  for (const bool truncate : {false, true}) {
    for (size_t at = start; at < end; ++at) {
      std::string torn = whole.substr(0, at);
      if (!truncate) torn.resize(whole.size(), '\0');
      if (!truncate && torn == whole) continue;
      wal_.reset();
      files_.Plant(SegmentPath(1), torn);
      files_.Plant(SegmentPath(2), "");
      ASSERT_TRUE(files_.Remove(SegmentPath(2)).ok());
      const auto opened = Open();
      ASSERT_TRUE(opened.ok()) << at << ": " << opened;
      ASSERT_EQ(contents_.entries.size(), 1U) << at;
      ASSERT_EQ(contents_.hard_state, MakeState(1, 7, 0)) << at;
      const bool something_left = torn.find_first_not_of('\0', start) != std::string::npos;
      ASSERT_EQ(contents_.dropped.empty(), !something_left) << at << contents_.dropped;
      MustAppend({MakeEntry(4, 2, "instead")});
      ASSERT_TRUE(Open().ok()) << at;
      ASSERT_EQ(contents_.entries.size(), 2U) << at;
      ASSERT_EQ(contents_.entries[1].bytes(), "instead");
      ASSERT_EQ(contents_.dropped, "");
    }
  }
}

// A long torn batch, then a short one in its place: nothing behind the short one comes back.
TEST_F(WalTest, RemnantsOfATornBatchStayDead) {
  ASSERT_TRUE(Open().ok());
  MustAppend({MakeEntry(1, 1, "first")});
  const size_t start = Bytes(1).find_last_not_of('\0') / 8 * 8 + 8;
  MustAppend({MakeEntry(1, 2, "x"), MakeEntry(1, 3, "yyyy"), MakeEntry(1, 4, "z")});
  std::string torn = Bytes(1);
  torn[start] =
      static_cast<char>(torn[start] ^ 1);  // the batch's head did not arrive, the rest did
  wal_.reset();
  files_.Plant(SegmentPath(1), torn);
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(contents_.dropped, HasSubstr("torn"));
  MustAppend({MakeEntry(2, 2, "w")});
  const std::string after = Bytes(1);
  EXPECT_EQ(after.find("yyyy"), std::string::npos);
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(contents_.entries.size(), 2U);
  EXPECT_EQ(contents_.dropped, "");
}

TEST_F(WalTest, AFlippedBitInWhatWasSyncedIsDataLoss) {
  ASSERT_TRUE(Open().ok());
  MustAppend({MakeEntry(1, 1, "aaaaaaaa")});
  const size_t second = Bytes(1).find_last_not_of('\0') + 1;
  MustAppend({MakeEntry(1, 2, "bbbbbbbb")});
  MustAppend({MakeEntry(1, 3, "cccccccc")});
  const std::string whole = Bytes(1);
  // Every byte of the first batch except the zeros that fill its records up (they mean nothing).
  for (size_t at = kSegmentHeadBytes; at < second; ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    wal_.reset();
    files_.Plant(SegmentPath(1), damaged);
    const auto opened = Open();
    ASSERT_EQ(opened.code(), absl::StatusCode::kDataLoss) << at << " " << opened;
    ASSERT_THAT(std::string(opened.message()), HasSubstr(SegmentPath(1)));
    ASSERT_EQ(*files_.ReadWhole(SegmentPath(1)), damaged) << "damage is left as it is";
  }
}

class ManySegments : public WalTest {
 protected:
  void SetUp() override {
    options_ = {.first_segment_bytes = 512, .largest_segment_bytes = 512};
    ASSERT_TRUE(Open().ok());
    for (uint64_t index = 1; !files_.Exists(SegmentPath(5)); ++index) {
      ASSERT_NO_FATAL_FAILURE(MustAppend({MakeEntry(1, index, std::string(104, 'p'))}));
    }
    wal_.reset();
  }
};

TEST_F(ManySegments, AMissingSegmentIsDataLoss) {
  for (const uint64_t missing : {1, 2, 3, 4}) {
    const std::string bytes = Bytes(missing);
    ASSERT_TRUE(files_.Remove(SegmentPath(missing)).ok());
    EXPECT_EQ(Open().code(), absl::StatusCode::kDataLoss) << missing;
    files_.Plant(SegmentPath(missing), bytes);
  }
  EXPECT_TRUE(Open().ok());
}

TEST_F(ManySegments, DamageInAnEarlierSegmentIsDataLoss) {
  const std::string whole = Bytes(2);
  const size_t end = whole.find_last_not_of('\0');
  for (size_t at = 0; at <= end; at += 5) {
    if (at > 44 && at < kSegmentHeadBytes) continue;  // zeros behind the head: they mean nothing
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    files_.Plant(SegmentPath(2), damaged);
    ASSERT_EQ(Open().code(), absl::StatusCode::kDataLoss) << at;
  }
  files_.Plant(SegmentPath(2), whole);
  EXPECT_TRUE(Open().ok());
}

TEST_F(ManySegments, AnotherMembersLogIsRefused) {
  const auto opened = OpenAs({.cluster_id = 0xc1, .member_id = 0xb2});
  EXPECT_EQ(opened.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(opened.message()), HasSubstr("member a1 of cluster c1"));
  EXPECT_EQ(OpenAs({.cluster_id = 0xd1, .member_id = 0xa1}).code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(ManySegments, ALeftoverOfAnUnfinishedRotationDoesNoHarm) {
  files_.Plant(kFolder + "/next.tmp", Bytes(5));
  ASSERT_TRUE(Open().ok());
  const size_t count = contents_.entries.size();
  for (uint64_t more = 1; more <= 20; ++more) {
    MustAppend({MakeEntry(1, count + more, std::string(100, 'q'))});
  }
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(contents_.entries.size(), count + 20);
}

// A crash right after a rotation: the newest segment is there and empty.
TEST_F(ManySegments, AnEmptyNewestSegment) {
  files_.Plant(SegmentPath(6), EncodeSegmentHead(kIdentity, 6) + std::string(448, '\0'));
  ASSERT_TRUE(Open().ok());
  const size_t count = contents_.entries.size();
  // Does not fit into it, so that it stays empty between two that are not.
  MustAppend({MakeEntry(1, count + 1, std::string(2000, 'r'))});
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(contents_.entries.size(), count + 1);
}

}  // namespace
}  // namespace pintle::server::storage
