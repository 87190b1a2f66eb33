// The log after everything that a disk can do to it. What must hold, whatever happened: nothing is
// returned that was not written; nothing that was acknowledged is missing without the vote floor
// saying so; a hard state that was acknowledged is not forgotten; and the log goes on from there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "server/storage/wal.h"
#include "server/storage/wal_witness.h"
#include "tests/storage/memory_file_system.h"

namespace pintle::server::storage {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr WalIdentity kIdentity{.cluster_id = 0xc1, .member_id = 0xa1, .data_dir = 0xd1};
const std::string kFolder = "/data/log";
constexpr size_t kSector = 512;

std::string SegmentPath(uint64_t number) {
  const std::string digits = std::to_string(number);  // tests stay below ten
  return kFolder + "/" + std::string(16 - digits.size(), '0') + digits + ".wal";
}

raft::EntryId Id(uint64_t term, uint64_t index) { return {raft::Term(term), raft::Index(index)}; }

raft::Entry MakeEntry(uint64_t term, uint64_t index, std::string bytes) {
  return {Id(term, index), raft::EntryKind::kNormal,
          std::make_shared<const std::string>(std::move(bytes))};
}

raft::HardState MakeState(uint64_t term, uint64_t vote, uint64_t commit) {
  return {raft::Term(term), raft::MemberId(vote), raft::Index(commit)};
}

class WalDamageTest : public ::testing::Test {
 protected:
  WalDamageTest() { EXPECT_TRUE(files_.MakeFolder("/data").ok()); }

  absl::Status Open(raft::EntryId applied = {}) {
    wal_.reset();
    contents_ = WalContents();
    auto opened = Wal::Open(files_, kFolder, kIdentity, options_, applied, contents_);
    if (opened.ok()) wal_ = *std::move(opened);
    return opened.status();
  }
  void MustAppend(const std::vector<raft::Entry>& entries, raft::HardState state) {
    const absl::Status appended = wal_->Append(state, entries, true);
    ASSERT_TRUE(appended.ok()) << appended;
  }
  // The files as they are now, to come back to.
  void Remember() {
    good_.clear();
    const auto names = files_.List(kFolder);
    for (const auto& name : names.value()) {
      if (name.ends_with(".wal"))
        good_[kFolder + "/" + name] = *files_.ReadWhole(kFolder + "/" + name);
    }
    witness_ = *files_.ReadWhole(WalWitness::PathFor(kFolder));
  }
  void Restore() {
    wal_.reset();
    ASSERT_TRUE(files_.RemoveFolder(kFolder).ok());
    for (const auto& [path, bytes] : good_) files_.Plant(path, bytes);
    files_.Plant(WalWitness::PathFor(kFolder), witness_);
  }
  // Opens, checks what must always hold, appends, and opens again.
  void OpenAndGoOn(const std::vector<raft::Entry>& written, const std::string& what,
                   raft::EntryId applied = {}) {
    const absl::Status opened = Open(applied);
    ASSERT_TRUE(opened.ok()) << what << ": " << opened;
    const uint64_t base = contents_.base.index.value();
    for (size_t i = 0; i < contents_.entries.size(); ++i) {
      const uint64_t index = base + 1 + i;
      ASSERT_LE(index, written.size()) << what;
      ASSERT_EQ(contents_.entries[i], written[index - 1]) << what;
    }
    if (base > 0) {
      ASSERT_EQ(contents_.base, written[base - 1].id) << what;
    }
    ASSERT_LE(base, applied.index.value()) << what;
    const bool all = base + contents_.entries.size() == written.size();
    // Nothing is missing in silence. Of a write whose head is lost twice nothing is known.
    ASSERT_TRUE(all || !contents_.findings.empty()) << what;
    const raft::EntryId said = contents_.hard_state.vote_floor;
    ASSERT_TRUE(all || said >= written.back().id || said.index == raft::kMaxIndex) << what;
    const std::vector<raft::Entry> before = contents_.entries;
    const raft::EntryId floor = contents_.hard_state.vote_floor;
    const raft::Entry next = MakeEntry(9, base + before.size() + 1, "instead");
    ASSERT_TRUE(wal_->Append(std::nullopt, std::span(&next, 1), true).ok()) << what;
    wal_.reset();
    files_.Crash();
    ASSERT_TRUE(Open().ok()) << what;
    ASSERT_FALSE(contents_.damaged) << what << absl::StrJoin(contents_.findings, "\n");
    ASSERT_EQ(contents_.base.index.value(), base) << what;
    ASSERT_EQ(contents_.entries.size(), before.size() + 1) << what;
    ASSERT_EQ(contents_.entries.back(), next) << what;
    ASSERT_EQ(contents_.hard_state.vote_floor, floor) << what;
  }
  // Where the batch that wrote `text` begins.
  static size_t BatchOf(const std::string& segment, const std::string& text) {
    return segment.rfind("PBAT", segment.find(text));
  }

