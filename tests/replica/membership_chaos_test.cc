// Members that are added, promoted, replaced and removed while messages are lost and doubled, disks
// are late, and any of them, the leader too, crashes and comes back. Production Members in one
// thread; a seed makes a run.
//
// What is checked: one leader in each term; the same hash of the whole state at the same position
// of the log, on whoever gets there, those that joined with an empty log too; and in the end, when
// everything is quiet, one list of members, the same voters, and every acknowledged write.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "proto/etcd/rpc.pb.h"
#include "tests/replica/virtual_member.h"

namespace pintle::server::replica {
namespace {

using Kind = MemberChange::Kind;

class Chaos {
 public:
  explicit Chaos(uint64_t seed) : random_(seed) {
    const std::vector<raft::MemberId> first{raft::MemberId(1), raft::MemberId(2),
                                            raft::MemberId(3)};
    for (const raft::MemberId id : first) Meet(id.value(), first);
  }

  void Step() {
    if (!network_.empty() && !random_.OneIn(3)) return Deliver();
    VirtualMember& chosen = Any();
    if (!chosen.running()) return;
    switch (random_.Below(8)) {
      case 0:
        chosen.Tick();
        break;
      case 1:
      case 2:
      case 3:
        chosen.WriteLog();
        break;
      case 4:
        chosen.MoveSnapshots();
        break;
      default:
        chosen.ApplyBatch();
    }
    After(chosen);
  }

  void Disturb() {
    switch (random_.Below(6)) {
      case 0:
        return CrashOne();
      case 1:
        return RestartAll();
      case 2:
      case 3:
        return Change();
      default:
        return Put();
    }
  }

  // Everything is done in order, with a tick everywhere, until the members agree.
  bool Settle() {
    RestartAll();
    for (int tick = 0; tick < 600; ++tick) {
      for (bool worked = true; worked;) worked = WorkOnce();
      if (tick > 50 && Agree()) return true;
      for (const auto& [id, member] : members_) {
        if (member->running()) member->Tick(), After(*member);
      }
    }
    return false;
  }

  void CheckEnd() {
    const std::vector<ClusterMember> list = Leader()->members();
    for (const ClusterMember& entry : list) {
      const VirtualMember& member = *members_.at(entry.id);
      const auto view = member.store().view();
      for (const std::string& key : acknowledged_) {
        const auto found = view->Range({.range = {key, ""}});
        ASSERT_TRUE(found.ok());
        ASSERT_EQ(found->kvs.size(), 1U) << key << " is lost at member " << entry.id;
      }
    }
  }
  size_t changes() const { return changes_; }

 private:
  VirtualMember& Meet(uint64_t id, std::vector<raft::MemberId> first) {
    members_[id] = std::make_unique<VirtualMember>(
        raft::MemberId(id), std::move(first), random_.Next(),
        LogRetention{.entries = 10, .bytes = 4096, .most_bytes = 8192});
    members_[id]->LetTimePass();
    members_[id]->Start();
    return *members_[id];
  }
  VirtualMember& Any() {
    auto at = members_.begin();
    std::advance(at, static_cast<ptrdiff_t>(random_.Below(members_.size())));
    return *at->second;
  }
  VirtualMember* Leader() {
    VirtualMember* leader = nullptr;
    for (const auto& [id, member] : members_) {
      if (!member->running() || member->replica().soft_state().role != raft::Role::kLeader)
        continue;
      if (leader == nullptr || leader->replica().term() < member->replica().term())
        leader = member.get();
    }
    return leader;
  }

  void Deliver() {
    const size_t at = random_.Below(network_.size());
    const raft::Message message = network_[at];
    if (!random_.OneIn(40)) network_.erase(network_.begin() + static_cast<ptrdiff_t>(at));
    if (!random_.OneIn(30)) Hand(message);
  }
  void Hand(const raft::Message& message) {
    const auto to = members_.find(message.to.value());
    if (to == members_.end() || !to->second->running()) return;
    to->second->Receive(message);
    After(*to->second);
  }

  void After(VirtualMember& member) {
    for (auto& message : member.TakeMessages()) network_.push_back(std::move(message));
    if (network_.size() > 5000) network_.clear();
    if (member.replica().soft_state().role == raft::Role::kLeader) {
      const auto [known, is_new] =
          leaders_.try_emplace(member.replica().term().value(), member.id().value());
      ASSERT_EQ(known->second, member.id().value()) << "two leaders in one term";
    }
    const uint64_t sequence = member.store().sequence().value();
    if (sequence == 0) return;
    const auto [known, is_new] = hashes_.try_emplace(sequence, member.store().hash());
    ASSERT_EQ(known->second, member.store().hash())
        << "member " << member.id().value() << " differs at entry " << sequence;
  }

