#!/usr/bin/env python3
"""A real Prometheus scrapes three members: the series that etcd's alerts and dashboards ask for are there, mean what they
say, and promtool takes the page, the rules and what the dashboard asks."""

import json
import os
import re
import subprocess
import urllib.parse

from harness import ROOT, ClusterTest, deploy, main, wait_for

MONITORING = os.path.join(ROOT, "deploy", "monitoring")

# etcd-api 4.1, and 4.2 without what needs special circumstances: (name, type).
SERIES = """
etcd_server_has_leader gauge
etcd_server_leader_changes_seen_total counter
etcd_server_is_leader gauge
etcd_server_is_learner gauge
etcd_server_proposals_committed_total gauge
etcd_server_proposals_applied_total gauge
etcd_server_proposals_pending gauge
etcd_server_proposals_failed_total counter
etcd_disk_wal_fsync_duration_seconds histogram
etcd_disk_backend_commit_duration_seconds histogram
etcd_mvcc_db_total_size_in_bytes gauge
etcd_mvcc_db_total_size_in_use_in_bytes gauge
etcd_debugging_mvcc_db_total_size_in_bytes gauge
etcd_server_quota_backend_bytes gauge
etcd_network_client_grpc_sent_bytes_total counter
etcd_network_client_grpc_received_bytes_total counter
etcd_network_peer_sent_bytes_total counter
etcd_network_peer_received_bytes_total counter
etcd_network_peer_sent_failures_total counter
etcd_network_known_peers gauge
grpc_server_started_total counter
grpc_server_handled_total counter
grpc_server_msg_received_total counter
grpc_server_msg_sent_total counter
grpc_server_handling_seconds histogram
process_resident_memory_bytes gauge
process_cpu_seconds_total counter
process_open_fds gauge
process_max_fds gauge
process_start_time_seconds gauge
process_virtual_memory_bytes gauge
etcd_cluster_version gauge
etcd_server_version gauge
etcd_server_go_version gauge
etcd_server_id gauge
etcd_server_apply_duration_seconds histogram
etcd_server_range_duration_seconds histogram
etcd_server_request_duration_seconds histogram
etcd_server_client_requests_total counter
etcd_server_heartbeat_send_failures_total counter
etcd_server_slow_apply_total counter
etcd_server_slow_read_indexes_total counter
etcd_server_read_indexes_failed_total counter
etcd_server_learner_promote_successes counter
etcd_server_health_success counter
etcd_server_health_failures counter
etcd_mvcc_range_total counter
etcd_mvcc_put_total counter
etcd_mvcc_delete_total counter
etcd_mvcc_txn_total counter
etcd_mvcc_db_open_read_transactions gauge
etcd_disk_wal_write_bytes_total gauge
etcd_disk_wal_write_duration_seconds histogram
etcd_debugging_mvcc_db_compaction_last gauge
etcd_network_active_peers gauge
etcd_disk_defrag_inflight gauge
etcd_snap_fsync_duration_seconds histogram
etcd_debugging_auth_revision gauge
etcd_debugging_lease_granted_total counter
etcd_debugging_lease_renewed_total counter
etcd_debugging_lease_revoked_total counter
etcd_debugging_lease_ttl_total histogram
etcd_debugging_mvcc_compact_revision gauge
etcd_debugging_mvcc_current_revision gauge
etcd_debugging_mvcc_db_compaction_pause_duration_milliseconds histogram
etcd_debugging_mvcc_db_compaction_total_duration_milliseconds histogram
etcd_debugging_mvcc_events_total counter
etcd_debugging_mvcc_index_compaction_pause_duration_milliseconds histogram
etcd_debugging_mvcc_keys_total gauge
etcd_debugging_mvcc_slow_watcher_total gauge
etcd_debugging_mvcc_total_put_size_in_bytes gauge
etcd_debugging_mvcc_watch_stream_total gauge
etcd_debugging_mvcc_watcher_total gauge
etcd_debugging_server_lease_expired_total counter
etcd_debugging_disk_backend_commit_rebalance_duration_seconds histogram
etcd_debugging_disk_backend_commit_spill_duration_seconds histogram
etcd_debugging_disk_backend_commit_write_duration_seconds histogram
etcd_debugging_snap_save_marshalling_duration_seconds histogram
etcd_debugging_snap_save_total_duration_seconds histogram
etcd_debugging_store_expires_total counter
etcd_debugging_store_watch_requests_total counter
etcd_debugging_store_watchers gauge
etcd_grpc_proxy_cache_hits_total gauge
etcd_grpc_proxy_cache_keys_total gauge
etcd_grpc_proxy_cache_misses_total gauge
etcd_grpc_proxy_events_coalescing_total counter
etcd_grpc_proxy_watchers_coalescing_total gauge
etcd_debugging_mvcc_db_compaction_keys_total counter
etcd_debugging_mvcc_pending_events_total gauge
etcd_debugging_server_watch_send_loop_watch_stream_duration_seconds histogram
etcd_debugging_server_watch_send_loop_watch_stream_duration_per_event_seconds histogram
etcd_debugging_server_watch_send_loop_control_stream_duration_seconds histogram
etcd_debugging_server_watch_send_loop_progress_duration_seconds histogram
etcd_disk_backend_defrag_duration_seconds histogram
etcd_disk_backend_snapshot_duration_seconds histogram
etcd_mvcc_hash_duration_seconds histogram
etcd_mvcc_hash_rev_duration_seconds histogram
etcd_network_peer_received_failures_total counter
etcd_network_server_stream_failures_total counter
etcd_server_feature_enabled gauge
etcd_server_snapshot_apply_in_progress_total gauge
etcd_snap_db_fsync_duration_seconds histogram
etcd_snap_db_save_total_duration_seconds histogram
os_fd_limit gauge
os_fd_used gauge
pintle_store_disk_bytes gauge
"""
TYPES = dict(line.split() for line in SERIES.split("\n") if line)
# What only the leader has.
LEADERS = {"etcd_network_peer_round_trip_time_seconds": "histogram"}

