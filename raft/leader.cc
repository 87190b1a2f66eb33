#include "raft/leader.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "base/check.h"

namespace pintle::raft {
namespace {

// Restarts of one follower that are remembered within one leadership, to recognise late duplicates.
constexpr size_t kMaxIncarnations = 16;

}  // namespace

Leader::Leader(Core& core) : uncommitted_(core.log.last().index), reads_(core.config) {
  const Index next = core.log.last().index + 1;
  for (const MemberId voter : core.quorum.voters()) {
    if (voter != core.id()) peers_.emplace(voter, Progress(core.config, next));
  }
  Append(core, EntryKind::kNoOp, nullptr);
}

Transition Leader::Tick(Core& core) {
  if (++election_elapsed_ticks_ >= core.config.election_ticks) {
    election_elapsed_ticks_ = 0;
    if (CheckQuorum(core) == Transition::kStepDown) return Transition::kStepDown;
  }
  if (++heartbeat_elapsed_ticks_ >= core.config.heartbeat_ticks) BroadcastHeartbeat(core);
  return Transition::kStay;
}

// Thesis §6.2: a leader that is cut off must not keep its clients waiting.
Transition Leader::CheckQuorum(Core& core) {
  const VoteResult heard = core.quorum.Votes([&](MemberId member) -> std::optional<bool> {
    if (member == core.id()) return true;
    return peers_.at(member).recently_active();
  });
  for (auto& [id, progress] : peers_) progress.set_recently_active(false);
  return heard == VoteResult::kWon ? Transition::kStay : Transition::kStepDown;
}

void Leader::BroadcastHeartbeat(Core& core) {
  heartbeat_elapsed_ticks_ = 0;
  for (const auto& [id, progress] : peers_) {
    // Not beyond what the follower surely has: it could not tell its own entries from ours there.
    const Index commit = std::min(core.log.commit_index(), progress.match_index());
    core.Send(id, Heartbeat{commit, reads_.last_round()}, Durability::kNow);
  }
}

ProposeResult Leader::Propose(Core& core, Payload payload) {
  const size_t bytes = (payload ? payload->size() : 0) + Entry::kOverheadBytes;
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
  core.log.Append(std::move(entry));
  return id;
}

void Leader::ReadIndex(Core& core, ReadId id) {
  if (!reads_.Add(id)) core.outbox.Drop({id});
}

void Leader::ReportUnreachable(MemberId peer) {
  const auto found = peers_.find(peer);
  if (found == peers_.end()) return;
  if (found->second.state() == ProgressState::kReplicate) found->second.BecomeProbe();
}

// Thesis §3.6.2: only an entry of the own term is committed by counting, everything before it by
// being before it.
void Leader::CommitByQuorum(Core& core) {
  const Index reached{core.quorum.Acked([&](MemberId member) {
    if (member == core.id()) return core.log.persisted_index().value();
    return peers_.at(member).match_index().value();
  })};
  if (reached > core.log.commit_index() && core.log.TermAt(reached) == core.term()) {
    core.log.CommitTo(reached);
  }
  // What the others have committed and our own disk has not is still in our memory.
  uncommitted_.ReleaseTo(std::min(core.log.commit_index(), core.log.persisted_index()));
}

Transition Leader::Handle(Core& core, const Message& envelope,
                          const AppendEntriesResponse& response) {
  Progress& progress = peers_.at(envelope.from);
  progress.set_recently_active(true);
  if (response.rejected) {
    // The follower's hint has its term; the last entry of ours with that term or less is where to
    // try next. Both sides skip whole terms so (thesis §3.5; etcd-io/raft raft.go, stepLeader).
    const EntryId possible = core.log.LastPossibleMatch(response.hint);
    progress.Rejected(response.rejected_index, possible.index);
    return Transition::kStay;
  }
  if (response.match_index > core.log.last().index) return Transition::kStay;
  if (progress.Acknowledged(response.match_index)) CommitByQuorum(core);
  return Transition::kStay;
}

Transition Leader::Handle(Core& core, const Message& envelope, const HeartbeatResponse& response) {
  Progress& progress = peers_.at(envelope.from);
  progress.set_recently_active(true);
  progress.HeartbeatAnswered(core.log.last().index);
  reads_.Acknowledged(envelope.from, response.read_round);
  AnswerConfirmedReads(core);
  return Transition::kStay;
}

Transition Leader::Handle(Core& core, const Message& envelope, const ForwardedProposal& proposal) {
  if (!IsNewRequest(envelope.from, proposal.id)) return Transition::kStay;
  // What does not fit is lost, as it might have been on the way; the proposer's timeout tells its
  // client.
  for (const Payload& payload : proposal.payloads) {
    if (Propose(core, payload).outcome != ProposeOutcome::kAppended) break;
  }
  return Transition::kStay;
}

bool Leader::IsNewRequest(MemberId from, RequestId id) {
  std::vector<RequestId>& seen = forwarded_[from];
  const auto known = std::ranges::find(seen, id.incarnation, &RequestId::incarnation);
  if (known == seen.end()) {
    if (seen.size() == kMaxIncarnations) seen.erase(seen.begin());
    seen.push_back(id);
    return true;
  }
  if (id.number <= known->number) return false;
  known->number = id.number;
  return true;
}

Transition Leader::Handle(Core&, const Message& envelope, const ReadIndexRequest& request) {
  // If too many wait, the follower's own patience ends it.
  (void)reads_.Add(RemoteRead{envelope.from, request.id});
  return Transition::kStay;
}

bool Leader::CanStartReads(const Core& core) const {
  return reads_.CanStart() && core.log.TermAt(core.log.commit_index()) == core.term();
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
         core.log.TermAt(progress.next_index() - 1).has_value();
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
  if (CanStartReads(core)) return true;
  return std::ranges::any_of(peers_,
                             [&](const auto& peer) { return CanSendAppend(core, peer.second); });
}

void Leader::Flush(Core& core) {
  if (CanStartReads(core)) {
    reads_.Start(core.log.commit_index());
    BroadcastHeartbeat(core);
    AnswerConfirmedReads(core);  // alone, we are the quorum
  }
  for (auto& [id, progress] : peers_) {
    while (CanSendAppend(core, progress)) SendAppend(core, id, progress);
  }
}

std::vector<PeerStatus> Leader::PeerStatuses(const Core& core) const {
  std::vector<PeerStatus> statuses;
  for (const auto& [id, progress] : peers_) {
    PeerStatus status = progress.GetStatus(id);
    status.behind_log = !core.log.TermAt(progress.next_index() - 1).has_value();
    statuses.push_back(status);
  }
  return statuses;
}

}  // namespace pintle::raft
