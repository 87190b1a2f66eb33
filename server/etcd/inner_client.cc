#include "server/etcd/inner_client.h"

#include "absl/strings/str_cat.h"

namespace pintle::server::etcd {
namespace {

// etcd's concurrency sessions: the lease of a caller that brings none.
constexpr int64_t kSessionTtlSeconds = 60;

absl::Status PassedOn(const absl::Status& status) {
  return status.ok() ? status : absl::UnknownError(status.message());
}

LocalCallOptions OnBehalfOf(const net::GrpcCall& outer) {
  return {.metadata = outer.metadata(),
          .peer = std::string(outer.peer()),
          .common_name = std::string(outer.common_name())};
}

}  // namespace

void InnerClient::AskBytes(std::string_view path, std::string request,
                           Done<std::string> done) const {
  struct Answer {
    Done<std::string> done;
    std::string message;
  };
  const auto answer = std::make_shared<Answer>(Answer{std::move(done), {}});
  LocalCallOptions options = OnBehalfOf(*outer_);
  options.on_message = [answer](std::string message) { answer->message = std::move(message); };
  options.on_end = [answer](const absl::Status& status) {
    if (status.ok()) {
      answer->done(std::move(answer->message));
    } else {
      answer->done(PassedOn(status));
    }
  };
  LocalCall::Begin(*router_, path, outer_->executor(), std::move(options))
      ->Message(std::move(request));
}

void InnerClient::Delete(const std::string& key,
                         Done<etcdserverpb::DeleteRangeResponse> done) const {
  etcdserverpb::DeleteRangeRequest request;
  request.set_key(key);
  Ask("/etcdserverpb.KV/DeleteRange", request, std::move(done));
}

void InnerClient::WithLease(int64_t lease, Done<int64_t> done) const {
  if (lease != 0) return done(lease);
  etcdserverpb::LeaseGrantRequest request;
  request.set_ttl(kSessionTtlSeconds);
  Ask<etcdserverpb::LeaseGrantRequest, etcdserverpb::LeaseGrantResponse>(
      "/etcdserverpb.Lease/LeaseGrant", request,
      [done = std::move(done)](absl::StatusOr<etcdserverpb::LeaseGrantResponse> granted) mutable {
        if (!granted.ok()) return done(granted.status());
        done(granted->id());
      });
}

std::shared_ptr<LocalCall> InnerClient::Watch(const std::string& key, const std::string& range_end,
                                              int64_t revision, OnEvents on_events,
                                              OnEnd on_end) const {
  struct Callbacks {
    OnEvents on_events;
    OnEnd on_end;
    bool ended = false;
  };
  const auto callbacks =
      std::make_shared<Callbacks>(Callbacks{std::move(on_events), std::move(on_end)});
  LocalCallOptions options = OnBehalfOf(*outer_);
  options.outer = outer_;
  options.on_message = [callbacks](const std::string& bytes) {
    etcdserverpb::WatchResponse response;
    if (callbacks->ended) return;
    if (!ParseMessage(bytes, response) || response.canceled()) {
      callbacks->ended = true;
      callbacks->on_end(absl::UnknownError(response.cancel_reason()));
    } else if (response.events_size() > 0) {
      callbacks->on_events(response);
    }
  };
  options.on_end = [callbacks](const absl::Status& status) {
    if (!std::exchange(callbacks->ended, true)) callbacks->on_end(PassedOn(status));
  };
  etcdserverpb::WatchRequest request;
  request.mutable_create_request()->set_key(key);
  request.mutable_create_request()->set_range_end(range_end);
  request.mutable_create_request()->set_start_revision(revision);
  auto call = LocalCall::Begin(*router_, "/etcdserverpb.Watch/Watch", outer_->executor(),
                               std::move(options));
  call->Message(request.SerializeAsString());
  return call;
}

std::string PrefixEnd(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
  if (prefix.empty()) return {1, '\0'};
  ++prefix.back();
  return prefix;
}

std::string PrefixOf(std::string_view name) { return std::string(name) + "/"; }

std::string KeyOf(std::string_view name, int64_t lease) {
  // As Go prints a signed number.
  const auto magnitude =
      lease < 0 ? uint64_t{0} - static_cast<uint64_t>(lease) : static_cast<uint64_t>(lease);
  return absl::StrCat(PrefixOf(name), lease < 0 ? "-" : "", absl::Hex(magnitude));
}

etcdserverpb::RangeRequest FirstUnder(const std::string& prefix) {
  etcdserverpb::RangeRequest request;
  request.set_key(prefix);
  request.set_range_end(PrefixEnd(prefix));
  request.set_sort_order(etcdserverpb::RangeRequest::ASCEND);
  request.set_sort_target(etcdserverpb::RangeRequest::CREATE);
  request.set_limit(1);
  return request;
}

etcdserverpb::Compare MadeAt(const std::string& key, int64_t revision) {
  etcdserverpb::Compare compare;
  compare.set_result(etcdserverpb::Compare::EQUAL);
  compare.set_target(etcdserverpb::Compare::CREATE);
  compare.set_key(key);
  compare.set_create_revision(revision);
  return compare;
}

}  // namespace pintle::server::etcd
