// Log lines as etcd writes them: one JSON object per line with level, ts, caller and msg, or
// readable text.
//
//   OpenLog(config);                       once, in main
//   Log(spdlog::level::info, "ready to serve client requests", {{"address", "127.0.0.1:2379"}});
//
// Before OpenLog, and without --log-format, lines are JSON, or readable when stderr is a terminal.
// Plain spdlog calls (spdlog::warn("…")) come out in the same form, without fields. Any thread.
#pragma once

#include <spdlog/spdlog.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "server/config.h"

namespace pintle::server {

// To stderr, for whatever goes wrong before the flags are known.
void OpenEarlyLog();
// Error: a log file that cannot be opened, or a --log-rotation-config-json that cannot be read.
absl::Status OpenLog(const Config& config);

// Numbers are JSON's.
using LogField = std::pair<std::string_view, std::variant<std::string, int64_t>>;
void Log(spdlog::level::level_enum level, std::string_view message,
         std::initializer_list<LogField> fields = {}, std::string_view file = __builtin_FILE(),
         int line = __builtin_LINE());

}  // namespace pintle::server
