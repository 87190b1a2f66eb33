#!/usr/bin/env python3
"""A member that was away for longer than the log reaches back, or whose store is lost where the log no longer begins at 1,
gets the others' store, under clients whose whole history is checked. Watches on it go on without a gap: the checker's
truth is read from every member."""

import glob
import os
import signal
import subprocess

from fault_cluster import BUILD, FaultTest
from harness import main

KEPT_ENTRIES = 200


class SnapshotFaultTest(FaultTest):
    extra = (f"--snapshot-catchup-entries={KEPT_ENTRIES}",)

    def write_much(self, but=None):
        """More than a store holds in memory, so that the log is cut: by members other than `but`."""
        endpoints = [url.removeprefix("http://") for i, url in enumerate(self.cluster.client_urls()) if i != but]
        done = subprocess.run([os.path.join(BUILD, "pintle-bench"), "put", "--endpoints=" + ",".join(endpoints),
                               "--clients=16", "--seconds=4", "--warmup=0", "--keys=500", "--value-bytes=16000"],
                              capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def member_files(self, i, pattern):
        return sorted(glob.glob(os.path.join(self.cluster.data_dir(i), "member", pattern)))

    def expect_snapshot(self, i):
        self.eventually(f"member {i} installs a snapshot", lambda: "installed a snapshot" in self.log(i))

    def test_a_member_that_was_away(self):
        load = self.start_load()
        victim = (self.leader() + 1) % 3
        self.kill9(victim)
        self.write_much(but=victim)
        load.more(50)
        self.restart(victim)
        self.expect_snapshot(victim)
        load.more(200)
        # Once more from what it has now: a store, and a log that begins behind it.
        self.kill9(victim)
        load.more(50)
        self.restart(victim)
        load.more(200)
        load.finish()

    def test_killed_while_it_gets_one(self):
        load = self.start_load()
        victim = (self.leader() + 1) % 3
        self.kill9(victim)
        self.write_much(but=victim)
        for _ in range(3):
            self.cluster.start_member(victim)
            self.eventually("pieces arrive", lambda: self.member_files(victim, "store-2/*"))
            self.kill9(victim)
        self.restart(victim)
        self.expect_snapshot(victim)
        load.more(200)
        load.finish()

    def test_the_leader_is_killed_while_it_sends_one(self):
        load = self.start_load()
        leader = self.leader()
        victim = (leader + 1) % 3
        self.kill9(victim)
        self.write_much(but=victim)
        self.cluster.start_member(victim)
        self.eventually("the snapshot has begun", lambda: "sending a snapshot" in self.log(leader))
        self.kill9(leader)
        self.cluster.wait_healthy(victim)
        self.restart(leader)
        self.expect_snapshot(victim)
        load.more(200)
        load.finish()

    def test_a_store_that_is_lost_beside_a_cut_log(self):
        load = self.start_load()
        self.write_much()
        victim = (self.leader() + 1) % 3
        self.cluster.members[victim].stop(15)
        for path in self.member_files(victim, "store-*/CURRENT"):
            os.remove(path)
        self.restart(victim)
        self.expect_snapshot(victim)
        self.assertRegex(self.log(victim), "made anew")
        load.more(200)
        load.finish()

    def test_restart_of_all_with_cut_logs(self):
        load = self.start_load(watches=3)
        for _ in range(2):
            for i in range(3):  # a store is durable when its member ends in peace; then its log is cut
                self.assertTrue(self.cluster.members[i].stop(), "SIGTERM ended it")
                self.restart(i)
                load.more(300)
            for i in range(3):
                self.cluster.members[i].send(signal.SIGKILL)
            for i in range(3):
                self.kill9(i)
            for i in range(3):
                self.cluster.start_member(i)
            load.more(100, 60)
        load.finish()


if __name__ == "__main__":
    main()
