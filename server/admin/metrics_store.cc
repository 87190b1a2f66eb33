// Store, disk, watches and leases on the /metrics page.
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "kv/types.h"
#include "server/admin/metrics.h"
#include "server/replica/clock.h"

namespace pintle::server::admin {
namespace {

// All live keys.
double KeyCount(const kv::ReadView& view) {
  const std::string all(1, '\0');
  const auto counted = view.Range({.range = {all, all}, .count_only = true});
  return counted.ok() ? static_cast<double>(counted->count) : 0;
}

double Number(const base::Counter& counter) { return static_cast<double>(counter.Get()); }

void AddApplies(Page& page, const replica::ApplyTimes& applies) {
  for (size_t kind = 0; kind < replica::ApplyTimes::kKinds; ++kind) {
    for (const bool success : {true, false}) {
      page.Histogram("etcd_server_apply_duration_seconds",
                     "How long applying a request took, without writing it to the disk.",
                     applies.At(kind, success),
                     {{"version", "v3"},
                      {"op", std::string(replica::ApplyTimes::NameOf(kind))},
                      {"success", success ? "true" : "false"}});
    }
  }
}

// The member's clock is the monotonic one.
double UnixSecondsOfLastCompaction(const replica::MemberCounters& counters) {
  const int64_t ended = counters.compaction_ended_ns;
  if (ended == 0) return 0;
  const absl::Duration ago =
      replica::SteadyClock().Now() - absl::UnixEpoch() - absl::Nanoseconds(ended);
  return absl::ToDoubleSeconds(absl::Now() - ago - absl::UnixEpoch());
}

void AddCompaction(Page& page, const replica::MemberCounters& counters) {
  page.Gauge("etcd_debugging_mvcc_db_compaction_last",
             "When the last compaction's records were deleted, Unix time; 0: not since the start.",
             UnixSecondsOfLastCompaction(counters));
  page.Counter("etcd_debugging_mvcc_db_compaction_keys_total", "Compacted records deleted here.",
               Number(counters.compacted_records));
  page.Histogram("etcd_debugging_mvcc_index_compaction_pause_duration_milliseconds",
                 "How long compacting the index held up apply.", counters.index_compactions_ms);
  page.Histogram("etcd_debugging_mvcc_db_compaction_pause_duration_milliseconds",
                 "How long one slice of deleting compacted records held up apply.",
                 counters.compaction_slices_ms);
  page.Histogram("etcd_debugging_mvcc_db_compaction_total_duration_milliseconds",
                 "How long deleting a compaction's records took, from first to last slice.",
                 counters.compactions_ms);
}

}  // namespace

void AddStore(Page& page, const MetricsSources& sources) {
  const replica::MemberCounters& counters = sources.counters;
  const replica::MemberStatus status = sources.member.status();
  const auto view = sources.member.view();
  const auto size = static_cast<double>(status.db_size_bytes);
  page.Gauge("etcd_mvcc_db_total_size_in_bytes", "Bytes of the store that the quota counts.", size);
  page.Gauge("etcd_mvcc_db_total_size_in_use_in_bytes",
             "Bytes of every revision that can be read: the same, there is nothing to defragment.",
             size);
  page.Gauge("etcd_debugging_mvcc_db_total_size_in_bytes", "Older name of the store's size.", size);
  page.Gauge("etcd_debugging_mvcc_keys_total", "Keys in the store.", KeyCount(*view));
  page.Gauge("etcd_debugging_mvcc_current_revision", "The store's revision.",
             static_cast<double>(view->revision()));
  page.Gauge("etcd_debugging_mvcc_compact_revision", "The newest compacted revision.",
             static_cast<double>(view->compact_revision()));
  page.Gauge("etcd_debugging_auth_revision", "The revision of users, roles and permissions.",
             static_cast<double>(view->auth().revision()));
  uint64_t ranges = counters.ranges.Get() + sources.face.ranges_in_txns.Get();
  for (const auto* times : {&sources.face.ranges, &sources.face.failed_ranges}) {
    for (const uint64_t count : times->counts()) ranges += count;
  }
  for (const std::string prefix : {"etcd_mvcc_", "etcd_debugging_mvcc_"}) {  // newer, older name
    page.Counter(prefix + "range_total", "Ranges read here.", static_cast<double>(ranges));
    page.Counter(prefix + "put_total", "Puts applied here.", Number(counters.puts));
    page.Counter(prefix + "delete_total",
                 "Deletions applied here, of a revoked lease's keys one by one.",
                 Number(counters.deletes));
    page.Counter(prefix + "txn_total", "Transactions of more than one operation applied here.",
                 Number(counters.txns));
  }
  page.Gauge("etcd_debugging_mvcc_total_put_size_in_bytes", "Bytes of keys and values put here.",
             Number(counters.put_bytes));
  AddCompaction(page, counters);
  page.Histogram("etcd_mvcc_hash_duration_seconds", "How long answering Hash took.",
                 counters.content_hashes);
  page.Histogram("etcd_mvcc_hash_rev_duration_seconds", "How long answering HashKV took.",
                 counters.key_hashes);
  AddApplies(page, counters.applies);
  page.Histogram("etcd_server_range_duration_seconds", "How long a range took.",
                 sources.face.ranges, {{"success", "true"}});
  page.Histogram("etcd_server_range_duration_seconds", "How long a range took.",
                 sources.face.failed_ranges, {{"success", "false"}});
}

void AddDisk(Page& page, const MetricsSources& sources) {
  page.Gauge("pintle_store_disk_bytes", "Bytes of the store's files on the disk.",
             static_cast<double>(sources.store_disk_bytes()));
  const LogFacts log = sources.log();
  const auto edges = base::Edges<kDiskBuckets>(0.001, 2);
  page.Histogram("etcd_disk_wal_fsync_duration_seconds", "Time that syncing the log took.", edges,
                 log.syncs.counts, log.syncs.sum_seconds);
  page.Histogram("etcd_disk_wal_write_duration_seconds",
                 "Time that writing to the log took, without the sync.", edges, log.writes.counts,
                 log.writes.sum_seconds);
  page.Gauge("etcd_disk_wal_write_bytes_total", "Bytes written to the log.",
             static_cast<double>(log.bytes_written));
  page.Histogram("etcd_disk_backend_commit_duration_seconds",
                 "Time that writing a batch of applied requests to the store took.",
                 sources.counters.store_writes);
}

void AddWatches(Page& page, const MetricsSources& sources) {
  const watch::Hub::Stats watches = sources.member.hub().stats();
  page.Gauge("etcd_debugging_mvcc_watcher_total", "Watches open.",
             static_cast<double>(watches.subscriptions));
  page.Gauge("etcd_debugging_mvcc_watch_stream_total", "Watch streams open.",
             static_cast<double>(sources.face.watch_streams.load()));
  page.Gauge("etcd_debugging_mvcc_slow_watcher_total", "Watches that lag behind.",
             static_cast<double>(watches.behind));
  page.Counter("etcd_debugging_mvcc_events_total", "Events handed to watches.",
               static_cast<double>(watches.events_delivered));
  const etcd::WatchTurns& turns = sources.face.watch_turns;
  const std::string loop = "etcd_debugging_server_watch_send_loop_";
  page.Histogram(loop + "watch_stream_duration_seconds",
                 "How long sending a batch of a watch's events took.", turns.events);
  page.Histogram(loop + "watch_stream_duration_per_event_seconds",
                 "The same, divided by the events of the batch.", turns.per_event);
  page.Histogram(loop + "control_stream_duration_seconds",
                 "How long telling that a watch was created, has ended or is synced took.",
                 turns.controls);
  page.Histogram(loop + "progress_duration_seconds", "How long answering a progress request took.",
                 turns.progress);
}

void AddLeases(Page& page, const MetricsSources& sources) {
  const replica::MemberCounters& counters = sources.counters;
  page.Counter("etcd_debugging_lease_granted_total", "Leases granted.",
               Number(counters.leases_granted));
  page.Counter("etcd_debugging_lease_renewed_total", "Leases renewed by this member as leader.",
               Number(counters.leases_renewed));
  page.Counter("etcd_debugging_lease_revoked_total", "Leases revoked, the expired ones too.",
               Number(counters.leases_revoked));
  page.Counter("etcd_debugging_server_lease_expired_total",
               "Leases whose time was up under this member as leader.",
               Number(counters.leases_expired));
  page.Histogram("etcd_debugging_lease_ttl_total", "Times to live of granted leases, in seconds.",
                 counters.lease_ttls);
}

}  // namespace pintle::server::admin
