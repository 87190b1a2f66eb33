// What one run of pintle-bench is told (main.cc fills it from the command line).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "net/endpoint.h"

namespace pintle::bench {

struct Options {
  std::string workload;  // put, range, txn, watch, keepalive
  std::vector<net::Endpoint> endpoints;
  int clients = 64;     // calls in flight, one per client (watch: writers)
  int connections = 8;  // dealt to the endpoints in turn; clients are dealt to them in turn
  absl::Duration duration = absl::Seconds(10);
  absl::Duration warmup = absl::Seconds(1);
  int64_t keys = 10000;  // size of the key space
  size_t value_bytes = 256;
  bool serializable = false;  // range
  int64_t range_limit = 1;    // range: keys per answer (1: a point read)
  int watchers = 1000;        // watch
  int watch_connections = 1;  // watch: streams, one per connection
  // Granted before the run, each with a key attached if wanted; keepalive renews them.
  int64_t leases = 0;
  int64_t lease_ttl_seconds = 3600;
  bool lease_keys = false;
  uint64_t seed = 1;
  std::vector<pid_t> server_pids;
  bool json = false;
};

}  // namespace pintle::bench