  MemoryFileSystem files_;
  WalOptions options_{.first_segment_bytes = 4096,
                      .largest_segment_bytes = 4096,
                      .sector_bytes = 512,
                      .prepare_inline = true};
  std::unique_ptr<Wal> wal_;
  WalContents contents_;
  std::map<std::string, std::string> good_;
  std::string witness_;
};

class OneSegment : public WalDamageTest {
 protected:
  void SetUp() override {
    ASSERT_TRUE(Open().ok());
    written_ = {MakeEntry(1, 1, "first"), MakeEntry(1, 2, "second"),
                MakeEntry(1, 3, std::string(300, '3')), MakeEntry(2, 4, std::string(200, '4')),
                MakeEntry(2, 5, std::string(250, '5'))};
    ASSERT_NO_FATAL_FAILURE(MustAppend({written_[0]}, MakeState(1, 7, 0)));
    ASSERT_NO_FATAL_FAILURE(MustAppend({written_[1]}, MakeState(1, 7, 1)));
    ASSERT_NO_FATAL_FAILURE(
        MustAppend({written_[2], written_[3], written_[4]}, MakeState(2, 8, 2)));
    Remember();
    whole_ = good_[SegmentPath(1)];
    last_batch_ = BatchOf(whole_, "333");
    end_ = whole_.find_last_not_of('\0') / 8 * 8 + 8;
  }

