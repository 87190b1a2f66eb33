#include "raft/raft.h"

#include <algorithm>
#include <utility>

#include "base/canary.h"
#include "base/check.h"
#include "base/fault_point.h"

namespace pintle::raft {
namespace {

bool IsPreVoteRequest(const Message& message) {
  const auto* request = std::get_if<RequestVote>(&message.body);
  return request != nullptr && request->pre_vote;
}

bool IsPreVoteGrant(const Message& message) {
  const auto* response = std::get_if<RequestVoteResponse>(&message.body);
  return response != nullptr && response->pre_vote && response->granted;
}

// Only a leader sends these.
bool IsFromLeader(const Message& message) {
  return std::holds_alternative<AppendEntries>(message.body) ||
         std::holds_alternative<Heartbeat>(message.body) ||
         std::holds_alternative<InstallSnapshot>(message.body) ||
         std::holds_alternative<TimeoutNow>(message.body);
}

// A log that was torn or damaged may have lost the entries that replaced others, and kept the
// commit index that meant those: then only what was applied is sure.
Index CommitHint(const RestoredState& restored) {
  const bool damaged = restored.hard_state.vote_floor != EntryId{};
  return damaged ? restored.applied_index : restored.hard_state.commit_index;
}

}  // namespace

Raft::Raft(const Config& config, const RestoredState& restored, const LogStorage& log,
           Random& random)
    : core_{config,
            Configurations(restored.conf_state, restored.applied_index),
            Quorum(restored.conf_state),
            random,
            RaftLog(log, CommitHint(restored)),
            restored.hard_state,
            restored.hard_state,
            Outbox{},
            random.Next()},
      role_(Follower(core_, kNoMember)) {
  Start(restored);
  if (core_.quorum.IsOnly(config.id)) Campaign();
}

void Raft::Start(const RestoredState& restored) {
  const Index applied = restored.applied_index;
  core_.given_to_apply_index = applied;
  core_.restored_commit_index = restored.hard_state.commit_index;
  // Ahead of the log, or of the entries that were about to replace a tail of the log that was never
  // committed.
  const std::optional<Term> held = core_.log.TermAt(applied);
  const bool behind_log = applied + 1 < core_.log.first_index();
  if (!behind_log &&
      (!held.has_value() || (restored.applied_term > Term{0} && *held != restored.applied_term))) {
    PINTLE_CHECK(restored.applied_term > Term{0}, "the store is ahead of the log, by what entry?");
    core_.Restore({{restored.applied_term, applied}, restored.conf_state});
  }
  // A damaged WAL may have lost the term; it can not be earlier than what the log or store tells.
  if (core_.log.last().term > core_.term()) {
    core_.hard_state.term = core_.log.last().term;
    core_.hard_state.vote = kNoMember;
  }
  if (PINTLE_CANARY("vote_floor_forgotten")) core_.hard_state.vote_floor = {};
  std::vector<Entry> later;
  core_.log.Read({std::max(applied + 1, core_.log.first_index()), core_.log.last().index}, SIZE_MAX,
                 later);
  if (behind_log) RestoreConf(restored);
  core_.configurations.Append(later);
  core_.quorum = Quorum(core_.configurations.in_force());
  core_.CommitTo(applied);
}

// The store, which would know who votes, is lost or old.
void Raft::RestoreConf(const RestoredState& restored) {
  if (restored.base_conf) {
    core_.configurations.Reset(*restored.base_conf, core_.log.first_index() - 1);
  } else {
    core_.lost_conf_index = core_.configurations.index();
  }
}

SoftState Raft::soft_state() const {
  if (const auto* follower = std::get_if<Follower>(&role_)) {
    return {Role::kFollower, follower->leader()};
  }
  if (const auto* candidate = std::get_if<Candidate>(&role_)) {
    return {candidate->pre_vote() ? Role::kPreCandidate : Role::kCandidate, kNoMember};
  }
  return {Role::kLeader, core_.id(), transfer_target() != kNoMember};
}

MemberId Raft::transfer_target() const {
  const auto* leader = std::get_if<Leader>(&role_);
  return leader != nullptr ? leader->transfer_target() : kNoMember;
}

std::vector<PeerStatus> Raft::PeerStatuses() const {
  const auto* leader = std::get_if<Leader>(&role_);
  return leader != nullptr ? leader->PeerStatuses(core_) : std::vector<PeerStatus>();
}

void Raft::Tick() {
  Become(std::visit([this](auto& role) { return role.Tick(core_); }, role_));
}

ProposeResult Raft::Propose(Payload payload) {
  return std::visit([&](auto& role) { return role.Propose(core_, std::move(payload)); }, role_);
}

void Raft::ReadIndex(ReadId id) {
  std::visit([&](auto& role) { role.ReadIndex(core_, id); }, role_);
}

void Raft::ReportUnreachable(MemberId peer) {
  if (auto* leader = std::get_if<Leader>(&role_)) leader->ReportUnreachable(peer);
}

void Raft::Campaign() {
  if (std::holds_alternative<Leader>(role_) || !core_.promotable()) return;
  Become(Transition::kPreCampaign);
}

ConfChangeResult Raft::ProposeConfChange(const ConfState& target, std::string_view context) {
  auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) return {ConfChangeOutcome::kNotLeader, {}};
  return leader->ProposeConfChange(core_, target, context);
}

