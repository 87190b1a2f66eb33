#include "server/replica/store_repair.h"

#include <spdlog/spdlog.h>

#include "absl/strings/str_cat.h"
#include "base/fault_point.h"
#include "server/storage/fatal.h"

namespace pintle::server::replica {

namespace {
constexpr size_t kMostSaid = 100;
}  // namespace

void StoreRepair::Unsound(const absl::Status& why) {
  if (!usable()) return;
  doors_.on_apply_thread([this, why] { Distrust(why); });
}

void StoreRepair::WriteFailed(const absl::Status& why) {
  if (absl::IsDataLoss(why) && doors_.can_start_anew()) return Distrust(why);
  if (!absl::IsResourceExhausted(why)) {
    storage::DieUnlessOk(why, "writing to the store");
    return;
  }
  if (!sound()) return;
  spdlog::error("no space left for the store: nothing is applied until there is");
  base::FaultPoint("repair.no_room");
  state_ = State::kNoRoom;
  doors_.stop_applying();
}

void StoreRepair::Distrust(const absl::Status& why) {
  if (!usable()) return;
  if (!doors_.can_start_anew()) {
    // Nobody has a better one, and most of it can be read.
    if (said_.size() < kMostSaid && said_.insert(why.ToString()).second) {
      spdlog::error(
          "the store is damaged, nothing can fill a new one, and what cannot be read is refused: "
          "{}",
          why.ToString());
    }
    return;
  }
  spdlog::error("the store will be made anew, nothing is served until then: {}", why.ToString());
  base::FaultPoint("repair.unsound");
  state_ = State::kUnsound;
  filled_at_ = doors_.commit_index();
  doors_.stop_applying();
  doors_.start_anew();
}

void StoreRepair::Tick() {
  if (state_ == State::kUnsound) return doors_.start_anew();
  if (state_ != State::kNoRoom) return;
  const absl::Status opened = doors_.reopen();
  if (absl::IsResourceExhausted(opened)) return;
  if (!opened.ok()) return WriteFailed(opened);
  base::FaultPoint("repair.reopened");
  state_ = State::kSound;
  spdlog::info("the store has room again and goes on");
}

void StoreRepair::Emptied() {
  base::FaultPoint("repair.emptied");
  state_ = State::kFilling;
}

void StoreRepair::StartsEmpty(raft::Index index) {
  filled_at_ = index;
  if (index > raft::Index{}) state_ = State::kFilling;
}

void StoreRepair::AppliedUpTo(raft::Index index) {
  if (state_ != State::kFilling || index < filled_at_) return;
  base::FaultPoint("repair.filled");
  state_ = State::kSound;
  spdlog::info("the store is whole again");
}

}  // namespace pintle::server::replica