  std::vector<raft::Entry> written_;
  std::string whole_;
  size_t last_batch_ = 0;
  size_t end_ = 0;
};

// The last write cut at every byte, the rest zeros, garbage or gone.
TEST_F(OneSegment, ATornTailAtEveryByte) {
  int partly = 0;
  for (const std::string fill : {"zeros", "garbage", "gone"}) {
    for (size_t at = last_batch_; at < end_; ++at) {
      std::string torn = whole_.substr(0, at);
      if (fill == "zeros") torn.resize(whole_.size(), '\0');
      if (fill == "garbage") {
        torn.resize(end_, '\x5a');
        torn.resize(whole_.size(), '\0');
      }
      if (torn == whole_) continue;
      ASSERT_NO_FATAL_FAILURE(Restore());
      files_.Plant(SegmentPath(1), torn);
      const std::string what = fill + " from byte " + std::to_string(at);
      ASSERT_TRUE(Open().ok());
      ASSERT_FALSE(contents_.damaged) << what << ": only the last write is in doubt";
      ASSERT_GE(contents_.entries.size(), 2U) << what;
      ASSERT_GE(contents_.hard_state.term, raft::Term(1)) << what;
      partly += contents_.entries.size() == 3 || contents_.entries.size() == 4 ? 1 : 0;
      const bool nothing_left = torn.find_first_not_of('\0', last_batch_) == std::string::npos;
      if (nothing_left) {
        ASSERT_THAT(contents_.findings, IsEmpty()) << what;
        ASSERT_EQ(contents_.hard_state.vote_floor, raft::EntryId()) << what;
        continue;
      }
      ASSERT_NO_FATAL_FAILURE(Restore());
      files_.Plant(SegmentPath(1), torn);
      ASSERT_NO_FATAL_FAILURE(OpenAndGoOn(written_, what));
    }
  }
  EXPECT_GT(partly, 800) << "what can be read of a torn write is kept";
}

// Any set of the last write's sectors did not arrive.
TEST_F(OneSegment, LostSectorsOfTheLastWrite) {
  const size_t first = last_batch_ / kSector;
  const size_t count = (end_ - 1) / kSector - first + 1;
  ASSERT_GE(count, 3U);
  for (uint32_t lost = 1; lost < (1U << count); ++lost) {
    for (const char fill : {'\0', '\x33', '\x99'}) {
      std::string torn = whole_;
      for (size_t i = 0; i < count; ++i) {
        if ((lost >> i & 1) == 0) continue;
        const size_t from = std::max((first + i) * kSector, last_batch_);
        const size_t to = std::min((first + i + 1) * kSector, end_);
        torn.replace(from, to - from, to - from, fill);
      }
      if (torn.find_first_not_of('\0', last_batch_) == std::string::npos) continue;
      ASSERT_NO_FATAL_FAILURE(Restore());
      files_.Plant(SegmentPath(1), torn);
      ASSERT_NO_FATAL_FAILURE(OpenAndGoOn(written_, "sectors " + std::to_string(lost)));
    }
  }
}

// A power failure may leave every sector of the last write, whole, as nothing that anybody wrote.
// What was synced before it lies in other sectors.
TEST_F(OneSegment, NoWriteSharesASectorWithAnother) {
  for (const std::string text : {"first", "second", "333"}) {
    EXPECT_EQ(BatchOf(whole_, text) % kSector, 0U) << text;
  }
  std::string torn = whole_;
  for (size_t at = last_batch_ / kSector * kSector; at < end_; ++at) torn[at] = '\x77';
  files_.Plant(SegmentPath(1), torn);
  ASSERT_TRUE(Open().ok());
  EXPECT_FALSE(contents_.damaged);
  EXPECT_EQ(contents_.entries, (std::vector<raft::Entry>{written_[0], written_[1]}));
}

// One bit flipped anywhere: harmless, or it costs exactly the entry that it is in (and those
// behind), and says so.
TEST_F(OneSegment, AFlippedBitInEveryByteOfEveryRecord) {
  int missing = 0;
  for (size_t at = 0; at < end_; ++at) {
    std::string damaged = whole_;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
    ASSERT_NO_FATAL_FAILURE(Restore());
    files_.Plant(SegmentPath(1), damaged);
    const std::string what = "bit of byte " + std::to_string(at);
    ASSERT_TRUE(Open().ok()) << what;
    ASSERT_EQ(contents_.hard_state.term, raft::Term(2)) << what << ": every head is there twice";
    ASSERT_EQ(contents_.hard_state.vote, raft::MemberId(8)) << what;
    const bool all = contents_.entries.size() == written_.size();
    ASSERT_EQ(contents_.damaged, !all && at < last_batch_) << what;
    if (contents_.damaged) {
      ASSERT_THAT(contents_.findings.back(), HasSubstr("DAMAGED")) << what;
      ASSERT_THAT(contents_.findings.back(), HasSubstr("segment 1, byte ")) << what;
    }
    missing += all ? 0 : 1;
    ASSERT_NO_FATAL_FAILURE(Restore());
    files_.Plant(SegmentPath(1), damaged);
    ASSERT_NO_FATAL_FAILURE(OpenAndGoOn(written_, what));
  }
  EXPECT_GT(missing, 800);
}

// Damage that the store makes up for costs nothing: the log begins behind it.
TEST_F(OneSegment, DamageThatTheStoreCoversIsLeftBehind) {
  for (size_t at = kSegmentHeadBytes; at < last_batch_; at += 3) {
    std::string damaged = whole_;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x20);
    for (const uint64_t applied : {2, 3}) {
      ASSERT_NO_FATAL_FAILURE(Restore());
      files_.Plant(SegmentPath(1), damaged);
      ASSERT_TRUE(Open(written_[applied - 1].id).ok());
      ASSERT_FALSE(contents_.damaged) << at;
      ASSERT_EQ(contents_.hard_state.vote_floor, raft::EntryId()) << at;
      ASSERT_EQ(contents_.base.index.value() + contents_.entries.size(), 5U) << at;
      ASSERT_NO_FATAL_FAILURE(Restore());
      files_.Plant(SegmentPath(1), damaged);
      ASSERT_NO_FATAL_FAILURE(
          OpenAndGoOn(written_, "byte " + std::to_string(at), written_[applied - 1].id));
    }
  }
}

// A write that never arrived although the disk said so.
TEST_F(OneSegment, ALostWriteInTheMiddleIsDamage) {
  const size_t second = BatchOf(whole_, "second");
  std::string lost = whole_;
  lost.replace(second, last_batch_ - second, last_batch_ - second, '\0');
  files_.Plant(SegmentPath(1), lost);
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(contents_.damaged);
  EXPECT_EQ(contents_.entries.size(), 1U);
  EXPECT_EQ(contents_.hard_state.vote_floor, Id(2, 5));
  ASSERT_NO_FATAL_FAILURE(Restore());
  files_.Plant(SegmentPath(1), lost);
  ASSERT_NO_FATAL_FAILURE(OpenAndGoOn(written_, "lost"));
}

