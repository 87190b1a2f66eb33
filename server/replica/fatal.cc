#include "server/replica/fatal.h"

#include <spdlog/spdlog.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace pintle::server::replica {

void DieUnlessOk(const absl::Status& status, std::string_view action) {
  if (status.ok()) return;
  const std::string text =
      std::string(action) + " failed, stopping: " + std::string(status.message());
  spdlog::critical("{}", text);
  spdlog::default_logger_raw()->flush();
  std::fprintf(stderr, "pintle: %s\n", text.c_str());
  std::_Exit(1);  // no destructors: nothing may be written any more
}

}  // namespace pintle::server::replica
