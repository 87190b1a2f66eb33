#include "server/replica/room_watch.h"

#include <spdlog/spdlog.h>

#include "absl/status/statusor.h"

namespace pintle::server::replica {

void RoomWatch::Look() {
  if (least_bytes_ == 0) return;
  const uint64_t enough = low() ? least_bytes_ + least_bytes_ / 2 : least_bytes_;
  for (const std::string& folder : folders_()) {
    const absl::StatusOr<uint64_t> free = files_.FreeBytes(folder);
    if (!free.ok() || *free >= enough) continue;
    if (!low_.exchange(true)) {
      spdlog::error("no space left: {} bytes are free in {}, writes are refused until there are {}",
                    *free, folder, least_bytes_ + least_bytes_ / 2);
    }
    return;
  }
  if (low_.exchange(false)) spdlog::info("there is space again: writes go on");
}

}  // namespace pintle::server::replica