// A write that landed where another belonged is taken for neither.
TEST_F(OneSegment, AMisdirectedWriteIsNotBelieved) {
  const size_t first = BatchOf(whole_, "first");
  const size_t second = BatchOf(whole_, "second");
  ASSERT_EQ(second - first, last_batch_ - second);
  std::string misdirected = whole_;
  misdirected.replace(first, second - first, whole_.substr(second, last_batch_ - second));
  files_.Plant(SegmentPath(1), misdirected);
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(contents_.damaged);
  EXPECT_THAT(contents_.entries, IsEmpty());
  EXPECT_EQ(contents_.hard_state.vote_floor, Id(2, 5));
}

// What an overriding leader's write replaced is not what a lost write leaves behind: entries that
// may have been replaced by it are not returned as if they were still there.
TEST_F(WalDamageTest, ALostOverrideDoesNotBringBackWhatItReplaced) {
  ASSERT_TRUE(Open().ok());
  const std::vector<raft::Entry> old{MakeEntry(1, 1, "a"), MakeEntry(1, 2, "old2"),
                                     MakeEntry(1, 3, "old3")};
  ASSERT_NO_FATAL_FAILURE(MustAppend(old, MakeState(1, 1, 1)));
  ASSERT_NO_FATAL_FAILURE(
      MustAppend({MakeEntry(2, 2, "new2"), MakeEntry(2, 3, "new3")}, MakeState(2, 1, 1)));
  ASSERT_NO_FATAL_FAILURE(MustAppend({MakeEntry(2, 4, "new4")}, MakeState(2, 1, 3)));
  Remember();
  std::string bytes = good_[SegmentPath(1)];
  const size_t second = BatchOf(bytes, "new2");
  const size_t third = BatchOf(bytes, "new4");
  bytes.replace(second, third - second, third - second, '\0');
  files_.Plant(SegmentPath(1), bytes);
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(contents_.damaged);
  ASSERT_EQ(contents_.entries.size(), 1U) << "2 and 3 of term 1 are committed as others";
  EXPECT_EQ(contents_.entries[0], old[0]);
  EXPECT_EQ(contents_.hard_state.vote_floor, Id(2, 4));
}

// A client's value that looks like a write of the log, where damage makes the reader look for one.
TEST_F(WalDamageTest, ABatchInsideAValueIsNotBelieved) {
  ASSERT_TRUE(Open().ok());
  std::string forged;
  const raft::Entry entry = MakeEntry(9, 1, "forged");
  // Everything but the data-dir's number may be known to a client.
  EncodeBatch({.cluster_id = 0xc1, .member_id = 0xa1}, {1, 2 * kSegmentHeadBytes},
              {.sequence = 5, .last = Id(9, 1), .hard_state = MakeState(9, 9, 9), .bytes = 512},
              std::span(&entry, 1), forged);
  ASSERT_NO_FATAL_FAILURE(MustAppend(
      {MakeEntry(1, 1, std::string(512 - kBatchHeadBytes - kEntryHeadBytes, '-') + forged)},
      MakeState(1, 1, 0)));
  Remember();
  std::string bytes = good_[SegmentPath(1)];
  const size_t end = bytes.find_last_not_of('\0');
  bytes.replace(kSegmentHeadBytes, kBatchHeadBytes, kBatchHeadBytes, 'x');
  bytes.replace(end - kBatchHeadBytes, kBatchHeadBytes, kBatchHeadBytes, 'x');
  files_.Plant(SegmentPath(1), bytes);
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(contents_.entries, IsEmpty());
  EXPECT_EQ(contents_.hard_state.term, raft::Term(1)) << "by the witness";
  EXPECT_EQ(contents_.hard_state.vote_floor.index, raft::kMaxIndex);
}

