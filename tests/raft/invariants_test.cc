// The checker must be able to fail: each rule is broken once.
#include "raft/invariants.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "raft/membership.h"
#include "raft/memory_log.h"
#include "tests/raft/cluster.h"

namespace pintle::raft {
namespace {

using testing::HasSubstr;

constexpr MemberId kOne{1};
constexpr MemberId kTwo{2};
constexpr MemberId kThree{3};

Entry MakeEntry(uint64_t term, uint64_t index, const std::string& bytes = "") {
  return {
      {Term{term}, Index{index}}, EntryKind::kNormal, std::make_shared<const std::string>(bytes)};
}

class InvariantCheckerTest : public testing::Test {
 protected:
  // A member restored with this log, all of it durable and `commit` of it committed; shown to the
  // checker.
  absl::Status Show(MemberId id, uint64_t term, const std::vector<Entry>& entries,
                    uint64_t commit) {
    MemoryLog log;
    log.Append(entries);
    if (auto status = checker_.ObserveDisk(id, {Term{term}, kNoMember, {}}, log); !status.ok()) {
      return status;
    }
    return ShowUnsynced(id, term, log, commit);
  }
  absl::Status ShowUnsynced(MemberId id, uint64_t term, const MemoryLog& log, uint64_t commit) {
    Config config;
    config.id = id;
    const RestoredState restored{
        {Term{term}, kNoMember, Index{commit}}, ConfState{{kOne, kTwo, kThree}}, Index{0}};
    return checker_.ObserveMember(RawNode(config, restored, log, random_));
  }
  absl::Status Disk(MemberId id, const HardState& hard_state,
                    const std::vector<Entry>& entries = {}) {
    MemoryLog log;
    log.Append(entries);
    return checker_.ObserveDisk(id, hard_state, log);
  }

  // The disks say that `id` and a second member have voted for it.
  absl::Status Elect(MemberId id, uint64_t term) {
    const MemberId voter = id == kOne ? kTwo : kOne;
    if (auto status = Disk(id, {Term{term}, id, {}}); !status.ok()) return status;
    return Disk(voter, {Term{term}, id, {}});
  }

