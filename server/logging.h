// Log lines as etcd writes them: one JSON object per line with level, ts, caller and msg, or
// readable text.
//
//   OpenLog(config);                       once, in main
//   Log(spdlog::level::info, "ready to serve client requests", {{"address", "127.0.0.1:2379"}});
//
// Plain spdlog calls (spdlog::warn("…")) come out in the same form, without fields. Any thread.
#pragma once

#include <spdlog/spdlog.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "server/config.h"

namespace pintle::server {

// Error: a log file that cannot be opened.
absl::Status OpenLog(const Config& config);

using LogField = std::pair<std::string_view, std::string>;
void Log(spdlog::level::level_enum level, std::string_view message,
         std::initializer_list<LogField> fields = {});

}  // namespace pintle::server
