// The text behind /metrics: etcd's names, true to their meaning (etcd-api §4).
//
// Nothing is counted here: each scrape turns facts that others keep (the member's status, the watch
// hub, the transport, the kernel) into Prometheus text. Any thread; costs a few file reads in
// /proc. What etcd exposes and is not listed in metrics.cc is not exposed yet, rather than shown as
// a zero.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "net/server.h"
#include "server/replica/local_member.h"

namespace pintle::server::admin {

// Upper edges of etcd's disk histograms: 1 ms, doubled thirteen times.
inline constexpr int kDiskBuckets = 14;
std::array<double, kDiskBuckets> DiskBucketEdges();

// Durations of the log's syncs: counts per bucket (the last: slower than all edges), and their sum.
struct SyncDurations {
  std::array<uint64_t, kDiskBuckets + 1> counts{};
  double sum_seconds = 0;
};

struct MetricsSources {
  replica::LocalMember* member = nullptr;
  std::function<net::Server::Counters()> client_traffic;
  std::function<SyncDurations()> wal_syncs;
};

// The whole page.
std::string MetricsText(const MetricsSources& sources);

}  // namespace pintle::server::admin
