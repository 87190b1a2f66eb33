// The table of server flags: one row each, read by the command line, the environment and the config
// file alike.
//
// A new flag is a row in flags.cc. Values arrive as text in etcd's spelling and are checked by the
// row's setter.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "server/config.h"

namespace pintle::server {

struct Flag {
  std::string_view name;      // without dashes
  std::string_view fallback;  // default, for --help
  std::string_view help;
  bool boolean = false;
  std::function<absl::Status(Config&, std::string_view value)> set;
};

std::span<const Flag> Flags();
const Flag* FindFlag(std::string_view name);

// etcd's flags that do nothing here: accepted with a warning, because leaving them out changes
// nothing a user can see.
bool IsAcceptedWithoutEffect(std::string_view name);
// etcd's flags that promise something that is not built yet: refused, so that nobody believes to
// have it.
bool IsNotBuiltYet(std::string_view name);

std::string EnvironmentName(std::string_view flag);  // "data-dir" → "ETCD_DATA_DIR"

absl::StatusOr<Url> ParseUrl(std::string_view text);
absl::StatusOr<absl::Duration> ParseGoDuration(std::string_view text);

}  // namespace pintle::server
