#!/usr/bin/env python3
"""Members are killed, frozen and restarted under clients whose whole history is checked: no acknowledged write lost, no
stale linearizable read, no gap in a watch (tests/history)."""

import random
import signal
import subprocess
import time

from fault_cluster import FaultTest
from harness import main


class ProcessFaultTest(FaultTest):
    def test_kill_9_of_members_at_random(self):
        load = self.start_load()
        dice = random.Random(1)
        for _ in range(5):
            victim = dice.randrange(3)
            self.kill9(victim)
            load.more(50)
            self.restart(victim)
            load.more(50)
        load.finish()

    def test_kill_9_of_all_at_once(self):
        load = self.start_load()
        for _ in range(2):
            for member in self.cluster.members:
                member.send(signal.SIGKILL)
            for i in range(3):
                self.kill9(i)
            for i in range(3):
                self.cluster.start_member(i)
            load.more(100, 60)
        load.finish()

    def test_a_frozen_leader_does_not_lie_when_it_wakes(self):
        load = self.start_load(clients=9)
        for pause in (0.3, 2.0, 4.0):
            leader = self.leader()
            self.cluster.members[leader].send(signal.SIGSTOP)
            self.settle(pause)  # longer than an election, the last two
            self.cluster.members[leader].send(signal.SIGCONT)
            load.more(100)
        load.finish()


class StopTest(FaultTest):
    """SIGTERM: over within a second and a half, whatever hangs on the member."""

    seconds = 1.5

    def time_of_stop(self, i):
        begun = time.monotonic()
        self.cluster.members[i].stop()
        return time.monotonic() - begun

    def background(self, *arguments, member):
        child = subprocess.Popen(["etcdctl", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL,
                                 env={**self.cluster.environment(), "ETCDCTL_ENDPOINTS": self.cluster.client_url(member)})
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        return child

    def check(self, prepare, times=3):
        """The quickest of a few counts: a busy machine makes any one of them late, a slow stop all."""
        taken = []
        for _ in range(times):
            victim = prepare()
            taken.append(self.time_of_stop(victim))
            if taken[-1] <= self.seconds:
                break
            for i in range(3):
                self.cluster.members[i].send(signal.SIGCONT)
            for i in range(3):
                self.restart(i)
        self.assertLessEqual(min(taken), self.seconds, taken)

    def test_a_leader_with_open_watches_under_load(self):
        load = self.start_load()

        def prepare():
            leader = self.leader()
            for prefix in ("a", "b"):
                self.background("watch", prefix, "--prefix", member=leader)
            load.more(100)
            return leader
        self.check(prepare)
        load.more(100)
        for i in range(3):
            self.restart(i)
        load.finish()

    def test_a_leader_with_a_frozen_peer(self):
        def prepare():
            leader = self.leader()
            self.cluster.members[(leader + 1) % 3].send(signal.SIGSTOP)
            self.settle(1.2)
            return leader
        self.check(prepare)

    def test_a_member_without_a_quorum_whose_clients_wait(self):
        def prepare():
            leader = self.leader()
            for i in range(3):
                if i != leader:
                    self.cluster.members[i].send(signal.SIGSTOP)
            self.background("watch", "a", member=leader)
            for i in range(4):
                self.background("put", f"a{i}", "b", "--command-timeout=30s", member=leader)
            self.settle(0.5)
            return leader
        self.check(prepare)


if __name__ == "__main__":
    main()
