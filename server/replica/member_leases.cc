// Member, the part about leases: what is due, and what is answered about them.
#include <string>
#include <utility>
#include <vector>

#include "proto/etcd/rpc.pb.h"
#include "server/replica/errors.h"
#include "server/replica/member.h"
#include "server/replica/proposal_codec.h"

namespace pintle::server::replica {
namespace {

std::string EncodeCheckpoints(const std::vector<kv::LeaseCheckpointRequest::Item>& items) {
  etcdserverpb::LeaseCheckpointRequest request;
  for (const auto& item : items) {
    etcdserverpb::LeaseCheckpoint& out = *request.add_checkpoints();
    out.set_id(item.id.value());
    out.set_remaining_ttl(item.remaining_ttl_seconds);
  }
  return request.SerializeAsString();
}

}  // namespace

raft::Payload Member::LeaseRevocation(kv::LeaseId id) {
  etcdserverpb::LeaseRevokeRequest request;
  request.set_id(id.value());
  return EncodeProposal(++next_request_id_, RequestKind::kLeaseRevoke, request.SerializeAsString());
}

raft::Payload Member::LeaseCheckpoints(const std::vector<kv::LeaseCheckpointRequest::Item>& items) {
  return EncodeProposal(++next_request_id_, RequestKind::kLeaseCheckpoint,
                        EncodeCheckpoints(items));
}

// Of a leader that has just been confirmed as one: a leader of the past, which was paused or cut
// off, would promise time that the new one knows nothing of. A renewal does not wait for apply,
// which may be held up by its disk: the lessor knows of every revocation as soon as it is in the
// log (Driver::Dispatch).
void Member::AnswerLease(LeaseQuestion question, LeaseAsker::OwnDone done) {
  AnswerLeaseOf(question, /*applied=*/question.kind != LeaseQuestion::Kind::kKeepAlive,
                std::move(done));
}

void Member::AnswerLeaseOf(LeaseQuestion question, bool applied, LeaseAsker::OwnDone done) {
  if (driver_->facts().soft_state.role != raft::Role::kLeader) return done(LeaseAnswer{});
  ConfirmedRead(applied,
                [this, question, applied, done = std::move(done)](const auto& confirmed) mutable {
                  if (!confirmed.ok()) return done(LeaseAnswer{});
                  AnswerLeaseNow(question, applied, std::move(done));
                });
}

void Member::AnswerLeaseNow(const LeaseQuestion& question, bool applied, LeaseAsker::OwnDone done) {
  const Driver::Facts facts = driver_->facts();
  // Until our own no-op is applied a revocation of an older leader's may still come: no promises.
  if (facts.soft_state.role != raft::Role::kLeader || applier_->no_op_term() < facts.term) {
    return done(LeaseAnswer{});
  }
  const kv::LeaseId id(question.lease_id);
  LeaseAnswer answer{.is_leader = true};
  Lessor::Renewal renewal;
  if (question.kind == LeaseQuestion::Kind::kKeepAlive) {
    renewal = lessor_->KeepAlive(id, doors_.clock.Now());
    answer.ttl_seconds = renewal.ttl_seconds;
  } else {
    const LeaseTime time = lessor_->TimeToLive(id, doors_.clock.Now());
    answer.ttl_seconds = time.ttl_seconds;
    answer.granted_ttl_seconds = time.granted_ttl_seconds;
  }
  if (renewal.unsure) return done(LeaseAnswer{});
  // Unknown here may mean that its grant is not applied yet.
  if (!applied && answer.ttl_seconds == 0) return AnswerLeaseOf(question, true, std::move(done));
  if (renewal.ttl_seconds > 0) counters_->leases_renewed.Add();
  if (!renewal.replicate) return done(answer);
  PromiseOnceApplied(id, renewal.checkpoint, facts.term, answer, std::move(done));
}

// What is left of the lease is in the log: a leader after us would count from there.
void Member::PromiseOnceApplied(kv::LeaseId id, uint32_t checkpoint, raft::Term term,
                                const LeaseAnswer& answer, LeaseAsker::OwnDone done) {
  ProposeUnchecked(RequestKind::kLeaseCheckpoint,
                   EncodeCheckpoints({{.id = id, .remaining_ttl_seconds = 0}}),
                   [this, id, checkpoint, term, answer,
                    done = std::move(done)](const absl::StatusOr<Applied>& applied) mutable {
                     // Through another leader: its clock was wound, or will be, by what it had
                     // then; it is asked itself.
                     if (!applied.ok() || applied->raft_term != term.value()) {
                       return done(LeaseAnswer{});
                     }
                     lessor_->Undone(id, checkpoint);
                     done(answer);
                   });
}

void Member::AskLeader(LeaseQuestion question, LeaseAsker::Done done) {
  if (closed_) return done(ErrStopped());
  lease_asker_->Ask(question, std::move(done));
}

void Member::LeaseKeepAlive(kv::LeaseId id, KeepAliveDone done) {
  AskLeader({LeaseQuestion::Kind::kKeepAlive, id.value()},
            [done = std::move(done)](absl::StatusOr<LeaseAnswer> answer) mutable {
              if (!answer.ok()) return done(answer.status());
              done(answer->ttl_seconds);
            });
}

void Member::LeaseTimeToLive(kv::LeaseId id, TimeToLiveDone done) {
  AskLeader({LeaseQuestion::Kind::kTimeToLive, id.value()},
            [done = std::move(done)](absl::StatusOr<LeaseAnswer> answer) mutable {
              if (!answer.ok()) return done(answer.status());
              done(LeaseTime{answer->ttl_seconds, answer->granted_ttl_seconds});
            });
}

std::vector<kv::LeaseId> Member::leases() const {
  std::vector<kv::LeaseId> ids;
  for (const kv::LeaseInfo& lease : store_->view()->Leases()) ids.push_back(lease.id);
  lessor_->SortByExpiry(ids);
  return ids;
}

int64_t Member::min_lease_ttl_seconds() const {
  const int64_t ms = options_.election_timeout_ms * 3 / 2;
  return (ms + 999) / 1000;
}

}  // namespace pintle::server::replica
