#include "server/etcd/maintenance_service.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kv/alarm_set.h"
#include "proto/etcd/rpc.pb.h"
#include "server/etcd/downgrade.h"
#include "server/etcd/move_leader.h"
#include "server/etcd/replies.h"
#include "server/etcd/snapshot_stream.h"
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
  const std::shared_ptr<const kv::ReadView> view = service->member.view();
  response.mutable_header()->set_revision(view->revision());
  response.set_version(service->options.version);
  response.set_storageversion(ClusterVersion(*service));
  response.set_dbsize(status.db_size_bytes);
  response.set_dbsizeinuse(status.db_size_bytes);
  response.set_dbsizequota(service->options.quota_backend_bytes);
  response.set_leader(status.leader_id);
  response.set_raftindex(status.committed_index);
  response.set_raftterm(status.raft_term);
  response.set_raftappliedindex(status.applied_index);
  response.set_islearner(IsLearner(service->member, status.member_id));
  const std::string target = service->member.downgrade_target();
  response.mutable_downgradeinfo()->set_enabled(!target.empty());
  response.mutable_downgradeinfo()->set_targetversion(target);
  if (status.leader_id == 0) response.add_errors(std::string(replica::ErrNoLeader().message()));
  for (const kv::Alarm& alarm : view->Alarms()) {
    response.add_errors(
        absl::StrCat("memberID:", alarm.member_id, " alarm:", NameOf(alarm.type), " "));
  }
  call->Reply(response.SerializeAsString());
}

template <typename Response>
void SetHeader(const Service& service, int64_t revision, Response& response) {
  const HeaderFacts facts = FactsOf(service.member);
  response.mutable_header()->set_cluster_id(facts.cluster_id);
  response.mutable_header()->set_member_id(facts.member_id);
  response.mutable_header()->set_raft_term(facts.raft_term);
  response.mutable_header()->set_revision(revision);
}

void ReplyAlarms(const Service& service, net::GrpcCall& call, int64_t revision,
                 const std::vector<kv::Alarm>& alarms) {
  etcdserverpb::AlarmResponse response;
  SetHeader(service, revision, response);
  for (const kv::Alarm& alarm : alarms) {
    etcdserverpb::AlarmMember& out = *response.add_alarms();
    out.set_memberid(alarm.member_id);
    out.set_alarm(static_cast<etcdserverpb::AlarmType>(alarm.type));
  }
  call.Reply(response.SerializeAsString());
}

void ListAlarms(const ServicePtr& service, etcdserverpb::AlarmType type, const CallPtr& call) {
  WithView(*service, /*serializable=*/false, call, [service, type, call](const kv::ReadView& view) {
    std::vector<kv::Alarm> alarms = view.Alarms();
    if (type != etcdserverpb::NONE) {
      std::erase_if(alarms, [type](const kv::Alarm& alarm) {
        return static_cast<int>(alarm.type) != static_cast<int>(type);
      });
    }
    ReplyAlarms(*service, *call, view.revision(), alarms);
  });
}

void Alarm(const ServicePtr& service, const etcdserverpb::AlarmRequest& request, std::string,
           CallPtr call) {
  if (request.action() == etcdserverpb::AlarmRequest::GET) {
    ListAlarms(service, request.alarm(), call);
    return;
  }
  etcdserverpb::AlarmRequest chosen;  // without what only the cluster itself may say
  chosen.set_action(request.action());
  chosen.set_memberid(request.memberid());
  chosen.set_alarm(request.alarm());
  ProposeThen(*service, replica::RequestKind::kAlarm, chosen.SerializeAsString(), call,
              [service, call](const replica::Applied& applied) {
                const auto& result = std::get<kv::AlarmResult>(applied.result);
                ReplyAlarms(*service, *call, result.revision, result.alarms);
              });
}

// Nothing is fragmented: room that was freed is used again, and given back by LevelDB.
void Defragment(const ServicePtr&, const etcdserverpb::DefragmentRequest&, std::string,
                CallPtr call) {
  call->Reply("");
}

using HashAnswer = replica::LocalMember::KvHashAnswer;

void Hash(const ServicePtr& service, const etcdserverpb::HashRequest&, std::string, CallPtr call) {
  service->member.HashAll([service, call](absl::StatusOr<HashAnswer> answer) {
    OnCallThread(call, [service, call, answer = std::move(answer)] {
      if (!answer.ok()) return call->Finish(answer.status());
      etcdserverpb::HashResponse response;
      SetHeader(*service, answer->revision, response);
      response.set_hash(answer->hash);
      call->Reply(response.SerializeAsString());
    });
  });
}

void HashKv(const ServicePtr& service, const etcdserverpb::HashKVRequest& request, std::string,
            CallPtr call) {
  service->member.HashKv(request.revision(), [service, call](absl::StatusOr<HashAnswer> answer) {
    OnCallThread(call, [service, call, answer = std::move(answer)] {
      if (!answer.ok()) return call->Finish(answer.status());
      etcdserverpb::HashKVResponse response;
      SetHeader(*service, answer->revision, response);
      response.set_hash(answer->hash);
      response.set_compact_revision(answer->compact_revision);
      response.set_hash_revision(answer->hash_revision);
      call->Reply(response.SerializeAsString());
    });
  });
}

}  // namespace

void RegisterMaintenance(net::GrpcRouter& router, ServicePtr service) {
  AddUnary<etcdserverpb::StatusRequest>(router, "/etcdserverpb.Maintenance/Status", service,
                                        Status);
  AddUnary<etcdserverpb::AlarmRequest>(router, "/etcdserverpb.Maintenance/Alarm", service, Alarm);
  AddUnary<etcdserverpb::DefragmentRequest>(router, "/etcdserverpb.Maintenance/Defragment", service,
                                            Defragment);
  AddUnary<etcdserverpb::HashRequest>(router, "/etcdserverpb.Maintenance/Hash", service, Hash);
  AddUnary<etcdserverpb::HashKVRequest>(router, "/etcdserverpb.Maintenance/HashKV", service,
                                        HashKv);
  RegisterDowngrade(router, service);
  RegisterMoveLeader(router, service);
  RegisterSnapshot(router, service);
}

}  // namespace pintle::server::etcd
