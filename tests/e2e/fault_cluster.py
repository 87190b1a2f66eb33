"""What the fault tests share: a fresh cluster for each test on a real disk (under build/), the load of load.cc, the
check of its history by check_history, and peers through fault proxies."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

from harness import ROOT, ClusterTest
from cluster import BINARY, Cluster, free_ports, wait_for
from fault_proxy import FaultProxy

BUILD = os.path.dirname(BINARY)
LOAD = os.path.join(BUILD, "e2e_load")
CHECK = os.path.join(BUILD, "check_history")


class ProxiedCluster(Cluster):
    """Members know each other by fault proxies: set((i, j), mode) is about what member i sends to member j."""

    def __init__(self, folder, members=3, extra=()):
        ports = free_ports(3 * members)
        self.members = []
        self.proxies = [FaultProxy(port, self.pids) for port in ports[members:2 * members]]
        super().__init__(folder, members, client_ports=ports[:members], peer_ports=ports[members:2 * members],
                         api_ports=ports[2 * members:], extra=extra)

    def pids(self):
        return {i: member.pid() for i, member in enumerate(self.members) if member.pid() is not None}

    def member_arguments(self, i):
        listen = f"--listen-peer-urls={self.peer_url(i)}"
        arguments = super().member_arguments(i)
        for port, proxy in zip(self.layout["peer"], self.proxies):
            arguments = [a if a == listen else a.replace(f"127.0.0.1:{port}", f"127.0.0.1:{proxy.port}")
                         for a in arguments]
        return arguments

    def set_links(self, mode, pairs=None, seconds=0.0):
        for sender, receiver in pairs or self.links():
            self.proxies[receiver].set(sender, mode, seconds)

    def links(self):
        return [(i, j) for i in range(self.size) for j in range(self.size) if i != j]

    def stop(self):
        stopped = super().stop()
        for proxy in self.proxies:
            proxy.stop()
        return stopped


class Load:
    """Runs e2e_load; its figures; stopped and checked by finish()."""

    def __init__(self, cluster, name="load", clients=6, watches=2):
        self.history = os.path.join(cluster.folder, name + ".history")
        self.path = os.path.join(cluster.folder, name + ".out")
        self.out = open(self.path, "w", encoding="utf-8")
        self.child = subprocess.Popen(
            [LOAD, "--endpoints=" + ",".join(cluster.client_urls()), "--history=" + self.history,
             f"--clients={clients}", f"--watches={watches}", "--prefix=" + name + "/"],
            stdout=self.out, stderr=subprocess.STDOUT)

    def figures(self):
        """[(acks so far, failed so far, longest gap in ms of that second)]"""
        with open(self.path, encoding="utf-8") as f:
            words = [line.split() for line in f if line.startswith("acks ") and line.endswith("\n")]
        return [(int(w[1]), int(w[3]), int(w[5])) for w in words]

    def acks(self):
        figures = self.figures()
        return figures[-1][0] if figures else 0

    def lines(self, beginning):
        with open(self.path, encoding="utf-8") as f:
            return [line.strip() for line in f if line.startswith(beginning)]

    def failures(self):
        return self.lines("failed ")

    def more(self, count=200, seconds=30):
        before = self.acks()
        wait_for(f"{count} more acknowledgements", lambda: self.acks() >= before + count, seconds)

    def kill(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        self.out.close()

    def finish(self):
        """Ends the load; what check_history says. Raises AssertionError in its words."""
        self.child.send_signal(signal.SIGTERM)
        code = self.child.wait(60)
        self.out.close()
        with open(self.path, encoding="utf-8") as f:
            last = f.read()[-500:]
        if code != 0:
            raise AssertionError(f"the load ended with {code}: {last}")
        done = subprocess.run([CHECK, self.history], capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        print("  " + done.stdout.strip())
        return done.stdout


class FaultTest(ClusterTest):
    """A fresh cluster of three for each test."""

    proxied = False

    @classmethod
    def setUpClass(cls):
        pass  # each test has its own

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="e2e-", dir=os.path.join(ROOT, "build"))
        self.addCleanup(self.clean)
        self.cluster = (ProxiedCluster if self.proxied else Cluster)(self.folder, self.members, extra=self.extra)
        self.cluster.start()

    def clean(self):
        for member in self.cluster.members:
            member.send(signal.SIGCONT)
        self.cluster.stop()
        if not os.environ.get("PINTLE_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def start_load(self, **options):
        load = Load(self.cluster, **options)
        self.addCleanup(load.kill)
        load.more(100)
        return load

    def restart(self, i):
        self.cluster.start_member(i)
        self.cluster.wait_healthy(i)

    def member_id(self, i):
        done = self.cluster.etcdctl("endpoint", "status", "-w", "json", endpoints=self.cluster.client_url(i))
        return json.loads(done.stdout)[0]["Status"]["header"]["member_id"]

    def log(self, i):
        return self.cluster.members[i].log_tail(100000)

    def settle(self, seconds):
        time.sleep(seconds)
