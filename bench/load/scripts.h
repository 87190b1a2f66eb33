// The workloads, as scripts of single clients.
//
// Keys look like Kubernetes' (/registry/pods/<namespace>/<name>, about 50 bytes); values are random
// bytes, different in every put, so that compression can flatter nobody.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>

#include "bench/load/options.h"
#include "bench/load/runner.h"

namespace pintle::bench {

std::string KeyName(int64_t i);

// Incompressible values without the cost of drawing each byte: slices of one random block, their
// first bytes a count.
class Values {
 public:
  Values(size_t bytes, uint64_t seed);
  std::string Next();

 private:
  size_t bytes_;
  std::mt19937_64 random_;
  std::string block_;
};

std::unique_ptr<ClientScript> MakePutScript(const Options& options, int client);
std::unique_ptr<ClientScript> MakeRangeScript(const Options& options, int client);
std::unique_ptr<ClientScript> MakeTxnScript(const Options& options, int client);
std::unique_ptr<ClientScript> MakeWatchedPutScript(const Options& options, int client);

// The key that all watchers of the watch workload watch. A watched value begins with its send time,
// so that the receiver knows how long the event took.
std::string WatchedKey();
absl::Time SendTimeOf(std::string_view value);

}  // namespace pintle::bench
