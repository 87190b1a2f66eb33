#include "server/etcd/lease_service.h"

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <variant>

#include "base/status_macros.h"
#include "proto/etcd/rpc.pb.h"
#include "server/etcd/auth_caller.h"
#include "server/etcd/keep_alive_stream.h"
#include "server/etcd/replies.h"

namespace pintle::server::etcd {
namespace {

using CallPtr = std::shared_ptr<net::GrpcCall>;
using kv::auth::Caller;
using replica::RequestKind;

// Positive, 63 bits, as etcd's. Two members that choose the same at the same time: the second grant
// is refused as a duplicate.
int64_t RandomLeaseId() {
  thread_local std::mt19937_64 generator = [] {
    std::random_device device;
    return std::mt19937_64((uint64_t{device()} << 32) | device());
  }();
  return std::uniform_int_distribution<int64_t>(1, INT64_MAX)(generator);
}

template <typename Response>
Response WithHeader(const Service& service, int64_t revision) {
  Response response;
  const HeaderFacts facts = FactsOf(service.member);
  response.mutable_header()->set_cluster_id(facts.cluster_id);
  response.mutable_header()->set_member_id(facts.member_id);
  response.mutable_header()->set_raft_term(facts.raft_term);
  response.mutable_header()->set_revision(revision);
  return response;
}

void Grant(const ServicePtr& service, const etcdserverpb::LeaseGrantRequest& request,
           std::string bytes, CallPtr call) {
  const absl::Status full = service->member.CheckRoom(RequestKind::kLeaseGrant, bytes);
  if (!full.ok()) return call->Finish(full);
  etcdserverpb::LeaseGrantRequest chosen;
  chosen.set_id(request.id() != 0 ? request.id() : RandomLeaseId());
  chosen.set_ttl(std::max(request.ttl(), service->member.min_lease_ttl_seconds()));
  ProposeThen(*service, RequestKind::kLeaseGrant, chosen.SerializeAsString(), call,
              [service, call](const replica::Applied& applied) {
                const auto& result = std::get<kv::LeaseResult>(applied.result);
                auto response =
                    WithHeader<etcdserverpb::LeaseGrantResponse>(*service, result.revision);
                response.set_id(result.id.value());
                response.set_ttl(result.ttl_seconds);
                call->Reply(response.SerializeAsString());
              });
}

void Revoke(const ServicePtr& service, const etcdserverpb::LeaseRevokeRequest&, std::string bytes,
            CallPtr call) {
  ProposeThen(*service, RequestKind::kLeaseRevoke, std::move(bytes), call,
              [service, call](const replica::Applied& applied) {
                call->Reply(EncodeHeaderOnly(FactsOf(service->member),
                                             std::get<kv::LeaseResult>(applied.result).revision));
              });
}

// A lease's keys are told to those who may read them all.
absl::Status CheckLeaseKeys(const kv::ReadView& view, const Caller& caller, kv::LeaseId id) {
  const kv::auth::AuthState& auth = view.auth();
  if (auth.CheckRoot(caller).ok()) return absl::OkStatus();
  for (std::string& key : view.LeaseKeys(id)) {
    PINTLE_RETURN_IF_ERROR(auth.CheckRead(caller, {std::move(key), ""}));
  }
  return absl::OkStatus();
}

void ReplyTimeToLive(const Service& service, net::GrpcCall& call, kv::LeaseId id,
                     const replica::LocalMember::LeaseTime& time, const kv::ReadView& view,
                     bool keys) {
  auto response = WithHeader<etcdserverpb::LeaseTimeToLiveResponse>(service, view.revision());
  response.set_id(id.value());
  response.set_ttl(time.ttl_seconds);
  response.set_grantedttl(time.granted_ttl_seconds);
  if (keys && time.granted_ttl_seconds > 0) {
    for (std::string& key : view.LeaseKeys(id)) response.add_keys(std::move(key));
  }
  call.Reply(response.SerializeAsString());
}

void TimeToLive(const ServicePtr& service, const etcdserverpb::LeaseTimeToLiveRequest& request,
                std::string, CallPtr call) {
  using LeaseTime = replica::LocalMember::LeaseTime;
  const kv::LeaseId id(request.id());
  const bool keys = request.keys();
  service->member.LeaseTimeToLive(id, [=](absl::StatusOr<LeaseTime> time) {
    OnCallThread(call, [=] {
      if (!time.ok()) {
        call->Finish(time.status());
        return;
      }
      // The time is the leader's; what is attached is read here, so this member must have caught
      // up.
      ReadAs(*service, /*serializable=*/!keys, call,
             [=](const kv::ReadView& view, const Caller& caller) {
               absl::Status refused = keys ? CheckLeaseKeys(view, caller, id) : absl::OkStatus();
               if (keys) refused.Update(Recheck(*service, caller));
               if (!refused.ok()) return call->Finish(refused);
               ReplyTimeToLive(*service, *call, id, *time, view, keys);
             });
    });
  });
}

void Leases(const ServicePtr& service, const etcdserverpb::LeaseLeasesRequest&, std::string,
            CallPtr call) {
  ReadAs(*service, /*serializable=*/true, call,
         [service, call](const kv::ReadView& view, const Caller& caller) {
           absl::Status refused = view.auth().CheckUser(caller);
           auto response = WithHeader<etcdserverpb::LeaseLeasesResponse>(*service, view.revision());
           for (const kv::LeaseId id : service->member.leases()) {
             if (view.auth().enabled() && refused.ok())
               refused.Update(CheckLeaseKeys(view, caller, id));
             response.add_leases()->set_id(id.value());
           }
           refused.Update(Recheck(*service, caller));
           if (!refused.ok()) return call->Finish(refused);
           call->Reply(response.SerializeAsString());
         });
}

}  // namespace

void RegisterLease(net::GrpcRouter& router, ServicePtr service) {
  AddUnary<etcdserverpb::LeaseGrantRequest>(router, "/etcdserverpb.Lease/LeaseGrant", service,
                                            Grant);
  AddUnary<etcdserverpb::LeaseRevokeRequest>(router, "/etcdserverpb.Lease/LeaseRevoke", service,
                                             Revoke);
  AddUnary<etcdserverpb::LeaseTimeToLiveRequest>(router, "/etcdserverpb.Lease/LeaseTimeToLive",
                                                 service, TimeToLive);
  AddUnary<etcdserverpb::LeaseLeasesRequest>(router, "/etcdserverpb.Lease/LeaseLeases", service,
                                             Leases);
  router.Stream("/etcdserverpb.Lease/LeaseKeepAlive",
                [service](CallPtr call) { return OpenKeepAliveStream(service, std::move(call)); });
}

}  // namespace pintle::server::etcd
