#include "server/etcd/maintenance_service.h"

#include <algorithm>
#include <string>
#include <utility>

#include "proto/etcd/rpc.pb.h"
#include "server/etcd/move_leader.h"
#include "server/etcd/replies.h"
#include "server/replica/errors.h"

namespace pintle::server::etcd {
namespace {

using CallPtr = std::shared_ptr<net::GrpcCall>;

bool IsLearner(const replica::LocalMember& member, uint64_t id) {
  for (const replica::ClusterMember& other : member.members()) {
    if (other.id == id) return other.is_learner;
  }
  return false;
}

void Status(const ServicePtr& service, const etcdserverpb::StatusRequest&, std::string,
            CallPtr call) {
  const replica::MemberStatus status = service->member.status();
  etcdserverpb::StatusResponse response;
  response.mutable_header()->set_cluster_id(status.cluster_id);
  response.mutable_header()->set_member_id(status.member_id);
  response.mutable_header()->set_raft_term(status.raft_term);
  response.mutable_header()->set_revision(service->member.view()->revision());
  response.set_version(service->options.version);
  response.set_storageversion(service->options.storage_version);
  response.set_dbsize(std::max(status.db_size_bytes, status.db_size_in_use_bytes));
  response.set_dbsizeinuse(status.db_size_in_use_bytes);
  response.set_dbsizequota(service->options.quota_backend_bytes);
  response.set_leader(status.leader_id);
  response.set_raftindex(status.committed_index);
  response.set_raftterm(status.raft_term);
  response.set_raftappliedindex(status.applied_index);
  response.set_islearner(IsLearner(service->member, status.member_id));
  response.mutable_downgradeinfo();
  if (status.leader_id == 0) response.add_errors(std::string(replica::ErrNoLeader().message()));
  call->Reply(response.SerializeAsString());
}

void Alarm(const ServicePtr& service, const etcdserverpb::AlarmRequest& request, std::string,
           CallPtr call) {
  const bool raises = request.action() == etcdserverpb::AlarmRequest::ACTIVATE &&
                      request.alarm() != etcdserverpb::NONE;
  if (raises) {
    call->Finish(ErrNotBuilt("/etcdserverpb.Maintenance/Alarm with action ACTIVATE"));
    return;
  }
  call->Reply(EncodeHeaderOnly(FactsOf(service->member), service->member.view()->revision()));
}

}  // namespace

void RegisterMaintenance(net::GrpcRouter& router, ServicePtr service) {
  AddUnary<etcdserverpb::StatusRequest>(router, "/etcdserverpb.Maintenance/Status", service,
                                        Status);
  AddUnary<etcdserverpb::AlarmRequest>(router, "/etcdserverpb.Maintenance/Alarm", service, Alarm);
  for (const char* method : {"Defragment", "Hash", "HashKV", "Downgrade"}) {
    AddNotBuilt(router, std::string("/etcdserverpb.Maintenance/") + method);
  }
  RegisterMoveLeader(router, service);
  AddNotBuiltStream(router, "/etcdserverpb.Maintenance/Snapshot");
}

}  // namespace pintle::server::etcd