  ScriptRandom random_{kOne, 10};
  InvariantChecker checker_{{kOne, kTwo, kThree}};
};

#define EXPECT_BROKEN(status, text) EXPECT_THAT((status).message(), HasSubstr(text))
#define ASSERT_FINE(status)                     \
  do {                                          \
    const absl::Status shown = (status);        \
    ASSERT_TRUE(shown.ok()) << shown.message(); \
  } while (false)

TEST_F(InvariantCheckerTest, FineHistory) {
  ASSERT_FINE(Show(kOne, 1, {MakeEntry(1, 1)}, 0));
  ASSERT_FINE(Show(kTwo, 1, {MakeEntry(1, 1)}, 1));
  ASSERT_FINE(checker_.ObserveApplied(kTwo, std::vector{MakeEntry(1, 1)}));
}

TEST_F(InvariantCheckerTest, LogMatching) {
  ASSERT_FINE(Show(kOne, 2, {MakeEntry(1, 1), MakeEntry(2, 2)}, 0));
  EXPECT_BROKEN(Show(kTwo, 2, {MakeEntry(2, 1), MakeEntry(2, 2)}, 0), "follows");
  EXPECT_BROKEN(Show(kThree, 2, {MakeEntry(1, 1, "other")}, 0), "two different entries");
}

TEST_F(InvariantCheckerTest, DurableQuorum) {
  EXPECT_BROKEN(Show(kOne, 1, {MakeEntry(1, 1)}, 1), "that only 1 disks hold");
}

TEST_F(InvariantCheckerTest, CommittedTwice) {
  ASSERT_FINE(Disk(kTwo, {Term{1}, {}, {}}, {MakeEntry(1, 1)}));
  ASSERT_FINE(Show(kOne, 1, {MakeEntry(1, 1)}, 1));
  EXPECT_BROKEN(Show(kThree, 2, {MakeEntry(2, 1)}, 1), "commits (term 2, index 1), others");
}

TEST_F(InvariantCheckerTest, Applied) {
  EXPECT_BROKEN(checker_.ObserveApplied(kOne, std::vector{MakeEntry(1, 1)}),
                "nobody has committed");
  ASSERT_FINE(Disk(kTwo, {Term{1}, {}, {}}, {MakeEntry(1, 1)}));
  checker_.ObserveRestart(kOne, Index{0});
  ASSERT_FINE(Show(kOne, 1, {MakeEntry(1, 1)}, 1));
  EXPECT_BROKEN(checker_.ObserveApplied(kTwo, std::vector{MakeEntry(1, 2)}), "gap");
  EXPECT_BROKEN(checker_.ObserveApplied(kTwo, std::vector{MakeEntry(2, 1)}), "others");
}

TEST_F(InvariantCheckerTest, Monotony) {
  ASSERT_FINE(Disk(kTwo, {Term{3}, {}, {}}, {MakeEntry(1, 1)}));
  ASSERT_FINE(Show(kOne, 3, {MakeEntry(1, 1)}, 1));
  MemoryLog log;
  log.Append(std::vector{MakeEntry(1, 1)});
  EXPECT_BROKEN(ShowUnsynced(kOne, 2, log, 1), "term went back");
  EXPECT_BROKEN(ShowUnsynced(kOne, 3, log, 0), "commit index went back");
}

TEST_F(InvariantCheckerTest, DisksDoNotForget) {
  ASSERT_FINE(Disk(kOne, {Term{3}, kTwo, {}}, {MakeEntry(1, 1)}));
  EXPECT_BROKEN(Disk(kOne, {Term{3}, kThree, {}}, {MakeEntry(1, 1)}), "vote on the disk changed");
  EXPECT_BROKEN(Disk(kOne, {Term{2}, kTwo, {}}, {MakeEntry(1, 1)}), "term on the disk went back");
  ASSERT_FINE(Disk(kTwo, {Term{3}, {}, {}}, {MakeEntry(1, 1)}));
  ASSERT_FINE(Show(kTwo, 3, {MakeEntry(1, 1)}, 1));
}

TEST_F(InvariantCheckerTest, Promises) {
  const RequestVoteResponse granted{.granted = true};
  EXPECT_BROKEN(checker_.ObserveSent({kOne, kTwo, Term{1}, granted}), "tells term");
  ASSERT_FINE(Disk(kOne, {Term{1}, kThree, {}}));
  EXPECT_BROKEN(checker_.ObserveSent({kOne, kTwo, Term{1}, granted}),
                "vote that is not on its disk");
  ASSERT_FINE(checker_.ObserveSent({kOne, kThree, Term{1}, granted}));
  ASSERT_FINE(Disk(kOne, {Term{2}, kNoMember, {}}));
  EXPECT_BROKEN(checker_.ObserveSent({kOne, kTwo, Term{1}, granted}), "votes twice");
  EXPECT_BROKEN(
      checker_.ObserveSent({kOne, kTwo, Term{2}, AppendEntriesResponse{.match_index = Index{1}}}),
      "acknowledges index 1");
}

// Elects `id` of three, with this log, in `term`.
std::unique_ptr<RawNode> MakeLeader(MemberId id, uint64_t term, MemoryLog& log, Random& random) {
  Config config;
  config.id = id;
  const MemberId voter = id == kOne ? kTwo : kOne;
  auto node = std::make_unique<RawNode>(
      config,
      RestoredState{{Term{term - 1}, kNoMember, {}}, ConfState{{kOne, kTwo, kThree}}, Index{0}},
      log, random);
  node->Campaign();
  node->Step({voter, id, Term{term}, RequestVoteResponse{.pre_vote = true, .granted = true}});
  const Ready ready = node->TakeReady();
  node->Persisted(ready.number);
  node->Step({voter, id, Term{term}, RequestVoteResponse{.granted = true}});
  EXPECT_EQ(node->soft_state().role, Role::kLeader);
  return node;
}

TEST_F(InvariantCheckerTest, ElectionSafety) {
  MemoryLog log;
  EXPECT_BROKEN(checker_.ObserveMember(*MakeLeader(kThree, 1, log, random_)),
                "without the votes of a quorum");
  ASSERT_FINE(Elect(kOne, 2));
  ASSERT_FINE(checker_.ObserveMember(*MakeLeader(kOne, 2, log, random_)));
  EXPECT_BROKEN(checker_.ObserveMember(*MakeLeader(kTwo, 2, log, random_)),
                "leads term 2 like member 1");
}

TEST_F(InvariantCheckerTest, LeaderCompleteness) {
  ASSERT_FINE(Disk(kTwo, {Term{1}, {}, {}}, {MakeEntry(1, 1)}));
  ASSERT_FINE(Show(kOne, 1, {MakeEntry(1, 1)}, 1));
  MemoryLog empty;
  EXPECT_BROKEN(checker_.ObserveMember(*MakeLeader(kThree, 2, empty, random_)),
                "without committed entry (term 1, index 1)");
}

TEST_F(InvariantCheckerTest, LeaderAppendOnly) {
  MemoryLog log;
  log.Append(std::vector{MakeEntry(1, 1), MakeEntry(1, 2)});
  const auto leader = MakeLeader(kOne, 2, log, random_);
  ASSERT_FINE(Elect(kOne, 2));
  ASSERT_FINE(checker_.ObserveMember(*leader));
  MemoryLog shorter;
  shorter.Append(std::vector{MakeEntry(1, 1)});
  EXPECT_BROKEN(ShowUnsynced(kOne, 2, shorter, 0), "leader's log was cut");
}

TEST_F(InvariantCheckerTest, DamagedDisksHaveAFloor) {
  ASSERT_FINE(Disk(kOne, {Term{1}, {}, {}}, {MakeEntry(1, 1), MakeEntry(1, 2)}));
  checker_.ObserveDamage(kOne);
  EXPECT_BROKEN(Disk(kOne, {Term{1}, {}, {}}, {MakeEntry(1, 1)}), "has no floor");
}

TEST_F(InvariantCheckerTest, FloorsAreKept) {
  const EntryId floor{Term{1}, Index{2}};
  const RequestVoteResponse granted{.granted = true};
  ASSERT_FINE(Show(kOne, 1, {MakeEntry(1, 1), MakeEntry(1, 2)}, 0));
  ASSERT_FINE(Disk(kTwo, {Term{2}, kTwo, {}}, {MakeEntry(1, 1)}));
  checker_.ObserveDamage(kOne);
  ASSERT_FINE(Disk(kOne, {Term{2}, kTwo, {}, floor}, {MakeEntry(1, 1)}));
  ASSERT_FINE(
      checker_.ObserveSent({kTwo, kOne, Term{2}, RequestVote{.last_entry = {Term{1}, Index{1}}}}));
  EXPECT_BROKEN(checker_.ObserveSent({kOne, kTwo, Term{2}, granted}), "less than its floor");
  // One of the others has not been asked.
  const RequestVoteResponse holds{.pre_vote = true, .intact_last = {Term{1}, Index{1}}};
  ASSERT_FINE(checker_.ObserveSent({kTwo, kOne, Term{2}, holds}));
  EXPECT_BROKEN(Disk(kOne, {Term{2}, kTwo, {}, {}}, {MakeEntry(1, 1)}), "without asking member 3");
}

TEST_F(InvariantCheckerTest, FloorsDoNotSinkBelowWhatOthersHold) {
  const EntryId floor{Term{1}, Index{3}};
  ASSERT_FINE(Show(kOne, 1, {MakeEntry(1, 1)}, 0));
  ASSERT_FINE(Disk(kOne, {Term{1}, {}, {}, floor}, {MakeEntry(1, 1)}));
  for (const MemberId other : {kTwo, kThree}) {
    ASSERT_FINE(Disk(other, {Term{1}, {}, {}}, {}));
    const RequestVoteResponse holds{.pre_vote = true, .intact_last = {Term{1}, Index{2}}};
    ASSERT_FINE(checker_.ObserveSent({other, kOne, Term{1}, holds}));
  }
  const HardState sunk{Term{1}, {}, {}, {Term{1}, Index{2}}};
  ASSERT_FINE(Disk(kOne, sunk, {MakeEntry(1, 1)}));
  EXPECT_BROKEN(Disk(kOne, {Term{1}, {}, {}}, {MakeEntry(1, 1)}), "below what member 2 holds");
}

TEST_F(InvariantCheckerTest, Snapshots) {
  ASSERT_FINE(Disk(kTwo, {Term{1}, {}, {}}, {MakeEntry(1, 1)}));
  ASSERT_FINE(Show(kOne, 1, {MakeEntry(1, 1)}, 1));
  const ConfState conf{{kOne, kTwo, kThree}};
  ASSERT_FINE(checker_.ObserveRestored(kThree, {{Term{1}, Index{1}}, conf}));
  EXPECT_BROKEN(checker_.ObserveRestored(kThree, {{Term{2}, Index{1}}, conf}),
                "is not committed so");
  EXPECT_BROKEN(checker_.ObserveRestored(kThree, {{Term{1}, Index{1}}, {{kOne}}}),
                "wrong configuration");
}

// A leader appends a configuration change, seen by a checker that believes in another past.
class ConfCheckTest : public InvariantCheckerTest {
 protected:
  // Elected in term 2 with its no-op committed; then changes members to `target`.
  void Change(InvariantChecker& checker, const ConfState& target) {
    leader_ = MakeLeader(kOne, 2, log_, random_);
    Persist();
    leader_->Step({kTwo, kOne, Term{2}, AppendEntriesResponse{.match_index = Index{1}}});
    MemoryLog disk;
    disk.Append(std::vector{Entry{{Term{2}, Index{1}}, EntryKind::kNoOp, nullptr}});
    for (const MemberId id : {kOne, kTwo}) {
      ASSERT_FINE(checker.ObserveDisk(id, {Term{2}, kOne, {}}, disk));
    }
    ASSERT_FINE(checker.ObserveMember(*leader_));
    ASSERT_EQ(leader_->ProposeConfChange(target, "").outcome, ConfChangeOutcome::kAppended);
  }
  void Persist() {
    const Ready ready = leader_->TakeReady();
    log_.Append(ready.entries);
    leader_->Persisted(ready.number);
  }

