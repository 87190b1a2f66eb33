// CpuProfile: where this process spends its CPU time, sampled 100 times per second of it, by
// gperftools. While there is none, nothing is sampled and nothing is slower.
//
// There is one at a time in a process. Threads: any, one at a time. Limit: gperftools keeps the
// stacks that it saw in a table of its own and writes the rest into memory, a few dozen bytes a
// sample.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace pintle::server::etcd {

class CpuProfile {
 public:
  // FAILED_PRECONDITION: another one is under way. INTERNAL: the system has no file for it.
  static absl::StatusOr<std::unique_ptr<CpuProfile>> Start();
  ~CpuProfile();  // ends it
  CpuProfile(const CpuProfile&) = delete;
  CpuProfile& operator=(const CpuProfile&) = delete;

  // Ends it. The format is gperftools' ("CPU profile"), which pprof reads.
  std::string Finish();

 private:
  explicit CpuProfile(int fd) : fd_(fd) {}

  const int fd_;
  bool running_ = true;
};

}  // namespace pintle::server::etcd
