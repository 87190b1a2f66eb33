// The text behind /metrics: etcd's names, true to their meaning (etcd-api §4).
//
// Nothing is counted here: each scrape turns facts that others keep (the member's status and
// counters, the face's, the transport's, the watch hub's, the kernel's) into Prometheus text. Any
// thread; costs a few file reads in /proc.
//
// What etcd counts and cannot happen here is a constant 0 (metrics_never.cc). What has another
// meaning here is told so in its help text: the size of the store is what the quota counts, its
// bytes on the disk are pintle_store_disk_bytes. Left out: the series of Go's run time.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "net/grpc.h"
#include "net/server.h"
#include "server/admin/page.h"
#include "server/etcd/face_counters.h"
#include "server/replica/counters.h"
#include "server/replica/local_member.h"

namespace pintle::server::admin {

inline constexpr size_t kDiskBuckets = 14;

// Durations counted by etcd's disk edges (1 ms, doubled thirteen times; the last count: slower than
// all of them), and their sum.
struct DiskTimes {
  std::array<uint64_t, kDiskBuckets + 1> counts{};
  double sum_seconds = 0;
};

struct LogFacts {
  DiskTimes syncs;
  DiskTimes writes;
  uint64_t bytes_written = 0;
};

// By the other member's id.
struct PeerTraffic {
  std::map<uint64_t, uint64_t> sent_bytes;
  std::map<uint64_t, uint64_t> received_bytes;
  std::map<uint64_t, uint64_t> send_failures;
  std::map<uint64_t, uint64_t> receive_failures;
};

struct MetricsSources {
  replica::LocalMember& member;
  const replica::MemberCounters& counters;
  const etcd::FaceCounters& face;
  const net::GrpcRouter& methods;
  std::function<net::Server::Counters()> client_traffic;
  std::function<LogFacts()> log;
  std::function<PeerTraffic()> peers;
  std::function<uint64_t()> store_disk_bytes;
  int64_t quota_bytes = 0;
  bool extensive = false;  // --metrics=extensive: how long the calls of each method took
};

// The whole page.
std::string MetricsText(const MetricsSources& sources);

// Its parts.
void AddServer(Page& page, const MetricsSources& sources);
void AddStore(Page& page, const MetricsSources& sources);
void AddDisk(Page& page, const MetricsSources& sources);
void AddSnapshots(Page& page, const MetricsSources& sources);
void AddWatches(Page& page, const MetricsSources& sources);
void AddLeases(Page& page, const MetricsSources& sources);
void AddNetwork(Page& page, const MetricsSources& sources);
void AddCalls(Page& page, const MetricsSources& sources);
void AddFeatures(Page& page);
void AddProcess(Page& page);
void AddWhatNeverHappens(Page& page);

// As etcd writes a member's id.
std::string HexId(uint64_t id);

}  // namespace pintle::server::admin
