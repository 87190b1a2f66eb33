#include "server/admin/metrics.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kv/alarm_set.h"
#include "server/admin/process.h"
#include "server/version.h"

namespace pintle::server::admin {
namespace {

// "3.6"
std::string ClusterVersion(const replica::LocalMember& member) {
  const std::string target = member.downgrade_target();
  return ShortVersion(target.empty() ? ReportedClusterVersion() : target);
}

void AddRaft(Page& page, const replica::MemberStatus& status, bool learner) {
  page.Gauge("etcd_server_has_leader", "Whether a leader is known: 1 or 0.", status.leader_id != 0);
  page.Gauge("etcd_server_is_leader", "Whether this member is the leader: 1 or 0.",
             status.is_leader);
  page.Gauge("etcd_server_is_learner", "Whether this member has no vote: 1 or 0.", learner);
  page.Counter("etcd_server_leader_changes_seen_total", "Leader changes seen since the start.",
               static_cast<double>(status.leader_changes));
  // Gauges although their names end in _total: the values are raft indexes, as in etcd.
  page.Gauge("etcd_server_proposals_committed_total", "Newest committed raft index known here.",
             static_cast<double>(status.committed_index));
  page.Gauge("etcd_server_proposals_applied_total", "Newest raft index applied here.",
             static_cast<double>(status.applied_index));
  page.Gauge("etcd_server_proposals_pending", "Proposals of this member's clients under way.",
             static_cast<double>(status.proposals_pending));
  page.Counter("etcd_server_proposals_failed_total", "Proposals that failed or timed out.",
               static_cast<double>(status.proposals_failed));
}

void AddHealth(Page& page, const etcd::FaceCounters& face) {
  page.Counter("etcd_server_health_success", "Answers of /health that said yes.",
               static_cast<double>(face.health_successes.Get()));
  page.Counter("etcd_server_health_failures", "Answers of /health that said no.",
               static_cast<double>(face.health_failures.Get()));
  for (const auto& [key, check] : face.probes.Read()) {
    const Labels labels = {{"type", key.first}, {"name", key.second}};
    page.Gauge("etcd_server_healthcheck", "Result of a check behind /livez or /readyz: 1 or 0.",
               check.healthy, labels);
    for (const bool good : {true, false}) {
      Labels with_status = labels;
      with_status.emplace_back("status", good ? "success" : "error");
      page.Counter("etcd_server_healthchecks_total", "Checks behind /livez and /readyz by result.",
                   static_cast<double>(good ? check.successes : check.failures), with_status);
    }
  }
}

}  // namespace

std::string HexId(uint64_t id) { return absl::StrCat(absl::Hex(id)); }

void AddServer(Page& page, const MetricsSources& sources) {
  const replica::MemberStatus status = sources.member.status();
  const replica::MemberCounters& counters = sources.counters;
  AddRaft(page, status, sources.member.is_learner());
  page.Gauge("etcd_server_id", "This member's id.", 1, {{"server_id", HexId(status.member_id)}});
  page.Gauge("etcd_server_version", "The version that clients are told.", 1,
             {{"server_version", ReportedVersion()}});
  page.Gauge("etcd_server_go_version", "No Go is in this server.", 1,
             {{"server_go_version", "none"}});
  page.Gauge("etcd_cluster_version", "The version that all members agree on.", 1,
             {{"cluster_version", ClusterVersion(sources.member)}});
  page.Gauge("etcd_server_quota_backend_bytes",
             "Bytes of the store beyond which the alarm NOSPACE is raised; 0: no limit.",
             static_cast<double>(sources.quota_bytes));
  page.Counter("etcd_server_heartbeat_send_failures_total",
               "Heartbeats of a leader that left late by more than an interval.",
               static_cast<double>(counters.late_heartbeats.Get()));
  page.Counter("etcd_server_slow_apply_total", "Requests whose apply took more than 100 ms.",
               static_cast<double>(counters.slow_applies.Get()));
  page.Counter("etcd_server_slow_read_indexes_total",
               "Rounds of linearizable reads that had to be begun again.",
               static_cast<double>(counters.reads_repeated.Get()));
  page.Counter("etcd_server_read_indexes_failed_total",
               "Linearizable reads that were not confirmed in time.",
               static_cast<double>(counters.reads_failed.Get()));
  page.Counter("etcd_server_learner_promote_successes",
               "Learners promoted on request of this member's clients while it was the leader.",
               static_cast<double>(sources.face.promotions.Get()));
  for (const auto& [reason, count] : sources.face.promotion_failures.Read()) {
    page.Counter("etcd_server_learner_promote_failures",
                 "Learners that were not promoted on request of this member's clients.",
                 static_cast<double>(count), {{"Reason", reason}});
  }
  AddHealth(page, sources.face);
  for (const kv::Alarm& alarm : sources.member.view()->Alarms()) {
    page.Gauge("etcd_debugging_server_alarms", "Alarms that are active, 1 each.", 1,
               {{"server_id", HexId(alarm.member_id)}, {"alarm_type", kv::NameOf(alarm.type)}});
  }
}

// etcd's gates, and whether what they stand for is done: some of it always, whatever the flag says.
void AddFeatures(Page& page) {
  struct Feature {
    const char* name;
    const char* stage;
    bool done;
  };
  constexpr Feature kFeatures[] = {
      {"CompactHashCheck", "ALPHA", true},
      {"FastLeaseKeepAlive", "BETA", true},
      {"InitialCorruptCheck", "ALPHA", true},
      {"LeaseCheckpoint", "ALPHA", true},
      {"LeaseCheckpointPersist", "ALPHA", true},
      {"PriorityRequest", "ALPHA", false},
      {"SetMemberLocalAddr", "ALPHA", false},
      {"StopGRPCServiceOnDefrag", "ALPHA", false},
      {"TxnModeWriteWithSharedBuffer", "BETA", false},
  };
  for (const Feature& feature : kFeatures) {
    page.Gauge("etcd_server_feature_enabled", "What etcd has a gate for: done here, 1, or not, 0.",
               feature.done, {{"name", feature.name}, {"stage", feature.stage}});
  }
}

void AddProcess(Page& page) {
  const ProcessFacts facts = ReadProcessFacts();
  page.Counter("process_cpu_seconds_total", "User and system CPU time in seconds.",
               facts.cpu_seconds);
  page.Gauge("process_resident_memory_bytes", "Resident memory.",
             static_cast<double>(facts.resident_bytes));
  page.Gauge("process_virtual_memory_bytes", "Virtual memory.",
             static_cast<double>(facts.virtual_bytes));
  page.Gauge("process_virtual_memory_max_bytes", "Most virtual memory that may be used; -1: any.",
             static_cast<double>(facts.max_virtual_bytes));
  page.Gauge("process_open_fds", "Open file descriptors.", static_cast<double>(facts.open_fds));
  page.Gauge("process_max_fds", "Most file descriptors that may be open.",
             static_cast<double>(facts.max_fds));
  page.Counter("process_network_receive_bytes_total", "Bytes received over the network.",
               static_cast<double>(facts.received_bytes));
  page.Counter("process_network_transmit_bytes_total", "Bytes sent over the network.",
               static_cast<double>(facts.sent_bytes));
  page.Gauge("process_start_time_seconds", "Start of the process, Unix time.",
             facts.start_time_unix_seconds);
  page.Gauge("os_fd_used", "Open file descriptors.", static_cast<double>(facts.open_fds));
  page.Gauge("os_fd_limit", "Most file descriptors that may be open.",
             static_cast<double>(facts.max_fds));
}

std::string MetricsText(const MetricsSources& sources) {
  Page page;
  AddServer(page, sources);
  AddStore(page, sources);
  AddDisk(page, sources);
  AddSnapshots(page, sources);
  AddWatches(page, sources);
  AddLeases(page, sources);
  AddNetwork(page, sources);
  AddCalls(page, sources);
  AddFeatures(page);
  AddProcess(page);
  AddWhatNeverHappens(page);
  return page.Text();
}

}  // namespace pintle::server::admin
