#include "bench/load/process_stats.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

namespace pintle::bench {

ProcessStats ReadProcessStats(const std::vector<pid_t>& pids) {
  ProcessStats stats;
  const double tick = static_cast<double>(sysconf(_SC_CLK_TCK));
  for (const pid_t pid : pids) {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    if (!std::getline(stat, line)) continue;
    // The name may hold spaces: fields are counted behind its closing parenthesis; utime and stime
    // are 14 and 15.
    std::istringstream rest(line.substr(line.rfind(')') + 2));
    std::string skip;
    for (int field = 3; field < 14; ++field) rest >> skip;
    int64_t user = 0;
    int64_t system = 0;
    rest >> user >> system;
    stats.cpu_seconds += static_cast<double>(user + system) / tick;
    std::ifstream statm("/proc/" + std::to_string(pid) + "/statm");
    int64_t total = 0;
    int64_t resident = 0;
    statm >> total >> resident;
    stats.rss_bytes = std::max(stats.rss_bytes, resident * sysconf(_SC_PAGESIZE));
  }
  return stats;
}

}  // namespace pintle::bench
