#!/usr/bin/env python3
"""How long writes stop when the leader dies or is asked to stop, with default timeouts.

One client (tests/e2e/writer.cc) puts one key after another; the gap is from the signal to the next acknowledged put.
PINTLE_KILLS=50 gives the figure of the record; the test itself does a few and allows for a slow machine."""

import os
import signal
import statistics
import time

from harness import main
from test_failures import FailureTest, Writer

KILLS = int(os.environ.get("PINTLE_KILLS", "6"))
# The goal is 300 ms at the median (DESIGN §8); three times that on a machine that others use, too.
MEDIAN_LIMIT = 0.9


class FailoverTest(FailureTest):
    def gap_after(self, writer, leader, number):
        """Seconds from the signal to the next acknowledgement of a put."""
        with open(writer.path, encoding="utf-8") as lines:
            lines.seek(0, os.SEEK_END)
            began = time.monotonic()
            self.cluster.members[leader].send(number)
            # What was acknowledged before the signal arrived may still be on its way to the file.
            settle = began + 0.02
            while time.monotonic() < began + 30:
                line = lines.readline()
                now = time.monotonic()
                if line.startswith("ack") and now > settle:
                    return now - began
                if not line:
                    time.sleep(0.001)
        self.fail("writes did not go on within 30 s")

    def run_round(self, number, rounds):
        writer = Writer(self.cluster, f"failover-{number}/")
        self.addCleanup(writer.stop)
        gaps = []
        for _ in range(rounds):
            self.more_acks(writer, 20)
            leader = self.leader()
            gaps.append(self.gap_after(writer, leader, number))
            self.cluster.members[leader].stop(number)
            self.cluster.start_member(leader)
            self.cluster.wait_healthy(leader)
        writer.stop()
        self.check_nothing_lost(writer, f"failover-{number}/")
        gaps.sort()
        print(f"  {len(gaps)} × {signal.Signals(number).name}: median {statistics.median(gaps) * 1000:.0f} ms, "
              f"worst {gaps[-1] * 1000:.0f} ms")
        return gaps

    def test_killed_leader(self):
        gaps = self.run_round(signal.SIGKILL, KILLS)
        self.assertLess(statistics.median(gaps), MEDIAN_LIMIT)

    def test_leader_that_is_asked_to_stop(self):
        gaps = self.run_round(signal.SIGTERM, KILLS)
        self.assertLess(statistics.median(gaps), MEDIAN_LIMIT)


if __name__ == "__main__":
    main()
