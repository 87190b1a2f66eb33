// Random histories from fixed seeds: messages lost, repeated and reordered, links cut, disks slow,
// members crashing with some of what they had not reported synced. Invariants are checked after
// every step (Cluster); at the end everything is mended, and the members must agree on all and
// still work.
//
// PINTLE_SOAK_SEEDS=<n> runs more seeds; PINTLE_SOAK_SEED=<seed> runs one and prints its history.
#include <algorithm>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "raft/membership.h"
#include "tests/raft/cluster.h"

namespace pintle::raft {
namespace {

constexpr size_t kSteps = 1500;
constexpr size_t kMaxNetwork = 300;
constexpr size_t kMendTicks = 200;

struct Totals {
  size_t leaders = 0;  // changes of role seen
  size_t applied = 0;
  size_t reads = 0;
  size_t conf_changes = 0;  // configurations applied
  size_t snapshots = 0;     // installed
  size_t transfers = 0;     // begun
  size_t damages = 0;
};

class Soak {
 public:
  Soak(uint64_t seed, bool print) : random_(seed), print_(print) {
    const size_t sizes[] = {3, 5, 4, 6, 1};
    const size_t voters[] = {3, 5, 3, 4, 1};
    Config config{.election_ticks = 5, .heartbeat_ticks = 1};
    config.max_append_bytes = 40 + random_.Below(200);
    config.max_inflight_messages = 1 + random_.Below(5);
    config.max_inflight_bytes = config.max_append_bytes + random_.Below(300);
    config.max_uncommitted_bytes = 2000;
    config.max_unapplied_bytes = 1 + random_.Below(200);
    config.max_pending_reads = 10;
    cluster_ = std::make_unique<Cluster>(
        sizes[seed % 5], config,
        [seed](MemberId id) { return std::make_unique<SeededRandom>(seed * 1000 + id.value()); },
        [this](const std::string& line) { Trace(line); }, voters[seed % 5]);
  }

  void Run() {
    for (size_t step = 0; step < kSteps && cluster_->violation().ok(); ++step) Step();
    Mend();
    for (size_t tick = 0; tick < kMendTicks && cluster_->violation().ok(); ++tick) Round();
    ASSERT_TRUE(cluster_->violation().ok()) << cluster_->violation().message() << History();
    const MemberId leader = cluster_->Leader();
    ASSERT_NE(leader, kNoMember) << "no leader after all was mended" << History();
    ASSERT_EQ(cluster_->Propose(leader, "last").outcome, ProposeOutcome::kAppended);
    const ReadId last_read{1'000'000};
    cluster_->Read(leader, last_read);
    for (size_t tick = 0; tick < 5; ++tick) Round();
    ASSERT_TRUE(cluster_->violation().ok()) << cluster_->violation().message() << History();
    ExpectConverged(cluster_->Leader());
    EXPECT_TRUE(last_read_answered_) << History();
  }

  const Totals& totals() const { return totals_; }

 private:
  void Trace(const std::string& line) {
    if (print_) std::puts(line.c_str());
    if (line.find(": leader in term") != std::string::npos) ++totals_.leaders;
    if (line.find(": applies") != std::string::npos) ++totals_.applied;
    if (line.find(": read") != std::string::npos && line.find(" at index") != std::string::npos) {
      ++totals_.reads;
    }
    if (line.find(": applies") != std::string::npos && line.find('{') != std::string::npos) {
      ++totals_.conf_changes;
    }
    if (line.find(": installs") != std::string::npos) ++totals_.snapshots;
    if (line.find("handing over") != std::string::npos) ++totals_.transfers;
    if (line.find("read 1000000 at") != std::string::npos) last_read_answered_ = true;
    history_.push_back(line);
    if (history_.size() > 60) history_.pop_front();
  }

  std::string History() const { return absl::StrCat("\n", absl::StrJoin(history_, "\n")); }

  MemberId AnyMember() { return cluster_->ids()[random_.Below(cluster_->ids().size())]; }

  void Step() {
    std::vector<Message>& network = cluster_->network();
    if (network.size() > kMaxNetwork) network.erase(network.begin(), network.begin() + 100);
    const uint64_t dice = random_.Below(1000);
    if (dice < 600) {
      // Mostly in order, as a connection would; sometimes not.
      if (!network.empty()) {
        cluster_->Deliver(random_.Below(4) == 0 ? random_.Below(network.size()) : 0);
      }
    } else if (dice < 760) {
      cluster_->Tick(AnyMember());
    } else if (dice < 900) {
      Work();
    } else if (dice < 970) {
      Fault();
    } else {
      Operate();
    }
  }

