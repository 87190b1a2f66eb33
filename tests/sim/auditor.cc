#include "tests/sim/auditor.h"

#include <algorithm>
#include <utility>

#include "proto/etcd/rpc.pb.h"

namespace pintle::sim {
namespace {

constexpr absl::Duration kPause = absl::Seconds(2);  // a person is not fast

bool IsCorrupt(const SimMember& member) {
  return std::ranges::any_of(member.member().view()->Alarms(), [](const kv::Alarm& alarm) {
    return alarm.type == kv::AlarmType::kCorrupt;
  });
}

}  // namespace

Auditor::Auditor(const Settings& settings, EventQueue& events, const Members& members,
                 std::function<void(const SimMember&, const std::string& kind)> tell)
    : settings_(settings), events_(events), members_(members), tell_(std::move(tell)) {}

void Auditor::Turn() {
  if (settings_.change_value_every == absl::InfiniteDuration()) return;
  events_.After(kPause, [this] { Turn(); });
  SimMember* const member = WhoShowsTheAlarm();
  if (member != nullptr && !DropWrongStores()) Disarm(*member);
}

SimMember* Auditor::WhoShowsTheAlarm() {
  const auto found = std::ranges::find_if(
      members_, [](const SimMember* member) { return member->up() && IsCorrupt(*member); });
  return found == members_.end() ? nullptr : *found;
}

bool Auditor::DropWrongStores() {
  bool dropped = false;
  for (SimMember* member : members_) {
    if (!member->changed_values().any()) continue;
    tell_(*member, "wrong-store-dropped");
    member->DropStore();
    dropped = true;
  }
  return dropped;
}

// Asked for again until the alarm is gone.
void Auditor::Disarm(SimMember& member) {
  etcdserverpb::AlarmRequest request;
  request.set_action(etcdserverpb::AlarmRequest::DEACTIVATE);
  request.set_alarm(etcdserverpb::CORRUPT);
  member.Do([&member, body = request.SerializeAsString()] {
    member.member().Propose(server::replica::RequestKind::kAlarm, body, [](const auto&) {});
    member.Wake();
  });
  tell_(member, "alarm-taken-back");
}

}  // namespace pintle::sim
