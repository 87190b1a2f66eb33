#include "raft/invariants.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace pintle::raft {
namespace {

std::string Text(EntryId id) {
  return absl::StrCat("(term ", id.term.value(), ", index ", id.index.value(), ")");
}

template <typename... Parts>
absl::Status Broken(MemberId member, const Parts&... parts) {
  return absl::InternalError(absl::StrCat("member ", member.value(), ": ", parts...));
}

// logs[i] has index i + 1.
bool Holds(const std::vector<EntryId>& log, EntryId id) {
  if (id.index == Index{0}) return true;
  return id.index.value() <= log.size() && log[id.index.value() - 1] == id;
}

}  // namespace

InvariantChecker::InvariantChecker(std::vector<MemberId> voters) : voters_(std::move(voters)) {}

absl::Status InvariantChecker::ObserveDisk(MemberId member, const HardState& hard_state,
                                           const LogStorage& log) {
  Disk& disk = disks_[member];
  if (hard_state.term < disk.hard_state.term)
    return Broken(member, "the term on the disk went back");
  if (hard_state.term == disk.hard_state.term && disk.hard_state.vote != kNoMember &&
      hard_state.vote != disk.hard_state.vote) {
    return Broken(member, "the vote on the disk changed within a term");
  }
  disk.hard_state = hard_state;
  disk.log.resize(std::min<size_t>(disk.log.size(), log.LastIndex().value()));
  // Behind the last entry that is still the same, nothing was replaced (log matching, checked
  // elsewhere).
  while (!disk.log.empty() && log.TermAt(disk.log.back().index) != disk.log.back().term &&
         disk.log.back().index >= log.FirstIndex()) {
    disk.log.pop_back();
  }
  for (Index index{disk.log.size() + 1}; index <= log.LastIndex(); ++index) {
    disk.log.push_back({log.TermAt(index).value_or(Term{0}), index});
  }
  return absl::OkStatus();
}

bool InvariantChecker::OnDisk(MemberId member, EntryId id) const {
  const auto disk = disks_.find(member);
  return id.index == Index{0} || (disk != disks_.end() && Holds(disk->second.log, id));
}

absl::Status InvariantChecker::ObserveSent(const Message& message) {
  const MemberId from = message.from;
  const HardState& durable = disks_[from].hard_state;
  const auto* request = std::get_if<RequestVote>(&message.body);
  const auto* response = std::get_if<RequestVoteResponse>(&message.body);
  const bool asks_only = (request != nullptr && request->pre_vote) ||
                         (response != nullptr && response->pre_vote && response->granted);
  if (!asks_only && message.term > durable.term) {
    return Broken(from, "tells term ", message.term.value(), " that is not on its disk");
  }
  MemberId vote = kNoMember;
  if (request != nullptr && !request->pre_vote) vote = from;
  if (response != nullptr && !response->pre_vote && response->granted) vote = message.to;
  if (vote != kNoMember) {
    if (message.term == durable.term && vote != durable.vote) {
      return Broken(from, "gives a vote that is not on its disk");
    }
    if (votes_.try_emplace({from, message.term}, vote).first->second != vote) {
      return Broken(from, "votes twice in term ", message.term.value());
    }
  }
  const auto* append = std::get_if<AppendEntriesResponse>(&message.body);
  if (append != nullptr && !append->rejected &&
      append->match_index.value() > disks_[from].log.size()) {
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
    if (applied.value() > committed_.size()) {
      return Broken(member, "applies ", Text(entry.id), " that nobody has committed");
    }
    if (committed_[applied.value() - 1].id != entry.id) {
      return Broken(member, "applies ", Text(entry.id), ", others ",
                    Text(committed_[applied.value() - 1].id));
    }
    PINTLE_RETURN_IF_ERROR(
        CheckEntry(entry, applied.value() < 2 ? EntryId{} : committed_[applied.value() - 2].id));
  }
  return absl::OkStatus();
}

void InvariantChecker::ObserveRestart(MemberId member, Index applied_index) {
  members_[member] = Seen{};
  applied_[member] = applied_index;
}

absl::Status InvariantChecker::ObserveMember(const RawNode& node) {
  const Status status = node.GetStatus();
  Seen& seen = members_[status.id];
  PINTLE_RETURN_IF_ERROR(CheckElection(status, seen));
  PINTLE_RETURN_IF_ERROR(CheckMonotony(status, seen));
  PINTLE_RETURN_IF_ERROR(CheckLog(node, status, seen));
  PINTLE_RETURN_IF_ERROR(CheckCommit(status, seen));
  PINTLE_RETURN_IF_ERROR(CheckCompleteness(status, seen));
  seen.role = status.role;
  seen.term = status.term;
  seen.commit_index = status.commit_index;
  return absl::OkStatus();
}