class ManySegmentsDamaged : public WalDamageTest {
 protected:
  void SetUp() override {
    options_.first_segment_bytes = options_.largest_segment_bytes = 1536;
    ASSERT_TRUE(Open().ok());
    while (!files_.Exists(SegmentPath(5))) {
      written_.push_back(MakeEntry(1, written_.size() + 1, std::string(104, 'p')));
      ASSERT_NO_FATAL_FAILURE(MustAppend({written_.back()}, MakeState(3, 7, written_.size() - 1)));
    }
    Remember();
  }
  std::vector<raft::Entry> written_;
};

TEST_F(ManySegmentsDamaged, AMissingSegmentIsNamed) {
  for (const uint64_t missing : {1, 2, 3, 4}) {
    ASSERT_NO_FATAL_FAILURE(Restore());
    ASSERT_TRUE(files_.Remove(SegmentPath(missing)).ok());
    ASSERT_TRUE(Open().ok());
    EXPECT_TRUE(contents_.damaged) << missing;
    EXPECT_EQ(contents_.entries.size(), (missing - 1) * 2) << missing;
    EXPECT_EQ(contents_.hard_state.vote, raft::MemberId(7)) << missing;
    EXPECT_THAT(absl::StrJoin(contents_.findings, "\n"), HasSubstr("missing")) << missing;
    ASSERT_NO_FATAL_FAILURE(Restore());
    ASSERT_TRUE(files_.Remove(SegmentPath(missing)).ok());
    ASSERT_NO_FATAL_FAILURE(OpenAndGoOn(written_, "segment " + std::to_string(missing)));
    // The store has what was in it.
    ASSERT_NO_FATAL_FAILURE(Restore());
    ASSERT_TRUE(files_.Remove(SegmentPath(missing)).ok());
    const raft::EntryId applied = written_[missing * 2 - 1].id;
    ASSERT_TRUE(Open(applied).ok());
    EXPECT_FALSE(contents_.damaged) << missing;
    EXPECT_EQ(contents_.base.index.value() + contents_.entries.size(), written_.size());
  }
}

// Nothing in the log itself tells that there was more of it.
TEST_F(ManySegmentsDamaged, MissingNewestSegmentsAreFoundOut) {
  for (const uint64_t first : {5, 4, 3, 2, 1}) {
    const auto lose = [&] {
      ASSERT_NO_FATAL_FAILURE(Restore());
      for (uint64_t number = first; number <= 5; ++number)
        ASSERT_TRUE(files_.Remove(SegmentPath(number)).ok());
    };
    ASSERT_NO_FATAL_FAILURE(lose());
    ASSERT_TRUE(Open().ok());
    EXPECT_TRUE(contents_.damaged) << first;
    EXPECT_THAT(contents_.findings.back(),
                HasSubstr("segments " + std::to_string(first) + " to 5 are missing at the end"));
    EXPECT_EQ(contents_.entries.size(), (first - 1) * 2) << first;
    EXPECT_EQ(contents_.hard_state.term, raft::Term(3)) << first;
    const raft::MemberId self(kIdentity.member_id);
    EXPECT_EQ(contents_.hard_state.vote, first == 1 ? self : raft::MemberId(7)) << first;
    ASSERT_NO_FATAL_FAILURE(lose());
    ASSERT_NO_FATAL_FAILURE(OpenAndGoOn(written_, "from segment " + std::to_string(first)));
    // What the store holds makes up for nothing of which it is not known.
    ASSERT_NO_FATAL_FAILURE(lose());
    ASSERT_TRUE(Open(written_.back().id).ok());
    EXPECT_TRUE(contents_.damaged) << first;
  }
}

// A term that was never forgotten: who voted in it, or acknowledged something of its leader's, must
// not listen to an older leader again.
TEST_F(ManySegmentsDamaged, ATermIsRememberedThoughItsOnlyWriteIsLost) {
  const std::string before = *files_.ReadWhole(SegmentPath(5));
  const raft::HardState state = MakeState(4, 9, 1);
  ASSERT_TRUE(wal_->Append(state, {}, /*sync=*/true).ok());
  files_.Plant(SegmentPath(5), before);
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(contents_.entries, written_);
  EXPECT_EQ(contents_.hard_state.term, raft::Term(4));
  EXPECT_EQ(contents_.hard_state.vote, raft::MemberId(kIdentity.member_id)) << "for nobody else";
}

