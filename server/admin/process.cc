#include "server/admin/process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>

namespace pintle::server::admin {
namespace {

double BootTimeUnixSeconds() {
  std::ifstream stat("/proc/stat");
  std::string word;
  double value = 0;
  while (stat >> word) {
    if (word == "btime") {
      stat >> value;
      break;
    }
  }
  return value;
}

// Fields 14 (utime), 15 (stime) and 22 (starttime) of /proc/self/stat, counted behind the closing
// parenthesis.
void ReadStat(ProcessFacts& facts) {
  std::ifstream file("/proc/self/stat");
  std::string line;
  if (!std::getline(file, line)) return;
  std::istringstream rest(line.substr(line.rfind(')') + 2));
  const double tick = static_cast<double>(sysconf(_SC_CLK_TCK));
  std::string word;
  for (int field = 3; rest >> word; ++field) {
    if (field == 14 || field == 15) facts.cpu_seconds += std::stod(word) / tick;
    if (field == 22) {
      facts.start_time_unix_seconds = BootTimeUnixSeconds() + std::stod(word) / tick;
      return;
    }
  }
}

// Two lines of each kind: the names of its fields, and their values.
void ReadNetwork(ProcessFacts& facts) {
  std::ifstream file("/proc/self/net/netstat");
  for (std::string names, values; std::getline(file, names) && std::getline(file, values);) {
    if (!names.starts_with("IpExt:")) continue;
    std::istringstream name_words(names);
    std::istringstream value_words(values);
    std::string name;
    std::string value;
    while (name_words >> name && value_words >> value) {
      if (name == "InOctets") facts.received_bytes = std::stoll(value);
      if (name == "OutOctets") facts.sent_bytes = std::stoll(value);
    }
  }
}

}  // namespace

ProcessFacts ReadProcessFacts() {
  ProcessFacts facts;
  ReadStat(facts);
  ReadNetwork(facts);
  std::ifstream statm("/proc/self/statm");
  statm >> facts.virtual_bytes >> facts.resident_bytes;
  facts.virtual_bytes *= sysconf(_SC_PAGESIZE);
  facts.resident_bytes *= sysconf(_SC_PAGESIZE);
  std::error_code error;
  for (auto it = std::filesystem::directory_iterator("/proc/self/fd", error);
       !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    ++facts.open_fds;
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) facts.max_fds = static_cast<int64_t>(limit.rlim_cur);
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    facts.max_virtual_bytes = static_cast<int64_t>(limit.rlim_cur);
  }
  return facts;
}

}  // namespace pintle::server::admin
