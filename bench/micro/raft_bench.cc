// What Raft itself costs: members in one thread, with disks and a network that take no time.
//
//   BM_Commit/<members>/<batch>/<bytes>  `batch` proposals at the leader until all members have
//   applied them.
//                                        items = proposals; steps = messages and completions
//                                        handled
//   BM_Read/<members>/<batch>            `batch` reads at the leader until all have their index
//   BM_Forward                           one proposal at a follower until it has applied it itself
//   BM_Tick/<members>                    one tick of everybody and the heartbeats that follow
//   BM_Observed/<members>/<batch>        BM_Commit with InvariantChecker shown every event; the
//                                        difference is what the simulator pays
#include <algorithm>
#include <deque>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "benchmark/benchmark.h"
#include "raft/invariants.h"
#include "raft/memory_log.h"
#include "raft/raw_node.h"

namespace pintle::raft {
namespace {

class CountingRandom final : public Random {
 public:
  uint64_t Next() override { return ++count_; }

 private:
  uint64_t count_ = 0;
};

// Entries kept for followers; more than one batch.
constexpr uint64_t kKeptEntries = 10'000;

class Members {
 public:
  explicit Members(size_t size, bool observed = false) {
    std::vector<MemberId> voters;
    for (size_t i = 1; i <= size; ++i) voters.emplace_back(i);
    for (const MemberId id : voters) {
      Config config;
      config.id = id;
      auto member = std::make_unique<Member>();
      member->node = std::make_unique<RawNode>(
          config, RestoredState{{}, ConfState{voters}, Index{0}}, member->log, random_);
      members_.push_back(std::move(member));
    }
    if (observed) checker_ = std::make_unique<InvariantChecker>(voters);
    leader().Campaign();
    Settle();
    PINTLE_CHECK(leader().soft_state().role == Role::kLeader, "no leader");
  }

  RawNode& leader() { return *members_[0]->node; }
  RawNode& follower() { return *members_[1]->node; }
  Index applied(size_t member) const { return members_[member]->applied; }
  void Tick() {
    for (const auto& member : members_) member->node->Tick();
    Settle();
  }
  size_t reads() const { return reads_; }
  size_t steps() const { return steps_; }

  // Until nothing moves.
  void Settle() {
    for (bool moved = true; moved;) {
      moved = false;
      for (const auto& member : members_) {
        while (member->node->HasReady()) {
          Handle(*member, member->node->TakeReady());
          Observe(*member);
          moved = true;
        }
      }
      while (!network_.empty()) {
        const Message message = std::move(network_.front());
        network_.pop_front();
        Member& receiver = *members_[message.to.value() - 1];
        receiver.node->Step(message);
        Observe(receiver);
        ++steps_;
        moved = true;
      }
    }
  }

 private:
  struct Member {
    MemoryLog log;
    std::unique_ptr<RawNode> node;
    Index applied;
    HardState hard_state;  // kept for the checker only
  };

  static void Expect(const absl::Status& status) { PINTLE_CHECK(status.ok(), "an invariant"); }

  void Observe(const Member& member) {
    if (checker_ != nullptr) Expect(checker_->ObserveMember(*member.node));
  }

  void Send(std::vector<Message> messages) {
    for (Message& message : messages) {
      if (checker_ != nullptr) Expect(checker_->ObserveSent(message));
      network_.push_back(std::move(message));
    }
  }

  void ObserveWork(Member& member, const Ready& ready) {
    if (ready.hard_state) member.hard_state = *ready.hard_state;
    const MemberId id = member.node->id();
    Expect(checker_->ObserveDisk(id, member.hard_state, member.log));
    Expect(checker_->ObserveApplied(id, ready.committed_entries));
  }

  void Handle(Member& member, Ready ready) {
    Send(std::move(ready.messages_now));
    member.log.Append(ready.entries);
    if (checker_ != nullptr) ObserveWork(member, ready);
    Send(std::move(ready.messages_after_persist));
    if (ready.must_sync) {
      member.node->Persisted(ready.number);
      ++steps_;
    }
    reads_ += ready.read_states.size();
    if (ready.committed_entries.empty()) return;
    member.applied = ready.committed_entries.back().id.index;
    member.node->AppliedUpTo(member.applied);
    if (member.applied.value() > 2 * kKeptEntries &&
        member.log.FirstIndex() + kKeptEntries < member.applied - kKeptEntries) {
      member.log.Compact(member.applied - kKeptEntries);
    }
  }

  CountingRandom random_;
  std::unique_ptr<InvariantChecker> checker_;  // null: not observed
  std::vector<std::unique_ptr<Member>> members_;
  std::deque<Message> network_;
  size_t reads_ = 0;
  size_t steps_ = 0;
};

void CountSteps(benchmark::State& state, const Members& members, size_t items_per_iteration) {
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(items_per_iteration));
  state.counters["steps"] =
      benchmark::Counter(static_cast<double>(members.steps()), benchmark::Counter::kIsRate);
}

void CommitBatches(benchmark::State& state, bool observed) {
  const auto size = static_cast<size_t>(state.range(0));
  const auto batch = static_cast<size_t>(state.range(1));
  const auto payload =
      std::make_shared<const std::string>(std::string(static_cast<size_t>(state.range(2)), 'x'));
  Members members(size, observed);
  Index expected = members.applied(0);
  for (auto _ : state) {
    for (size_t i = 0; i < batch; ++i) {
      PINTLE_CHECK(members.leader().Propose(payload).outcome == ProposeOutcome::kAppended,
                   "refused");
    }
    members.Settle();
    expected = expected + batch;
    for (size_t i = 0; i < size; ++i) PINTLE_CHECK(members.applied(i) == expected, "not applied");
  }
  CountSteps(state, members, batch);
}

void BM_Commit(benchmark::State& state) { CommitBatches(state, /*observed=*/false); }
BENCHMARK(BM_Commit)->ArgsProduct({{1, 3, 5}, {1, 64, 1024}, {256}})->Args({3, 1, 65536});

void BM_Observed(benchmark::State& state) { CommitBatches(state, /*observed=*/true); }
BENCHMARK(BM_Observed)->ArgsProduct({{3, 5}, {1, 64}, {256}});

void BM_Tick(benchmark::State& state) {
  Members members(static_cast<size_t>(state.range(0)));
  for (auto _ : state) members.Tick();
  CountSteps(state, members, 1);
}
BENCHMARK(BM_Tick)->Arg(3)->Arg(7);

void BM_Read(benchmark::State& state) {
  const auto batch = static_cast<size_t>(state.range(1));
  Members members(static_cast<size_t>(state.range(0)));
  uint64_t id = 0;
  for (auto _ : state) {
    for (size_t i = 0; i < batch; ++i) members.leader().ReadIndex(ReadId{++id});
    members.Settle();
    PINTLE_CHECK(members.reads() == id, "not confirmed");
  }
  CountSteps(state, members, batch);
}
BENCHMARK(BM_Read)->ArgsProduct({{3}, {1, 64, 1024}});

void BM_Forward(benchmark::State& state) {
  const auto payload = std::make_shared<const std::string>(std::string(256, 'x'));
  Members members(3);
  Index expected = members.applied(1);
  for (auto _ : state) {
    PINTLE_CHECK(members.follower().Propose(payload).outcome == ProposeOutcome::kForwarded,
                 "refused");
    members.Settle();
    ++expected;
    PINTLE_CHECK(members.applied(1) == expected, "not applied");
  }
  CountSteps(state, members, 1);
}
BENCHMARK(BM_Forward);

}  // namespace
}  // namespace pintle::raft
