"""Members that come, go, are promoted, replaced and lost, with the real etcdctl, while a client writes."""

import json
import os
import shutil
import signal
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

import harness
from cluster import BINARY, Cluster, Process, free_ports, wait_for  # noqa: E402

TOKEN = "pintle-local"


class Extra(Process):
    """A member beside those that the cluster begins with."""

    def __init__(self, cluster, name, ports, state="existing"):
        self.cluster = cluster
        self.client_url = f"http://127.0.0.1:{ports[0]}"
        self.peer_url = f"http://127.0.0.1:{ports[1]}"
        self.data_dir = os.path.join(cluster.folder, name + ".etcd")
        others = [f"m{i + 1}={cluster.peer_url(i)}" for i in range(cluster.size)]
        super().__init__(name, cluster.folder, [
            BINARY, f"--name={name}", f"--data-dir={self.data_dir}",
            f"--listen-client-urls={self.client_url}", f"--advertise-client-urls={self.client_url}",
            f"--listen-peer-urls={self.peer_url}", f"--initial-advertise-peer-urls={self.peer_url}",
            f"--initial-cluster={','.join(others)},{name}={self.peer_url}", f"--initial-cluster-token={TOKEN}",
            f"--initial-cluster-state={state}"])


class Writer(threading.Thread):
    """Puts one key after the other, as a user with a shell would, and remembers what was acknowledged."""

    def __init__(self, cluster):
        super().__init__(daemon=True)
        self.cluster = cluster
        self.endpoints = ",".join(cluster.client_urls())
        self.acknowledged = []
        self.ended = threading.Event()
        self.start()

    def run(self):
        number = 0
        while not self.ended.is_set():
            number += 1
            done = self.cluster.etcdctl("put", f"w/{number}", str(number), check=False, endpoints=self.endpoints)
            if done.returncode == 0:
                self.acknowledged.append(number)

    def finish(self):
        self.ended.set()
        self.join(60)
        return self.acknowledged


class MembershipTest(unittest.TestCase):
    members = 3
    extra_flags = ()

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="pintle-members-")
        self.addCleanup(self.clean)
        self.extras = []
        self.cluster = Cluster(self.folder, self.members, extra=self.extra_flags)
        self.ports = free_ports(self.members * 3 + 20)[self.members * 3:]
        self.cluster.start()
        names = {f"m{i + 1}" for i in range(self.members)}
        self.eventually("all to be listed with their names", lambda: names <= set(self.listed()))

    def clean(self):
        for extra in self.extras:
            extra.stop(signal.SIGKILL)
        for member in self.cluster.members:
            member.stop(signal.SIGKILL)
        if os.environ.get("PINTLE_KEEP"):
            print("kept:", self.folder)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    # ---- what the tests are made of ----

    def extra(self, name, state="existing"):
        member = Extra(self.cluster, name, [self.ports.pop(), self.ports.pop()], state)
        self.extras.append(member)
        return member

    def writer(self):
        writer = Writer(self.cluster)
        self.addCleanup(writer.finish)
        return writer

    def ctl(self, *arguments, check=True, endpoints=None):
        return self.cluster.etcdctl(*arguments, check=check, endpoints=endpoints or self.cluster.client_url(0))

    def listed(self, endpoints=None):
        """{name or peer URL of one that has not started: member}"""
        done = self.ctl("member", "list", "-w", "json", endpoints=endpoints)
        return {m.get("name") or m["peerURLs"][0]: m for m in json.loads(done.stdout)["members"]}

    def hex_id(self, name, endpoints=None):
        return f"{self.listed(endpoints)[name]['ID']:x}"

    def leader(self, endpoints):
        answer = self.ctl("endpoint", "status", "-w", "json", endpoints=",".join(endpoints), check=False).stdout
        for status in json.loads(answer or "[]"):
            if status["Status"].get("leader") == status["Status"]["header"]["member_id"]:
                return endpoints.index(status["Endpoint"])
        return None

    def wait_leader(self, endpoints):
        found = wait_for("a leader", lambda: [i] if (i := self.leader(endpoints)) is not None else None, 30)
        return found[0]

    def eventually(self, what, check, seconds=30.0):
        return wait_for(what, check, seconds)

    def wait_end(self, process, seconds=20):
        """Its exit code, once it has ended by itself."""
        wait_for(f"{process.name} to end", lambda: process.child.poll() is not None, seconds)
        return process.child.returncode

    def wait_has(self, url, key, value):
        """The member behind `url` has it in its own store."""
        def has():
            done = self.ctl("get", key, "--print-value-only", "--consistency=s", endpoints=url, check=False)
            return done.stdout.strip() == value
        wait_for(f"{url} to have {key}", has, 30)

    def check_everywhere(self, acknowledged, urls):
        for url in urls:
            done = self.ctl("get", "w/", "--prefix", "--keys-only", endpoints=url)
            there = {int(key[2:]) for key in done.stdout.split()}
            self.assertLessEqual(set(acknowledged), there, f"lost at {url}")

    def replace(self, old, url, at=0):
        request = urllib.request.Request(
            self.cluster.client_url(at) + "/admin/members/replace", method="POST",
            data=json.dumps({"id": old, "peerURLs": [url]}).encode())
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


