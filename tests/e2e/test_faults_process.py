#!/usr/bin/env python3
"""Members are killed, frozen and restarted under clients whose whole history is checked: no acknowledged write lost, no
stale linearizable read, no gap in a watch (tests/history)."""

import random
import signal

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


if __name__ == "__main__":
    main()
