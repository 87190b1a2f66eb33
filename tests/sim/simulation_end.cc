// Simulation, the part about its end: what a cluster without faults must reach, and hold.
#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "kv/content_hash.h"
#include "server/replica/member_list.h"
#include "tests/sim/simulation.h"

namespace pintle::sim {

void Simulation::EndFaults() {
  Tell("faults end");
  faults_on_ = false;
  network_.HealAll();
  clients_->Stop();
  lease_users_->Stop();
  watchers_->Settle();
  operator_->Settle();
  for (const auto& member : machines_) {
    member->disk().FailNextSync(false);
    member->disk().FailNextWrite(false);
    member->disk().SetRoom(VirtualDisk::kUnlimited);
    member->changed_values().ChangeNext(false);
  }
}

bool Simulation::WaitUntilLive() {
  const absl::Duration limit = events_.now() + kLivenessLimit;
  while (outcome_.violation.ok() && events_.now() < limit) {
    if (IsLive()) return true;
    RunUntil(events_.now() + absl::Milliseconds(50));
  }
  if (!outcome_.violation.ok()) return false;
  Check(absl::InternalError("liveness: a healed cluster does not serve again: " + WhatIsMissing()));
  return false;
}

// A put and a linearizable read, asked of every member that there is in the end.
bool Simulation::IsAnswered(SimMember& member) {
  const auto [probe, is_new] = probes_.try_emplace(member.place(), std::make_shared<bool>(false));
  if (is_new) clients_->Probe(member, probe->second);
  return *probe->second;
}

// Whoever has not found yet that its store is damaged does so by this.
bool Simulation::CanBeRead() {
  return std::ranges::all_of(members_, [](SimMember* member) {
    return member->member().store_usable() &&
           !member->Excuses(member->member().view()->Range({.range = AllKeys()}).status());
  });
}

// Everything that anybody knows to be committed.
bool Simulation::HaveAppliedAll() {
  uint64_t committed = 0;
  for (SimMember* member : members_) {
    if (!member->up()) return false;
    committed = std::max(committed, member->member().status().committed_index);
  }
  return std::ranges::all_of(members_, [committed](SimMember* member) {
    return member->member().status().applied_index == committed;
  });
}

// Whatever was changed behind a member's back has been found, and its store is another one.
bool Simulation::AreStoresRight() {
  return std::ranges::none_of(
      members_, [](const SimMember* member) { return member->changed_values().any(); });
}

bool Simulation::IsLive() {
  const auto answered =
      std::ranges::count_if(members_, [this](SimMember* member) { return IsAnswered(*member); });
  return static_cast<size_t>(answered) == members_.size() && operator_->settled() &&
         watchers_->AreSynced() && lease_users_->AllGone() && HaveAppliedAll() &&
         AreStoresRight() &&
         std::ranges::all_of(members_,
                             [this](SimMember* member) {
                               return member->member().view()->revision() ==
                                      history_.last_revision();
                             }) &&
         CanBeRead();
}

std::string Simulation::WhatIsMissing() {
  std::string text = absl::StrCat("the truth is at revision ", history_.last_revision(),
                                  watchers_->AreSynced() ? "" : ", a watcher is behind",
                                  lease_users_->AllGone() ? "" : ", a lease is still there",
                                  operator_->settled() ? "" : ", the members are not in order");
  for (SimMember* member : members_) {
    absl::StrAppend(&text, "; member ", member->place(), member->up() ? "" : " is down");
    if (!IsAnswered(*member)) absl::StrAppend(&text, " does not answer");
    if (member->changed_values().any()) absl::StrAppend(&text, " holds a changed value");
    if (!member->up()) continue;
    const auto status = member->member().status();
    absl::StrAppend(&text, " at revision ", member->member().view()->revision(), ", term ",
                    status.raft_term, ", leader ", status.leader_id, ", committed ",
                    status.committed_index, ", applied ", status.applied_index,
                    member->member().store_usable() ? "" : ", its store is made anew",
                    member->member().replica().store_behind_log() ? " from a snapshot" : "");
    const raft::Status raft = member->member().replica().GetStatus();
    absl::StrAppend(&text, ", log to ", raft.last_entry.term.value(), "/",
                    raft.last_entry.index.value(), raft.doubtful ? ", doubts up to " : "");
    if (raft.doubtful) {
      absl::StrAppend(&text, raft.vote_floor.term.value(), "/", raft.vote_floor.index.value());
    }
  }
  return text;
}

void Simulation::CheckStore(const SimMember& member, const std::vector<kv::EncodedKeyValue>& pairs,
                            int64_t revision) {
  for (const auto& encoded : pairs) {
    kv::KeyValueView pair;
    if (!kv::ParseKeyValue(*encoded, pair)) return Check(absl::InternalError("no pair"));
    Check(history_.Read(false, 0, revision, std::string(pair.key), member.Told(encoded)));
  }
}

void Simulation::CheckAgreement() {
  std::optional<size_t> count;
  for (SimMember* member : members_) {
    const auto all = member->member().view()->Range({.range = AllKeys()});
    if (member->Excuses(all.status())) continue;  // found only now
    if (!all.ok()) return Check(all.status());
    CheckStore(*member, all->kvs, all->revision);
    if (count && all->kvs.size() != *count) {
      Check(absl::InternalError(absl::StrCat("member ", member->place(), " holds ", all->kvs.size(),
                                             " keys, others ", *count)));
    }
    count = all->kvs.size();
  }
  CheckContent();
  CheckMembers();
}

// All have applied the same; so has everybody whose compaction has come to an end the same bytes.
void Simulation::CheckContent() {
  std::optional<uint64_t> first;
  for (SimMember* member : members_) {
    const kv::Store& store = member->member().store();
    if (!store.compacted()) continue;
    kv::ContentHash content(store.NewSnapshot());
    absl::Status read;
    while (read.ok() && !content.done()) read = content.Step(size_t{1} << 20);
    if (member->Excuses(read)) continue;
    Check(read);
    if (first && content.hash() != *first) {
      Check(absl::InternalError(
          absl::StrCat("member ", member->place(), " has another content than others")));
    }
    first = content.hash();
  }
}

// Everybody knows the same members, and the voters among them vote.
void Simulation::CheckMembers() {
  std::string first;
  for (SimMember* member : members_) {
    const std::vector<server::replica::ClusterMember> list = member->member().members();
    const std::string bytes = server::replica::EncodeMemberList({.members = list});
    if (first.empty()) first = bytes;
    const raft::ConfState& conf = member->member().replica().conf_state();
    const auto learners = std::ranges::count_if(list, &server::replica::ClusterMember::is_learner);
    if (bytes != first || conf.joint() || conf.voters.size() + learners != list.size()) {
      Check(absl::InternalError(absl::StrCat("member ", member->place(), " knows ", list.size(),
                                             " members, not those that others know, and ",
                                             conf.voters.size(), " of them vote")));
    }
  }
}

}  // namespace pintle::sim
