#!/usr/bin/env python3
"""Debian's etcdctl against three members: what an operator types on the first day."""

import json
import subprocess
import threading

from harness import ClusterTest, deploy, main


class EtcdctlTest(ClusterTest):
    def etcdctl(self, *arguments, **keywords):
        return self.cluster.etcdctl(*arguments, **keywords).stdout

    def test_put_get_delete(self):
        self.assertEqual(self.etcdctl("put", "a/1", "one"), "OK\n")
        self.etcdctl("put", "a/2", "two")
        self.assertEqual(self.etcdctl("get", "a/1"), "a/1\none\n")
        self.assertEqual(self.etcdctl("get", "a/", "--prefix", "--print-value-only"), "one\ntwo\n")
        self.assertEqual(self.etcdctl("get", "a/", "--prefix", "--order=DESCEND", "--keys-only", "--limit=1").strip(), "a/2")
        self.assertEqual(self.etcdctl("del", "a/", "--prefix", "--prev-kv").splitlines()[0], "2")
        self.assertEqual(self.etcdctl("get", "a/", "--prefix"), "")

    def test_every_member_reads_what_another_wrote(self):
        for writer in range(3):
            for reader in range(3):
                self.etcdctl("put", "x", f"{writer}{reader}", endpoints=self.cluster.client_url(writer))
                self.assertEqual(self.etcdctl("get", "x", "--print-value-only", endpoints=self.cluster.client_url(reader)),
                                 f"{writer}{reader}\n")

    def test_history_and_compaction(self):
        revisions = [json.loads(self.etcdctl("put", "h", f"v{i}", "-w", "json"))["header"]["revision"] for i in range(3)]
        self.assertEqual(self.etcdctl("get", "h", f"--rev={revisions[0]}", "--print-value-only"), "v0\n")
        self.assertIn("compacted revision", self.etcdctl("compaction", str(revisions[2]), "--physical"))
        done = self.cluster.etcdctl("get", "h", f"--rev={revisions[0]}", check=False)
        self.assertIn("mvcc: required revision has been compacted", done.stderr)
        done = self.cluster.etcdctl("get", "h", f"--rev={revisions[2] + 1000}", check=False)
        self.assertIn("mvcc: required revision is a future revision", done.stderr)

    def test_transaction(self):
        self.etcdctl("put", "t", "1")
        answer = self.etcdctl("txn", stdin='value("t") = "1"\n\nput t 2\nget t\n\nput t 3\n\n')
        self.assertIn("SUCCESS", answer)
        self.assertEqual(self.etcdctl("get", "t", "--print-value-only"), "2\n")
        answer = self.etcdctl("txn", stdin='value("t") = "1"\n\nput t 9\n\nget t\n\n')
        self.assertIn("FAILURE", answer)

    def test_leases(self):
        lease = self.etcdctl("lease", "grant", "60").split()[1]
        self.etcdctl("put", "leased", "v", f"--lease={lease}")
        self.assertIn("leased", self.etcdctl("lease", "timetolive", lease, "--keys"))
        self.assertIn(lease, self.etcdctl("lease", "list"))
        for member in range(3):
            self.assertIn("keepalived", self.etcdctl("lease", "keep-alive", "--once", lease,
                                                     endpoints=self.cluster.client_url(member)))
        self.etcdctl("lease", "revoke", lease)
        self.assertEqual(self.etcdctl("get", "leased"), "")
        self.assertIn("already expired", self.etcdctl("lease", "timetolive", lease))

    def test_lease_expires(self):
        lease = self.etcdctl("lease", "grant", "2").split()[1]
        self.etcdctl("put", "brief", "v", f"--lease={lease}")
        self.assertNotEqual(self.etcdctl("get", "brief"), "")
        self.eventually("the lease to expire", lambda: self.etcdctl("get", "brief") == "", 15)

    def test_watch_sees_history_and_what_comes(self):
        first = json.loads(self.etcdctl("put", "w/1", "a", "-w", "json"))["header"]["revision"]
        watch = subprocess.Popen(["etcdctl", "watch", "w/", "--prefix", f"--rev={first}", "--prev-kv"],
                                 env=self.cluster.environment(), stdout=subprocess.PIPE, text=True)
        lines = []
        reader = threading.Thread(target=lambda: lines.extend(iter(watch.stdout.readline, "")), daemon=True)
        reader.start()
        self.eventually("history", lambda: lines[:3] == ["PUT\n", "w/1\n", "a\n"])
        self.etcdctl("put", "w/1", "b")
        self.etcdctl("del", "w/1")
        self.eventually("live events", lambda: lines[3:] == ["PUT\n", "w/1\n", "a\n", "w/1\n", "b\n",
                                                            "DELETE\n", "w/1\n", "b\n", "w/1\n", "\n"])
        watch.terminate()
        watch.wait()
        reader.join()
        watch.stdout.close()

    def test_members_status_health(self):
        members = json.loads(self.etcdctl("member", "list", "-w", "json"))["members"]
        self.assertEqual({m["name"] for m in members}, {"m1", "m2", "m3"})
        self.assertEqual({m["clientURLs"][0] for m in members}, set(self.cluster.client_urls()))
        status = json.loads(self.etcdctl("endpoint", "status", "-w", "json"))
        self.assertEqual(len({s["Status"]["leader"] for s in status}), 1)
        self.assertEqual(len({s["Status"]["header"]["cluster_id"] for s in status}), 1)
        health = self.cluster.etcdctl("endpoint", "health")
        self.assertEqual((health.stdout + health.stderr).count("is healthy"), 3)

    def test_recipes(self):
        self.assertIn("held", self.etcdctl("lock", "door", "echo", "held"))

    def test_http_endpoints(self):
        url = self.cluster.client_url(1)
        self.assertEqual(deploy.http_get(url + "/health")[0], 200)
        self.assertIn('"health":"true"', deploy.http_get(url + "/health")[1])
        self.assertIn("etcdserver", deploy.http_get(url + "/version")[1])
        self.assertEqual(deploy.http_get(url + "/livez")[1].strip(), "ok")
        self.assertIn("[+]linearizable_read ok", deploy.http_get(url + "/readyz?verbose")[1])
        self.assertEqual(deploy.http_get(url + "/nothing")[0], 404)
        metrics = deploy.http_get(url + "/metrics")[1]
        for name in ("etcd_server_has_leader 1", "etcd_server_proposals_committed_total", "process_resident_memory_bytes",
                     "etcd_disk_wal_fsync_duration_seconds_bucket"):
            self.assertIn(name, metrics)


if __name__ == "__main__":
    main()
