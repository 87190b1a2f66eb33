#include "server/storage/fatal.h"

#include <spdlog/spdlog.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace pintle::server::storage {
namespace {

constinit FatalListener the_listener = nullptr;

}  // namespace

void SetFatalListener(FatalListener listener) { the_listener = listener; }

void Fatal(std::string_view text) {
  if (the_listener != nullptr) return the_listener(text);
  spdlog::critical("{}", text);
  spdlog::default_logger_raw()->flush();
  std::fprintf(stderr, "pintle: %.*s\n", static_cast<int>(text.size()), text.data());
  std::_Exit(1);  // no destructors: nothing may be written any more
}

bool DieUnlessOk(const absl::Status& status, std::string_view action) {
  if (status.ok()) return true;
  Fatal(std::string(action) + " failed, stopping: " + std::string(status.message()));
  return false;
}

}  // namespace pintle::server::storage
