// What the kernel says about this process, for the process_* metrics.
#pragma once

#include <cstdint>

namespace pintle::server::admin {

struct ProcessFacts {
  double cpu_seconds = 0;
  int64_t resident_bytes = 0;
  int64_t virtual_bytes = 0;
  int64_t max_virtual_bytes = -1;  // -1: unlimited
  int64_t open_fds = 0;
  int64_t max_fds = 0;
  double start_time_unix_seconds = 0;
  int64_t received_bytes = 0;  // by IP, of the network namespace
  int64_t sent_bytes = 0;
};

ProcessFacts ReadProcessFacts();

}  // namespace pintle::server::admin
