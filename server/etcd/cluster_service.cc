#include "server/etcd/cluster_service.h"

#include <string>
#include <utility>

#include "proto/etcd/rpc.pb.h"
#include "server/etcd/replies.h"

namespace pintle::server::etcd {
namespace {

// Answers of this service carry no revision.
void MemberList(const ServicePtr& service, const etcdserverpb::MemberListRequest& request,
                std::string, std::shared_ptr<net::GrpcCall> call) {
  WithView(*service, /*serializable=*/!request.linearizable(), call,
           [service, call](const kv::ReadView&) {
             etcdserverpb::MemberListResponse response;
             const HeaderFacts facts = FactsOf(service->member);
             response.mutable_header()->set_cluster_id(facts.cluster_id);
             response.mutable_header()->set_member_id(facts.member_id);
             response.mutable_header()->set_raft_term(facts.raft_term);
             for (replica::ClusterMember& member : service->member.members()) {
               etcdserverpb::Member& out = *response.add_members();
               out.set_id(member.id);
               out.set_name(std::move(member.name));
               for (std::string& url : member.peer_urls) out.add_peerurls(std::move(url));
               for (std::string& url : member.client_urls) out.add_clienturls(std::move(url));
               out.set_islearner(member.is_learner);
             }
             call->Reply(response.SerializeAsString());
           });
}

}  // namespace

void RegisterCluster(net::GrpcRouter& router, ServicePtr service) {
  AddUnary<etcdserverpb::MemberListRequest>(router, "/etcdserverpb.Cluster/MemberList", service,
                                            MemberList);
  for (const char* method : {"MemberAdd", "MemberRemove", "MemberUpdate", "MemberPromote"}) {
    AddNotBuilt(router, std::string("/etcdserverpb.Cluster/") + method);
  }
}

}  // namespace pintle::server::etcd
