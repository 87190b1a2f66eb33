// The log in ordinary life: reopening, crashes, cutting, resetting, full disks. Damage:
// wal_damage_test.cc.
#include "server/storage/wal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/storage/memory_file_system.h"

namespace pintle::server::storage {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

constexpr WalIdentity kIdentity{.cluster_id = 0xc1, .member_id = 0xa1, .data_dir = 0xd1};
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

raft::Entry MakeConfChange(uint64_t term, uint64_t index, std::string bytes) {
  raft::Entry entry = MakeEntry(term, index, std::move(bytes));
  entry.kind = raft::EntryKind::kConfChange;
  return entry;
}

raft::HardState MakeState(uint64_t term, uint64_t vote, uint64_t commit) {
  return {raft::Term(term), raft::MemberId(vote), raft::Index(commit)};
}

raft::EntryId Id(uint64_t term, uint64_t index) { return {raft::Term(term), raft::Index(index)}; }

class WalTest : public ::testing::Test {
 protected:
  WalTest() { EXPECT_TRUE(files_.MakeFolder("/data").ok()); }
  absl::Status Open(raft::EntryId applied = {}) { return OpenAs(kIdentity, applied); }
  absl::Status OpenAs(WalIdentity identity, raft::EntryId applied = {}) {
    wal_.reset();
    contents_ = WalContents();
    auto opened = Wal::Open(files_, folder_, identity, options_, applied, contents_);
    if (!opened.ok()) return opened.status();
    wal_ = *std::move(opened);
    return absl::OkStatus();
  }
  void MustAppend(const std::vector<raft::Entry>& entries, bool sync = true,
                  std::optional<raft::HardState> state = std::nullopt) {
    const absl::Status appended = wal_->Append(state, entries, sync);
    ASSERT_TRUE(appended.ok()) << appended;
  }
  void MustOpenClean() {
    const absl::Status opened = Open();
    ASSERT_TRUE(opened.ok()) << opened;
    ASSERT_FALSE(contents_.damaged);
    ASSERT_THAT(contents_.findings, ::testing::IsEmpty());
    ASSERT_EQ(contents_.hard_state.vote_floor, raft::EntryId());
  }
  std::vector<std::string> Segments() {
    std::vector<std::string> names;
    const auto found = files_.List(folder_);
    for (const auto& name : found.value()) {
      if (name.ends_with(".wal")) names.push_back(name);
    }
    return names;
  }
  std::string Bytes(uint64_t segment) { return *files_.ReadWhole(SegmentPath(segment)); }

  MemoryFileSystem files_;
  std::string folder_ = kFolder;
  WalOptions options_{.first_segment_bytes = 4096,
                      .largest_segment_bytes = 4096,
                      .sector_bytes = 512,
                      .prepare_inline = true};
  std::unique_ptr<Wal> wal_;
  WalContents contents_;
};

TEST_F(WalTest, ANewLogIsEmptyAndStaysSo) {
  ASSERT_NO_FATAL_FAILURE(MustOpenClean());
  EXPECT_TRUE(contents_.entries.empty());
  EXPECT_TRUE(contents_.created);
  ASSERT_NO_FATAL_FAILURE(MustOpenClean());
  EXPECT_TRUE(contents_.entries.empty());
  EXPECT_FALSE(contents_.created);
  EXPECT_EQ(contents_.hard_state, raft::HardState{});
}

TEST_F(WalTest, EntriesAndHardStateComeBack) {
  ASSERT_TRUE(Open().ok());
  std::vector<raft::Entry> entries{MakeEntry(1, 1, "a"), MakeEntry(1, 2, ""),
                                   MakeEntry(2, 3, std::string(1000, 'x'))};
  entries[1].kind = static_cast<raft::EntryKind>(200);  // of a later version
  raft::HardState state = MakeState(2, 0xa1, 1);
  state.vote_floor = Id(2, 9);
  MustAppend(entries, true, state);
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(contents_.entries, entries);
  EXPECT_EQ(contents_.hard_state, state);
  EXPECT_EQ(wal_->last(), Id(2, 3));
}

// Several jobs of raft's in one write: the later one replaces a part of the earlier one.
TEST_F(WalTest, AnEntryReplacesThoseBehindItInOneWriteToo) {
  ASSERT_TRUE(Open().ok());
  MustAppend({MakeEntry(1, 1, "a"), MakeEntry(1, 2, "b")});
  MustAppend({MakeEntry(1, 3, "c"), MakeEntry(1, 4, "d"), MakeEntry(2, 2, "B"),
              MakeEntry(2, 3, "C"), MakeEntry(3, 3, "K")});
  ASSERT_NO_FATAL_FAILURE(MustOpenClean());
  EXPECT_EQ(contents_.entries, (std::vector<raft::Entry>{MakeEntry(1, 1, "a"), MakeEntry(2, 2, "B"),
                                                         MakeEntry(3, 3, "K")}));
}

// A log of small segments beside a plain vector.
class WalModelTest : public WalTest {
 protected:
  void Start(uint32_t seed) {
    folder_ = "/data/" + std::to_string(seed);
    random_.seed(seed);
    options_.first_segment_bytes = 1500 + random_() % 4096;
    options_.largest_segment_bytes = options_.first_segment_bytes * (1 + random_() % 3);
    options_.prepare_inline = seed % 2 == 0;
    options_.sector_bytes = seed % 3 == 0 ? 4096 : 512;
    model_.clear();
    members_.clear();
    base_ = 0;
    state_ = {};
    term_ = 1;
    ASSERT_TRUE(Open().ok());
  }