TransferOutcome Raft::TransferLeadership(MemberId target) {
  auto* leader = std::get_if<Leader>(&role_);
  return leader == nullptr ? TransferOutcome::kNotLeader
                           : leader->TransferLeadership(core_, target);
}

void Raft::LeaderGone(MemberId peer) {
  if (auto* follower = std::get_if<Follower>(&role_)) follower->LeaderGone(peer);
}

bool Raft::leader_gone() const {
  const auto* follower = std::get_if<Follower>(&role_);
  return follower != nullptr && follower->leader_gone();
}

void Raft::SnapshotSending(MemberId peer, Index index) {
  if (auto* leader = std::get_if<Leader>(&role_)) leader->SnapshotSending(core_, peer, index);
}

void Raft::SnapshotFailed(MemberId peer) {
  if (auto* leader = std::get_if<Leader>(&role_)) leader->SnapshotFailed(peer);
}

std::vector<MemberId> Raft::TakeSnapshotNeeds() {
  auto* leader = std::get_if<Leader>(&role_);
  return leader != nullptr ? leader->TakeSnapshotNeeds(core_) : std::vector<MemberId>();
}

void Raft::Restore(const SnapshotMeta& meta) {
  // A snapshot comes from another leader; whoever takes one does not lead.
  if (!std::holds_alternative<Follower>(role_)) BecomeFollower(core_.term(), kNoMember);
  core_.Restore(meta);
  std::get<Follower>(role_).SnapshotRestored(core_, meta.last_entry.index);
}

void Raft::Persisted() {
  if (auto* leader = std::get_if<Leader>(&role_)) Become(leader->OwnLogDurable(core_));
  auto* candidate = std::get_if<Candidate>(&role_);
  if (candidate == nullptr || candidate->pre_vote()) return;
  const HardState& durable = core_.durable_hard_state;
  if (durable.term == core_.term() && durable.vote == core_.id()) {
    Become(candidate->OwnVoteDurable(core_));
  }
}

void Raft::Flush() {
  std::visit([this](auto& role) { role.Flush(core_); }, role_);
}

bool Raft::WantsFlush() const {
  if (const auto* leader = std::get_if<Leader>(&role_)) return leader->WantsFlush(core_);
  const auto* follower = std::get_if<Follower>(&role_);
  return follower != nullptr && follower->WantsFlush();
}

void Raft::Step(const Message& message) {
  if (message.to != core_.id() || message.from == core_.id()) return;
  if (message.from == kNoMember || !AdmitTerm(message)) return;
  if (const auto* request = std::get_if<RequestVote>(&message.body)) {
    HandleRequestVote(message, *request);
    return;
  }
  if (IsFromLeader(message)) {
    PINTLE_CHECK(!std::holds_alternative<Leader>(role_), "two leaders in one term");
    if (!std::holds_alternative<Follower>(role_)) BecomeFollower(core_.term(), message.from);
    std::get<Follower>(role_).Follow(core_, message.from);
  }
  Become(std::visit([&](auto& role, const auto& body) { return role.Handle(core_, message, body); },
                    role_, message.body));
}

// Thesis §3.3, with the exceptions that keep a member that was away from disturbing a working
// leader (§6.2, §9.6).
bool Raft::AdmitTerm(const Message& message) {
  if (message.term < core_.term()) {
    AnswerStale(message);
    return false;
  }
  if (message.term == core_.term()) return true;
  if (const auto* request = std::get_if<RequestVote>(&message.body);
      request != nullptr && !request->transfer && InLease()) {
    return false;
  }
  // A term that was only asked about has not begun.
  if (IsPreVoteRequest(message) || IsPreVoteGrant(message)) return true;
  BecomeFollower(message.term, IsFromLeader(message) ? message.from : kNoMember);
  return true;
}

