#!/usr/bin/env python3
"""Directed links between members drop, refuse, stall and corrupt under clients whose whole history is checked."""

from fault_cluster import FaultTest
from harness import main


class NetworkFaultTest(FaultTest):
    proxied = True

    def links(self, mode, pairs, seconds=0.0):
        self.cluster.set_links(mode, pairs, seconds)

    def heal(self):
        self.cluster.set_links("pass")

    def test_the_leader_is_heard_by_nobody(self):
        load = self.start_load()
        for _ in range(2):
            leader = self.leader()
            self.links("drop", [(leader, j) for j in range(3) if j != leader])
            load.more(100, 60)
            self.heal()
            load.more(100)
        load.finish()

    def test_the_leader_hears_nobody(self):
        load = self.start_load()
        leader = self.leader()
        self.links("drop", [(j, leader) for j in range(3) if j != leader])
        load.more(100, 60)
        self.heal()
        load.more(100)
        load.finish()

    def test_a_follower_is_cut_off_in_each_way(self):
        load = self.start_load()
        for mode in ("refuse", "stall", "corrupt", "drop"):
            follower = (self.leader() + 1) % 3
            self.links(mode, [p for p in self.cluster.links() if follower in p])
            load.more(100, 60)
            self.heal()
            load.more(100)
        load.finish()

    def test_slow_links(self):
        load = self.start_load()
        self.links("delay", self.cluster.links(), 0.05)
        load.more(50, 60)
        self.heal()
        load.more(100)
        load.finish()


if __name__ == "__main__":
    main()