  // What an operator, or a storage, does now and then.
  void Operate() {
    const MemberId member = AnyMember();
    const MemberId other = AnyMember();
    switch (random_.Below(9)) {
      case 0:
      case 1:
        ChangeMembers(cluster_->Leader(), other);
        break;
      case 2:
        (void)cluster_->Transfer(cluster_->IsUp(member) ? member : other,
                                 random_.Below(2) == 0 ? kNoMember : other);
        break;
      case 3:
        if (cluster_->IsUp(member)) cluster_->Flush(member);
        break;
      case 4:
      case 5:
        cluster_->Compact(member, Index{cluster_->applied(member).size() - random_.Below(3)});
        break;
      case 6:
        Rewind(member);
        break;
      case 7:
        LeaderGone(member);
        break;
      default:
        Damage(member);
    }
  }

  // Somebody must have a whole store, and be a member, to help the others.
  bool MayLoseAStore() {
    return std::ranges::all_of(cluster_->ids(), [&](MemberId id) {
      const bool enough = cluster_->IsUp(id) && cluster_->node(id).conf_state().voters.size() >= 3;
      return enough && cluster_->HasWholeStore(id) && !cluster_->IsDoubtful(id);
    });
  }

  void Rewind(MemberId member) {
    if (!cluster_->IsUp(member)) return;
    const uint64_t lowest = MayLoseAStore() ? 0 : cluster_->node(member).first_index().value() - 1;
    const uint64_t applied = cluster_->applied(member).size();
    if (applied >= lowest) {
      cluster_->Rewind(member, Index{lowest + random_.Below(applied - lowest + 1)});
    }
  }

  void ChangeMembers(MemberId leader, MemberId member) {
    if (leader == kNoMember) return;
    for (const MemberId id : cluster_->ids()) {
      if (!cluster_->HasWholeStore(id)) return;
    }
    ConfState conf = cluster_->node(leader).conf_state();
    switch (random_.Below(4)) {
      case 0:
        conf = WithLearner(conf, member);
        break;
      case 1:
        conf = WithVoter(conf, member);
        break;
      case 2:
        conf = Without(conf, member);
        break;
      default:
        conf = WithReplacement(conf, AnyMember(), member);
    }
    (void)cluster_->ProposeConf(leader, conf, "");
  }

  void LeaderGone(MemberId member) {
    if (!cluster_->IsUp(member)) return;
    const MemberId leader = cluster_->node(member).soft_state().leader;
    if (leader == kNoMember || leader == member) return;
    cluster_->LeaderGone(member, leader);
    if (random_.Below(2) == 0) cluster_->Campaign(member);
  }

  // One member at a time, and none before the last one is whole again: else all copies of a
  // committed entry could be lost, and nothing could be promised.
  void Damage(MemberId member) {
    if (cluster_->ids().size() < 3) return;
    for (const MemberId id : cluster_->ids()) {
      if (cluster_->IsDoubtful(id) || !cluster_->HasWholeStore(id)) return;
      if (!cluster_->IsUp(id) || cluster_->node(id).conf_state().voters.size() < 3) return;
    }
    const bool store = random_.Below(3) == 0 && MayLoseAStore();
    cluster_->Crash(member, random_.Below(4));
    if (store) {
      cluster_->LoseStore(member, random_.Below(2) == 0);
    } else {
      cluster_->Damage(member, 1 + random_.Below(3), random_.Below(4) == 0);
    }
    cluster_->Restart(member);
    ++totals_.damages;
  }

  void Work() {
    const MemberId member = AnyMember();
    switch (random_.Below(4)) {
      case 0:
        (void)cluster_->Propose(member, absl::StrCat("p", ++proposals_));
        break;
      case 1:
        cluster_->Input(member, [&](RawNode& node) {
          for (int i = 0; i < 4; ++i) {
            (void)node.Propose(
                std::make_shared<const std::string>(absl::StrCat("p", ++proposals_)));
          }
        });
        break;
      case 2:
        cluster_->Read(member, ReadId{++reads_});
        break;
      default:
        cluster_->Persist(member, 1 + random_.Below(3));
    }
  }

