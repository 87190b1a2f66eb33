// The YAML file behind --config-file: keys are flags' names, TLS sits in two maps.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "server/config.h"

namespace pintle::server {

// The largest file that is read; what is bigger is no configuration.
inline constexpr size_t kMostConfigFileBytes = size_t{1} << 20;

// Reads and applies. Errors: INVALID_ARGUMENT, one line with the file's name; UNIMPLEMENTED as for
// flags.
absl::Status ApplyConfigFile(Config& config, const std::string& path);
// The same for what such a file holds; `path` is for messages.
absl::Status ApplyConfigText(Config& config, const std::string& text, const std::string& path);

}  // namespace pintle::server
