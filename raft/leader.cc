#include "raft/leader.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "base/canary.h"
#include "base/check.h"

namespace pintle::raft {
namespace {

// Bound of what followers have forwarded and we cannot append yet, in full messages.
constexpr size_t kMostHeldAppends = 16;

}  // namespace

Leader::Leader(Core& core) : uncommitted_(core.log.last().index), reads_(core.config) {
  SyncPeers(core, /*added=*/false);
  Append(core, EntryKind::kNoOp, nullptr);
}

Progress* Leader::Find(MemberId peer) {
  const auto found = peers_.find(peer);
  return found == peers_.end() ? nullptr : &found->second.progress;
}

Transition Leader::Tick(Core& core) {
  TickDepartures(core);
  if (++election_elapsed_ticks_ >= core.config.election_ticks) {
    election_elapsed_ticks_ = 0;
    if (CheckQuorum(core) == Transition::kStepDown) return Transition::kStepDown;
  }
  if (++heartbeat_elapsed_ticks_ >= core.config.heartbeat_ticks) BroadcastHeartbeat(core);
  return TickTransfer(core);
}

// Thesis §6.2: a leader that is cut off must not keep its clients waiting.
Transition Leader::CheckQuorum(Core& core) {
  const VoteResult heard = core.quorum.Votes([&](MemberId member) -> std::optional<bool> {
    if (member == core.id()) return true;
    return peers_.at(member).progress.recently_active();
  });
  for (auto& [id, peer] : peers_) peer.progress.set_recently_active(false);
  if (PINTLE_CANARY("no_check_quorum")) return Transition::kStay;
  return heard == VoteResult::kWon ? Transition::kStay : Transition::kStepDown;
}

void Leader::BroadcastHeartbeat(Core& core) {
  heartbeat_elapsed_ticks_ = 0;
  if (transfer_) transfer_->Heartbeat();
  for (const auto& [id, peer] : peers_) {
    // Not beyond what the follower surely has: it could not tell its own entries from ours there.
    const Index commit = std::min(core.log.commit_index(), peer.progress.match_index());
    core.Send(id, Heartbeat{commit, reads_.last_round()}, Durability::kNow);
  }
}

ProposeResult Leader::Propose(Core& core, Payload payload) {
  const size_t bytes = (payload ? payload->size() : 0) + Entry::kOverheadBytes;
  // What is appended now might be replaced by the successor (thesis §3.10).
  if (transfer_) return {ProposeOutcome::kNoLeader, {}};
  const size_t waiting = uncommitted_.bytes();
  if (waiting > 0 && waiting + bytes > core.config.max_uncommitted_bytes) {
    return {ProposeOutcome::kTooMany, {}};
  }
  return {ProposeOutcome::kAppended, Append(core, EntryKind::kNormal, std::move(payload))};
}

EntryId Leader::Append(Core& core, EntryKind kind, Payload payload) {
  Entry entry{{core.term(), core.log.last().index + 1}, kind, std::move(payload)};
  const EntryId id = entry.id;
  // The no-op is free: it must not stand in the way of the first proposal.
  uncommitted_.Push(kind == EntryKind::kNoOp ? 0 : entry.cost_bytes());
  core.Append(std::move(entry));
  return id;
}

void Leader::ReadIndex(Core& core, ReadId id) {
  if (!reads_.Add(id)) core.outbox.Drop({id});
}

void Leader::ReportUnreachable(MemberId peer) {
  Progress* progress = Find(peer);
  if (progress != nullptr && progress->state() == ProgressState::kReplicate) {
    progress->BecomeProbe();
  }
}

// Thesis §3.6.2: only an entry of the own term is committed by counting, everything before it by
// being before it.
Transition Leader::CommitByQuorum(Core& core) {
  const Index reached{core.quorum.Acked([&](MemberId member) {
    if (member == core.id()) return core.log.persisted_index().value();
    return peers_.at(member).progress.match_index().value();
  })};
  const bool own_term = core.log.TermAt(reached) == core.term();
  if (reached > core.log.commit_index() &&
      (own_term || PINTLE_CANARY("commit_older_term_by_counting"))) {
    core.CommitTo(reached);
  }
  // What the others have committed and our own disk has not is still in our memory.
  uncommitted_.ReleaseTo(std::min(core.log.commit_index(), core.log.persisted_index()));
  AppendHeld(core);
  return AfterCommit(core);
}

Transition Leader::Handle(Core& core, const Message& envelope,
                          const AppendEntriesResponse& response) {
  Progress* progress = Find(envelope.from);
  if (progress == nullptr) return Transition::kStay;
  progress->set_recently_active(true);
  progress->set_store_needs_snapshot(response.needs_snapshot);
  if (response.rejected) {
    // The follower's hint has its term; the last entry of ours with that term or less is where to
    // try next. Both sides skip whole terms so (thesis §3.5; etcd-io/raft raft.go, stepLeader).
    const EntryId possible = core.log.LastPossibleMatch(response.hint);
    if (response.lost) progress->Lost(response.rejected_index, possible.index);
    progress->Rejected(response.rejected_index, possible.index);
    return Transition::kStay;
  }
  if (response.match_index > core.log.last().index) return Transition::kStay;
  return progress->Acknowledged(response.match_index) ? CommitByQuorum(core) : Transition::kStay;
}

Transition Leader::Handle(Core& core, const Message& envelope, const HeartbeatResponse& response) {
  Progress* progress = Find(envelope.from);
  if (progress == nullptr) return Transition::kStay;
  progress->set_recently_active(true);
  progress->set_store_needs_snapshot(response.needs_snapshot);
  progress->HeartbeatAnswered(core.log.last().index, response.lost);
  reads_.Acknowledged(envelope.from, response.read_round);
  AnswerConfirmedReads(core);
  return Transition::kStay;
}

Transition Leader::Handle(Core& core, const Message& envelope, const ForwardedProposal& proposal) {
  if (Find(envelope.from) == nullptr || !forwarded_[envelope.from].Add(proposal.id)) {
    return Transition::kStay;
  }
  for (const Payload& payload : proposal.payloads) {
    const size_t bytes = (payload ? payload->size() : 0) + Entry::kOverheadBytes;
    // What does not fit is lost, as it might have been on the way.
    if (held_bytes_ + bytes > kMostHeldAppends * core.config.max_append_bytes) break;
    held_bytes_ += bytes;
    held_.push_back(payload);
  }
  AppendHeld(core);
  return Transition::kStay;
}

void Leader::AppendHeld(Core& core) {
  while (!held_.empty()) {
    const size_t bytes = (held_.front() ? held_.front()->size() : 0) + Entry::kOverheadBytes;
    if (Propose(core, held_.front()).outcome != ProposeOutcome::kAppended) return;
    held_bytes_ -= bytes;
    held_.pop_front();
  }
}

Transition Leader::Handle(Core&, const Message& envelope, const ReadIndexRequest& request) {
  // If too many wait, the follower's own patience ends it.
  (void)reads_.Add(RemoteRead{envelope.from, request.id});
  return Transition::kStay;
}

bool Leader::CanStartReads(const Core& core) const {
  return reads_.CanStart() &&
         (core.knows_commit_index() || PINTLE_CANARY("read_before_own_commit"));
}

void Leader::AnswerConfirmedReads(Core& core) {
  for (const LeaderReads::Confirmed& confirmed : reads_.TakeConfirmed(core.quorum, core.id())) {
    for (const PendingRead& read : confirmed.reads) {
      if (const ReadId* own = std::get_if<ReadId>(&read)) {
        core.outbox.read_states.push_back({*own, confirmed.read_index});
        continue;
      }
      const RemoteRead& remote = std::get<RemoteRead>(read);
      core.Send(remote.from, ReadIndexResponse{remote.id, confirmed.read_index}, Durability::kNow);
    }
  }
}

bool Leader::CanSendAppend(const Core& core, const Progress& progress) const {
  return progress.WantsAppend(core.log.last().index, core.log.commit_index()) &&
         !IsBehindLog(core, progress);
}

bool Leader::IsBehindLog(const Core& core, const Progress& progress) const {
  return !core.log.TermAt(progress.next_index() - 1).has_value();
}

void Leader::SendAppend(Core& core, MemberId to, Progress& progress) {
  const Index next = progress.next_index();
  AppendEntries append{.previous = {*core.log.TermAt(next - 1), next - 1},
                       .commit_index = core.log.commit_index()};
  const size_t budget = progress.AppendBudget(core.config);
  if (budget > 0) core.log.Read({next, core.log.last().index}, budget, append.entries);
  size_t bytes = 0;
  for (const Entry& entry : append.entries) bytes += entry.cost_bytes();
  progress.Sent(append.entries.size(), bytes, append.commit_index);
  core.Send(to, std::move(append), Durability::kNow);
}

bool Leader::WantsFlush(const Core& core) const {
  if (CanStartReads(core) || CanTellSuccessor(core) || HasSnapshotNeeds(core)) return true;
  return std::ranges::any_of(
      peers_, [&](const auto& peer) { return CanSendAppend(core, peer.second.progress); });
}

void Leader::Flush(Core& core) {
  if (CanStartReads(core)) {
    reads_.Start(core.log.commit_index());
    BroadcastHeartbeat(core);
    AnswerConfirmedReads(core);  // alone, we are the quorum
  }
  for (auto& [id, peer] : peers_) {
    while (CanSendAppend(core, peer.progress)) SendAppend(core, id, peer.progress);
  }
  if (CanTellSuccessor(core)) TellSuccessor(core);
}

std::vector<PeerStatus> Leader::PeerStatuses(const Core& core) const {
  std::vector<PeerStatus> statuses;
  for (const auto& [id, peer] : peers_) {
    PeerStatus status = peer.progress.GetStatus(id);
    status.behind_log = IsBehindLog(core, peer.progress);
    status.departing = peer.departing;
    status.learner = !peer.departing && !core.quorum.Contains(id);
    statuses.push_back(status);
  }
  return statuses;
}

}  // namespace pintle::raft
