// What --config-file may name: any bytes. Read twice, they mean the same or are refused in the same
// one line.
#include "server/config_file.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  pintle::server::Config first;
  pintle::server::Config second;
  const absl::Status status = pintle::server::ApplyConfigText(first, text, "etcd.yml");
  PINTLE_CHECK(status == pintle::server::ApplyConfigText(second, text, "etcd.yml"),
               "the same file is judged differently");
  PINTLE_CHECK(first.name == second.name && first.warnings == second.warnings,
               "the same file is read differently");
  return 0;
}