  void Reopen() {
    wal_.reset();
    if (random_() % 2 == 0) files_.Crash();
    ASSERT_NO_FATAL_FAILURE(MustOpenClean());
    // More may be there than was asked to stay.
    const uint64_t begin = contents_.base.index.value();
    ASSERT_LE(begin, base_);
    ASSERT_EQ(wal_->base(), contents_.base);
    const std::vector<raft::Entry> kept(
        contents_.entries.begin() + static_cast<ptrdiff_t>(base_ - begin), contents_.entries.end());
    ASSERT_EQ(kept, model_);
    ASSERT_EQ(contents_.hard_state, state_);
    ASSERT_EQ(contents_.base_members, MembersAsOf(begin));
  }

  void Append() {
    const uint64_t commit = state_.commit_index.value();
    const size_t committed = commit > base_ ? commit - base_ : 0;
    if (random_() % 4 == 0 && model_.size() > committed) {
      model_.resize(committed + random_() % (model_.size() - committed + 1));
      members_.erase(members_.upper_bound(base_ + model_.size()), members_.end());
      ++term_;
    }
    std::vector<raft::Entry> batch;
    for (uint32_t count = 1 + random_() % 3; count > 0; --count) batch.push_back(NextEntry());
    std::optional<raft::HardState> change;
    if (random_() % 3 == 0) {
      change = state_ =
          MakeState(term_, random_() % 3, std::max(commit, base_ + model_.size() / 2));
    }
    ASSERT_NO_FATAL_FAILURE(MustAppend(batch, true, change));
  }

  void Cut() {
    const uint64_t first_kept = state_.commit_index.value() - random_() % 3;
    if (first_kept <= base_ + 1) return;
    const size_t before = Segments().size();
    ASSERT_TRUE(wal_->TruncateBefore(raft::Index(first_kept)).ok());
    dropped_ += before - std::min(before, Segments().size());
    model_.erase(model_.begin(), model_.begin() + static_cast<ptrdiff_t>(first_kept - 1 - base_));
    base_ = first_kept - 1;
  }

  void Reset() {
    base_ += model_.size() + random_() % 5;
    model_.clear();
    members_ = {{base_, "members of the snapshot"}};
    ++term_;
    state_ = MakeState(term_, 0, base_);
    ASSERT_TRUE(wal_->ResetTo(Id(term_, base_), "members of the snapshot", state_).ok());
    ASSERT_EQ(Segments().size(), 1U);
  }

  void Step() {
    if (random_() % 10 == 0) {
      ASSERT_NO_FATAL_FAILURE(Reopen());
    }
    ASSERT_NO_FATAL_FAILURE(Append());
    if (random_() % 8 == 0 && state_.commit_index.value() > base_ + 3) {
      ASSERT_NO_FATAL_FAILURE(Cut());
    }
    if (random_() % 40 == 0) {
      ASSERT_NO_FATAL_FAILURE(Reset());
    }
  }

  std::mt19937 random_;
  size_t dropped_ = 0;  // segments

