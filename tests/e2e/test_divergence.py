#!/usr/bin/env python3
"""One stored value of one member is changed on its disk, with a checksum that is right. The members find out by themselves
which of them is the odd one, and it gets the right store back; no request is answered with the wrong value for long, and
nobody is told to do anything."""

import glob
import json
import os
import signal
import subprocess

from harness import ClusterTest, deploy, main

BENCH = os.path.join(os.path.dirname(deploy.BINARY), "pintle-bench")
REWRITE = os.path.join(os.path.dirname(deploy.BINARY), "e2e_rewrite_value")


def change_value(cluster, member, key, value):
    cluster.members[member].stop(signal.SIGTERM)
    store = sorted(glob.glob(os.path.join(cluster.data_dir(member), "member", "store-*")))[-1]
    subprocess.run([REWRITE, store, key, value], check=True)
    cluster.start_member(member)
    cluster.wait_healthy(member)


class DivergenceTest(ClusterTest):
    extra = ("--corrupt-check-time=3s",)

    def value_at(self, member, key):
        done = self.cluster.etcdctl("get", key, "--consistency=s", "--print-value-only", check=False,
                                    endpoints=self.cluster.client_url(member))
        return done.stdout.strip() if done.returncode == 0 else None

    def check(self, member):
        for i in range(20):
            self.cluster.etcdctl("put", f"other/{i}", "x")
        self.cluster.etcdctl("put", "victim", "right")
        change_value(self.cluster, member, "victim", "wrong")
        self.eventually("the member to have the right value again", lambda: self.value_at(member, "victim") == "right", 60)
        for i in range(3):
            self.eventually("all to agree", lambda i=i: self.value_at(i, "victim") == "right")
        self.assertEqual(self.cluster.etcdctl("alarm", "list").stdout, "")
        self.cluster.etcdctl("put", "victim", "newer")
        for i in range(3):
            self.eventually("the new value", lambda i=i: self.value_at(i, "victim") == "newer")

    def test_a_follower(self):
        self.check((self.leader() + 1) % 3)

    def test_who_was_leader(self):
        self.check(self.leader())


class SnapshotDivergenceTest(ClusterTest):
    """The leader with the wrong value sends its store to a third member: that must not make it the majority's."""

    extra = ("--corrupt-check-time=1h", "--snapshot-catchup-entries=100")

    def value_at(self, member, key):
        done = self.cluster.etcdctl("get", key, "--consistency=s", "--print-value-only",
                                    endpoints=self.cluster.client_url(member))
        return done.stdout.strip()

    def test_a_snapshot_does_not_spread_it_unseen(self):
        self.cluster.etcdctl("put", "victim", "right")
        rotten = self.leader()
        away, healthy = [i for i in range(3) if i != rotten]
        change_value(self.cluster, rotten, "victim", "wrong")
        self.kill9(away)
        endpoints = ",".join(f"127.0.0.1:{self.cluster.layout['client'][i]}" for i in (rotten, healthy))
        subprocess.run([BENCH, "put", "--endpoints=" + endpoints, "--clients=16", "--seconds=2", "--warmup=0",
                        "--keys=100", "--value-bytes=16000"], check=True, capture_output=True, timeout=60)
        if self.leader() != rotten:
            status = self.cluster.etcdctl("endpoint", "status", "-w", "json",
                                          endpoints=self.cluster.client_url(rotten)).stdout
            target = json.loads(status)[0]["Status"]["header"]["member_id"]
            self.cluster.etcdctl("move-leader", f"{target:x}", endpoints=self.cluster.client_url(healthy))
        self.assertEqual(self.value_at(rotten, "victim"), "wrong", "nobody has noticed yet")
        self.cluster.start_member(away)
        self.eventually("the alarm", lambda: "CORRUPT" in self.cluster.etcdctl("alarm", "list", check=False).stdout, 60)
        self.assertIn("installed a snapshot", self.cluster.members[away].log_tail(100000))
        self.assertEqual(self.value_at(healthy, "victim"), "right", "its store is not thrown away")


if __name__ == "__main__":
    main()
