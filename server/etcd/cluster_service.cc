#include "server/etcd/cluster_service.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "proto/etcd/rpc.pb.h"
#include "server/etcd/auth_caller.h"
#include "server/etcd/replies.h"
#include "server/replica/errors.h"
#include "server/replica/member_ids.h"
#include "server/replica/peer_address.h"

namespace pintle::server::etcd {
namespace {

using replica::ClusterMember;
using replica::MemberChange;
using CallPtr = std::shared_ptr<net::GrpcCall>;
using Members = std::vector<ClusterMember>;

void Fill(etcdserverpb::Member& out, const ClusterMember& member) {
  out.set_id(member.id);
  out.set_name(member.name);
  for (const std::string& url : member.peer_urls) out.add_peerurls(url);
  for (const std::string& url : member.client_urls) out.add_clienturls(url);
  out.set_islearner(member.is_learner);
}

// Answers of this service carry no revision.
template <typename Response>
Response ResponseWith(const replica::LocalMember& member, const Members& members) {
  Response response;
  const HeaderFacts facts = FactsOf(member);
  response.mutable_header()->set_cluster_id(facts.cluster_id);
  response.mutable_header()->set_member_id(facts.member_id);
  response.mutable_header()->set_raft_term(facts.raft_term);
  for (const ClusterMember& each : members) Fill(*response.add_members(), each);
  return response;
}

void MemberList(const ServicePtr& service, const etcdserverpb::MemberListRequest& request,
                std::string, CallPtr call) {
  WithView(*service, /*serializable=*/!request.linearizable(), call,
           [service, call](const kv::ReadView&) {
             const replica::LocalMember& member = service->member;
             call->Reply(ResponseWith<etcdserverpb::MemberListResponse>(member, member.members())
                             .SerializeAsString());
           });
}

// Only the answer to an addition names one of the members by itself.
void NameAdded(const Members& members, uint64_t id, etcdserverpb::MemberAddResponse& response) {
  for (const ClusterMember& member : members) {
    if (member.id == id) Fill(*response.mutable_member(), member);
  }
}

template <typename Response>
void NameAdded(const Members&, uint64_t, Response&) {}

template <typename Response>
void Change(const ServicePtr& service, MemberChange change, CallPtr call) {
  const MemberChange::Kind kind = change.kind;
  const uint64_t id = change.id;
  service->member.ChangeMembers(
      std::move(change), [service, call, kind, id](absl::StatusOr<Members> members) {
        OnCallThread(call, [service, call, kind, id, members = std::move(members)] {
          if (!members.ok()) {
            if (kind == MemberChange::Kind::kPromote) {
              service->counters->promotion_failures.Count(std::string(members.status().message()));
            }
            return call->Finish(members.status());
          }
          auto response = ResponseWith<Response>(service->member, *members);
          if (kind == MemberChange::Kind::kPromote && service->member.status().is_leader) {
            service->counters->promotions.Add();
          }
          NameAdded(*members, id, response);
          call->Reply(response.SerializeAsString());
        });
      });
}

void MemberAdd(const ServicePtr& service, const etcdserverpb::MemberAddRequest& request,
               std::string, CallPtr call) {
  std::vector<std::string> urls(request.peerurls().begin(), request.peerurls().end());
  absl::StatusOr<MemberChange> change = NewMember(std::move(urls));
  if (!change.ok()) return call->Finish(change.status());
  change->learner = request.islearner();
  Admit(*service, AuthRule::kRoot, call, [service, call, change = *std::move(change)]() mutable {
    Change<etcdserverpb::MemberAddResponse>(service, std::move(change), call);
  });
}

void MemberRemove(const ServicePtr& service, const etcdserverpb::MemberRemoveRequest& request,
                  std::string, CallPtr call) {
  Change<etcdserverpb::MemberRemoveResponse>(
      service, {.kind = MemberChange::Kind::kRemove, .id = request.id()}, std::move(call));
}

void MemberUpdate(const ServicePtr& service, const etcdserverpb::MemberUpdateRequest& request,
                  std::string, CallPtr call) {
  MemberChange change{.kind = MemberChange::Kind::kUpdate, .id = request.id()};
  change.peer_urls.assign(request.peerurls().begin(), request.peerurls().end());
  if (!ArePeerUrls(change.peer_urls)) {
    const Members members = service->member.members();
    const bool known = std::ranges::count(members, change.id, &ClusterMember::id) > 0;
    return call->Finish(known ? replica::ErrBadMemberUrls() : replica::ErrMemberNotFound());
  }
  Change<etcdserverpb::MemberUpdateResponse>(service, std::move(change), std::move(call));
}

void MemberPromote(const ServicePtr& service, const etcdserverpb::MemberPromoteRequest& request,
                   std::string, CallPtr call) {
  Change<etcdserverpb::MemberPromoteResponse>(
      service, {.kind = MemberChange::Kind::kPromote, .id = request.id()}, std::move(call));
}

}  // namespace

bool ArePeerUrls(const std::vector<std::string>& urls) {
  replica::PeerAddress address;
  for (const std::string& url : urls) {
    if (!replica::ParsePeerUrl(url, address)) return false;
  }
  return !urls.empty() && urls.size() <= kMostPeerUrls;
}

absl::StatusOr<MemberChange> NewMember(std::vector<std::string> peer_urls) {
  if (!ArePeerUrls(peer_urls)) return replica::ErrBadMemberUrls();
  std::ranges::sort(peer_urls);  // as etcd lists them
  MemberChange change{.kind = MemberChange::Kind::kAdd};
  // As etcd: the same URLs, added again later, are another member.
  change.id = replica::MemberIdOf(peer_urls, absl::StrCat(absl::ToUnixSeconds(absl::Now())));
  change.peer_urls = std::move(peer_urls);
  return change;
}

void RegisterCluster(net::GrpcRouter& router, ServicePtr service) {
  const std::string prefix = "/etcdserverpb.Cluster/";
  AddUnary<etcdserverpb::MemberListRequest>(router, prefix + "MemberList", service, MemberList);
  AddUnary<etcdserverpb::MemberAddRequest>(router, prefix + "MemberAdd", service, MemberAdd);
  AddUnary<etcdserverpb::MemberRemoveRequest>(router, prefix + "MemberRemove", service,
                                              MemberRemove);
  AddUnary<etcdserverpb::MemberUpdateRequest>(router, prefix + "MemberUpdate", service,
                                              MemberUpdate);
  AddUnary<etcdserverpb::MemberPromoteRequest>(router, prefix + "MemberPromote", service,
                                               MemberPromote);
}

}  // namespace pintle::server::etcd
