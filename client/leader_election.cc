#include "client/leader_election.h"

#include <utility>

#include "spdlog/spdlog.h"

namespace pintle::client {

LeaderElection::LeaderElection(Loop& loop, KubeClient& client, LeaderElectionOptions options,
                               Callbacks callbacks)
    : loop_(loop),
      client_(client),
      options_(std::move(options)),
      callbacks_(std::move(callbacks)) {}

void LeaderElection::Start() { Try(); }

void LeaderElection::Try() {
  if (stopped_) return;
  attempt_at_ = loop_.now();
  ApiRequest request = GetObject(Leases(), options_.name_space, options_.name);
  request.timeout = options_.renew_deadline / 2;
  std::weak_ptr<bool> alive = alive_;
  client_.Send(std::move(request), [this, alive](ApiReply reply) {
    if (!alive.expired()) OnRead(std::move(reply));
  });
}

void LeaderElection::OnRead(ApiReply reply) {
  if (stopped_) return;
  if (reply.NotFound()) {
    Json lease;
    lease["metadata"] = {{"name", options_.name}, {"namespace", options_.name_space}};
    return Write(std::move(lease), /*create=*/true);
  }
  if (!reply.ok()) {
    spdlog::warn("reading the leader lease failed: {}", reply.message);
    return Again();
  }
  Observe(reply.body);
  const std::string_view holder = Str(reply.body, "spec.holderIdentity");
  const absl::Duration duration = absl::Seconds(Int(reply.body, "spec.leaseDurationSeconds"));
  if (!holder.empty() && holder != options_.identity && observed_at_ + duration > loop_.now()) {
    if (leading_) {  // somebody took it: our clock must have stood still
      leading_ = false;
      callbacks_.on_lost();
    }
    return Again();
  }
  Write(std::move(reply.body), /*create=*/false);
}

Json LeaderElection::Record(const Json& previous) const {
  const std::string now = Rfc3339Micro(loop_.now());
  Json spec = At(previous, "spec").is_object() ? At(previous, "spec") : Json::object();
  const bool ours = Str(spec, "holderIdentity") == options_.identity;
  if (!ours) {
    spec["acquireTime"] = now;
    const bool first = !At(previous, "spec").is_object();
    spec["leaseTransitions"] = first ? 0 : Int(spec, "leaseTransitions") + 1;
  }
  spec["holderIdentity"] = options_.identity;
  spec["leaseDurationSeconds"] = absl::ToInt64Seconds(options_.lease_duration);
  spec["renewTime"] = now;
  return spec;
}

void LeaderElection::Write(Json lease, bool create) {
  lease["spec"] = Record(lease);
  ApiRequest request =
      create ? CreateObject(Leases(), std::move(lease)) : UpdateObject(Leases(), std::move(lease));
  request.timeout = options_.renew_deadline / 2;
  std::weak_ptr<bool> alive = alive_;
  client_.Send(std::move(request), [this, alive](ApiReply reply) {
    if (!alive.expired()) OnWritten(std::move(reply));
  });
}

void LeaderElection::OnWritten(ApiReply reply) {
  if (stopped_) return;
  if (!reply.ok()) {
    if (reply.code != 409) spdlog::warn("writing the leader lease failed: {}", reply.message);
    return Again();
  }
  Observe(reply.body);
  // Counted from when the attempt began: the server cannot have seen it earlier.
  renewed_at_ = attempt_at_;
  if (!leading_) {
    leading_ = true;
    spdlog::info("leading as {}", options_.identity);
    callbacks_.on_acquired();
  }
  CheckDeadline();
  Again();
}

void LeaderElection::Observe(const Json& lease) {
  const Json& spec = At(lease, "spec");
  observed_ = lease;
  if (spec != observed_spec_) {
    observed_spec_ = spec;
    observed_at_ = loop_.now();
  }
  const std::string holder(Str(spec, "holderIdentity"));
  if (holder == reported_leader_) return;
  reported_leader_ = holder;
  if (callbacks_.on_new_leader) callbacks_.on_new_leader(holder);
}

void LeaderElection::Again() {
  const absl::Duration delay =
      leading_ ? options_.retry_period : loop_.Jitter(options_.retry_period, 0.2);
  timer_ = loop_.After(delay, [this] { Try(); });
}

void LeaderElection::CheckDeadline() {
  if (!leading_ || stopped_) return;
  const absl::Duration left = renewed_at_ + options_.renew_deadline - loop_.now();
  if (left <= absl::ZeroDuration()) {
    leading_ = false;
    spdlog::error("the leader lease could not be renewed for {}: no longer leading",
                  absl::FormatDuration(options_.renew_deadline));
    return callbacks_.on_lost();
  }
  deadline_timer_ = loop_.After(left, [this] { CheckDeadline(); });
}

void LeaderElection::Release(std::function<void()> done) {
  stopped_ = true;
  timer_.reset();
  deadline_timer_.reset();
  if (!leading_) return done();
  leading_ = false;
  Json lease = observed_;
  const std::string now = Rfc3339Micro(loop_.now());
  Json spec{{"holderIdentity", ""},
            {"leaseDurationSeconds", 1},
            {"renewTime", now},
            {"acquireTime", now},
            {"leaseTransitions", Int(observed_spec_, "leaseTransitions")}};
  lease["spec"] = std::move(spec);
  ApiRequest request = UpdateObject(Leases(), std::move(lease));
  request.timeout = absl::Seconds(3);
  client_.Send(std::move(request), [done](ApiReply reply) {
    if (!reply.ok()) spdlog::warn("giving the leader lease up failed: {}", reply.message);
    done();
  });
}

}  // namespace pintle::client
