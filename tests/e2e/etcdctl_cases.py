"""Running the real etcdctl of 3.4 or 3.5 against a cluster; what test_etcdctl_commands.py and its cases share."""

import functools
import json
import os
import re
import signal
import subprocess
import threading

from harness import deploy

ROOT_USER = ("--user=root:secret",)


@functools.cache
def program(series):
    return os.path.join(deploy.fetch_etcd(series), "etcdctl")


class Running:
    """An etcdctl that goes on until it is stopped; `lines` is what it has printed so far."""

    def __init__(self, arguments, environment):
        self.process = subprocess.Popen(arguments, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)
        self.lines = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def type(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def wait(self, seconds=60):
        code = self.process.wait(seconds)
        self.reader.join(seconds)
        return code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)  # what releases locks and leases
        try:
            self.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Checked:
    """One member beside the clusters: measured by "check", and where the mirror goes."""

    cluster = None
    perf = {}


class Commands:
    """What the cases are made of."""

    series = ""

    def setUp(self):
        self.eventually("all to have said their names", lambda: {"m1", "m2", "m3"} <= set(self.listed()))

    def run_ctl(self, *arguments, stdin=None, endpoints=None, timeout=60):
        environment = self.cluster.environment()
        if endpoints:
            environment["ETCDCTL_ENDPOINTS"] = endpoints
        return subprocess.run([program(self.series), *arguments], env=environment, input=stdin, capture_output=True, text=True,
                              timeout=timeout, check=False)

    def ctl(self, *arguments, **keywords):
        done = self.run_ctl(*arguments, **keywords)
        self.assertEqual(done.returncode, 0, f"etcdctl {' '.join(arguments)}\n{done.stdout}{done.stderr}")
        return done.stdout

    def json(self, *arguments, **keywords):
        return json.loads(self.ctl(*arguments, "-w", "json", **keywords))

    def refused(self, text, *arguments, **keywords):
        done = self.run_ctl(*arguments, **keywords)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertIn(text, done.stderr + done.stdout)

    def running(self, *arguments):
        return Running([program(self.series), *arguments], self.cluster.environment())

    def put(self, key, value):
        return self.json("put", key, value)["header"]["revision"]

    def one(self):
        return self.cluster.client_url(0)

    def listed(self):
        return {m.get("name") or m["peerURLs"][0]: m for m in self.json("member", "list")["members"]}

    def grant(self, seconds=60):
        return self.ctl("lease", "grant", str(seconds)).split()[1]

    def added(self, *options):
        """(hex id, URL) of a member that nobody starts; it goes at the end of the case."""
        port = deploy.free_ports(1)[0]
        url = f"http://127.0.0.1:{port}"
        done = self.eventually("a quorum that has been connected for long enough", lambda: (
            d := self.run_ctl("member", "add", "new", f"--peer-urls={url}", *options)).returncode == 0 and d)
        identity = re.search(r"Member\s+(\w+) added to cluster", done.stdout).group(1)
        self.addCleanup(self.run_ctl, "member", "remove", identity)
        return identity, url