  void CrashOne() {
    VirtualMember& chosen = Any();
    if (chosen.running()) chosen.Crash();
  }
  void RestartAll() {
    for (auto at = members_.begin(); at != members_.end();) {
      VirtualMember& member = *at->second;
      if (!member.running() && !member.TryStart().ok()) {  // it was removed
        at = members_.erase(at);
        continue;
      }
      After(member);
      ++at;
    }
  }

  void Put() {
    VirtualMember* leader = Leader();
    if (leader == nullptr) return;
    const std::string key = absl::StrCat("key-", ++last_key_);
    etcdserverpb::PutRequest request;
    request.set_key(key);
    request.set_value(std::string(random_.Below(300), 'v'));
    leader->Propose(RequestKind::kPut, request.SerializeAsString(),
                    [this, key](const absl::StatusOr<Applied>& applied) {
                      if (applied.ok()) acknowledged_.push_back(key);
                    });
    After(*leader);
  }

  void Change() {
    VirtualMember* leader = Leader();
    if (leader == nullptr) return;
    const std::vector<ClusterMember> list = leader->members();
    MemberChange change;
    change.id = list[random_.Below(list.size())].id;
    change.kind = Kind::kRemove;
    if (list.size() < 5 || random_.OneIn(4)) {
      change.replaces = random_.OneIn(3) ? change.id : 0;
      change.kind = Kind::kAdd;
      change.id = ++last_id_;
      change.peer_urls = {absl::StrCat("http://10.0.0.1:", change.id)};
    }
    leader->Change(change, [this, change](const auto& members) {
      if (!members.ok()) return;
      ++changes_;
      if (change.kind == Kind::kAdd) to_start_.push_back(change.id);
    });
    After(*leader);
    for (const uint64_t id : std::exchange(to_start_, {})) After(Meet(id, {}));
  }

  bool WorkOnce() {
    bool worked = false;
    for (const raft::Message& message : std::exchange(network_, {})) Hand(message), worked = true;
    for (const auto& [id, member] : members_) {
      if (!member->running()) continue;
      worked = member->WriteLog() || worked;
      worked = member->ApplyBatch() || worked;
      worked = member->MoveSnapshots() || worked;
      After(*member);
    }
    for (const uint64_t id : std::exchange(to_start_, {})) After(Meet(id, {}));
    return worked;
  }

  // Everybody that the leader lists runs and has applied the same, nobody is on the way in or out.
  bool Agree() {
    VirtualMember* leader = Leader();
    if (leader == nullptr) return false;
    const raft::ConfState& conf = leader->replica().conf_state();
    const std::vector<ClusterMember> list = leader->members();
    for (const ClusterMember& entry : list) {
      if (members_.contains(entry.id)) continue;
      // Accepted, but whoever asked for it never heard of that.
      After(Meet(entry.id, {}));
      return false;
    }
    if (conf.joint() || !conf.learners.empty() || conf.voters.size() != list.size()) return false;
    for (const ClusterMember& entry : list) {
      const VirtualMember& member = *members_.at(entry.id);
      if (!member.running() || member.replica().conf_state() != conf ||
          member.applied_index() != leader->applied_index()) {
        return false;
      }
    }
    return true;
  }

  SeededRandom random_;
  std::map<uint64_t, std::unique_ptr<VirtualMember>> members_;
  std::vector<raft::Message> network_;
  std::map<uint64_t, uint64_t> leaders_;  // by term
  std::map<uint64_t, uint64_t> hashes_;   // by position
  std::vector<std::string> acknowledged_;
  std::vector<uint64_t> to_start_;
  uint64_t last_key_ = 0;
  uint64_t last_id_ = 3;
  size_t changes_ = 0;
};

TEST(MembershipChaos, WhoComesAndGoesLosesNothing) {
  size_t changes = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Chaos chaos(seed);
    for (int round = 0; round < 150; ++round) {
      for (int step = 0; step < 60; ++step) chaos.Step();
      if (::testing::Test::HasFatalFailure()) return;
      chaos.Disturb();
    }
    ASSERT_TRUE(chaos.Settle());
    chaos.CheckEnd();
    if (::testing::Test::HasFatalFailure()) return;
    changes += chaos.changes();
  }
  EXPECT_GT(changes, 40U) << "the runs change too little";
}

}  // namespace
}  // namespace pintle::server::replica
