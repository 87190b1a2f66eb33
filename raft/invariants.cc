#include "raft/invariants.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "raft/membership.h"

namespace pintle::raft {
namespace {

// Elections that are remembered; a vote is never given in so old a term.
constexpr size_t kMaxTerms = 1000;

template <typename... Parts>
absl::Status Broken(MemberId member, const Parts&... parts) {
  return absl::InternalError(absl::StrCat("member ", member.value(), ": ", parts...));
}

template <typename Map>
void DropOldTerms(Map& terms) {
  if (terms.size() > kMaxTerms) terms.erase(terms.begin());
}

// Counted anew here: the checker must not share Quorum's mistakes.
bool IsQuorum(const ConfState& conf, absl::FunctionRef<bool(MemberId)> yes) {
  const auto majority = [&](const std::vector<MemberId>& voters) {
    return static_cast<size_t>(std::ranges::count_if(voters, yes)) > voters.size() / 2;
  };
  return majority(conf.voters) && (conf.outgoing.empty() || majority(conf.outgoing));
}

// Drops from the end what `term_at` no longer knows so. Behind the last entry that is still the
// same nothing was replaced (log matching).
void PopReplaced(SeenLog& log, Index last, absl::FunctionRef<std::optional<Term>(Index)> term_at) {
  while (!log.empty() &&
         (log.last_index() > last || term_at(log.last_index()) != log.last().term)) {
    log.PopBack();
  }
}

}  // namespace

absl::Status InvariantChecker::ObserveDisk(MemberId member, const HardState& hard_state,
                                           const LogStorage& log) {
  Disk& disk = disks_[member];
  const HardState before = std::exchange(disk.hard_state, hard_state);
  if (hard_state.term < before.term) return Broken(member, "the term on the disk went back");
  if (hard_state.term == before.term && before.vote != kNoMember &&
      hard_state.vote != before.vote) {
    return Broken(member, "the vote on the disk changed within a term");
  }
  const Index base = log.FirstIndex() - 1;
  if (base > disk.log.last_index() || log.LastIndex() < disk.log.base().index) {
    disk.log.Reset({log.TermAt(base).value_or(Term{0}), base});
  }
  PopReplaced(disk.log, log.LastIndex(), [&](Index index) { return log.TermAt(index); });
  disk.log.DropTo(std::min(base, disk.log.last_index()));
  while (disk.log.last_index() < log.LastIndex()) {
    disk.log.Push(log.TermAt(disk.log.last_index() + 1).value_or(Term{0}));
  }
  return CheckFloor(member, before);
}

void InvariantChecker::ObserveDamage(MemberId member) {
  Disk& disk = disks_[member];
  // An earlier doubt that was settled promises nothing any more.
  if (!disk.doubtful() || disk.log.last() > disk.promised.last()) disk.promised = disk.log;
  disk.damaged = true;
  disk.told.clear();
}

absl::Status InvariantChecker::CheckFloor(MemberId member, const HardState& before) {
  Disk& disk = disks_.at(member);
  const EntryId floor = disk.hard_state.vote_floor;
  if (disk.damaged) {
    disk.damaged = false;
    if (disk.log.last() < disk.promised.last() && floor < disk.promised.last()) {
      return Broken(member, "has forgotten ", Text(disk.promised.last()), " and has no floor");
    }
    return absl::OkStatus();
  }
  if (floor >= before.vote_floor || disk.log.last() >= before.vote_floor) return absl::OkStatus();
  const auto seen = members_.find(member);
  if (seen == members_.end()) return absl::OkStatus();
  for (const auto* list : {&seen->second.conf_state.voters, &seen->second.conf_state.outgoing}) {
    for (const MemberId voter : *list) {
      if (voter == member) continue;
      const auto told = disk.told.find(voter);
      if (told == disk.told.end()) {
        return Broken(member, "lowers its floor without asking member ", voter.value());
      }
      if (told->second > floor && told->second > disk.log.last()) {
        return Broken(member, "lowers its floor below what member ", voter.value(), " holds");
      }
    }
  }
  return absl::OkStatus();
}

bool InvariantChecker::OnDisk(MemberId member, EntryId id) const {
  const auto found = disks_.find(member);
  if (found == disks_.end()) return id.index == Index{0};
  const Disk& disk = found->second;
  return disk.log.Holds(id) || (disk.doubtful() && disk.promised.Holds(id));
}

void InvariantChecker::NoteAnswer(const Message& message, const RequestVoteResponse& response) {
  const auto disk = disks_.find(message.to);
  if (disk == disks_.end() || !disk->second.doubtful()) return;
  const auto [told, is_new] = disk->second.told.emplace(message.from, response.intact_last);
  if (!is_new) told->second = std::min(told->second, response.intact_last);
}

absl::Status InvariantChecker::CheckVote(const Message& message, MemberId vote) {
  const MemberId from = message.from;
  const Disk& disk = disks_[from];
  if (message.term == disk.hard_state.term && vote != disk.hard_state.vote) {
    return Broken(from, "gives a vote that is not on its disk");
  }
  std::map<MemberId, MemberId>& votes = votes_[message.term];
  DropOldTerms(votes_);
  if (votes.try_emplace(from, vote).first->second != vote) {
    return Broken(from, "votes twice in term ", message.term.value());
  }
  if (vote == from || !disk.doubtful()) return absl::OkStatus();
  const auto term = candidates_.find(message.term);
  if (term == candidates_.end()) return absl::OkStatus();
  const auto candidate = term->second.find(vote);
  if (candidate != term->second.end() && candidate->second < disk.hard_state.vote_floor) {
    return Broken(from, "votes for less than its floor ", Text(disk.hard_state.vote_floor));
  }
  return absl::OkStatus();
}

absl::Status InvariantChecker::ObserveSent(const Message& message) {
  const MemberId from = message.from;
  const Disk& disk = disks_[from];
  const auto* request = std::get_if<RequestVote>(&message.body);
  const auto* response = std::get_if<RequestVoteResponse>(&message.body);
  const bool asks_only = (request != nullptr && request->pre_vote) ||
                         (response != nullptr && response->pre_vote && response->granted);
  if (!asks_only && message.term > disk.hard_state.term) {
    return Broken(from, "tells term ", message.term.value(), " that is not on its disk");
  }
  if (response != nullptr) NoteAnswer(message, *response);
  if (request != nullptr && !request->pre_vote) {
    candidates_[message.term][from] = request->last_entry;
    DropOldTerms(candidates_);
    return CheckVote(message, from);
  }
  if (response != nullptr && !response->pre_vote && response->granted) {
    return CheckVote(message, message.to);
  }
  const auto* append = std::get_if<AppendEntriesResponse>(&message.body);
  // One write may hold what an old leader sent and what the next one replaced it with. Both are
  // durable at once, and the answer to the old one is as true as if they had been written apart.
  const bool is_of_old_term = message.term < disk.hard_state.term;
  if (append != nullptr && !append->rejected && !is_of_old_term &&
      append->match_index > disk.log.last_index()) {
    return Broken(from, "acknowledges index ", append->match_index.value(),
                  " that is not on its disk");
  }
  return absl::OkStatus();
}

absl::Status InvariantChecker::ObserveApplied(MemberId member, std::span<const Entry> entries) {
  for (const Entry& entry : entries) {
    Index& applied = applied_[member];
    if (entry.id.index != applied + 1) return Broken(member, "applies with a gap or twice");
    applied = entry.id.index;
    if (applied > history_.committed_index()) {
      return Broken(member, "applies ", Text(entry.id), " that nobody has committed");
    }
    if (!history_.IsCommitted(entry.id)) {
      return Broken(member, "applies ", Text(entry.id), ", others ",
                    Text(history_.CommittedAt(applied)));
    }
    const EntryId previous =
        history_.Remembers(applied - 1) ? history_.CommittedAt(applied - 1) : EntryId{};
    if (previous.index > Index{0} || applied == Index{1}) {
      PINTLE_RETURN_IF_ERROR(history_.Saw(entry, previous));
    }
  }
  return absl::OkStatus();
}

absl::Status InvariantChecker::ObserveRestored(MemberId member, const SnapshotMeta& meta) {
  applied_[member] = meta.last_entry.index;
  if (!history_.IsCommitted(meta.last_entry)) {
    return Broken(member, "takes a snapshot up to ", Text(meta.last_entry),
                  " that is not committed so");
  }
  if (history_.Remembers(meta.last_entry.index) &&
      meta.conf_state != history_.ConfAt(meta.last_entry.index)) {
    return Broken(member, "takes a snapshot with a wrong configuration");
  }
  return absl::OkStatus();
}

void InvariantChecker::ObserveRestart(MemberId member, Index applied_index) {
  Seen& seen = members_[member];
  Seen fresh;
  // Its configuration is needed to judge what it does with its floor.
  fresh.conf_state = std::move(seen.conf_state);
  seen = std::move(fresh);
  applied_[member] = applied_index;
}

void InvariantChecker::ObserveGone(MemberId member) {
  disks_.erase(member);
  members_.erase(member);
  applied_.erase(member);
  ForgetWhatNobodyHolds();
}

absl::Status InvariantChecker::ObserveMember(const RawNode& node) {
  Seen& seen = members_[node.id()];
  PINTLE_RETURN_IF_ERROR(CheckMonotony(node, seen));
  PINTLE_RETURN_IF_ERROR(CheckLog(node, seen));
  PINTLE_RETURN_IF_ERROR(CheckCommit(node, seen));
  PINTLE_RETURN_IF_ERROR(CheckElection(node, seen));
  seen.role = node.soft_state().role;
  seen.term = node.term();
  seen.commit_index = node.commit_index();
  if (seen.conf_index != node.conf_index() || seen.conf_state != node.conf_state()) {
    seen.conf_index = node.conf_index();
    seen.conf_state = node.conf_state();
  }
  return absl::OkStatus();
}

absl::Status InvariantChecker::CheckElection(const RawNode& node, const Seen& seen) {
  if (node.soft_state().role != Role::kLeader) return absl::OkStatus();
  if (seen.role == Role::kLeader && seen.term == node.term()) return absl::OkStatus();
  const MemberId leader = leaders_.try_emplace(node.term(), node.id()).first->second;
  DropOldTerms(leaders_);
  if (leader != node.id()) {
    return Broken(node.id(), "leads term ", node.term().value(), " like member ", leader.value());
  }
  const EntryId committed = history_.LastCommittedBefore(node.term());
  if (!seen.log.Holds(committed)) {
    return Broken(node.id(), "leads term ", node.term().value(), " without committed entry ",
                  Text(committed));
  }
  const std::map<MemberId, MemberId>& votes = votes_[node.term()];
  const bool alone = node.conf_state().voters.size() == 1 && !node.conf_state().joint();
  const bool elected = IsQuorum(node.conf_state(), [&](MemberId voter) {
    const Disk& disk = disks_[voter];
    if (voter == node.id() && disk.doubtful() && !alone) return false;
    if (disk.hard_state.term == node.term() && disk.hard_state.vote == node.id()) return true;
    const auto vote = votes.find(voter);
    return vote != votes.end() && vote->second == node.id();
  });
  if (elected) return absl::OkStatus();
  return Broken(node.id(), "leads term ", node.term().value(), " without the votes of a quorum");
}

absl::Status InvariantChecker::CheckMonotony(const RawNode& node, const Seen& seen) {
  if (node.term() < seen.term) return Broken(node.id(), "its term went back");
  if (node.commit_index() < seen.commit_index) {
    return Broken(node.id(), "its commit index went back");
  }
  if (node.commit_index() > node.last_entry().index) {
    return Broken(node.id(), "commits what it does not have");
  }
  return absl::OkStatus();
}

// What was compacted away, or replaced by a snapshot, was committed.
absl::Status InvariantChecker::MoveBase(const RawNode& node, SeenLog& log) {
  const Index base = node.first_index() - 1;
  if (base <= log.base().index) return absl::OkStatus();
  if (base > history_.committed_index()) {
    return Broken(node.id(), "compacted uncommitted entries");
  }
  const EntryId id{node.TermAt(base).value_or(Term{0}), base};
  if (!history_.IsCommitted(id)) {
    return Broken(node.id(), "begins behind ", Text(id), " that is not committed so");
  }
  if (base <= log.last_index() && log.At(base) == id) {
    log.DropTo(base);
    ForgetWhatNobodyHolds();
    return absl::OkStatus();
  }
  log.Reset(id);
  ForgetWhatNobodyHolds();
  // A member whose store is lost does not know, and does not campaign.
  const bool knows = node.last_entry() == id && !node.store_behind_log();
  if (knows && history_.Remembers(base) && node.conf_state() != history_.ConfAt(base)) {
    return Broken(node.id(), "goes on from a snapshot with a wrong configuration");
  }
  return absl::OkStatus();
}

absl::Status InvariantChecker::CheckLog(const RawNode& node, Seen& seen) {
  SeenLog& log = seen.log;
  const EntryId last = node.last_entry();
  const bool leads = node.soft_state().role == Role::kLeader;
  const bool led_before = seen.role == Role::kLeader && seen.term == node.term();
  const Index length_before = log.last_index();
  PINTLE_RETURN_IF_ERROR(MoveBase(node, log));
  if (log.last() == last) return absl::OkStatus();
  PopReplaced(log, last.index, [&](Index index) { return node.TermAt(index); });
  if (led_before && log.last_index() < length_before) {
    return Broken(node.id(), "a leader's log was cut");
  }
  std::vector<Entry> news;
  node.ReadLog({log.last_index() + 1, last.index}, news);
  for (const Entry& entry : news) {
    PINTLE_RETURN_IF_ERROR(history_.Saw(entry, log.last()));
    log.Push(entry.id.term);
    if (leads && entry.id.term == node.term() && entry.kind == EntryKind::kConfChange) {
      PINTLE_RETURN_IF_ERROR(CheckNewConf(node, seen, entry));
    }
  }
  return absl::OkStatus();
}

absl::Status InvariantChecker::CheckNewConf(const RawNode& node, const Seen& seen,
                                            const Entry& entry) {
  ConfChange change;
  if (!DecodeConfChange(entry.bytes(), change)) {
    return Broken(node.id(), "appends a configuration that nobody can read");
  }
  if (!AreNeighbours(seen.conf_state, change.conf_state)) {
    return Broken(node.id(), "appends ", Text(entry.id),
                  ", a configuration whose quorums may miss those of the one before");
  }
  if (seen.conf_index > node.commit_index()) {
    return Broken(node.id(), "appends ", Text(entry.id), ", a second change under way");
  }
  if (node.TermAt(node.commit_index()) != node.term()) {
    return Broken(node.id(), "changes members before an entry of its term is committed");
  }
  return absl::OkStatus();
}

absl::Status InvariantChecker::CheckCommit(const RawNode& node, const Seen& seen) {
  const Index commit = node.commit_index();
  const Index known = history_.committed_index();
  if (commit <= known) {
    if (commit <= seen.log.base().index || history_.IsCommitted(seen.log.At(commit))) {
      return absl::OkStatus();
    }
    return Broken(node.id(), "commits ", Text(seen.log.At(commit)), ", others ",
                  Text(history_.CommittedAt(commit)));
  }
  if (known > seen.log.base().index && !history_.IsCommitted(seen.log.At(known))) {
    return Broken(node.id(), "commits ", Text(seen.log.At(known)), ", others ",
                  Text(history_.CommittedAt(known)));
  }
  PINTLE_RETURN_IF_ERROR(CheckQuorum(node, seen, commit));
  const EntryId last = seen.log.At(commit);
  if (node.soft_state().role == Role::kLeader && last.term != node.term()) {
    return Broken(node.id(), "commits ", Text(last), " of an earlier term by counting");
  }
  for (Index index = known + 1; index <= commit; ++index) {
    history_.Commit(seen.log.At(index), node.term());
  }
  return absl::OkStatus();
}

// By one of these the commit index has moved there, oldest first. A leader may have committed, and
// then begun to change members, in one step; and a follower may hear of a commit after it has got
// the change that came later.
std::vector<ConfState> InvariantChecker::ConfsInForce(const RawNode& node, const Seen& seen,
                                                      Index commit) const {
  const Index known = history_.committed_index();
  if (node.conf_index() <= known) return {node.conf_state()};
  const bool led_before = seen.role == Role::kLeader && seen.term == node.term();
  const Index oldest = led_before ? std::max(seen.conf_index, commit) : commit;
  std::vector<ConfState> confs{history_.ConfAt(known)};
  for (Index index = std::max(known, seen.log.base().index) + 1; index <= node.conf_index();
       ++index) {
    std::optional<ConfState> conf = history_.ConfOf(seen.log.At(index));
    if (!conf) continue;
    // The one as of `oldest`, and all that came later.
    if (index <= oldest) confs.clear();
    confs.push_back(*std::move(conf));
  }
  return confs;
}

absl::Status InvariantChecker::CheckQuorum(const RawNode& node, const Seen& seen, Index commit) {
  const auto holds = [&](EntryId id) {
    return [this, id](MemberId voter) { return OnDisk(voter, id); };
  };
  const auto broken = [&](EntryId id, const ConfState& conf) {
    return Broken(node.id(), "commits ", Text(id), " that only ",
                  std::ranges::count_if(conf.voters, holds(id)), " disks hold");
  };
  // A leader that has committed a joint configuration has left it by now: that commit needed both
  // sides, what followed it only the new one.
  const bool led_before = seen.role == Role::kLeader && seen.term == node.term();
  if (led_before && seen.conf_index < node.conf_index() &&
      seen.conf_index > history_.committed_index()) {
    const EntryId left = seen.log.At(seen.conf_index);
    if (!IsQuorum(seen.conf_state, holds(left))) return broken(left, seen.conf_state);
  }
  const EntryId last = seen.log.At(commit);
  const std::vector<ConfState> confs = ConfsInForce(node, seen, commit);
  const bool decided = std::ranges::any_of(
      confs, [&](const ConfState& conf) { return IsQuorum(conf, holds(last)); });
  return decided ? absl::OkStatus() : broken(last, confs.back());
}

void InvariantChecker::ForgetWhatNobodyHolds() {
  Index lowest = history_.committed_index();
  const auto look = [&](const SeenLog& log) {
    // A member without any log holds nothing that could disagree.
    if (log.last_index() > Index{0}) lowest = std::min(lowest, log.base().index);
  };
  for (const auto& [id, seen] : members_) look(seen.log);
  for (const auto& [id, disk] : disks_) {
    look(disk.log);
    if (disk.doubtful()) look(disk.promised);
  }
  history_.Forget(lowest);
}

}  // namespace pintle::raft
