#include "tests/replica/virtual_cluster.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "proto/etcd/rpc.pb.h"

namespace pintle::server::replica {

VirtualCluster::VirtualCluster(uint64_t seed, LogRetention retention) : seed_(seed), random_(seed) {
  std::vector<raft::MemberId> voters;
  for (size_t place = 0; place < kMembers; ++place) voters.emplace_back(place + 1);
  for (const raft::MemberId id : voters) {
    members_.push_back(std::make_unique<VirtualMember>(id, voters, random_.Next(), retention));
    members_.back()->Start();
  }
}

size_t VirtualCluster::Put(size_t place) {
  const size_t name = writes_.size();
  writes_.push_back({.place = place, .key = absl::StrCat("key-", name)});
  etcdserverpb::PutRequest request;
  request.set_key(writes_[name].key);
  request.set_value(std::string(random_.Below(300), 'v'));
  member(place).Propose(
      RequestKind::kPut, request.SerializeAsString(),
      [this, name, floor = highest_acknowledged_](const absl::StatusOr<Applied>& applied) {
        Write& write = writes_[name];
        ASSERT_EQ(write.state, Write::State::kWaiting) << "seed " << seed_ << ": answered twice";
        if (absl::IsResourceExhausted(applied.status())) {
          write.state = Write::State::kRefused;
          return;
        }
        ASSERT_TRUE(applied.ok()) << "seed " << seed_ << ": " << applied.status();
        ASSERT_GT(applied->revision, floor) << "seed " << seed_;
        write.state = Write::State::kAcknowledged;
        write.revision = applied->revision;
        highest_acknowledged_ = std::max(highest_acknowledged_, applied->revision);
      });
  Collect();
  return name;
}

size_t VirtualCluster::Get(size_t place) {
  const size_t name = reads_.size();
  reads_.emplace_back();
  member(place).Read([this, name, floor = highest_acknowledged_](
                         const absl::StatusOr<std::shared_ptr<const kv::ReadView>>& view) {
    ASSERT_TRUE(view.ok());
    ASSERT_FALSE(reads_[name].answered) << "seed " << seed_ << ": answered twice";
    ASSERT_GE((*view)->revision(), floor) << "seed " << seed_ << ": a read that lies";
    reads_[name] = {true, (*view)->revision()};
  });
  Collect();
  return name;
}

void VirtualCluster::Cut(size_t a, size_t b) {
  cut_.insert({a, b});
  cut_.insert({b, a});
}

void VirtualCluster::CutOff(size_t place) {
  for (size_t other = 0; other < kMembers; ++other) {
    if (other != place) Cut(place, other);
  }
}

void VirtualCluster::Crash(size_t place) {
  member(place).Crash();
  for (Write& write : writes_) {
    const bool waits = write.place == place && write.state == Write::State::kWaiting;
    if (waits) write.state = Write::State::kCrashed;
  }
}

void VirtualCluster::HandOver(size_t leader) {
  member(leader).HandOver();
  Collect();
}

void VirtualCluster::Collect() {
  for (const auto& member : members_) {
    for (auto& message : member->TakeMessages()) {
      if (HasPlace(message.to)) network_.push_back(std::move(message));
    }
    for (const auto& report : member->TakeReports()) {
      if (!HasPlace(report.to)) continue;
      VirtualMember& to = *members_[PlaceOf(report.to)];
      const bool cut = cut_.contains({PlaceOf(member->id()), PlaceOf(report.to)});
      if (to.running() && !cut) to.HearReport(report.body);
    }
  }
}

bool VirtualCluster::Deliver(size_t at) {
  const raft::Message message = std::move(network_[at]);
  network_.erase(network_.begin() + static_cast<ptrdiff_t>(at));
  VirtualMember& to = *members_[PlaceOf(message.to)];
  if (!to.running() || cut_.contains({PlaceOf(message.from), PlaceOf(message.to)})) return false;
  to.Receive(message);
  return true;
}

bool VirtualCluster::WorkOnce() {
  bool worked = false;
  while (!network_.empty()) worked = Deliver(0) || worked, Collect();
  for (size_t place = 0; place < kMembers; ++place) {
    if (!member(place).running()) continue;
    if (!hung_disks_.contains(place)) worked = member(place).WriteLog() || worked;
    worked = member(place).ApplyBatch() || worked;
    worked = member(place).MoveSnapshots() || worked;
  }
  Collect();
  return worked;
}

void VirtualCluster::Run(int ticks) {
  for (int tick = 0; tick < ticks; ++tick) {
    while (WorkOnce()) {
    }
    for (const auto& member : members_) {
      if (member->running()) member->Tick();
    }
    Collect();
  }
  while (WorkOnce()) {
  }
}

void VirtualCluster::RunFor(absl::Duration time) {
  constexpr absl::Duration kTick = absl::Milliseconds(100);
  for (; time > absl::ZeroDuration(); time -= kTick) {
    for (const auto& member : members_) member->PassTime(kTick);
    Run(1);
  }
}

size_t VirtualCluster::RunUntilLeader() {
  for (int tries = 0; tries < 1000; ++tries) {
    Run(1);
    std::set<raft::MemberId> leaders;
    std::set<uint64_t> terms;
    for (const auto& member : members_) {
      if (!member->running()) continue;
      leaders.insert(member->replica().soft_state().leader);
      terms.insert(member->replica().term().value());
    }
    if (leaders.size() == 1 && terms.size() == 1 && *leaders.begin() != raft::kNoMember) {
      return PlaceOf(*leaders.begin());
    }
  }
  ADD_FAILURE() << "seed " << seed_ << ": no leader";
  return 0;
}

void VirtualCluster::RandomStep() {
  if (!network_.empty() && !random_.OneIn(3)) {
    const size_t at = random_.Below(network_.size());
    if (random_.OneIn(50)) network_.push_back(network_[at]);
    if (random_.OneIn(30)) {
      network_.erase(network_.begin() + static_cast<ptrdiff_t>(at));
    } else {
      Deliver(at);
    }
    return Collect();
  }
  const size_t place = random_.Below(kMembers);
  VirtualMember& chosen = member(place);
  if (!chosen.running()) return;
  switch (random_.Below(7)) {
    case 0:
      chosen.Tick();
      break;
    case 1:
    case 2:
    case 3:
      if (!hung_disks_.contains(place)) chosen.WriteLog();
      break;
    case 4:
      chosen.MoveSnapshots();
      break;
    default:
      chosen.ApplyBatch();
  }
  Collect();
}

void VirtualCluster::DeliverSome() {
  for (uint64_t count = random_.Below(4); count > 0 && !network_.empty(); --count) {
    Deliver(0);
    Collect();
  }
  VirtualMember& chosen = member(random_.Below(kMembers));
  if (random_.OneIn(2)) {
    chosen.WriteLog();
  } else {
    chosen.ApplyBatch();
  }
  Collect();
}

void VirtualCluster::CheckAgreement() {
  const auto all = [](const VirtualMember& member) {
    return *member.store().view()->Range({.range = {std::string(1, '\0'), std::string(1, '\0')}});
  };
  std::map<std::string, kv::KeyValueView> found;
  const kv::RangeResult first = all(member(0));
  for (const auto& pair : first.kvs) {
    kv::KeyValueView view;
    ASSERT_TRUE(kv::ParseKeyValue(*pair, view));
    found[std::string(view.key)] = view;
  }
  for (const auto& other : members_) {
    const kv::RangeResult its = all(*other);
    ASSERT_EQ(its.revision, first.revision) << "seed " << seed_;
    ASSERT_EQ(its.kvs.size(), first.kvs.size()) << "seed " << seed_;
    for (size_t i = 0; i < its.kvs.size(); ++i) ASSERT_EQ(*its.kvs[i], *first.kvs[i]);
  }
  for (const Write& write : writes_) {
    const auto pair = found.find(write.key);
    if (write.state == Write::State::kAcknowledged) {
      ASSERT_TRUE(pair != found.end()) << "seed " << seed_ << ": " << write.key << " was lost";
      EXPECT_EQ(pair->second.mod_revision, write.revision) << "seed " << seed_;
    }
    if (pair == found.end()) continue;
    EXPECT_EQ(pair->second.version, 1) << "seed " << seed_ << ": applied twice: " << write.key;
  }
}

}  // namespace pintle::server::replica