# What promtool's lint says of names that are etcd's, and not ours to choose.
ETCD_NAMES = re.compile(r"^(etcd_|os_fd_|process_)\S+ (non-counter metrics should not have \"_total\" suffix|"
                        r"counter metrics should have \"_total\" suffix|use base unit \"seconds\" instead of \"milliseconds\"|"
                        r"metric names should not contain abbreviated units|"
                        r"metric name should not include type '\w+'|"
                        r"non-histogram and non-summary metrics should not have \"_\w+\" suffix)$")


def read(text):
    """name{labels} → value"""
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
            for line in text.splitlines() if line and not line.startswith("#")}


class Metrics(ClusterTest):
    extra = ("--metrics=extensive",)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tools = subprocess.run([os.path.join(ROOT, "deploy", "fetch-prometheus")], check=True, capture_output=True,
                                   text=True).stdout.strip()

    def page(self, member):
        status, text = deploy.http_get(self.cluster.client_url(member) + "/metrics")
        self.assertEqual(status, 200, text)
        return text

    def promtool(self, *arguments, text=None):
        return subprocess.run([os.path.join(self.tools, "promtool"), *arguments], input=text, capture_output=True,
                              text=True, timeout=60, check=False)

    def test_series_and_types(self):
        leader = self.leader()
        for member in range(3):
            self.cluster.etcdctl("get", "a", endpoints=self.cluster.client_url(member))
            text = self.page(member)
            types = dict(line.split()[2:4] for line in text.splitlines() if line.startswith("# TYPE"))
            for name, kind in TYPES.items():
                self.assertEqual(types.get(name), kind, name)
            if member == leader:
                self.eventually("heartbeats", lambda: LEADERS.keys() <= dict(
                    line.split()[2:4] for line in self.page(leader).splitlines() if line.startswith("# TYPE")).keys())

    def test_promtool_takes_the_page(self):
        done = self.promtool("check", "metrics", text=self.page(self.leader()))
        complaints = [line for line in (done.stderr + done.stdout).splitlines() if line]
        self.assertIn(done.returncode, (0, 3), complaints)  # 3: lint, of which etcd's own names are guilty
        self.assertEqual([line for line in complaints if not ETCD_NAMES.match(line)], [])

    def test_numbers_mean_what_they_say(self):
        url = self.cluster.client_url(0)
        before = read(self.page(0))
        for i in range(20):
            self.cluster.etcdctl("put", f"m{i}", "x" * 100, endpoints=url)
        self.cluster.etcdctl("del", "m0", endpoints=url)
        self.cluster.etcdctl("get", "m1", endpoints=url)
        lease = self.cluster.etcdctl("lease", "grant", "60", endpoints=url).stdout.split()[1]
        self.cluster.etcdctl("lease", "revoke", lease, endpoints=url)
        self.assertEqual(deploy.http_get(url + "/health")[0], 200)
        self.assertEqual(deploy.http_get(url + "/readyz")[0], 200)
        after = read(self.page(0))

        def grew(name):
            return after.get(name, 0) - before.get(name, 0)

        def calls(method, code="OK", service="KV"):
            return (f'grpc_server_handled_total{{grpc_code="{code}",grpc_method="{method}",'
                    f'grpc_service="etcdserverpb.{service}",grpc_type="unary"}}')
        self.assertEqual(grew("etcd_mvcc_put_total"), 20)
        self.assertEqual(grew("etcd_mvcc_delete_total"), 1)
        self.assertEqual(grew("etcd_mvcc_range_total"), 1)
        self.assertEqual(grew("etcd_debugging_mvcc_keys_total"), 19)
        self.assertGreater(grew("etcd_debugging_mvcc_total_put_size_in_bytes"), 2000)
        self.assertEqual(grew(calls("Put")), 20)
        self.assertEqual(grew(calls("Range")), 1)
        self.assertEqual(grew(calls("LeaseGrant", service="Lease")), 1)
        self.assertEqual(grew("etcd_debugging_lease_granted_total"), 1)
        self.assertEqual(grew("etcd_debugging_lease_revoked_total"), 1)
        self.assertEqual(grew("etcd_debugging_lease_ttl_total_sum"), 60)
        self.assertEqual(grew("etcd_server_health_success"), 1)
        self.assertEqual(after['etcd_server_healthcheck{name="linearizable_read",type="readyz"}'], 1)
        self.assertGreaterEqual(grew('etcd_server_apply_duration_seconds_count{op="Put",success="true",version="v3"}'), 20)
        self.assertGreaterEqual(grew("etcd_disk_wal_fsync_duration_seconds_count"), 20)
        self.assertGreaterEqual(grew("etcd_disk_backend_commit_duration_seconds_count"), 20)
        self.assertGreater(grew("etcd_disk_wal_write_bytes_total"), 2000)
        self.assertGreater(grew("etcd_network_client_grpc_received_bytes_total"), 2000)
        self.assertEqual(after["etcd_mvcc_db_total_size_in_bytes"], after["etcd_mvcc_db_total_size_in_use_in_bytes"])
        self.assertEqual(after["etcd_server_quota_backend_bytes"], 2 << 30)
        versions = [name for name in after if name.startswith("etcd_server_client_requests_total")]
        self.assertTrue(any('client_api_version="3.4"' in name for name in versions), versions)
        pid = self.cluster.members[0].pid()
        with open(f"/proc/{pid}/statm", encoding="ascii") as f:
            resident = int(f.read().split()[1]) * 4096
        self.assertAlmostEqual(after["process_resident_memory_bytes"], resident, delta=resident / 4)

    def test_hashes_backups_watches_and_compaction(self):
        url = self.cluster.client_url(0)
        for i in range(5):
            self.cluster.etcdctl("put", "often", str(i), endpoints=url)
        before = read(self.page(0))
        watch = subprocess.Popen(["etcdctl", "--endpoints=" + url, "watch", "often"], stdout=subprocess.PIPE, text=True,
                                 env={**os.environ, "ETCDCTL_API": "3"})
        self.addCleanup(watch.stdout.close)
        self.addCleanup(watch.wait)
        self.addCleanup(watch.kill)
        self.eventually("the watch", lambda: read(self.page(0))["etcd_debugging_mvcc_watcher_total"] == 1)
        revision = json.loads(self.cluster.etcdctl("put", "often", "last", "-w", "json", endpoints=url).stdout)["header"]["revision"]
        self.assertEqual(watch.stdout.readline(), "PUT\n")
        self.cluster.etcdctl("compaction", str(revision), "--physical", endpoints=url)
        self.cluster.etcdctl("endpoint", "hashkv", endpoints=url)
        self.cluster.etcdctl("snapshot", "save", os.path.join(self.folder, "backup.db"), endpoints=url)
        after = self.eventually("the backup's end", lambda: (page := read(self.page(0)))[
            "etcd_mvcc_db_open_read_transactions"] == 0 and page)
        loop = "etcd_debugging_server_watch_send_loop_"
        for name in (loop + "watch_stream_duration_seconds", loop + "watch_stream_duration_per_event_seconds",
                     loop + "control_stream_duration_seconds", "etcd_mvcc_hash_rev_duration_seconds",
                     "etcd_disk_backend_snapshot_duration_seconds"):
            self.assertEqual(after[name + "_count"] - before[name + "_count"], 1, name)
        keys = "etcd_debugging_mvcc_db_compaction_keys_total"
        self.assertGreaterEqual(after[keys] - before[keys], 5)

    def test_the_size_on_the_disk_is_that_of_the_files(self):
        member = os.path.join(self.cluster.data_dir(1), "member")

        def on_disk():
            return sum(os.path.getsize(os.path.join(member, store, name)) for store in os.listdir(member)
                       if store.startswith("store-") for name in os.listdir(os.path.join(member, store)))
        # LevelDB may write a table between the two looks.
        self.eventually("the same size", lambda: read(self.page(1))["pintle_store_disk_bytes"] == on_disk() > 0)

    def test_a_failed_call_is_counted_by_its_code(self):
        url = self.cluster.client_url(1)
        name = ('grpc_server_handled_total{grpc_code="OutOfRange",grpc_method="Range",'
                'grpc_service="etcdserverpb.KV",grpc_type="unary"}')
        before = read(self.page(1))[name]
        self.cluster.etcdctl("get", "a", "--rev=999999", endpoints=url, check=False)
        self.assertEqual(read(self.page(1))[name], before + 1)

    def test_prometheus_and_rules(self):
        rules = os.path.join(MONITORING, "rules.yaml")
        done = self.promtool("check", "rules", rules)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        port = deploy.free_ports(1)[0]
        targets = ", ".join(u.removeprefix("http://") for u in self.cluster.client_urls())
        config = os.path.join(self.folder, "prometheus.yml")
        with open(config, "w", encoding="utf-8") as f:
            f.write(f"global: {{scrape_interval: 500ms, evaluation_interval: 1s}}\nrule_files: [{rules}]\n"
                    f"scrape_configs:\n- job_name: pintle\n  static_configs:\n  - targets: [{targets}]\n")
        with open(os.path.join(self.folder, "prometheus.log"), "wb") as log:
            prometheus = subprocess.Popen(
                [os.path.join(self.tools, "prometheus"), "--config.file=" + config, f"--web.listen-address=127.0.0.1:{port}",
                 "--storage.tsdb.path=" + os.path.join(self.folder, "tsdb")], stdout=log, stderr=log)
        self.addCleanup(prometheus.wait)
        self.addCleanup(prometheus.kill)

        def ask(path, **query):
            status, text = deploy.http_get(f"http://127.0.0.1:{port}/api/v1/{path}?" + urllib.parse.urlencode(query))
            return json.loads(text)["data"] if status == 200 else None

        def up():
            targets = (ask("targets") or {}).get("activeTargets", [])
            return len(targets) == 3 and all(t["health"] == "up" for t in targets)
        wait_for("three scraped members", up, 30)
        wait_for("a few scrapes", lambda: (ask("query", query="min(count_over_time(up[1m]))") or {}).get("result", [
            {"value": [0, "0"]}])[0]["value"][1] >= "4", 30)
        self.assertEqual(ask("query", query="sum(etcd_server_is_leader)")["result"][0]["value"][1], "1")
        self.check_rules(ask)
        self.check_dashboard(ask)

    def check_rules(self, ask):
        def evaluated():
            groups = ask("rules")["groups"]
            return groups if groups and all(r["health"] == "ok" for g in groups for r in g["rules"]) else None
        groups = wait_for("all rules evaluated", evaluated, 30)
        firing = [rule["name"] for group in groups for rule in group["rules"] if rule["state"] != "inactive"]
        self.assertEqual(firing, [], "nothing is wrong with the cluster")
        # An alert whose series are not there can never fire.
        missing = set()
        for group in groups:
            for rule in group["rules"]:
                for name in re.findall(r"\b(?:etcd|grpc)_\w+(?=\{)", rule["query"]):
                    if name != "etcd_debugging_server_alarms" and not ask("query", query=name)["result"]:
                        missing.add(name)
        self.assertEqual(missing, set())

    def check_dashboard(self, ask):
        with open(os.path.join(MONITORING, "dashboard.json"), encoding="utf-8") as f:
            panels = json.load(f)["panels"]
        for panel in panels:
            for target in panel["targets"]:
                query = target["expr"].replace("$job", "pintle").replace("$__rate_interval", "10s")
                with self.subTest(panel=panel["title"], query=query):
                    answer = ask("query", query=query)
                    self.assertIsNotNone(answer)
                    if not query.endswith("> 0"):
                        self.assertTrue(answer["result"], "no such series")


if __name__ == "__main__":
    main()