  MemoryLog log_;
  std::unique_ptr<RawNode> leader_;
};

TEST_F(ConfCheckTest, FineChange) {
  Change(checker_, {{kOne, kTwo}});
  ASSERT_FINE(checker_.ObserveMember(*leader_));
}

TEST_F(ConfCheckTest, OneAtATimeAndNeighboursOnly) {
  Change(checker_, {{kOne, kTwo}});
  // The joint step is not shown to the checker; the one that leaves it follows no neighbour.
  Persist();
  leader_->Step({kTwo, kOne, Term{2}, AppendEntriesResponse{.match_index = Index{2}}});
  ASSERT_FALSE(leader_->conf_state().joint());
  EXPECT_BROKEN(checker_.ObserveMember(*leader_), "may miss those of the one before");
}

// Members 1 and 2 have entry 2; the joint configuration that follows would need 3 or 4 as well.
TEST_F(ConfCheckTest, CommitsAndThenBeginsAChangeInOneStep) {
  for (const bool durable : {true, false}) {
    InvariantChecker checker({kOne, kTwo, kThree});
    log_ = {};
    leader_ = MakeLeader(kOne, 2, log_, random_);
    MemoryLog disk;
    for (const MemberId id : {kOne, kTwo}) {
      ASSERT_FINE(checker.ObserveDisk(id, {Term{2}, kOne, {}}, disk));
    }
    ASSERT_FINE(checker.ObserveMember(*leader_));
    Persist();
    ASSERT_EQ(leader_->Propose(MakeEntry(2, 2).payload).outcome, ProposeOutcome::kAppended);
    Persist();
    leader_->Step({kTwo, kOne, Term{2}, AppendEntriesResponse{.match_index = Index{2}}});
    const ConfState target{{kOne, kThree, MemberId{4}}};
    ASSERT_EQ(leader_->ProposeConfChange(target, "").outcome, ConfChangeOutcome::kAppended);
    disk.Append(std::vector{Entry{{Term{2}, Index{1}}, EntryKind::kNoOp, nullptr}});
    if (durable) disk.Append(std::vector{MakeEntry(2, 2)});
    for (const MemberId id : {kOne, kTwo}) {
      ASSERT_FINE(checker.ObserveDisk(id, {Term{2}, kOne, {}}, disk));
    }
    const absl::Status seen = checker.ObserveMember(*leader_);
    if (durable) {
      ASSERT_FINE(seen);
    } else {
      EXPECT_BROKEN(seen, "that only 0 disks hold");
    }
  }
}

TEST_F(InvariantCheckerTest, ForgetsWhatNoLogHolds) {
  MemoryLog log;
  log.Append(std::vector{MakeEntry(1, 1), MakeEntry(1, 2)});
  for (const MemberId id : {kOne, kTwo, kThree}) {
    ASSERT_FINE(checker_.ObserveDisk(id, {Term{1}, {}, {}}, log));
  }
  for (const MemberId id : {kOne, kTwo, kThree}) ASSERT_FINE(ShowUnsynced(id, 1, log, 2));
  log.Compact(Index{2});
  for (const MemberId id : {kOne, kTwo, kThree}) {
    ASSERT_FINE(checker_.ObserveDisk(id, {Term{1}, {}, {}}, log));
    ASSERT_FINE(ShowUnsynced(id, 1, log, 2));
  }
  MemoryLog wrong(EntryId{Term{1}, Index{3}});
  EXPECT_BROKEN(ShowUnsynced(kTwo, 1, wrong, 2), "compacted uncommitted entries");
}

}  // namespace
}  // namespace pintle::raft