  void Fault() {
    const MemberId member = AnyMember();
    const MemberId other = AnyMember();
    std::vector<Message>& network = cluster_->network();
    const size_t position = network.empty() ? 0 : random_.Below(network.size());
    switch (random_.Below(10)) {
      case 0:
      case 1:
        if (!network.empty()) network.erase(network.begin() + static_cast<ptrdiff_t>(position));
        break;
      case 2:
      case 3:
        if (!network.empty()) network.push_back(Message(network[position]));
        break;
      case 4:
        if (member != other) cluster_->Cut(member, other);
        break;
      case 5:
        cluster_->Heal();
        break;
      case 6:
        cluster_->SetSlowDisk(member, cluster_->IsUp(member) && random_.Below(2) == 0);
        break;
      case 7:
        cluster_->Crash(member, random_.Below(4));
        break;
      case 8:
        cluster_->Restart(member);
        break;
      default:
        random_.Below(2) == 0 ? cluster_->Campaign(member)
                              : cluster_->ReportUnreachable(member, other);
    }
  }

  void Mend() {
    cluster_->Heal();
    for (const MemberId id : cluster_->ids()) {
      cluster_->Restart(id);
      cluster_->SetSlowDisk(id, false);
    }
  }

  void Round() {
    for (const MemberId id : cluster_->ids()) cluster_->Tick(id);
    cluster_->DeliverAll();
  }

  void ExpectConverged(MemberId leader) {
    const std::vector<Entry>& expected = cluster_->applied(leader);
    ASSERT_FALSE(expected.empty());
    EXPECT_TRUE(std::ranges::any_of(expected, [](const Entry& e) { return e.bytes() == "last"; }))
        << History();
    for (const MemberId id : cluster_->ids()) {
      // A member that was removed, or never added, need not hear of anything more.
      if (!IsMember(cluster_->node(leader).conf_state(), id)) continue;
      EXPECT_TRUE(cluster_->applied(id) == expected) << "member " << id << " differs" << History();
    }
    // A proposal is one entry at most: it is never sent twice, and a repeated message is
    // recognised.
    std::map<std::string_view, int> seen;
    for (const Entry& entry : expected) {
      if (entry.kind == EntryKind::kNormal) {
        EXPECT_EQ(++seen[entry.bytes()], 1) << entry.bytes() << " was appended twice" << History();
      }
    }
  }

  SeededRandom random_;
  bool print_;
  std::unique_ptr<Cluster> cluster_;
  std::deque<std::string> history_;
  Totals totals_;
  bool last_read_answered_ = false;
  uint64_t proposals_ = 0;
  uint64_t reads_ = 0;
};

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(SoakTest, KeepsInvariantsAndConverges) {
  const uint64_t only = FromEnvironment("PINTLE_SOAK_SEED", 0);
  const uint64_t first = only != 0 ? only : 1;
  const uint64_t last = only != 0 ? only : FromEnvironment("PINTLE_SOAK_SEEDS", 100);
  Totals totals;
  for (uint64_t seed = first; seed <= last; ++seed) {
    SCOPED_TRACE(absl::StrCat("PINTLE_SOAK_SEED=", seed));
    Soak soak(seed, only != 0);
    soak.Run();
    if (testing::Test::HasFailure()) return;
    totals.leaders += soak.totals().leaders;
    totals.applied += soak.totals().applied;
    totals.reads += soak.totals().reads;
    totals.conf_changes += soak.totals().conf_changes;
    totals.snapshots += soak.totals().snapshots;
    totals.transfers += soak.totals().transfers;
    totals.damages += soak.totals().damages;
  }
  // A soak in which nothing happens would prove nothing.
  const uint64_t seeds = last - first + 1;
  EXPECT_GE(totals.leaders, seeds * 3);
  EXPECT_GE(totals.applied, seeds * 50);
  EXPECT_GE(totals.reads, seeds * 2);
  EXPECT_GE(totals.conf_changes, seeds);
  EXPECT_GE(totals.snapshots, seeds / 4);
  EXPECT_GE(totals.transfers, seeds / 4);
  EXPECT_GE(totals.damages, seeds / 4);
}

}  // namespace
}  // namespace pintle::raft