 private:
  raft::Entry NextEntry() {
    const uint64_t index = base_ + model_.size() + 1;
    raft::Entry entry = MakeEntry(term_, index, std::string(random_() % 700, 'e'));
    if (random_() % 16 == 0) {
      members_[index] = "members " + std::to_string(index) + " " + std::to_string(term_);
      entry = MakeConfChange(term_, index, members_[index]);
    }
    model_.push_back(entry);
    return entry;
  }
  std::optional<std::string> MembersAsOf(uint64_t index) const {
    const auto newer = members_.upper_bound(index);
    if (newer == members_.begin()) return std::nullopt;
    return std::prev(newer)->second;
  }

  std::vector<raft::Entry> model_;           // behind base_
  std::map<uint64_t, std::string> members_;  // as of every index where it became so
  uint64_t base_ = 0;
  raft::HardState state_;
  uint64_t term_ = 1;
};

// What the log holds is always what the vector would, however often it is reopened, cut or reset,
// with and without a crash; what was synced is never lost.
TEST_F(WalModelTest, RandomBatches) {
  for (uint32_t seed = 0; seed < 24; ++seed) {
    dropped_ = 0;
    ASSERT_NO_FATAL_FAILURE(Start(seed));
    for (int step = 0; step < 200; ++step)
      ASSERT_NO_FATAL_FAILURE(Step()) << "seed " << seed << " step " << step;
    EXPECT_GT(dropped_, 5U) << "seed " << seed;
  }
}

TEST_F(WalTest, AFirstBatchLargerThanASegment) {
  options_.first_segment_bytes = 128;
  options_.largest_segment_bytes = 256;
  ASSERT_TRUE(Open().ok());
  const std::vector<raft::Entry> large{MakeEntry(1, 1, std::string(5000, 'L'))};
  MustAppend(large);
  ASSERT_NO_FATAL_FAILURE(MustOpenClean());
  EXPECT_EQ(contents_.entries, large);
  MustAppend({MakeEntry(1, 2, std::string(9000, 'M'))});
  ASSERT_NO_FATAL_FAILURE(MustOpenClean());
  EXPECT_EQ(contents_.entries.size(), 2U);
}

TEST_F(WalTest, WhatWasLeftUnsyncedMayGoButLeavesNoGap) {
  ASSERT_TRUE(Open().ok());
  MustAppend({MakeEntry(1, 1, "synced")});
  MustAppend({}, false, MakeState(1, 0, 1));
  wal_.reset();
  files_.Crash();
  ASSERT_NO_FATAL_FAILURE(MustOpenClean());
  EXPECT_EQ(contents_.entries.size(), 1U);
  EXPECT_EQ(contents_.hard_state, MakeState(1, kIdentity.member_id, 0)) << "no vote in that term";
  MustAppend({MakeEntry(1, 2, "more")});
  ASSERT_NO_FATAL_FAILURE(MustOpenClean());
  EXPECT_EQ(contents_.entries.size(), 2U);
}

// A process is killed before its sync; the next one reads what the page cache still has, and acts
// on it: it has to survive a power loss from then on.
TEST_F(WalTest, WhatOpenReturnsIsDurable) {
  ASSERT_TRUE(Open().ok());
  MustAppend({MakeEntry(1, 1, "a")});
  MustAppend({MakeEntry(1, 2, "b")}, false);
  ASSERT_NO_FATAL_FAILURE(MustOpenClean());
  ASSERT_EQ(contents_.entries.size(), 2U);
  wal_.reset();
  files_.Crash();
  ASSERT_NO_FATAL_FAILURE(MustOpenClean());
  EXPECT_EQ(contents_.entries.size(), 2U);
}

class ManySegments : public WalTest {
 protected:
  void SetUp() override {
    options_.first_segment_bytes = options_.largest_segment_bytes = 1536;
    ASSERT_TRUE(Open().ok());
    while (!files_.Exists(SegmentPath(5))) {
      ASSERT_NO_FATAL_FAILURE(
          MustAppend({MakeEntry(1, wal_->last().index.value() + 1, std::string(104, 'p'))}));
    }
  }
};

TEST_F(ManySegments, SegmentsAreDroppedFromTheFrontOnly) {
  const uint64_t last = wal_->last().index.value();
  ASSERT_TRUE(wal_->TruncateBefore(raft::Index(1)).ok());
  EXPECT_EQ(Segments().size(), 5U);
  ASSERT_TRUE(wal_->TruncateBefore(raft::Index(2)).ok()) << "shares its segment";
  EXPECT_EQ(Segments().size(), 5U);
  EXPECT_EQ(wal_->base(), Id(0, 0));
  ASSERT_TRUE(wal_->TruncateBefore(raft::Index(last - 1)).ok());
  EXPECT_LE(Segments().size(), 3U);
  EXPECT_EQ(wal_->base(), Id(1, last - 2));
  EXPECT_FALSE(files_.Exists(SegmentPath(1)));
  ASSERT_NO_FATAL_FAILURE(MustOpenClean());
  EXPECT_EQ(contents_.base, Id(1, last - 2));
  EXPECT_EQ(contents_.entries.size(), 2U);
  ASSERT_TRUE(wal_->TruncateBefore(raft::Index(last + 1)).ok()) << "all";
  MustAppend({MakeEntry(2, last + 1, "next")});
  ASSERT_NO_FATAL_FAILURE(MustOpenClean());
  EXPECT_EQ(contents_.entries.back(), MakeEntry(2, last + 1, "next"));
}

// The hard state outlives the segment that it was written to.
TEST_F(ManySegments, EverySegmentBeginsWithTheHardState) {
  MustAppend({}, true, MakeState(7, 0xa1, 3));
  for (int i = 0; i < 30; ++i) {
    MustAppend({MakeEntry(7, wal_->last().index.value() + 1, std::string(104, 'q'))});
  }
  ASSERT_TRUE(wal_->TruncateBefore(wal_->last().index).ok());
  EXPECT_LE(Segments().size(), 2U);
  ASSERT_NO_FATAL_FAILURE(MustOpenClean());
  EXPECT_EQ(contents_.hard_state, MakeState(7, 0xa1, 3));
}

// A dropped segment becomes the next one, and nothing of its old content comes back.
TEST_F(ManySegments, DroppedSegmentsAreReused) {
  const uint64_t last = wal_->last().index.value();
  ASSERT_TRUE(wal_->TruncateBefore(raft::Index(last)).ok());
  EXPECT_TRUE(files_.Exists(kFolder + "/spare.tmp"));
  std::vector<raft::Entry> more;
  for (uint64_t index = last + 1; Segments().back() != "0000000000000007.wal"; ++index) {
    more.push_back(MakeEntry(2, index, "reused"));
    ASSERT_NO_FATAL_FAILURE(MustAppend({more.back()}));
  }
  EXPECT_FALSE(files_.Exists(kFolder + "/spare.tmp"));
  EXPECT_EQ(Bytes(7).find("ppp"), std::string::npos);
  ASSERT_NO_FATAL_FAILURE(MustOpenClean());
  EXPECT_EQ(contents_.entries.back(), more.back());
}

// The log still tells who belongs to the cluster once the entries that said it are gone.
TEST_F(ManySegments, ACutLogKnowsItsMembers) {
  const uint64_t next = wal_->last().index.value() + 1;
  MustAppend({MakeConfChange(9, next, "three of them")});
  for (uint64_t i = 1; i <= 20; ++i) MustAppend({MakeEntry(9, next + i, std::string(900, 'm'))});
  ASSERT_TRUE(wal_->TruncateBefore(raft::Index(next + 15)).ok());
  ASSERT_NO_FATAL_FAILURE(MustOpenClean());
  ASSERT_GE(contents_.base.index.value(), next);
  EXPECT_EQ(contents_.base_members, "three of them");
  // As often as it is cut.
  for (uint64_t i = 21; i <= 40; ++i) MustAppend({MakeEntry(9, next + i, std::string(900, 'm'))});
  ASSERT_TRUE(wal_->TruncateBefore(raft::Index(next + 35)).ok());
  ASSERT_NO_FATAL_FAILURE(MustOpenClean());
  EXPECT_EQ(contents_.base_members, "three of them");
}

// Unreadable, it is missed, and nothing else is.
TEST_F(ManySegments, ADamagedRecordOfTheMembersIsNotBelieved) {
  const uint64_t next = wal_->last().index.value() + 1;
  MustAppend({MakeConfChange(9, next, "three of them")});
  for (uint64_t i = 1; i <= 20; ++i) MustAppend({MakeEntry(9, next + i, std::string(900, 'm'))});
  ASSERT_TRUE(wal_->TruncateBefore(raft::Index(next + 15)).ok());
  const size_t entries = wal_->last().index - wal_->base().index;
  wal_.reset();
  const std::string path = kFolder + "/" + Segments().back();
  std::string bytes = *files_.ReadWhole(path);
  const size_t at = bytes.find("three of them");
  ASSERT_NE(at, std::string::npos);
  bytes[at] ^= 1;
  files_.Plant(path, bytes);
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(contents_.base_members, std::nullopt);
  EXPECT_THAT(contents_.findings, Contains(HasSubstr("who belongs to the cluster")));
  EXPECT_FALSE(contents_.damaged);
  EXPECT_EQ(contents_.entries.size(), entries);
  EXPECT_EQ(contents_.hard_state.vote_floor, raft::EntryId());
}

// Power fails at every write and sync of a cut or a reset: the log is the old or the new one.
TEST_F(ManySegments, ACrashInTheMiddleOfACutOrAResetIsHarmless) {
  const uint64_t last = wal_->last().index.value();
  for (const bool reset : {false, true}) {
    for (uint64_t calls = 0; calls < 6; ++calls) {
      files_.FailSyncs(calls / 2);
      files_.FailWrites((calls + 1) / 2);
      const raft::EntryId base = Id(9, last + 50);
      const absl::Status done = reset ? wal_->ResetTo(base, "members", MakeState(9, 1, last + 50))
                                      : wal_->TruncateBefore(wal_->last().index);
      files_.FailSyncs(MemoryFileSystem::kNever);
      files_.FailWrites(MemoryFileSystem::kNever);
      wal_.reset();
      files_.Crash();
      ASSERT_TRUE(Open().ok());
      ASSERT_FALSE(contents_.damaged);
      if (reset && done.ok()) {
        ASSERT_EQ(contents_.base, base);
        ASSERT_TRUE(contents_.entries.empty());
        return;
      }
      ASSERT_EQ(wal_->last().index.value(), last) << done;
    }
  }
}

TEST_F(ManySegments, AnotherMembersLogIsRefused) {
  const auto opened = OpenAs({.cluster_id = 0xc1, .member_id = 0xb2, .data_dir = 0xd1});
  EXPECT_EQ(opened.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(opened.message()), HasSubstr("member a1 of cluster c1"));
  EXPECT_EQ(OpenAs({.cluster_id = 0xd1, .member_id = 0xa1, .data_dir = 0xd1}).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(OpenAs({.cluster_id = 0xc1, .member_id = 0xa1, .data_dir = 0xd2}).code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(ManySegments, ALeftoverOfAnUnfinishedRotationDoesNoHarm) {
  files_.Plant(kFolder + "/next.tmp", Bytes(5));
  ASSERT_NO_FATAL_FAILURE(MustOpenClean());
  const size_t count = contents_.entries.size();
  for (uint64_t more = 1; more <= 20; ++more) {
    MustAppend({MakeEntry(1, count + more, std::string(100, 'q'))});
  }
  ASSERT_NO_FATAL_FAILURE(MustOpenClean());
  EXPECT_EQ(contents_.entries.size(), count + 20);
}

// Room for so many bytes more, from none on: what does not fit is refused before it counts, the
// same call succeeds once there is room, and nothing that was accepted is ever missing.
TEST_F(WalTest, AFullDiskRefusesAndForgives) {
  options_.first_segment_bytes = options_.largest_segment_bytes = 1536;
  int refused = 0;
  for (uint64_t room = 0; room < 9000; room += 293) {
    folder_ = "/data/" + std::to_string(room);
    files_.SetRoom(MemoryFileSystem::kNever);
    ASSERT_TRUE(Open().ok());
    files_.SetRoom(room);
    std::vector<raft::Entry> model;
    for (uint64_t index = 1; index <= 40; ++index) {
      const raft::Entry entry = MakeEntry(1, index, std::string(100, 'f'));
      const raft::HardState state = MakeState(index, index, index - 1);
      absl::Status appended = wal_->Append(state, std::span(&entry, 1), true);
      if (!appended.ok()) {
        ++refused;
        ASSERT_EQ(appended.code(), absl::StatusCode::kResourceExhausted) << appended;
        ASSERT_EQ(wal_->last().index.value(), index - 1);
        if (index % 2 == 0) {  // a restart with a full disk is no crash loop
          ASSERT_TRUE(Open().ok());
          ASSERT_EQ(contents_.entries, model);
          ASSERT_EQ(wal_->Append(state, std::span(&entry, 1), true).code(),
                    absl::StatusCode::kResourceExhausted);
        }
        files_.SetRoom(1600 + room % 1000);
        appended = wal_->Append(state, std::span(&entry, 1), true);
      }
      ASSERT_TRUE(appended.ok()) << room << " " << appended;
      model.push_back(entry);
    }
    wal_.reset();
    files_.Crash();
    ASSERT_TRUE(Open().ok());
    ASSERT_EQ(contents_.entries, model);
    ASSERT_FALSE(contents_.damaged);
    wal_.reset();
    ASSERT_TRUE(files_.RemoveFolder(folder_).ok());
  }
  EXPECT_GT(refused, 100);
}

// The last room of a disk is for others too: segments stay small there, and are made when needed.
TEST_F(WalTest, SegmentsStopGrowingWhenTheDiskFillsUp) {
  options_.first_segment_bytes = 1536;
  options_.largest_segment_bytes = size_t{8} * 1536;
  for (const uint64_t keep_free : {0, 10000}) {
    folder_ = "/data/" + std::to_string(keep_free);
    options_.keep_free_bytes = keep_free;
    files_.SetRoom(14000);
    ASSERT_TRUE(Open().ok());
    for (uint64_t index = 1; index <= 6; ++index) {
      MustAppend({MakeEntry(1, index, std::string(100, 'q'))});
    }
    EXPECT_EQ(wal_->size_bytes(), keep_free == 0 ? 1536U + 3072 : 1536U * 3);
  }
}

TEST_F(WalTest, WithoutRoomForTheFirstSegmentItOpensAndWaits) {
  files_.SetRoom(100);
  ASSERT_TRUE(Open().ok());
  const raft::Entry entry = MakeEntry(1, 1, "first");
  EXPECT_EQ(wal_->Append(std::nullopt, std::span(&entry, 1), true).code(),
            absl::StatusCode::kResourceExhausted);
  files_.SetRoom(MemoryFileSystem::kNever);
  EXPECT_TRUE(wal_->Append(std::nullopt, std::span(&entry, 1), true).ok());
}

// After a failed sync nothing is written or synced again, whatever is asked.
TEST_F(WalTest, AFailedSyncIsTheEnd) {
  ASSERT_TRUE(Open().ok());
  MustAppend({MakeEntry(1, 1, "a")});
  files_.FailSyncs(0);
  const uint64_t before = files_.syncs();
  const raft::Entry entry = MakeEntry(1, 2, "b");
  ASSERT_EQ(wal_->Append(std::nullopt, std::span(&entry, 1), true).code(),
            absl::StatusCode::kInternal);
  EXPECT_EQ(files_.syncs(), before + 1) << "a second sync would succeed, and prove nothing";
  files_.FailSyncs(MemoryFileSystem::kNever);
  const uint64_t syncs = files_.syncs();
  const uint64_t writes = files_.writes();
  EXPECT_EQ(wal_->Append(std::nullopt, std::span(&entry, 1), true).code(),
            absl::StatusCode::kInternal);
  EXPECT_EQ(wal_->TruncateBefore(raft::Index(2)).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(wal_->ResetTo(Id(2, 5), "members", std::nullopt).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(files_.syncs(), syncs);
  EXPECT_EQ(files_.writes(), writes);
}

TEST_F(WalTest, AFailedWriteIsTheEnd) {
  ASSERT_TRUE(Open().ok());
  files_.FailWrites(0);
  const raft::Entry entry = MakeEntry(1, 1, "a");
  EXPECT_EQ(wal_->Append(std::nullopt, std::span(&entry, 1), true).code(),
            absl::StatusCode::kInternal);
  files_.FailWrites(MemoryFileSystem::kNever);
  EXPECT_EQ(wal_->Append(std::nullopt, std::span(&entry, 1), true).code(),
            absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace pintle::server::storage
