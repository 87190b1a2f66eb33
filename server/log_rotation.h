// Log files that begin anew when they are large, as etcd's --enable-log-rotation does: the full
// one is renamed to <name>-<time><extension> beside it; of these, as many and as old ones are kept
// as the configuration says.
//
// Thread: any (the sink has a lock). A file that cannot be renamed is written on; nothing is lost.
#pragma once

#include <spdlog/sinks/sink.h>

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace pintle::server {

struct LogRotation {
  int64_t max_megabytes = 100;
  int64_t max_age_days = 0;  // 0: any
  int64_t max_backups = 0;   // 0: any number
  bool local_time = false;   // in the names
};

// {"maxsize": 100, "maxage": 0, "maxbackups": 0, "localtime": false, "compress": false}; empty:
// the defaults. UNIMPLEMENTED: compress.
absl::StatusOr<LogRotation> ParseLogRotation(const std::string& json);

absl::StatusOr<spdlog::sink_ptr> MakeRotatingSink(const std::string& path, LogRotation rotation);

}  // namespace pintle::server
