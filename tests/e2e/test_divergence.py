#!/usr/bin/env python3
"""One stored value of one member is changed on its disk, with a checksum that is right. The members find out by themselves
which of them is the odd one, and it gets the right store back; no request is answered with the wrong value for long, and
nobody is told to do anything."""

import glob
import os
import signal
import subprocess

from harness import ClusterTest, deploy, main

REWRITE = os.path.join(os.path.dirname(deploy.BINARY), "e2e_rewrite_value")


class DivergenceTest(ClusterTest):
    extra = ("--corrupt-check-time=3s",)

    def value_at(self, member, key):
        done = self.cluster.etcdctl("get", key, "--consistency=s", "--print-value-only", check=False,
                                    endpoints=self.cluster.client_url(member))
        return done.stdout.strip() if done.returncode == 0 else None

    def change_value(self, member, key, value):
        self.cluster.members[member].stop(signal.SIGTERM)
        store = sorted(glob.glob(os.path.join(self.cluster.data_dir(member), "member", "store-*")))[-1]
        subprocess.run([REWRITE, store, key, value], check=True)
        self.cluster.start_member(member)
        self.cluster.wait_healthy(member)

    def check(self, member):
        for i in range(20):
            self.cluster.etcdctl("put", f"other/{i}", "x")
        self.cluster.etcdctl("put", "victim", "right")
        self.change_value(member, "victim", "wrong")
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


if __name__ == "__main__":
    main()