absl::Status InvariantChecker::CheckElection(const Status& status, Seen&) {
  if (status.role != Role::kLeader) return absl::OkStatus();
  const MemberId leader = leaders_.try_emplace(status.term, status.id).first->second;
  if (leader == status.id) return absl::OkStatus();
  return Broken(status.id, "leads term ", status.term.value(), " like member ", leader.value());
}

absl::Status InvariantChecker::CheckMonotony(const Status& status, Seen& seen) {
  if (status.term < seen.term) return Broken(status.id, "its term went back");
  if (status.commit_index < seen.commit_index) {
    return Broken(status.id, "its commit index went back");
  }
  if (status.commit_index > status.last_entry.index) {
    return Broken(status.id, "commits what it does not have");
  }
  return absl::OkStatus();
}

absl::Status InvariantChecker::CheckLog(const RawNode& node, const Status& status, Seen& seen) {
  std::vector<EntryId>& log = seen.log;
  const bool led_before = seen.role == Role::kLeader && seen.term == status.term;
  const size_t length_before = log.size();
  log.resize(std::min<size_t>(log.size(), status.last_entry.index.value()));
  while (!log.empty() && log.back().index >= status.first_index &&
         node.TermAt(log.back().index) != log.back().term) {
    log.pop_back();
  }
  if (led_before && log.size() < length_before) return Broken(status.id, "a leader's log was cut");
  for (Index index{log.size() + 1}; index < status.first_index; ++index) {
    // Compacted before we saw it: committed, so known from elsewhere.
    if (index.value() > committed_.size())
      return Broken(status.id, "compacted uncommitted entries");
    log.push_back(committed_[index.value() - 1].id);
  }
  std::vector<Entry> news;
  node.ReadLog({Index{log.size() + 1}, status.last_entry.index}, news);
  for (const Entry& entry : news) {
    PINTLE_RETURN_IF_ERROR(CheckEntry(entry, log.empty() ? EntryId{} : log.back()));
    log.push_back(entry.id);
  }
  return absl::OkStatus();
}

absl::Status InvariantChecker::CheckEntry(const Entry& entry, EntryId previous) {
  const Origin& origin = entries_.try_emplace(entry.id, Origin{previous, entry}).first->second;
  if (!(origin.entry == entry)) {
    return absl::InternalError(absl::StrCat("two different entries ", Text(entry.id)));
  }
  if (origin.previous != previous) {
    return absl::InternalError(absl::StrCat("entry ", Text(entry.id), " follows ", Text(previous),
                                            " and ", Text(origin.previous)));
  }
  return absl::OkStatus();
}

absl::Status InvariantChecker::CheckCommit(const Status& status, const Seen& seen) {
  const size_t commit = status.commit_index.value();
  const size_t known = std::min(commit, committed_.size());
  if (known > 0 && seen.log[known - 1] != committed_[known - 1].id) {
    return Broken(status.id, "commits ", Text(seen.log[known - 1]), ", others ",
                  Text(committed_[known - 1].id));
  }
  if (commit <= committed_.size()) return absl::OkStatus();
  const EntryId last = seen.log[commit - 1];
  const auto holders =
      std::ranges::count_if(voters_, [&](MemberId voter) { return OnDisk(voter, last); });
  if (static_cast<size_t>(holders) < voters_.size() / 2 + 1) {
    return Broken(status.id, "commits ", Text(last), " that only ", holders, " disks hold");
  }
  for (size_t i = committed_.size(); i < commit; ++i)
    committed_.push_back({seen.log[i], status.term});
  return absl::OkStatus();
}

absl::Status InvariantChecker::CheckCompleteness(const Status& status, const Seen& seen) const {
  const bool newly_elected =
      status.role == Role::kLeader && (seen.role != Role::kLeader || seen.term != status.term);
  if (!newly_elected) return absl::OkStatus();
  for (const Committed& committed : committed_) {
    if (committed.in_term < status.term && !Holds(seen.log, committed.id)) {
      return Broken(status.id, "leads term ", status.term.value(), " without committed entry ",
                    Text(committed.id));
    }
  }
  return absl::OkStatus();
}

}  // namespace pintle::raft
