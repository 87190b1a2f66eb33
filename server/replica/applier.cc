#include "server/replica/applier.h"

#include <iterator>
#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/check.h"
#include "base/fault_point.h"
#include "base/status_macros.h"
#include "raft/membership.h"
#include "server/replica/command_codec.h"
#include "server/replica/errors.h"
#include "server/replica/proposal_codec.h"
#include "server/storage/fatal.h"

namespace pintle::server::replica {
namespace {

// etcd's --warning-apply-duration by default.
constexpr absl::Duration kSlowApply = absl::Milliseconds(100);

}  // namespace

Applier::Applier(Parts parts) : parts_(std::move(parts)) {
  if (!parts_.store.compacted()) compacting_since_ = parts_.clock.Now();  // goes on
}

absl::Status Applier::Apply(std::span<const raft::Entry> entries) {
  events_.clear();
  answers_.clear();
  checkpoints_.clear();
  compacted_.clear();
  no_op_term_ = raft::Term();
  for (const raft::Entry& entry : entries) {
    ApplyOne(entry);
    EndEntry(entry.id);
  }
  const raft::Index last = entries.back().id.index;
  PINTLE_RETURN_IF_ERROR(WriteTimed(entries.back().id));
  base::FaultPoint("apply.written");
  if (!events_.empty()) parts_.hub.Publish(events_, events_.back().revision.main);
  base::FaultPoint("apply.events_published");
  parts_.store.Publish();
  base::FaultPoint("apply.published");
  for (const Checkpoint& checkpoint : checkpoints_) parts_.on_checkpoint(checkpoint);
  for (const kv::KvHash::Span& span : compacted_) parts_.on_compaction(*view(), span);
  AnswerAll(last);
  return absl::OkStatus();
}

absl::Status Applier::WriteTimed(raft::EntryId last) {
  const absl::Time start = parts_.clock.Now();
  absl::Status written = parts_.store.Write(kv::Sequence(last.index.value()), last.term.value());
  parts_.counters->store_writes.Observe(parts_.clock.Now() - start);
  return written;
}

absl::StatusOr<Applied> Applier::ApplyTimed(const DecodedProposal& proposal, raft::Index index) {
  const absl::Time start = parts_.clock.Now();
  absl::StatusOr<Applied> result = ApplyCommand(proposal, index);
  const absl::Duration took = parts_.clock.Now() - start;
  MemberCounters& counters = *parts_.counters;
  counters.applies.Observe(proposal.kind, result.ok(), took);
  if (took > kSlowApply) counters.slow_applies.Add();
  if (proposal.kind == RequestKind::kCompaction && result.ok()) {
    counters.index_compactions_ms.Observe(absl::ToDoubleMilliseconds(took));
    compacting_since_ = start;
  }
  return result;
}

void Applier::EndEntry(raft::EntryId id) {
  const uint64_t hash = parts_.store.EndEntry(kv::Sequence(id.index.value()), id.term.value());
  if (hash == 0 || id.index.value() % kCheckpointEvery != 0) return;
  checkpoints_.push_back({Checkpoint::Kind::kChain, id.index, hash});
}

void Applier::ApplyOne(const raft::Entry& entry) {
  if (entry.kind == raft::EntryKind::kNoOp) {
    no_op_term_ = entry.id.term;
    return;
  }
  std::string_view payload = entry.bytes();
  raft::ConfChange change;
  if (entry.kind == raft::EntryKind::kConfChange) {
    base::FaultPoint("apply.conf_change");
    if (!raft::DecodeConfChange(payload, change)) return;  // the same on every member
    parts_.store.PutMeta(kConfStateMeta, raft::EncodeConfChange(change.conf_state, {}));
    if (change.context.empty() && !change.conf_state.joint()) FinishMemberChange(entry.id);
    payload = change.context;
  } else if (entry.kind != raft::EntryKind::kNormal) {
    return storage::Fatal(absl::StrFormat(
        "log entry %d has kind %d, which this version does not know: start a newer version",
        entry.id.index.value(), static_cast<int>(entry.kind)));
  }
  DecodedProposal proposal;
  if (!DecodeProposal(payload, proposal)) return;  // the same on every member
  if (FeatureLevelOf(proposal.kind) > parts_.feature_level) {
    return storage::Fatal(absl::StrFormat(
        "log entry %d holds a request of kind %d, which this version does not know: start a newer "
        "version",
        entry.id.index.value(), static_cast<int>(proposal.kind)));
  }
  if (proposal.kind == RequestKind::kMemberChange &&
      !parts_.cluster.Change(proposal.request_id, proposal.body, change.conf_state.joint())) {
    // Under way, not lost, whoever leads until it is finished.
    parts_.proposals.MarkSent(proposal.request_id, 0);
    return;
  }
  absl::StatusOr<Applied> result = ApplyTimed(proposal, entry.id.index);
  if (result.ok()) {
    result->raft_term = entry.id.term.value();
    result->raft_index = entry.id.index.value();
  }
  const bool later = proposal.kind == RequestKind::kCompaction && result.ok() &&
                     IsPhysicalCompaction(proposal.body);
  // Applied, only not answered yet: a new leader must not make it look lost.
  if (later) parts_.proposals.MarkSent(proposal.request_id, 0);
  (later ? compactions_ : answers_).push_back({proposal.request_id, std::move(result)});
}

void Applier::FinishMemberChange(const raft::EntryId& id) {
  base::FaultPoint("apply.joint_left");
  if (const std::optional<uint64_t> request = parts_.cluster.FinishChange()) {
    answers_.push_back(
        {*request, Applied{.raft_term = id.term.value(), .raft_index = id.index.value()}});
  }
}

bool Applier::ApplyToCluster(RequestKind kind, std::string_view body) {
  switch (kind) {
    case RequestKind::kMemberAttributes:
      parts_.cluster.Publish(body);
      return true;
    case RequestKind::kFirstMembers:
      parts_.cluster.Begin(body);
      return true;
    case RequestKind::kFeatureLevel:
      parts_.cluster.RaiseFeatureLevel(body);
      return true;
    case RequestKind::kDowngrade:
      parts_.cluster.SetDowngrade(body);
      return true;
    case RequestKind::kHashCheck:     // the worker's (apply_worker.h)
    case RequestKind::kMemberChange:  // done already
      return true;
    default:
      return false;
  }
}

absl::StatusOr<Applied> Applier::ApplyCommand(const DecodedProposal& proposal, raft::Index index) {
  if (ApplyToCluster(proposal.kind, proposal.body)) return Applied{};
  const absl::StatusOr<kv::Command> command = DecodeCommand(proposal.kind, proposal.body);
  if (!command.ok()) return command.status();
  kv::ApplyResult applied = parts_.store.ApplyFor(proposal.caller, *command);
  if (applied.result.ok()) parts_.counters->Count(*applied.result, applied.events);
  std::move(applied.events.begin(), applied.events.end(), std::back_inserter(events_));
  if (!applied.result.ok()) {
    if (const auto* revoke = std::get_if<kv::LeaseRevokeRequest>(&*command)) {
      parts_.lessor.RevocationRefused(revoke->id);
    }
    return applied.result.status();
  }
  FollowLeases(proposal.kind, *applied.result, *command);
  if (const auto* compaction = std::get_if<kv::CompactResult>(&*applied.result)) {
    compacted_.push_back(
        {.compact_revision = compaction->compacted_before, .revision = compaction->compacted});
  }
  const auto* alarm = std::get_if<kv::AlarmRequest>(&*command);
  if (alarm != nullptr && alarm->action == kv::AlarmRequest::Action::kActivate) {
    parts_.on_alarm(alarm->alarm);
  }
  if (const auto* auth = std::get_if<kv::auth::Request>(&*command)) FollowAuth(*auth, index);
  Applied answer{.result = *std::move(applied.result)};
  answer.revision = std::visit([](const auto& result) { return result.revision; }, answer.result);
  return answer;
}

void Applier::FollowLeases(RequestKind kind, const kv::CommandResult& result,
                           const kv::Command& command) {
  if (kind == RequestKind::kLeaseGrant) {
    const auto& granted = std::get<kv::LeaseResult>(result);
    parts_.counters->leases_granted.Add();
    parts_.counters->lease_ttls.Observe(static_cast<double>(granted.ttl_seconds));
    parts_.lessor.Granted(granted.id, granted.ttl_seconds, parts_.clock.Now());
  } else if (kind == RequestKind::kLeaseRevoke) {
    parts_.counters->leases_revoked.Add();
    parts_.lessor.Revoked(std::get<kv::LeaseRevokeRequest>(command).id);
  } else if (kind == RequestKind::kLeaseCheckpoint) {
    for (const auto& item : std::get<kv::LeaseCheckpointRequest>(command).items) {
      parts_.lessor.Checkpointed(item.id, item.remaining_ttl_seconds, parts_.clock.Now());
    }
  }
}

void Applier::FollowAuth(const kv::auth::Request& request, raft::Index index) {
  if (const auto* user = std::get_if<kv::auth::Authenticate>(&request)) {
    // Neither at the start nor after a rebuilt store: a token must not begin a second life.
    if (user->token_prefix.empty() || index <= parts_.tokens_after) return;
    parts_.tokens_after = index;
    parts_.tokens.Issue(absl::StrCat(user->token_prefix, ".", index.value()), user->name,
                        parts_.clock.Now());
  } else if (const auto* gone = std::get_if<kv::auth::UserDelete>(&request)) {
    parts_.tokens.DropUser(gone->name);
  } else if (const auto* changed = std::get_if<kv::auth::UserChangePassword>(&request)) {
    parts_.tokens.DropUser(changed->name);
  } else if (std::holds_alternative<kv::auth::Disable>(request)) {
    parts_.tokens.DropAll();
  }
}

void Applier::AnswerAll(raft::Index applied_index) {
  std::vector<uint64_t> ids;
  ids.reserve(answers_.size());
  for (const Answer& answer : answers_) ids.push_back(answer.request_id);
  std::vector<std::optional<Proposals::Done>> waiters = parts_.proposals.TakeMany(ids);
  for (size_t i = 0; i < waiters.size(); ++i) {
    if (waiters[i]) (*waiters[i])(std::move(answers_[i].result));
  }
  if (no_op_term_ > raft::Term()) ProposeLostAgain(no_op_term_);
  for (auto& done : parts_.reads.Applied(applied_index)) done(parts_.store.view());
}

void Applier::ProposeLostAgain(raft::Term no_op_term) {
  applied_no_op_term_.store(no_op_term.value(), std::memory_order_release);
  Proposals::Lost lost = parts_.proposals.TakeLostBefore(no_op_term.value());
  for (auto& [id, payload] : lost.again) parts_.propose_again(id, std::move(payload));
  if (!lost.again.empty()) base::FaultPoint("apply.lost_proposed_again");
  for (auto& done : lost.answer) done(ErrTimeoutDueToLeaderFail());
}

absl::StatusOr<bool> Applier::CompactSlice() {
  const absl::Time start = compacting_since_ ? parts_.clock.Now() : absl::Time();
  const uint64_t before = parts_.store.compacted_records();
  PINTLE_ASSIGN_OR_RETURN(const bool more, parts_.store.CompactSlice());
  parts_.counters->compacted_records.Add(parts_.store.compacted_records() - before);
  if (compacting_since_) {
    const absl::Time now = parts_.clock.Now();
    MemberCounters& counters = *parts_.counters;
    counters.compaction_slices_ms.Observe(absl::ToDoubleMilliseconds(now - start));
    if (!more) {
      counters.compactions_ms.Observe(absl::ToDoubleMilliseconds(now - *compacting_since_));
      counters.compaction_ended_ns = absl::ToUnixNanos(now);
      parts_.on_compacted(view()->compact_revision(), now - *compacting_since_);
      compacting_since_.reset();
    }
  }
  if (more) return true;
  for (Answer& answer : std::exchange(compactions_, {})) {
    std::optional<Proposals::Done> waiter = parts_.proposals.Take(answer.request_id);
    if (waiter) (*waiter)(std::move(answer.result));
  }
  return false;
}

}  // namespace pintle::server::replica