class Change(MembershipTest):
    def test_a_member_joins_votes_and_is_removed(self):
        writer = self.writer()
        self.ctl("put", "before", "1")
        new = self.extra("m4")
        added = self.ctl("member", "add", "m4", f"--peer-urls={new.peer_url}")
        self.assertIn('ETCD_INITIAL_CLUSTER_STATE="existing"', added.stdout)
        self.assertFalse(self.listed()[new.peer_url].get("isLearner", False))
        new.start()
        self.wait_has(new.client_url, "before", "1")
        self.eventually("m4 to be listed with its name", lambda: "m4" in self.listed())
        # It counts: with two of four gone nothing is decided, with one of four everything is.
        self.eventually("m4 to vote", lambda: self.may_lead("m4", new))
        self.ctl("put", "after", "2", endpoints=new.client_url)
        acknowledged = writer.finish()
        self.assertGreater(len(acknowledged), 3)
        self.check_everywhere(acknowledged, self.cluster.client_urls() + [new.client_url])
        # From a follower or the leader, whoever that is.
        self.ctl("member", "remove", self.hex_id("m4"), endpoints=self.cluster.client_url(1))
        self.assertNotIn("m4", self.listed(self.cluster.client_url(2)))
        self.assertEqual(self.wait_end(new), 0)
        self.assertIn("permanently removed from the cluster", new.log_tail())
        new.start()
        self.assertEqual(self.wait_end(new), 1)
        self.assertIn("permanently removed from the cluster", new.log_tail())
        self.ctl("put", "after", "3")

    def may_lead(self, name, member):
        """Whether leadership can be moved to it: only to a voter."""
        urls = self.cluster.client_urls() + [member.client_url]
        leader = self.leader(urls)
        if leader is None:
            return False
        done = self.ctl("move-leader", self.hex_id(name), endpoints=urls[leader], check=False)
        return done.returncode == 0

    def test_a_learner_waits_until_it_is_promoted(self):
        new, other = self.extra("m4"), self.extra("m5")
        self.ctl("member", "add", "m4", "--learner", f"--peer-urls={new.peer_url}")
        self.assertTrue(self.listed()[new.peer_url]["isLearner"])
        refused = self.ctl("member", "add", "m5", "--learner", f"--peer-urls={other.peer_url}", check=False)
        self.assertIn("too many learner members in cluster", refused.stderr)
        new_id = self.hex_id(new.peer_url)
        refused = self.ctl("member", "promote", new_id, check=False)
        self.assertIn("can only promote a learner member which is in sync with leader", refused.stderr)
        refused = self.ctl("member", "promote", self.hex_id("m1"), check=False)
        self.assertIn("can only promote a learner member", refused.stderr)
        refused = self.ctl("member", "promote", "dead", check=False)
        self.assertIn("member not found", refused.stderr)
        new.start()
        self.ctl("put", "key", "1")
        self.wait_has(new.client_url, "key", "1")
        time.sleep(1.0)  # it does not promote itself
        self.assertTrue(self.listed()["m4"]["isLearner"])
        self.eventually("m4 to be promoted", lambda: self.ctl(
            "member", "promote", new_id, endpoints=self.cluster.client_url(1), check=False).returncode == 0)
        self.assertFalse(self.listed()["m4"].get("isLearner", False))
        self.eventually("m4 to lead", lambda: self.may_lead("m4", new))

    def test_the_leader_removes_itself(self):
        writer = self.writer()
        urls = self.cluster.client_urls()
        leader = self.wait_leader(urls)
        began = time.monotonic()
        self.ctl("member", "remove", self.hex_id(f"m{leader + 1}"), endpoints=urls[leader])
        self.assertEqual(self.wait_end(self.cluster.members[leader]), 0)
        rest = [url for i, url in enumerate(urls) if i != leader]
        self.wait_leader(rest)
        print(f"  the leader removed itself, the others had a leader {time.monotonic() - began:.1f} s later")
        self.ctl("put", "key", "1", endpoints=rest[0])
        self.assertEqual(len(self.listed(rest[0])), 2)
        self.check_everywhere(writer.finish(), rest)
        # Two are left; one of them may go too, and the last one serves alone.
        leader = self.wait_leader(rest)
        name = f"m{urls.index(rest[leader]) + 1}"
        self.ctl("member", "remove", self.hex_id(name, rest[leader]), endpoints=rest[leader])
        last = rest[1 - leader]
        self.eventually("the last one to serve alone", lambda: self.ctl(
            "put", "key", "2", endpoints=last, check=False).returncode == 0)
        only = list(self.listed(last))[0]
        refused = self.ctl("member", "remove", self.hex_id(only, last), endpoints=last, check=False)
        self.assertIn("re-configuration failed due to not enough started members", refused.stderr)

    def test_what_would_endanger_the_quorum_is_refused(self):
        self.cluster.members[2].stop(signal.SIGKILL)
        new, other = self.extra("m4"), self.extra("m5")

        def refused(*arguments):
            done = self.ctl(*arguments, check=False)
            self.assertNotEqual(done.returncode, 0)
            return done.stderr
        self.eventually("the loss to be seen", lambda: "unhealthy cluster" in self.ctl(
            "member", "add", "m4", f"--peer-urls={new.peer_url}", check=False).stderr)
        self.assertIn("unhealthy cluster", refused("member", "remove", self.hex_id("m2")))
        self.cluster.start_member(2)
        self.cluster.wait_healthy(2)
        self.eventually("m3 to be counted again", lambda: self.ctl(
            "member", "add", "m4", f"--peer-urls={new.peer_url}", check=False).returncode == 0)
        self.assertIn("Peer URLs already exists",
                      refused("member", "add", "m5", f"--peer-urls={self.cluster.peer_url(1)}"))
        self.ctl("member", "add", "m5", f"--peer-urls={other.peer_url}")
        self.assertIn("re-configuration failed due to not enough started members",
                      refused("member", "add", "m6", "--peer-urls=http://127.0.0.1:1"))
        self.assertIn("member not found", refused("member", "remove", "dead"))
        # None of the two has started, and the three go on as if they were not there.
        self.cluster.members[2].stop(signal.SIGKILL)
        self.ctl("put", "key", "1")

    def test_peer_urls_change(self):
        self.ctl("put", "key", "1")
        self.cluster.members[2].stop()
        new_port = self.ports.pop()
        moved = f"http://127.0.0.1:{new_port}"
        self.ctl("member", "update", self.hex_id("m3"), f"--peer-urls={moved}")
        self.assertEqual(self.listed()["m3"]["peerURLs"], [moved])
        old = self.cluster.peer_url(2)
        self.cluster.members[2].arguments = [
            a.replace(old, moved) for a in self.cluster.members[2].arguments]
        self.cluster.start_member(2)  # not what this data-dir began with, which counts no more
        self.cluster.wait_healthy(2)
        self.ctl("put", "key", "2")
        self.wait_has(self.cluster.client_url(2), "key", "2")


