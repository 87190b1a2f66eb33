#!/usr/bin/env python3
"""Space and maintenance, as an operator of etcd goes about them: hashkv, defrag, the drill after NOSPACE, auto-compaction."""

import json
import time
import urllib.error
import urllib.request

from harness import ClusterTest, main

FULL = "etcdserver: mvcc: database space exceeded"


class Operator(ClusterTest):
    def etcdctl(self, *arguments, **keywords):
        return self.cluster.etcdctl(*arguments, **keywords)

    def revision(self):
        status = json.loads(self.etcdctl("endpoint", "status", "-w", "json").stdout)
        return max(s["Status"]["header"]["revision"] for s in status)

    def db_size(self):
        status = json.loads(self.etcdctl("endpoint", "status", "-w", "json").stdout)
        return max(s["Status"]["dbSize"] for s in status)

    def hashes(self, revision=0):
        """(hash, compact revision) of each member."""
        answers = json.loads(self.etcdctl("endpoint", "hashkv", f"--rev={revision}", "-w", "json").stdout)
        return [(a["HashKV"]["hash"], a["HashKV"]["compact_revision"]) for a in answers]


class MaintenanceTest(Operator):
    extra = ("--quota-backend-bytes=50000",)

    def test_1_hashkv(self):
        # That the figures are etcd's is tests/kv/kv_hash_test.cc's to show.
        for key, value in (("a", "1"), ("b", "2"), ("a", "3")):
            self.etcdctl("put", key, value)
        self.etcdctl("del", "b")
        last = self.revision()
        self.eventually("the same hash everywhere", lambda: len(set(self.hashes())) == 1)
        before = self.hashes(last - 1)
        self.assertEqual(len(before), 3)
        self.assertNotEqual(before, self.hashes(last))
        self.etcdctl("compaction", str(last - 1), "--physical")
        self.etcdctl("defrag")
        self.eventually("all members have compacted", lambda: set(c for _, c in self.hashes(last)) == {last - 1})
        self.assertEqual(len(set(self.hashes(last))), 1)
        self.assertEqual(self.hashes(last - 1), before)
        for member in self.cluster.members:
            self.eventually("the log to say so", lambda member=member: [
                line for line in member.log_tail(10000).splitlines()
                if '"finished scheduled compaction"' in line and f'"compact-revision":{last - 1}' in line])
        done = self.etcdctl("endpoint", "hashkv", f"--rev={last - 2}", check=False)
        self.assertIn("required revision has been compacted", done.stderr + done.stdout)
        done = self.etcdctl("endpoint", "hashkv", "--rev=999999", check=False)
        self.assertIn("required revision is a future revision", done.stderr + done.stdout)

    def test_2_defrag_answers_at_once(self):
        began = time.monotonic()
        self.assertEqual(self.etcdctl("defrag").stdout.count("Finished defragmenting"), 3)
        self.assertLess(time.monotonic() - began, 10)

    def test_3_the_drill_after_nospace(self):
        """https://etcd.io/docs: fill, get the revision, compact, defrag, disarm."""
        refused = None
        for i in range(100):
            done = self.etcdctl("put", "key", "v" * 2000, check=False)
            if done.returncode != 0:
                refused = done.stderr
                break
        self.assertIn(FULL, refused or "never refused")
        self.eventually("the alarm", lambda: "alarm:NOSPACE" in self.etcdctl("alarm", "list").stdout)
        self.assertIn(FULL, self.etcdctl("put", "key", "more", check=False).stderr)
        self.assertIn(FULL, self.etcdctl("lease", "grant", "60", check=False).stderr)
        self.assertGreater(self.db_size(), 45000)
        # What makes room goes on.
        self.assertEqual(self.etcdctl("del", "b").returncode, 0)
        self.etcdctl("compaction", str(self.revision()))
        self.etcdctl("defrag")
        self.eventually("the store is small", lambda: self.db_size() < 45000)
        self.assertIn("alarm:NOSPACE", self.etcdctl("alarm", "disarm").stdout)
        self.assertEqual(self.etcdctl("alarm", "list").stdout, "")
        self.assertEqual(self.etcdctl("put", "key", "more").stdout, "OK\n")
        time.sleep(2)
        self.assertEqual(self.etcdctl("alarm", "list").stdout, "", "disarmed is disarmed")


class DowngradeTest(Operator):
    """What etcdctl 3.6 sends for downgrade validate, enable and cancel, and what operators look at meanwhile."""

    def downgrade(self, action, version="", member=0):
        body = json.dumps({"action": action, "version": version}).encode()
        url = self.cluster.client_url(member) + "/v3/maintenance/downgrade"
        try:
            with urllib.request.urlopen(url, body, timeout=10) as answer:
                return json.load(answer)["version"]
        except urllib.error.HTTPError as error:
            return json.load(error)["message"]

    def get(self, path, member):
        with urllib.request.urlopen(self.cluster.client_url(member) + path, timeout=10) as answer:
            return answer.read().decode()

    def cluster_versions(self):
        return [json.loads(self.get("/version", i))["etcdcluster"] for i in range(3)]

    def test_there_and_back(self):
        now = json.loads(self.get("/version", 0))["etcdcluster"]
        major, minor, _ = (int(part) for part in now.split("."))
        before = f"{major}.{minor - 1}"
        self.assertEqual(self.downgrade("VALIDATE", before), now)
        self.assertEqual(self.downgrade("VALIDATE", f"{major}.{minor - 2}"),
                         "etcdserver: invalid downgrade target version")
        self.assertEqual(self.downgrade("VALIDATE", "old"), "etcdserver: wrong downgrade target version format")
        # Until the members know that all of them know it.
        self.eventually("the downgrade to be enabled",
                        lambda: self.downgrade("ENABLE", before, member=1) == before + ".0")
        self.eventually("every member to say so", lambda: self.cluster_versions() == [before + ".0"] * 3)
        self.assertIn(f'etcd_cluster_version{{cluster_version="{before}"}} 1', self.get("/metrics", 2))
        self.assertEqual(self.downgrade("VALIDATE", f"{major}.{minor - 2}"),
                         "etcdserver: cluster has a downgrade job in progress")
        for i in range(3):
            self.kill9(i)
        self.cluster.start()
        self.assertEqual(self.cluster_versions(), [before + ".0"] * 3)
        self.assertEqual(self.downgrade("CANCEL", member=2), now)
        self.eventually("every member to say so", lambda: self.cluster_versions() == [now] * 3)


class AutoCompactionTest(Operator):
    members = 1
    extra = ("--auto-compaction-mode=periodic", "--auto-compaction-retention=1s")

    def test_periodic(self):
        for i in range(20):
            self.etcdctl("put", "key", str(i))
        self.eventually("a compaction", lambda: self.hashes()[0][1] > 2)
        done = self.etcdctl("get", "key", "--rev=2", check=False)
        self.assertIn("required revision has been compacted", done.stderr)


if __name__ == "__main__":
    main()