TEST_F(ManySegmentsDamaged, AWitnessThatCannotBeReadIsMadeAnew) {
  for (const std::string& bytes :
       {std::string(), std::string(8192, '\x5a'), std::string(100, 'w')}) {
    ASSERT_NO_FATAL_FAILURE(Restore());
    files_.Plant(WalWitness::PathFor(kFolder), bytes);
    ASSERT_TRUE(Open().ok());
    EXPECT_EQ(contents_.entries, written_);
    EXPECT_THAT(contents_.findings, IsEmpty());
    wal_.reset();
    ASSERT_TRUE(files_.Remove(SegmentPath(5)).ok());
    ASSERT_TRUE(Open().ok());
    EXPECT_TRUE(contents_.damaged);
  }
}

// A single member refuses to start with it: it must not find a sound log at its next start.
TEST_F(ManySegmentsDamaged, DamageIsFoundAgainUntilSomebodyGoesOnWithIt) {
  for (const uint64_t missing : {2, 5}) {
    ASSERT_NO_FATAL_FAILURE(Restore());
    ASSERT_TRUE(files_.Remove(SegmentPath(missing)).ok());
    for (int start = 0; start < 3; ++start) {
      ASSERT_TRUE(Open().ok());
      ASSERT_TRUE(contents_.damaged) << missing << ", start " << start;
    }
    ASSERT_TRUE(wal_->Append(std::nullopt, {}, /*sync=*/true).ok());
    ASSERT_TRUE(Open().ok());
    EXPECT_FALSE(contents_.damaged) << missing;
    EXPECT_EQ(contents_.hard_state.vote_floor.index,
              missing == 5 ? raft::kMaxIndex : written_.back().id.index);
  }
}

TEST_F(ManySegmentsDamaged, ALogThatIsGoneIsDamage) {
  for (const auto& [path, bytes] : good_) ASSERT_TRUE(files_.Remove(path).ok());
  ASSERT_TRUE(Open(Id(4, 8)).ok());
  EXPECT_TRUE(contents_.damaged);
  EXPECT_TRUE(contents_.created);
  EXPECT_EQ(contents_.base, Id(4, 8));
  EXPECT_EQ(contents_.hard_state.vote_floor, (raft::EntryId{raft::Term(4), raft::kMaxIndex}));
}

TEST_F(ManySegmentsDamaged, AFlippedBitInAnEarlierSegment) {
  const std::string whole = good_[SegmentPath(2)];
  const size_t end = whole.find_last_not_of('\0');
  int damaged_ones = 0;
  for (size_t at = 0; at <= end; ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    ASSERT_NO_FATAL_FAILURE(Restore());
    files_.Plant(SegmentPath(2), damaged);
    ASSERT_TRUE(Open().ok());
    ASSERT_EQ(contents_.damaged, contents_.entries.size() != written_.size()) << at;
    damaged_ones += contents_.damaged ? 1 : 0;
    ASSERT_NO_FATAL_FAILURE(Restore());
    files_.Plant(SegmentPath(2), damaged);
    ASSERT_NO_FATAL_FAILURE(OpenAndGoOn(written_, "byte " + std::to_string(at)));
  }
  EXPECT_GT(damaged_ones, 200);
}

// An old segment under a new name, as a lost rename or an operator's copy would leave it.
TEST_F(ManySegmentsDamaged, AStaleSegmentIsNotBelieved) {
  files_.Plant(SegmentPath(3), good_[SegmentPath(1)]);
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(contents_.damaged);
  EXPECT_EQ(contents_.entries.size(), 4U);
  EXPECT_EQ(contents_.hard_state.vote_floor, written_.back().id);
  files_.Plant(SegmentPath(6), good_[SegmentPath(2)]);
  ASSERT_NO_FATAL_FAILURE(Restore());
  files_.Plant(SegmentPath(6), good_[SegmentPath(2)]);
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(contents_.entries, written_);
}

// Damage of what is not needed any more is no damage.
TEST_F(ManySegmentsDamaged, DamageOfWhatWasCutOffDoesNotMatter) {
  ASSERT_TRUE(wal_->TruncateBefore(raft::Index(written_.size())).ok());
  for (const uint64_t number : {1, 2, 3})
    files_.Plant(SegmentPath(number), good_[SegmentPath(number)]);
  files_.Plant(SegmentPath(2), std::string(1536, '\xaa'));
  ASSERT_TRUE(Open().ok());
  EXPECT_FALSE(contents_.damaged);
  EXPECT_EQ(contents_.base.index.value() + contents_.entries.size(), written_.size());
  EXPECT_EQ(contents_.hard_state.vote_floor, raft::EntryId());
}

