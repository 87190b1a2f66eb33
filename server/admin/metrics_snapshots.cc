// Frozen stores on the /metrics page: backups, and snapshots between members.
#include <algorithm>
#include <array>
#include <functional>
#include <string>

#include "server/admin/metrics.h"

namespace pintle::server::admin {
namespace {

using replica::SnapshotCounts;

constexpr size_t kEdges = 10;

// `way`: "send" or "receive".
void AddTransfers(Page& page, const SnapshotCounts& counts, const std::string& way,
                  const std::string& label) {
  const std::string name = "etcd_network_snapshot_" + way + "_";
  for (const auto& [id, peer] : counts.Read()) {
    const Labels labels = {{label, HexId(id)}};
    page.Counter(name + "success", "Snapshots between members that arrived.",
                 static_cast<double>(peer.successes), labels);
    page.Counter(name + "failures", "Snapshots between members that did not arrive.",
                 static_cast<double>(peer.failures), labels);
    page.Gauge(name + "inflights_total", "Snapshots between members under way.", peer.under_way,
               labels);
    page.Histogram(name + "total_duration_seconds",
                   "How long snapshots between members took, of those that arrived.", *peer.took,
                   labels);
  }
}

// Whoever they came from.
void AddSaves(Page& page, const SnapshotCounts& received) {
  std::array<uint64_t, kEdges + 1> counts{};
  double sum = 0;
  for (const auto& [id, peer] : received.Read()) {
    std::ranges::transform(counts, peer.took->counts(), counts.begin(), std::plus());
    sum += peer.took->sum();
  }
  page.Histogram("etcd_snap_db_save_total_duration_seconds",
                 "How long a snapshot took from its first piece to a durable store.",
                 base::Edges<kEdges>(0.1, 2), counts, sum);
}

}  // namespace

void AddSnapshots(Page& page, const MetricsSources& sources) {
  const replica::MemberCounters& counters = sources.counters;
  AddTransfers(page, counters.snapshots_sent, "send", "To");
  AddTransfers(page, counters.snapshots_received, "receive", "From");
  AddSaves(page, counters.snapshots_received);
  page.Histogram("etcd_snap_db_fsync_duration_seconds",
                 "How long making a received snapshot durable took.", counters.snapshot_syncs);
  page.Gauge("etcd_server_snapshot_apply_in_progress_total",
             "Whether a snapshot is being installed: 1 or 0.", counters.installing);
  page.Histogram("etcd_disk_backend_snapshot_duration_seconds",
                 "How long a frozen store was read: a backup, a snapshot or a check.",
                 counters.frozen_for);
  page.Gauge("etcd_mvcc_db_open_read_transactions",
             "Frozen stores that are being read: backups, snapshots, checks.",
             static_cast<double>(counters.frozen_stores));
}

}  // namespace pintle::server::admin