class Loss(MembershipTest):
    def test_a_member_without_its_data_is_refused_and_replaced(self):
        writer = self.writer()
        self.ctl("put", "key", "1")
        lost = self.cluster.members[2]
        lost.stop(signal.SIGKILL)
        kept = self.cluster.data_dir(2) + ".kept"
        os.rename(self.cluster.data_dir(2), kept)
        lost.start()
        self.assertEqual(self.wait_end(lost), 1)
        self.assertIn("came back with another data-dir: it lost its data", lost.log_tail())
        shutil.rmtree(self.cluster.data_dir(2))
        lost.arguments.append("--initial-cluster-state=existing")
        lost.start()
        self.assertEqual(self.wait_end(lost), 1)
        self.assertIn("has been started before, and its data-dir is not here", lost.log_tail())
        # The others were never in doubt.
        self.ctl("put", "key", "2")
        new = self.extra("m4")
        old_id = self.hex_id("m3")
        status, body = self.replace(old_id, new.peer_url, at=1)
        self.assertEqual(status, 200, body)
        self.assertEqual(json.loads(body)["replaces"], old_id)
        status, body = self.replace(old_id, "http://127.0.0.1:1")
        self.assertEqual(status, 409, body)
        new.start()
        self.eventually("m4 to have taken m3's place", lambda: set(self.listed()) == {"m1", "m2", "m4"})
        self.wait_has(new.client_url, "key", "2")
        # Three voters again: any one may go.
        self.cluster.members[1].stop(signal.SIGKILL)
        self.eventually("a put without m2", lambda: self.ctl("put", "key", "3", check=False).returncode == 0)
        self.check_everywhere(writer.finish(), [self.cluster.client_url(0), new.client_url])
        # The one that was replaced finds its data again.
        os.rename(kept, self.cluster.data_dir(2))
        lost.start()
        self.assertEqual(self.wait_end(lost), 0)
        self.assertIn("permanently removed from the cluster", lost.log_tail())

    def test_bad_requests_are_told(self):
        self.assertEqual(self.replace("dead", "http://127.0.0.1:1"), (404, "etcdserver: member not found\n"))
        self.assertEqual(self.replace("dead", "nowhere")[0], 400)
        self.assertEqual(self.replace("not hex", "http://127.0.0.1:1")[0], 400)

    def test_joining_without_being_added(self):
        stranger = self.extra("m9")
        stranger.start()
        self.eventually("m9 to say what is missing", lambda: "add it first (etcdctl member add)"
                        in stranger.log_tail())
        self.assertIsNone(stranger.child.poll())
        self.ctl("member", "add", "m9", f"--peer-urls={stranger.peer_url}")
        self.eventually("m9 to join", lambda: "m9" in self.listed())


