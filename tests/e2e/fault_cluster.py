"""What the fault tests share: a fresh cluster for each test on a real disk (under build/), the load of load.cc, the
check of its history by check_history, and peers through fault proxies."""

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
    """Member i reaches member j through proxies[i, j]: its own --initial-cluster names the proxies of the others."""

    def __init__(self, folder, members=3, extra=()):
        ports = free_ports(3 * members)
        peer = ports[members:2 * members]
        self.proxies = {(i, j): FaultProxy(peer[j]) for i in range(members) for j in range(members) if i != j}
        super().__init__(folder, members, client_ports=ports[:members], peer_ports=peer,
                         api_ports=ports[2 * members:], extra=extra)

    def member_arguments(self, i):
        if not self.proxies:
            return super().member_arguments(i)
        arguments = super().member_arguments(i)
        seen = ",".join(f"m{j + 1}=http://127.0.0.1:"
                        + str(self.layout["peer"][j] if i == j else self.proxies[i, j].port)
                        for j in range(len(self.layout["peer"])))
        return [f"--initial-cluster={seen}" if a.startswith("--initial-cluster=") else a for a in arguments]

    def stop(self):
        stopped = super().stop()
        for proxy in self.proxies.values():
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

    def failures(self):
        with open(self.path, encoding="utf-8") as f:
            return [line.strip() for line in f if line.startswith("failed ")]

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

    def log(self, i):
        return self.cluster.members[i].log_tail(100000)

    def settle(self, seconds):
        time.sleep(seconds)
