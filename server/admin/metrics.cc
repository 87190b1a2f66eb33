#include "server/admin/metrics.h"

#include <prometheus/text_serializer.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/admin/families.h"
#include "server/admin/process.h"
#include "server/version.h"

namespace pintle::server::admin {
namespace {

using Families = std::vector<prometheus::MetricFamily>;

void AddServer(Families& out, const replica::MemberStatus& status) {
  out.push_back(
      Gauge("etcd_server_has_leader", "Whether a leader is known: 1 or 0.", status.leader_id != 0));
  out.push_back(Gauge("etcd_server_is_leader", "Whether this member is the leader: 1 or 0.",
                      status.is_leader));
  out.push_back(Gauge("etcd_server_is_learner", "Whether this member has no vote: 1 or 0.", 0));
  out.push_back(Counter("etcd_server_leader_changes_seen_total",
                        "Leader changes seen since the start.",
                        static_cast<double>(status.leader_changes)));
  // Gauges although their names end in _total: the values are raft indexes, as in etcd.
  out.push_back(Gauge("etcd_server_proposals_committed_total",
                      "Newest committed raft index known here.",
                      static_cast<double>(status.committed_index)));
  out.push_back(Gauge("etcd_server_proposals_applied_total", "Newest raft index applied here.",
                      static_cast<double>(status.applied_index)));
  out.push_back(Gauge("etcd_server_proposals_pending",
                      "Proposals of this member's clients under way.",
                      static_cast<double>(status.proposals_pending)));
  out.push_back(Counter("etcd_server_proposals_failed_total", "Proposals that failed or timed out.",
                        static_cast<double>(status.proposals_failed)));
  out.push_back(Gauge("etcd_server_version", "The version that clients are told.", 1,
                      {{"server_version", std::string(kEtcdVersion)}}));
  out.push_back(Gauge("etcd_server_id", "This member's id.", 1,
                      {{"server_id", absl::StrCat(absl::Hex(status.member_id))}}));
}

void AddStore(Families& out, replica::LocalMember& member, const replica::MemberStatus& status) {
  const auto view = member.view();
  out.push_back(Gauge("etcd_mvcc_db_total_size_in_bytes", "Bytes of the store.",
                      static_cast<double>(status.db_size_bytes)));
  out.push_back(Gauge("etcd_mvcc_db_total_size_in_use_in_bytes",
                      "Logical bytes of every revision that can be read.",
                      static_cast<double>(status.db_size_in_use_bytes)));
  out.push_back(Gauge("etcd_debugging_mvcc_current_revision", "The store's revision.",
                      static_cast<double>(view->revision())));
  out.push_back(Gauge("etcd_debugging_mvcc_compact_revision", "The newest compacted revision.",
                      static_cast<double>(view->compact_revision())));
  const watch::Hub::Stats watches = member.hub().stats();
  out.push_back(Gauge("etcd_debugging_mvcc_watcher_total", "Watches open.",
                      static_cast<double>(watches.subscriptions)));
  out.push_back(Gauge("etcd_debugging_mvcc_slow_watcher_total", "Watches that lag behind.",
                      static_cast<double>(watches.behind)));
  out.push_back(Counter("etcd_debugging_mvcc_events_total", "Events handed to watches.",
                        static_cast<double>(watches.events_delivered)));
}

void AddTraffic(Families& out, const MetricsSources& sources) {
  const net::Server::Counters traffic = sources.client_traffic();
  out.push_back(Counter("etcd_network_client_grpc_received_bytes_total",
                        "Bytes received from clients.",
                        static_cast<double>(traffic.bytes_received)));
  out.push_back(Counter("etcd_network_client_grpc_sent_bytes_total", "Bytes sent to clients.",
                        static_cast<double>(traffic.bytes_sent)));
  const SyncDurations syncs = sources.wal_syncs();
  const auto edges = DiskBucketEdges();
  out.push_back(Histogram("etcd_disk_wal_fsync_duration_seconds", "Time that syncing the log took.",
                          edges, syncs.counts, syncs.sum_seconds));
}

void AddProcess(Families& out) {
  const ProcessFacts facts = ReadProcessFacts();
  out.push_back(Counter("process_cpu_seconds_total", "User and system CPU time in seconds.",
                        facts.cpu_seconds));
  out.push_back(Gauge("process_resident_memory_bytes", "Resident memory.",
                      static_cast<double>(facts.resident_bytes)));
  out.push_back(Gauge("process_virtual_memory_bytes", "Virtual memory.",
                      static_cast<double>(facts.virtual_bytes)));
  out.push_back(
      Gauge("process_open_fds", "Open file descriptors.", static_cast<double>(facts.open_fds)));
  out.push_back(Gauge("process_max_fds", "Most file descriptors that may be open.",
                      static_cast<double>(facts.max_fds)));
  out.push_back(Gauge("process_start_time_seconds", "Start of the process, Unix time.",
                      facts.start_time_unix_seconds));
}

}  // namespace

std::array<double, kDiskBuckets> DiskBucketEdges() {
  std::array<double, kDiskBuckets> edges{};
  double edge = 0.001;
  for (double& e : edges) {
    e = edge;
    edge *= 2;
  }
  return edges;
}

std::string MetricsText(const MetricsSources& sources) {
  Families families;
  const replica::MemberStatus status = sources.member->status();
  AddServer(families, status);
  AddStore(families, *sources.member, status);
  AddTraffic(families, sources);
  AddProcess(families);
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace pintle::server::admin