// A sender in an older term is told ours, where it could not go on without: a leader that we do not
// listen to (we were away, campaigned, and now its heartbeats mean nothing to us, while it keeps us
// from winning a pre-vote), and a pre-candidate, whose question would otherwise never be answered
// by anyone. Everything else is only late.
void Raft::AnswerStale(const Message& message) {
  if (PINTLE_CANARY("older_term_not_told")) return;
  if (IsFromLeader(message)) {
    core_.Send(message.from, AppendEntriesResponse{}, Durability::kNow);
  } else if (IsPreVoteRequest(message)) {
    core_.Send(message.from, Answer(/*pre_vote=*/true, /*granted=*/false), Durability::kNow);
  }
}

RequestVoteResponse Raft::Answer(bool pre_vote, bool granted) const {
  return {pre_vote, granted, core_.log.last(), core_.doubtful()};
}

bool Raft::InLease() const {
  if (PINTLE_CANARY("no_stickiness")) return false;
  if (const auto* follower = std::get_if<Follower>(&role_)) return follower->InLease(core_);
  return std::holds_alternative<Leader>(role_);
}

bool Raft::MayVoteFor(const Message& message, const RequestVote& request) const {
  const bool up_to_date = core_.log.IsUpToDate(request.last_entry);
  if (!up_to_date && !PINTLE_CANARY("vote_for_outdated")) return false;
  if (core_.doubtful() && request.last_entry < core_.hard_state.vote_floor) return false;
  if (PINTLE_CANARY("learner_refuses_vote") && !core_.quorum.Contains(core_.id())) return false;
  if (request.pre_vote && message.term > core_.term()) return true;
  if (core_.hard_state.vote != kNoMember) return core_.hard_state.vote == message.from;
  return soft_state().leader == kNoMember;
}

// Thesis §3.4, §9.6.
void Raft::HandleRequestVote(const Message& message, const RequestVote& request) {
  const bool granted = MayVoteFor(message, request);
  const RequestVoteResponse response = Answer(request.pre_vote, granted);
  if (request.pre_vote) {
    // A grant speaks of the term asked about; a refusal tells ours.
    core_.SendInTerm(granted ? message.term : core_.term(), message.from, response,
                     Durability::kNow);
    return;
  }
  if (granted) {
    core_.hard_state.vote = message.from;
    base::FaultPoint("raft.vote_granted");
    if (auto* follower = std::get_if<Follower>(&role_)) follower->VoteGranted();
  }
  core_.Send(message.from, response, Durability::kAfterPersist);
}

void Raft::Become(Transition transition) {
  switch (transition) {
    case Transition::kStay:
      return;
    case Transition::kPreCampaign:
    case Transition::kSurveyForLeader: {
      if (PINTLE_CANARY("no_pre_vote")) return Become(Transition::kCampaign);
      EndRole();
      auto& candidate = role_.emplace<Candidate>(core_, /*pre_vote=*/true,
                                                 transition == Transition::kSurveyForLeader);
      Become(candidate.OwnVoteDurable(core_));
      return;
    }
    case Transition::kCampaign:
    case Transition::kCampaignForLeader:
      base::FaultPoint("raft.campaign");
      EndRole();
      core_.hard_state.term = core_.term() + 1;
      core_.hard_state.vote = core_.id();
      role_.emplace<Candidate>(core_, /*pre_vote=*/false,
                               transition == Transition::kCampaignForLeader);
      return;
    case Transition::kLead:
      EndRole();
      role_.emplace<Leader>(core_);
      base::FaultPoint("raft.elected");
      return;
    case Transition::kStepDown:
      BecomeFollower(core_.term(), kNoMember);
      return;
  }
}

void Raft::BecomeFollower(Term term, MemberId leader) {
  EndRole();
  if (term > core_.term()) {
    core_.hard_state.term = term;
    core_.hard_state.vote = kNoMember;
  }
  role_.emplace<Follower>(core_, leader);
}

// What it gathered in its term goes out in its term, or is dropped by name.
void Raft::EndRole() {
  std::visit([this](auto& role) { role.End(core_); }, role_);
}

}  // namespace pintle::raft
