// InnerClient: what Lock and Election ask of KV, Lease and Watch on behalf of a client: with its
// metadata (so with its rights), on its call's thread.
//
// A value; copies are cheap. The router outlives every call. Answers that come after the outer call
// has ended are given all the same: what was begun may have to be undone. Errors come as etcd's
// lock and election services pass them on: the inner text with code UNKNOWN (etcd-api 1.6).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "proto/etcd/rpc.pb.h"
#include "server/etcd/local_call.h"
#include "server/etcd/service.h"

namespace pintle::server::etcd {

class InnerClient {
 public:
  template <typename Response>
  using Done = absl::AnyInvocable<void(absl::StatusOr<Response>)>;

  InnerClient(const net::GrpcRouter& router, std::shared_ptr<net::GrpcCall> outer)
      : router_(&router), outer_(std::move(outer)) {}

  void Range(const etcdserverpb::RangeRequest& request,
             Done<etcdserverpb::RangeResponse> done) const {
    Ask("/etcdserverpb.KV/Range", request, std::move(done));
  }
  void Txn(const etcdserverpb::TxnRequest& request, Done<etcdserverpb::TxnResponse> done) const {
    Ask("/etcdserverpb.KV/Txn", request, std::move(done));
  }
  void Delete(const std::string& key, Done<etcdserverpb::DeleteRangeResponse> done) const;

  // `lease`, or when it is 0 a new one of a minute that nobody keeps alive.
  void WithLease(int64_t lease, Done<int64_t> done) const;

  // Watches a key, or a range, from `revision`. `on_end` is run when the watch ends by itself, with
  // the reason. The caller ends it with Cancel().
  using OnEvents = absl::AnyInvocable<void(const etcdserverpb::WatchResponse&)>;
  using OnEnd = absl::AnyInvocable<void(absl::Status)>;
  std::shared_ptr<LocalCall> Watch(const std::string& key, const std::string& range_end,
                                   int64_t revision, OnEvents on_events, OnEnd on_end) const;

 private:
  template <typename Request, typename Response>
  void Ask(std::string_view path, const Request& request, Done<Response> done) const {
    AskBytes(path, request.SerializeAsString(),
             [done = std::move(done)](absl::StatusOr<std::string> bytes) mutable {
               if (!bytes.ok()) return done(bytes.status());
               Response response;
               if (!ParseMessage(*bytes, response)) return done(ErrNotAMessage());
               done(std::move(response));
             });
  }
  void AskBytes(std::string_view path, std::string request, Done<std::string> done) const;

  const net::GrpcRouter* router_;
  std::shared_ptr<net::GrpcCall> outer_;
};

// The end of the range of all keys that begin with `prefix`.
std::string PrefixEnd(std::string prefix);
// "name/"
std::string PrefixOf(std::string_view name);
// "name/<lease, hexadecimal>": where a lock or a candidacy lies.
std::string KeyOf(std::string_view name, int64_t lease);
// The key under `prefix` that was made first.
etcdserverpb::RangeRequest FirstUnder(const std::string& prefix);
// True exactly when `key` does not exist (revision 0), or is the one that was made at `revision`.
etcdserverpb::Compare MadeAt(const std::string& key, int64_t revision);

}  // namespace pintle::server::etcd
