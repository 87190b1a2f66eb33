#!/usr/bin/env python3
"""Space and maintenance, as an operator of etcd goes about them: hashkv, defrag, the drill after NOSPACE, auto-compaction."""

import json
import time

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
