#include "server/replica/quota.h"

#include "kv/alarm_set.h"
#include "server/replica/command_codec.h"

namespace pintle::server::replica {
namespace {

bool MayTakeRoom(RequestKind kind) {
  return kind == RequestKind::kPut || kind == RequestKind::kTxn || kind == RequestKind::kLeaseGrant;
}

// Nothing takes more: the shortest put in a transaction has 7 bytes and counts for 257.
int64_t MostRoomFor(std::string_view body) { return 256 + 64 * static_cast<int64_t>(body.size()); }

int64_t RoomFor(RequestKind kind, std::string_view body) {
  if (!MayTakeRoom(kind)) return 0;
  const auto command = DecodeCommand(kind, body);
  return command.ok() ? kv::RoomFor(*command) : 0;
}

}  // namespace

bool Quota::TakesRoom(RequestKind kind, std::string_view body) { return RoomFor(kind, body) > 0; }

bool Quota::ExceededBy(RequestKind kind, std::string_view body) const {
  if (bytes_ <= 0 || !MayTakeRoom(kind)) return false;
  const int64_t used = store_.size_bytes();
  if (used + MostRoomFor(body) < bytes_) return false;  // without looking into it
  const int64_t room = RoomFor(kind, body);
  return room > 0 && used + room >= bytes_;
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
