// What the kernel has counted for the servers under load, by pid: CPU time and resident memory.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace pintle::bench {

struct ProcessStats {
  double cpu_seconds = 0;  // user and system, all threads, all pids together
  int64_t rss_bytes = 0;   // the largest of them
};

// Pids that are gone count as zero.
ProcessStats ReadProcessStats(const std::vector<pid_t>& pids);

}  // namespace pintle::bench
