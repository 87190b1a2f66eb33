#include "server/replica/alarm_proposer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "proto/etcd/rpc.pb.h"

namespace pintle::server::replica {
namespace {

std::string EncodeRequest(kv::AlarmRequest::Action action, const kv::Alarm& alarm) {
  etcdserverpb::AlarmRequest request;
  request.set_action(static_cast<etcdserverpb::AlarmRequest::AlarmAction>(action));
  request.set_memberid(alarm.member_id);
  request.set_alarm(static_cast<etcdserverpb::AlarmType>(alarm.type));
  request.set_automatic(alarm.automatic);
  return request.SerializeAsString();
}

}  // namespace

void AlarmProposer::Raise(const kv::Alarm& alarm) {
  const std::vector<kv::Alarm> active = doors_.view()->Alarms();
  const bool there = std::any_of(active.begin(), active.end(), [&](const kv::Alarm& other) {
    const bool stays = !other.automatic || alarm.automatic;
    return other.member_id == alarm.member_id && other.type == alarm.type && stays;
  });
  if (!there) Ask(kv::AlarmRequest::Action::kActivate, alarm);
}

void AlarmProposer::Clear(const kv::Alarm& alarm) {
  const std::vector<kv::Alarm> active = doors_.view()->Alarms();
  if (std::find(active.begin(), active.end(), alarm) == active.end()) return;
  Ask(kv::AlarmRequest::Action::kDeactivate, alarm);
}

void AlarmProposer::Ask(kv::AlarmRequest::Action action, const kv::Alarm& alarm) {
  {
    const std::lock_guard lock(mutex_);
    if (!under_way_.insert(alarm).second) return;
  }
  doors_.propose(EncodeRequest(action, alarm), [this, alarm] {
    const std::lock_guard lock(mutex_);
    under_way_.erase(alarm);
  });
}

}  // namespace pintle::server::replica
