#!/usr/bin/env python3
"""Every member is restarted in turn (SIGTERM) under clients whose whole history is checked: no request fails. The clients have
etcd's default deadline (5 s) and retry what etcd's own client retries (tests/e2e/load.cc), nothing else."""

import os
import statistics

from fault_cluster import FaultTest
from harness import main

ROUNDS = int(os.environ.get("PINTLE_ROUNDS", "2"))


class RollingRestartTest(FaultTest):
    def test_no_request_fails_in_a_rolling_restart(self):
        load = self.start_load(clients=12)
        for _ in range(ROUNDS):
            for i in range(3):
                self.assertTrue(self.cluster.members[i].stop(), "SIGTERM ended it")
                load.more(50)
                self.restart(i)
                load.more(50)
        longest = [gap for _, _, gap in load.figures()]
        print(f"  longest time without an acknowledgement {max(longest)} ms (median second {statistics.median(longest)} ms), "
              f"{load.acks()} requests")
        self.assertEqual(load.failures(), [])
        load.finish()
        self.assertEqual(load.failures(), [])

    def test_no_request_fails_when_leadership_is_moved(self):
        load = self.start_load(clients=12)
        for _ in range(5 * ROUNDS):
            leader = self.leader()
            target = self.member_id((leader + 1) % 3)
            self.cluster.etcdctl("move-leader", f"{target:x}", endpoints=self.cluster.client_url(leader))
            load.more(100)
        self.assertEqual(load.failures(), [])
        self.assertEqual(load.lines("lease stream ended"), [], "no member has stopped")
        load.finish()


if __name__ == "__main__":
    main()
