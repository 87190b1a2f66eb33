// What etcd counts and cannot happen here, so that a page or an alarm that asks for it finds a true
// 0: parts of bbolt, of the proxy and of the second version of its API. Two series of that version
// have a label, etcd_debugging_store_reads_total and …_writes_total, and would show on use only.
#include <vector>

#include "server/admin/metrics.h"

namespace pintle::server::admin {
namespace {

void Never(Page& page, const std::string& name, const std::string& help, size_t buckets,
           double first) {
  std::vector<double> edges;
  double edge = first;
  for (size_t i = 0; i < buckets; ++i, edge *= 2) edges.push_back(edge);
  page.Histogram(name, help, edges, std::vector<uint64_t>(buckets + 1), 0);
}

}  // namespace

void AddWhatNeverHappens(Page& page) {
  for (const char* part : {"rebalance", "spill", "write"}) {
    Never(page, std::string("etcd_debugging_disk_backend_commit_") + part + "_duration_seconds",
          std::string("Of bbolt, which is not used here: ") + part + ".", 14, 0.001);
  }
  Never(page, "etcd_debugging_snap_save_marshalling_duration_seconds",
        "Of snapshots of the second version of etcd's API.", 14, 0.001);
  Never(page, "etcd_debugging_snap_save_total_duration_seconds",
        "Of snapshots of the second version of etcd's API.", 14, 0.001);
  Never(page, "etcd_snap_fsync_duration_seconds",
        "Of snapshots of the second version of etcd's API.", 14, 0.001);
  page.Counter("etcd_debugging_store_expires_total", "Of the second version of etcd's API.", 0);
  page.Counter("etcd_debugging_store_watch_requests_total", "Of the second version of etcd's API.",
               0);
  page.Gauge("etcd_debugging_store_watchers", "Of the second version of etcd's API.", 0);
  page.Gauge("etcd_disk_defrag_inflight", "There is nothing to defragment.", 0);
  Never(page, "etcd_disk_backend_defrag_duration_seconds", "There is nothing to defragment.", 13,
        0.1);
  page.Gauge("etcd_debugging_mvcc_pending_events_total",
             "No event waits between the store and a stream: a client takes them from the store.",
             0);
  for (const char* name : {"cache_hits_total", "cache_keys_total", "cache_misses_total",
                           "watchers_coalescing_total"}) {
    page.Gauge(std::string("etcd_grpc_proxy_") + name, "Of the proxy, which is not here.", 0);
  }
  page.Counter("etcd_grpc_proxy_events_coalescing_total", "Of the proxy, which is not here.", 0);
}

}  // namespace pintle::server::admin
