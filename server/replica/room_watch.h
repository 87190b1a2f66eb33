// RoomWatch: whether the disks of this member have room to go on with.
//
// Looked at before anything fails: while some is left the log can still take the alarm and the
// store's memory what came before it, so that refusing writes is all that happens and reads go on.
// Low below `least_bytes`, in order again from half as much more on, so that it does not swing. A
// folder that cannot be looked at has room: what fails then says so itself.
//
// Threads: Look from one at a time, low from any. Owner: Member.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "server/storage/file_system.h"

namespace pintle::server::replica {

class RoomWatch {
 public:
  // `folders`: where things are written now. `least_bytes`: 0: never low.
  RoomWatch(storage::FileSystem& files, std::function<std::vector<std::string>()> folders,
            uint64_t least_bytes)
      : files_(files), folders_(std::move(folders)), least_bytes_(least_bytes) {}

  void Look();
  bool low() const { return low_.load(std::memory_order_relaxed); }

 private:
  storage::FileSystem& files_;
  const std::function<std::vector<std::string>()> folders_;
  const uint64_t least_bytes_;
  std::atomic<bool> low_{false};
};

}  // namespace pintle::server::replica
