#include "tests/sim/lease_users.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/etcd/rpc.pb.h"

namespace pintle::sim {
namespace {

using server::replica::Applied;
using server::replica::RequestKind;

constexpr absl::Duration kRest = absl::Milliseconds(500);

}  // namespace

LeaseUsers::LeaseUsers(const Settings& settings, EventQueue& events, Members& members,
                       std::function<void(const absl::Status&)> check)
    : settings_(settings),
      events_(events),
      members_(members),
      check_(std::move(check)),
      random_(settings.seed ^ 0x1ea5e),
      users_(settings.lease_users) {}

void LeaseUsers::Start() {
  for (size_t number = 0; number < users_.size(); ++number) Again(number);
}

SimMember* LeaseUsers::Somebody() {
  SimMember& member = *members_[random_.Below(members_.size())];
  return member.up() ? &member : nullptr;
}

// The leader's clock may be fast.
absl::Duration LeaseUsers::Promised(int64_t ttl_seconds) const {
  return absl::Seconds(ttl_seconds) / (1 + settings_.clock_drift);
}

void LeaseUsers::Later(absl::Duration delay, size_t number, uint64_t life,
                       void (LeaseUsers::*step)(size_t, uint64_t)) {
  events_.After(delay, [this, number, life, step] {
    if (users_[number].life == life) (this->*step)(number, life);
  });
}

// With a new lease; the old one is left to its fate.
void LeaseUsers::Again(size_t number) {
  const uint64_t life = ++users_[number].life;
  events_.After(kRest * (1 + random_.Below(4)), [this, number, life] {
    if (!stopped_ && users_[number].life == life) Grant(number);
  });
}

void LeaseUsers::Grant(size_t number) {
  SimMember* const member = Somebody();
  if (member == nullptr) return Again(number);
  User& user = users_[number];
  const uint64_t life = ++user.life;
  user = {.lease = kv::LeaseId(static_cast<int64_t>(++granted_)),
          .key = absl::StrCat("lease-", number, "-", life),
          .ttl_seconds = static_cast<int64_t>(random_.Between(2, 5)),
          .good_until = absl::ZeroDuration(),
          .life = life,
          .renewals_left = static_cast<int>(random_.Below(8))};
  etcdserverpb::LeaseGrantRequest request;
  request.set_id(user.lease.value());
  request.set_ttl(user.ttl_seconds);
  const absl::Duration asked_at = events_.now();
  member->member().Propose(RequestKind::kLeaseGrant, request.SerializeAsString(),
                           [this, number, life, asked_at](const absl::StatusOr<Applied>& applied) {
                             if (users_[number].life != life) return;
                             if (!applied.ok()) return Again(number);
                             users_[number].good_until =
                                 asked_at + Promised(users_[number].ttl_seconds);
                             AttachKey(number, life);
                           });
  member->Wake();
  events_.After(absl::Seconds(10), [this, number, life] {  // the member has died under it
    if (users_[number].life == life && users_[number].good_until == absl::ZeroDuration())
      Again(number);
  });
}

void LeaseUsers::AttachKey(size_t number, uint64_t life) {
  User& user = users_[number];
  Later(absl::Seconds(user.ttl_seconds) / 3, number, life, &LeaseUsers::Renew);
  SimMember* const member = Somebody();
  if (member == nullptr) return;
  etcdserverpb::PutRequest request;
  request.set_key(user.key);
  request.set_value(absl::StrCat("lease-value-", ++values_));
  request.set_lease(user.lease.value());
  member->member().Propose(RequestKind::kPut, request.SerializeAsString(),
                           [](const absl::StatusOr<Applied>&) {});
  member->Wake();
}

void LeaseUsers::Renew(size_t number, uint64_t life) {
  User& user = users_[number];
  if (user.renewals_left-- <= 0) {
    if (random_.Below(2) == 0) return Revoke(number, life);
    return Again(number);  // it expires
  }
  Later(absl::Seconds(user.ttl_seconds) / 3, number, life, &LeaseUsers::Renew);
  SimMember* const member = Somebody();
  if (member == nullptr) return;
  const absl::Duration asked_at = events_.now();
  member->Do([this, number, life, asked_at, member] {
    if (users_[number].life != life) return;
    const bool revoked = users_[number].revoked;
    member->member().LeaseKeepAlive(
        users_[number].lease,
        [this, number, life, asked_at, revoked](const absl::StatusOr<int64_t>& ttl_seconds) {
          if (!ttl_seconds.ok() || *ttl_seconds == 0) return;
          if (revoked) check_(absl::InternalError("a lease was renewed after it was revoked"));
          if (users_[number].life == life) Renewed(number, asked_at, *ttl_seconds);
        });
  });
}

void LeaseUsers::Renewed(size_t number, absl::Duration asked_at, int64_t ttl_seconds) {
  User& user = users_[number];
  user.good_until = std::max(user.good_until, asked_at + Promised(ttl_seconds));
  // A revocation may overtake the answer.
  if (user.gone && !user.revocation_asked && user.good_until > events_.now()) {
    check_(absl::InternalError(
        absl::StrCat("the lease of ", user.key, " was renewed, and its key had gone")));
  }
}

void LeaseUsers::Revoke(size_t number, uint64_t life) {
  User& user = users_[number];
  user.revocation_asked = true;
  user.renewals_left = 3;  // which must be refused once it is acknowledged
  Later(absl::Seconds(1), number, life, &LeaseUsers::Renew);
  SimMember* const member = Somebody();
  if (member == nullptr) return;
  etcdserverpb::LeaseRevokeRequest request;
  request.set_id(user.lease.value());
  member->member().Propose(RequestKind::kLeaseRevoke, request.SerializeAsString(),
                           [this, number, life](const absl::StatusOr<Applied>& applied) {
                             if (users_[number].life == life && applied.ok())
                               users_[number].revoked = true;
                           });
  member->Wake();
}

void LeaseUsers::Learned(int64_t revision, const std::vector<history::Change>& changes) {
  for (const history::Change& change : changes) {
    if (!change.deleted) continue;
    for (User& user : users_) {
      if (user.key != change.key) continue;
      user.gone = true;
      if (user.revocation_asked || events_.now() >= user.good_until) continue;
      check_(absl::InternalError(absl::StrCat("revision ", revision, " takes ", user.key,
                                              " away at ", absl::FormatDuration(events_.now()),
                                              ", its lease was promised until ",
                                              absl::FormatDuration(user.good_until))));
    }
  }
}

bool LeaseUsers::AllGone() const {
  return std::ranges::all_of(members_, [](SimMember* member) {
    return member->up() && member->member().view()->Leases().empty();
  });
}

}  // namespace pintle::sim
