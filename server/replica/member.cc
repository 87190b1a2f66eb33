#include "server/replica/member.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "kv/errors.h"
#include "server/replica/errors.h"
#include "server/replica/proposal_codec.h"

namespace pintle::server::replica {
namespace {

constexpr absl::Duration kBaseTimeout = absl::Seconds(5);

}  // namespace

// Ids count up from a random start: what an earlier run, or another member, has put into the log
// must never be taken for the answer to a request of this run.
Member::Member(MemberOptions options, Doors doors)
    : options_(std::move(options)), doors_(doors), next_request_id_(doors.random.Next()) {}

Member::~Member() {
  Close();
  AnswerWaiting();
}

void Member::Close() {
  if (closed_.exchange(true)) return;
  if (lease_asker_ != nullptr) lease_asker_->Close();
  doors_.transport.Stop();
}

void Member::AnswerWaiting() {
  if (proposals_ == nullptr) return;
  for (auto& done : proposals_->TakeAll()) done(ErrStopped());
  for (auto& done : reads_->TakeAll()) done(ErrStopped());
  kv_hashes_->DropAll(ErrStopped());
}

absl::Duration Member::timeout() const {
  return kBaseTimeout + 2 * absl::Milliseconds(options_.election_timeout_ms);
}

void Member::ProposeFor(kv::auth::Caller caller, RequestKind kind, std::string body,
                        ProposeDone done) {
  if (closed_) return done(ErrStopped());
  if (!repair_->usable()) return done(ErrStoreUnderRepair());
  // Some member would have to stop at it.
  if (const uint32_t level = FeatureLevelOf(kind); level > 0 && level > feature_level()) {
    return done(ErrNotCapable());
  }
  if (const absl::Status full = CheckRoom(kind, body); !full.ok()) return done(full);
  if (body.size() > options_.max_request_bytes) return done(ErrRequestTooLarge());
  ProposeUnchecked(kind, body, std::move(done), caller);
}

absl::Status Member::CheckRoom(RequestKind kind, std::string_view body) {
  if (quota_->ExceededBy(kind, body)) {
    quota_->Refused();
    alarms_->Raise(
        {.member_id = options_.member_id, .type = kv::AlarmType::kNoSpace, .automatic = true});
    return kv::ErrNoSpace();
  }
  // Known here before the alarm is there; without room it may never get here.
  return short_of_room() && Quota::TakesRoom(kind, body) ? kv::ErrNoSpace() : absl::OkStatus();
}

void Member::ProposeUnchecked(RequestKind kind, const std::string& body, ProposeDone done,
                              const kv::auth::Caller& caller) {
  if (closed_) return done(ErrStopped());
  const uint64_t id = ++next_request_id_;
  const raft::Payload payload = EncodeProposal(id, kind, body, caller);
  if (!proposals_->Add(id, payload->size(), doors_.clock.Now() + timeout(), done, payload))
    return done(ErrTooManyRequests());
  if (closed_) {  // between the check above and Add: Close may have answered the others already
    if (auto late = proposals_->Take(id)) (*late)(ErrStopped());
    return;
  }
  driver_->Propose(id, payload);
}

std::optional<std::string> Member::UserOfToken(std::string_view token) {
  return tokens_.Use(token, doors_.clock.Now());
}

void Member::LinearizableRead(ReadDone done) { ConfirmedRead(/*applied=*/true, std::move(done)); }

void Member::ConfirmedRead(bool applied, ReadDone done) {
  if (closed_) return done(ErrStopped());
  if (!repair_->usable()) return done(ErrStoreUnderRepair());
  const ReadGate::AddResult added = reads_->Add(doors_.clock.Now() + timeout(), done, applied);
  if (closed_ && added != ReadGate::AddResult::kFull) {
    for (auto& late : reads_->TakeAll()) late(ErrStopped());
    return;
  }
  switch (added) {
    case ReadGate::AddResult::kFirst:
      return driver_->WakeForReads();
    case ReadGate::AddResult::kJoined:
      return;
    case ReadGate::AddResult::kFull:
      return done(ErrTooManyRequests());
  }
}

std::shared_ptr<const kv::ReadView> Member::view() const { return store_->view(); }

watch::Hub& Member::hub() { return *hub_; }

MemberStatus Member::status() const {
  const Driver::Facts facts = driver_->facts();
  MemberStatus status;
  status.cluster_id = options_.cluster_id;
  status.member_id = options_.member_id;
  status.leader_id = facts.soft_state.leader.value();
  status.raft_term = facts.term.value();
  status.committed_index = facts.commit_index.value();
  status.applied_index = apply_worker_->applied_index().value();
  status.is_leader = facts.soft_state.role == raft::Role::kLeader;
  status.ready = status.applied_index >= ready_index_.value();
  status.db_size_bytes = store_->size_bytes();
  status.leader_changes = facts.leader_changes;
  status.proposals_pending = static_cast<int64_t>(proposals_->size());
  status.proposals_failed = facts.proposals_failed;
  return status;
}

void Member::AnswerPeer(const PeerQuestion& question, PeerTransport::Callbacks::Answer answer) {
  LeaseQuestion lease;
  if (question.topic == PeerTopic::kLease && DecodeLeaseQuestion(question.body, lease)) {
    return AnswerLease(lease,
                       [answer = std::move(answer)](const absl::StatusOr<LeaseAnswer>& of) mutable {
                         answer(EncodeLeaseAnswer(*of));
                       });
  }
  if (question.topic == PeerTopic::kReport) {
    integrity_->Heard(question.body);
    return answer("");
  }
  MemberChange change;
  if (question.topic == PeerTopic::kMemberChange && DecodeMemberChange(question.body, change)) {
    ChangeAsLeader(std::move(change),
                   [answer = std::move(answer)](const absl::Status& status) mutable {
                     answer(EncodeStatus(status));
                   });
  }
}

}  // namespace pintle::server::replica
