#include "kv/alarm_set.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <variant>

#include "base/byte_codec.h"
#include "kv/errors.h"

namespace pintle::kv {
namespace {

constexpr size_t kAlarmBytes = 10;

bool IsType(char byte) {
  return byte == static_cast<char>(AlarmType::kNoSpace) ||
         byte == static_cast<char>(AlarmType::kCorrupt);
}

bool SameAlarm(const Alarm& a, const Alarm& b) {
  return a.member_id == b.member_id && a.type == b.type;
}

// What a pair and a lease take besides their bytes, as etcd reckons.
constexpr int64_t kPairBytes = 256;
constexpr int64_t kLeaseBytes = 64;

int64_t RoomFor(const PutRequest& put) {
  return kPairBytes + static_cast<int64_t>(put.key.size() + put.value.size());
}

int64_t RoomFor(const std::vector<TxnOp>& ops);
int64_t RoomFor(const TxnRequest& txn) {
  return std::max(RoomFor(txn.success), RoomFor(txn.failure));
}
int64_t RoomFor(const std::vector<TxnOp>& ops) {
  int64_t bytes = 0;
  for (const TxnOp& op : ops) {
    if (const auto* put = std::get_if<PutRequest>(&op)) bytes += RoomFor(*put);
    const auto* nested = std::get_if<std::shared_ptr<TxnRequest>>(&op);
    if (nested != nullptr && *nested != nullptr) bytes += RoomFor(**nested);
  }
  return bytes;
}

bool ChangesKeysOrLeases(const Command& command) {
  return !std::holds_alternative<AlarmRequest>(command) &&
         !std::holds_alternative<LeaseCheckpointRequest>(command) &&
         !std::holds_alternative<auth::Request>(command);
}

}  // namespace

std::string AlarmSet::Encode() const {
  std::string out;
  for (const Alarm& alarm : alarms_) {
    base::AppendBigEndian64(out, alarm.member_id);
    out.push_back(static_cast<char>(alarm.type));
    out.push_back(alarm.automatic ? '\1' : '\0');
  }
  return out;
}

bool AlarmSet::Parse(std::string_view bytes) {
  alarms_.clear();
  if (bytes.size() % kAlarmBytes != 0) return false;
  base::ByteReader reader(bytes);
  uint64_t member_id = 0;
  std::string_view flags;
  while (reader.TakeBigEndian64(member_id) && reader.TakeBytes(2, flags)) {
    if (!IsType(flags[0]) || flags[1] < 0 || flags[1] > 1) return false;
    alarms_.push_back({.member_id = member_id,
                       .type = static_cast<AlarmType>(flags[0]),
                       .automatic = flags[1] == 1});
  }
  return std::is_sorted(alarms_.begin(), alarms_.end());
}

absl::StatusOr<std::vector<Alarm>> AlarmSet::Execute(const AlarmRequest& request) {
  switch (request.action) {
    case AlarmRequest::Action::kActivate:
      return Activate(request.alarm);
    case AlarmRequest::Action::kDeactivate:
      return Deactivate(request.alarm);
    case AlarmRequest::Action::kGet:
      break;
  }
  std::vector<Alarm> found;
  std::copy_if(alarms_.begin(), alarms_.end(), std::back_inserter(found), [&](const Alarm& alarm) {
    return request.alarm.type == AlarmType::kNone || request.alarm.type == alarm.type;
  });
  return found;
}

absl::StatusOr<std::vector<Alarm>> AlarmSet::Activate(const Alarm& alarm) {
  if (!IsType(static_cast<char>(alarm.type))) return std::vector<Alarm>();
  const auto same = [&](const Alarm& other) { return SameAlarm(alarm, other); };
  const auto it = std::find_if(alarms_.begin(), alarms_.end(), same);
  if (it != alarms_.end()) {
    it->automatic = it->automatic && alarm.automatic;
    return std::vector<Alarm>{*it};
  }
  if (alarms_.size() >= kMaxAlarms) return ErrTooManyAlarms();
  alarms_.insert(std::upper_bound(alarms_.begin(), alarms_.end(), alarm), alarm);
  return std::vector<Alarm>{alarm};
}

std::vector<Alarm> AlarmSet::Deactivate(const Alarm& alarm) {
  const auto it = std::find_if(alarms_.begin(), alarms_.end(), [&](const Alarm& other) {
    return SameAlarm(alarm, other) && (other.automatic || !alarm.automatic);
  });
  if (it == alarms_.end()) return {};
  const Alarm gone = *it;
  alarms_.erase(it);
  return {gone};
}

bool AlarmSet::active(AlarmType type) const {
  return std::any_of(alarms_.begin(), alarms_.end(),
                     [type](const Alarm& alarm) { return alarm.type == type; });
}

absl::Status AlarmSet::Check(const Command& command) const {
  if (alarms_.empty()) return absl::OkStatus();
  if (active(AlarmType::kCorrupt) && ChangesKeysOrLeases(command)) return ErrCorrupt();
  if (active(AlarmType::kNoSpace) && RoomFor(command) > 0) return ErrNoSpace();
  return absl::OkStatus();
}

std::string NameOf(AlarmType type) {
  switch (type) {
    case AlarmType::kNoSpace:
      return "NOSPACE";
    case AlarmType::kCorrupt:
      return "CORRUPT";
    case AlarmType::kNone:
      break;
  }
  return "NONE";
}

int64_t RoomFor(const Command& command) {
  if (const auto* put = std::get_if<PutRequest>(&command)) return RoomFor(*put);
  if (const auto* txn = std::get_if<TxnRequest>(&command)) return RoomFor(*txn);
  return std::holds_alternative<LeaseGrantRequest>(command) ? kLeaseBytes : 0;
}

}  // namespace pintle::kv