// Sectors that the disk refuses to read are damage of those sectors, and nothing more.
class UnreadableFiles final : public FileSystem {
 public:
  UnreadableFiles(FileSystem& files, std::string path, uint64_t from, uint64_t to)
      : files_(files), path_(std::move(path)), from_(from), to_(to) {}
  absl::StatusOr<std::unique_ptr<File>> OpenForWrite(const std::string& path) override {
    return files_.OpenForWrite(path);
  }
  absl::StatusOr<std::unique_ptr<File>> OpenForRead(const std::string& path) override {
    auto file = files_.OpenForRead(path);
    if (!file.ok() || path != path_) return file;
    return std::make_unique<BadFile>(*std::move(file), from_, to_);
  }
  absl::StatusOr<std::string> ReadWhole(const std::string& path) override {
    if (path == path_) return absl::InternalError("read " + path + ": Input/output error");
    return files_.ReadWhole(path);
  }
  absl::StatusOr<uint64_t> FileSize(const std::string& path) override {
    return files_.FileSize(path);
  }
  bool Exists(const std::string& path) override { return files_.Exists(path); }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    return files_.Rename(from, to);
  }
  absl::Status Remove(const std::string& path) override { return files_.Remove(path); }
  absl::StatusOr<std::vector<std::string>> List(const std::string& folder) override {
    return files_.List(folder);
  }
  absl::Status MakeFolder(const std::string& path) override { return files_.MakeFolder(path); }
  absl::Status SyncFolder(const std::string& path) override { return files_.SyncFolder(path); }
  absl::Status RemoveFolder(const std::string& path) override { return files_.RemoveFolder(path); }
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override {
    return files_.Lock(path);
  }
  absl::StatusOr<uint64_t> FreeBytes(const std::string& path) override {
    return files_.FreeBytes(path);
  }

 private:
  class BadFile final : public File {
   public:
    BadFile(std::unique_ptr<File> file, uint64_t from, uint64_t to)
        : file_(std::move(file)), from_(from), to_(to) {}
    absl::Status WriteAt(uint64_t offset, std::span<const std::string_view> pieces) override {
      return file_->WriteAt(offset, pieces);
    }
    absl::StatusOr<size_t> ReadAt(uint64_t offset, size_t size, char* out) const override {
      if (offset < to_ && offset + size > from_) return absl::InternalError("Input/output error");
      return file_->ReadAt(offset, size, out);
    }
    absl::StatusOr<uint64_t> Size() const override { return file_->Size(); }
    absl::Status Truncate(uint64_t size) override { return file_->Truncate(size); }
    absl::Status Sync() override { return file_->Sync(); }

   private:
    const std::unique_ptr<File> file_;
    const uint64_t from_;
    const uint64_t to_;
  };

  FileSystem& files_;
  const std::string path_;
  const uint64_t from_;
  const uint64_t to_;
};

TEST_F(WalDamageTest, UnreadableSectorsAreDamage) {
  options_.first_segment_bytes = options_.largest_segment_bytes = 65536;
  ASSERT_TRUE(Open().ok());
  std::vector<raft::Entry> written;
  for (uint64_t index = 1; index <= 40; ++index) {
    written.push_back(MakeEntry(1, index, std::string(1000, 'u')));
    ASSERT_NO_FATAL_FAILURE(MustAppend({written.back()}, MakeState(1, 1, 0)));
  }
  Remember();
  for (uint64_t sector = 4096; sector < 49152; sector += 4096) {
    ASSERT_NO_FATAL_FAILURE(Restore());
    UnreadableFiles bad(files_, SegmentPath(1), sector, sector + 4096);
    auto opened = Wal::Open(bad, kFolder, kIdentity, options_, contents_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    ASSERT_TRUE(contents_.damaged) << sector;
    ASSERT_EQ(contents_.hard_state.vote_floor, Id(1, 40)) << sector;
    // Head, identity and payload lie before the sector; the copy of the head is not needed.
    const size_t needed = kSegmentHeadBytes + kBatchHeadBytes + kEntryHeadBytes + 1000;
    ASSERT_EQ(contents_.entries.size(), (sector - needed) / 1536 + 1) << sector;
  }
}

}  // namespace
}  // namespace pintle::server::storage