class Growth(MembershipTest):
    members = 1

    def test_one_that_is_removed_before_anybody_reached_it_hears_of_it(self):
        extra = self.extra("m4")
        nowhere = f"http://127.0.0.1:{self.ports.pop()}"  # where the others look for it
        extra.arguments = [argument.replace(extra.peer_url, nowhere) if "initial" in argument else argument
                           for argument in extra.arguments]
        self.ctl("member", "add", "m4", f"--peer-urls={nowhere}")
        extra.start()
        wait_for("m4 to be told who it is", lambda: "joining cluster" in extra.log_tail(100000), 20)
        self.ctl("member", "remove", f"{self.listed()[nowhere]['ID']:x}")
        self.wait_end(extra)
        self.assertIn("permanently removed from the cluster", extra.log_tail(100000))

    def test_one_becomes_three_and_the_first_is_replaced(self):
        writer = self.writer()
        second, third = self.extra("m2"), self.extra("m3")
        for new in (second, third):
            self.ctl("member", "add", new.name, f"--peer-urls={new.peer_url}")
            new.start()
            self.eventually(new.name + " to be there", lambda n=new: n.name in self.listed())
        acknowledged = writer.finish()
        self.assertGreater(len(acknowledged), 3)
        urls = [second.client_url, third.client_url]
        self.check_everywhere(acknowledged, urls)
        fourth = self.extra("m4")
        # The one that is replaced may well be the leader, and is asked itself.
        status, body = self.replace(self.hex_id("m1"), fourth.peer_url)
        self.assertEqual(status, 200, body)
        fourth.arguments = [a.replace("m1=" + self.cluster.peer_url(0),
                                      f"m2={second.peer_url},m3={third.peer_url}") for a in fourth.arguments]
        fourth.start()
        self.assertEqual(self.wait_end(self.cluster.members[0], 60), 0)
        self.eventually("m1 to be gone", lambda: set(self.listed(urls[0])) == {"m2", "m3", "m4"})
        self.ctl("put", "key", "1", endpoints=",".join(urls))
        self.check_everywhere(acknowledged, urls + [fourth.client_url])
        # All of them come back from their data-dirs, whatever their flags say.
        for member in (second, third, fourth):
            member.stop()
        for member in (second, third, fourth):
            member.start()
        self.wait_has(fourth.client_url, "key", "1")
        self.eventually("a put after the restart", lambda: self.ctl(
            "put", "key", "2", endpoints=urls[0], check=False).returncode == 0)


class LongLog(MembershipTest):
    extra_flags = ("--snapshot-catchup-entries=20",)

    def test_who_joins_late_gets_the_store(self):
        values = {f"large/{i}": str(i) * 300000 for i in range(1, 8)}
        for key, value in values.items():
            for _ in range(5):  # beyond what the logs keep, in bytes and in entries
                self.cluster.etcdctl("put", key, stdin=value, endpoints=self.cluster.client_url(1))
        new = self.extra("m4")
        self.ctl("member", "add", "m4", f"--peer-urls={new.peer_url}")
        new.start()
        self.eventually("m4 to have started", lambda: "m4" in self.listed())
        for key, value in values.items():
            self.wait_has(new.client_url, key, value)
        self.assertIn("installed a snapshot", new.log_tail(1000))
        self.eventually("m4 to vote", lambda: self.ctl(
            "member", "remove", self.hex_id("m1"), endpoints=self.cluster.client_url(1),
            check=False).returncode == 0)
        self.assertEqual(self.wait_end(self.cluster.members[0]), 0)
        new.stop()
        new.start()
        self.wait_has(new.client_url, "large/7", values["large/7"])


if __name__ == "__main__":
    harness.main()
