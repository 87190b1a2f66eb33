#include "server/replica/quota.h"

#include "kv/alarm_set.h"
#include "server/replica/command_codec.h"

namespace pintle::server::replica {
namespace {

// What a put takes besides its key and value, as etcd reckons.
constexpr int64_t kOverheadBytes = 256;

bool MayTakeRoom(RequestKind kind) {
  return kind == RequestKind::kPut || kind == RequestKind::kTxn || kind == RequestKind::kLeaseGrant;
}

}  // namespace

bool Quota::TakesRoom(RequestKind kind, std::string_view body) {
  if (!MayTakeRoom(kind)) return false;
  const auto command = DecodeCommand(kind, body);
  return command.ok() && kv::TakesRoom(*command);
}

bool Quota::ExceededBy(RequestKind kind, std::string_view body) const {
  if (bytes_ <= 0 || !MayTakeRoom(kind)) return false;
  const int64_t cost = static_cast<int64_t>(body.size()) + kOverheadBytes;
  return store_.size_bytes() + cost >= bytes_ && TakesRoom(kind, body);
}

void Quota::Look(absl::Time now) {
  const bool high = bytes_ > 0 && store_.size_bytes() >= bytes_ / 10 * 9;
  const bool refused = refused_.exchange(false);
  const std::lock_guard lock(mutex_);
  now_ = now;
  if (high || refused) last_high_ = now;
}

bool Quota::KeepsAlarm() const {
  if (refused_) return true;
  const std::lock_guard lock(mutex_);
  return last_high_ != absl::InfinitePast() && now_ - last_high_ < kCalmAfter;
}

}  // namespace pintle::server::replica
