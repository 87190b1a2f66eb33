#!/usr/bin/env python3
"""Members die and come back under a writing client: nothing acknowledged is lost, nothing is seen twice, no read lies.

The client is tests/e2e/writer.cc: it prints a line for every acknowledged put and every watch event."""

import os
import signal
import subprocess
import time

from harness import ClusterTest, WRITER, main


class Writer:
    """Runs the writer; splits what it printed into acknowledgements and events."""

    def __init__(self, cluster, prefix, watch_endpoint=None):
        self.path = os.path.join(cluster.folder, f"writer-{prefix.strip('/')}.out")
        self.out = open(self.path, "w", encoding="utf-8")
        arguments = [WRITER, "--endpoints=" + ",".join(cluster.client_urls()), "--prefix=" + prefix]
        if watch_endpoint:
            arguments.append("--watch-endpoint=" + watch_endpoint)
        self.child = subprocess.Popen(arguments, stdout=self.out)

    def lines(self, word):
        with open(self.path, encoding="utf-8") as f:
            return [line.split()[1:] for line in f if line.endswith("\n") and line.split()[:1] == [word]]

    def acks(self):
        """[(key, revision)] in order of acknowledgement."""
        return [(key, int(revision)) for key, revision in self.lines("ack")]

    def events(self):
        return [(key, int(revision)) for key, revision in self.lines("event")]

    def stop(self):
        self.child.send_signal(signal.SIGTERM)
        self.child.wait(20)
        self.out.close()


class FailureTest(ClusterTest):
    def setUp(self):
        for i in range(self.cluster.size):
            self.cluster.start_member(i)
        for i in range(self.cluster.size):
            self.cluster.wait_healthy(i)

    def stored(self, prefix):
        """{key: mod revision} of what a linearizable read finds."""
        done = self.cluster.etcdctl("get", prefix, "--prefix", "-w", "fields")
        keys = [line.split(" : ")[1].strip('"') for line in done.stdout.splitlines() if line.startswith('"Key"')]
        revisions = [int(line.split(" : ")[1]) for line in done.stdout.splitlines() if line.startswith('"ModRevision"')]
        return dict(zip(keys, revisions))

    def check_nothing_lost(self, writer, prefix):
        acks = writer.acks()
        self.assertGreater(len(acks), 50, "the writer hardly wrote: nothing was tested")
        revisions = [revision for _, revision in acks]
        self.assertEqual(revisions, sorted(set(revisions)), "a revision went back or came twice")
        stored = self.stored(prefix)
        for key, revision in acks:
            self.assertEqual(stored.get(key), revision, f"{key}, acknowledged at {revision}, is not there")
        return acks

    def more_acks(self, writer, count=50, seconds=30):
        before = len(writer.acks())
        self.eventually("writes to resume", lambda: len(writer.acks()) >= before + count, seconds)

    def test_kill_the_leader_under_a_writer(self):
        leader = self.leader()
        survivor = (leader + 1) % 3
        writer = Writer(self.cluster, "k1/", watch_endpoint=self.cluster.client_url(survivor))
        self.addCleanup(writer.stop)
        self.more_acks(writer)
        for _ in range(3):
            leader = self.leader()
            if leader == survivor:  # the watch's member stays up throughout
                break
            self.kill9(leader)
            began = time.monotonic()
            self.more_acks(writer)
            print(f"  writes went on within {time.monotonic() - began:.1f} s (50 more puts included)")
            self.cluster.start_member(leader)
            self.cluster.wait_healthy(leader)
        writer.stop()
        acks = self.check_nothing_lost(writer, "k1/")
        events = writer.events()
        self.assertEqual([r for _, r in events], sorted({r for _, r in events}), "an event came twice or out of order")
        self.assertFalse(set(acks) - set(events), "an acknowledged write was not seen by the watch")
        stored = set(self.stored("k1/").items())
        self.assertFalse(set(events) - stored, "the watch saw what is not there")

    def test_kill_all_three(self):
        writer = Writer(self.cluster, "k2/")
        self.addCleanup(writer.stop)
        self.more_acks(writer, 100)
        for i in range(3):
            self.cluster.members[i].send(signal.SIGKILL)
        for i in range(3):
            self.cluster.members[i].stop(signal.SIGKILL)
        for i in range(3):
            self.cluster.start_member(i)
        self.more_acks(writer)
        writer.stop()
        self.check_nothing_lost(writer, "k2/")

    def test_a_follower_that_was_down_catches_up(self):
        follower = (self.leader() + 1) % 3
        self.kill9(follower)
        writer = Writer(self.cluster, "k3/")
        self.addCleanup(writer.stop)
        self.more_acks(writer, 300)
        writer.stop()
        self.cluster.start_member(follower)
        self.cluster.wait_healthy(follower)
        key, revision = writer.acks()[-1]
        done = self.cluster.etcdctl("get", key, "--consistency=s", "-w", "fields",
                                    endpoints=self.cluster.client_url(follower))
        self.assertIn(f'"ModRevision" : {revision}', done.stdout)

    def test_a_member_cut_off_fails_rather_than_lies(self):
        self.cluster.etcdctl("put", "truth", "old")
        alone = self.leader()
        others = [i for i in range(3) if i != alone]
        # Stopped processes are what a partition looks like from here: connections stay open, nobody answers.
        for i in others:
            self.cluster.members[i].send(signal.SIGSTOP)
        self.addCleanup(lambda: [self.cluster.members[i].send(signal.SIGCONT) for i in others])
        endpoint = self.cluster.client_url(alone)
        read = self.cluster.etcdctl("get", "truth", "--command-timeout=12s", check=False, endpoints=endpoint)
        self.assertNotEqual(read.returncode, 0, f"a linearizable read without a quorum answered {read.stdout!r}")
        local = self.cluster.etcdctl("get", "truth", "--consistency=s", "--print-value-only", endpoints=endpoint)
        self.assertEqual(local.stdout, "old\n", "a serializable read needs no quorum")
        write = self.cluster.etcdctl("put", "truth", "new", "--command-timeout=12s", check=False, endpoints=endpoint)
        self.assertNotEqual(write.returncode, 0, "a write without a quorum was acknowledged")
        for i in others:
            self.cluster.members[i].send(signal.SIGCONT)
        self.eventually("the cluster to answer again", lambda: self.cluster.etcdctl(
            "get", "truth", check=False, endpoints=endpoint).returncode == 0)

    def test_data_survives_a_clean_stop(self):
        self.cluster.etcdctl("put", "kept", "yes")
        for i in range(3):
            self.assertTrue(self.cluster.members[i].stop(), "SIGTERM ended it")
        for i in range(3):
            self.cluster.start_member(i)
        for i in range(3):
            self.cluster.wait_healthy(i)
        self.assertEqual(self.cluster.etcdctl("get", "kept", "--print-value-only").stdout, "yes\n")


if __name__ == "__main__":
    main()
