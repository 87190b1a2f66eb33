"""A cluster of Pintle processes on this machine: used by deploy/up, deploy/down and the end-to-end tests.

Everything of one cluster lives in one folder: members' data and logs, pid files, layout.json (ports), kubeconfig, env.
Only processes whose pid file is there, and whose command line still names that folder, are ever signalled.
"""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BINARY = os.environ.get("PINTLE_BINARY", os.path.join(ROOT, "build", "release", "pintle"))
KUBECTL = os.path.join(ROOT, "build", "tools", "kubernetes-client", "usr", "bin", "kubectl")


class ClusterError(Exception):
    """Something that the user can do something about; the text says what."""


def free_ports(count):
    """Ports that nobody listens on now, below the range from which the kernel takes outgoing ones."""
    sockets, ports = [], []
    try:
        candidate = 20000 + (os.getpid() * 37) % 9000
        while len(ports) < count:
            candidate += 1
            s = socket.socket()
            try:
                s.bind(("127.0.0.1", candidate))
            except OSError:
                s.close()
                continue
            sockets.append(s)
            ports.append(candidate)
    finally:
        for s in sockets:
            s.close()
    return ports


def fetch_etcd(series):
    """The folder with the programs of a real etcd, "3.4" or "3.5": fetched at the first time (deploy/fetch-etcd)."""
    done = subprocess.run([os.path.join(ROOT, "deploy", "fetch-etcd"), series], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise ClusterError(f"deploy/fetch-etcd {series}: {done.stderr.strip()}")
    return done.stdout.strip()


def wait_for(what, check, seconds=30.0, progress=None):
    """Polls check() until it is truthy; ClusterError naming `what` after `seconds`."""
    start = time.monotonic()
    while True:
        value = check()
        if value:
            return value
        waited = time.monotonic() - start
        if waited > seconds:
            raise ClusterError(f"waited {seconds:.0f} s in vain for {what}")
        if progress:
            progress(what, waited)
        time.sleep(0.05)


def http_get(url, timeout=3.0):
    """(status, body text); (0, reason) when nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except (OSError, ValueError) as error:
        return 0, str(error)


class Process:
    """One child that may outlive us: found again by its pid file."""

    def __init__(self, name, folder, arguments):
        self.name = name
        self.folder = folder
        self.arguments = arguments
        self.pid_file = os.path.join(folder, f"{name}.pid")
        self.log_file = os.path.join(folder, f"{name}.log")
        self.child = None

    def pid(self):
        """Our process, if it runs; None otherwise."""
        if self.child is not None:  # ours: no need to look it up (right after the start it is not yet to be seen)
            return self.child.pid if self.child.poll() is None else None
        try:
            with open(self.pid_file, encoding="ascii") as f:
                pid = int(f.read())
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                command = f.read().decode(errors="replace").split("\0")
        except (OSError, ValueError):
            return None
        return pid if command[1:-1] == self.arguments[1:] else None

    def start(self, environment=None):
        os.makedirs(self.folder, exist_ok=True)
        with open(self.log_file, "ab") as log:
            self.child = subprocess.Popen(self.arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          start_new_session=True, env=environment)
        with open(self.pid_file, "w", encoding="ascii") as f:
            f.write(str(self.child.pid))

    def send(self, number):
        pid = self.pid()
        if pid is not None:
            os.kill(pid, number)
        return pid

    def stop(self, number=signal.SIGTERM, seconds=10.0):
        """Ends the process; SIGKILL when it does not go in time. True when it ran."""
        pid = self.send(number)
        if pid is None:
            return False
        deadline = time.monotonic() + seconds
        while self.pid() is not None:
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                deadline += 5
            if self.child is not None:
                self.child.poll()
            time.sleep(0.02)
        if os.path.exists(self.pid_file):
            os.remove(self.pid_file)
        return True

    def log_tail(self, lines=5):
        try:
            with open(self.log_file, encoding="utf-8", errors="replace") as f:
                return "".join(f.readlines()[-lines:])
        except OSError:
            return ""


class Cluster:
    def __init__(self, folder, members=3, client_ports=None, peer_ports=None, api_ports=None, extra=()):
        self.folder = os.path.abspath(folder)
        layout_file = os.path.join(self.folder, "layout.json")
        if os.path.exists(layout_file):
            with open(layout_file, encoding="utf-8") as f:
                self.layout = json.load(f)
            if members is not None and members != len(self.layout["client"]):
                raise ClusterError(f"{self.folder} holds a cluster of {len(self.layout['client'])}: "
                                   "forget it first with deploy/down --wipe")
        else:
            members = members or 3
            free = free_ports(3 * members)
            self.layout = {"client": client_ports or free[:members],
                           "peer": peer_ports or free[members:2 * members],
                           "api": api_ports or free[2 * members:]}
            for kind, ports in self.layout.items():
                if len(ports) != members:
                    raise ClusterError(f"{members} members need {members} {kind} ports, not {len(ports)}")
            os.makedirs(self.folder, exist_ok=True)
            with open(layout_file, "w", encoding="utf-8") as f:
                json.dump(self.layout, f)
        self.size = len(self.layout["client"])
        self.members = [Process(f"m{i + 1}", self.folder, self.member_arguments(i) + list(extra))
                        for i in range(self.size)]
        self.controllers = Process("controllers", self.folder, [
            BINARY, "controllers", "--server=" + ",".join(self.api_urls()), "--simulated-nodes=2"])

    def client_url(self, i):
        return f"http://127.0.0.1:{self.layout['client'][i]}"

    def client_urls(self):
        return [self.client_url(i) for i in range(self.size)]

    def peer_url(self, i):
        return f"http://127.0.0.1:{self.layout['peer'][i]}"

    def api_url(self, i):
        return f"http://127.0.0.1:{self.layout['api'][i]}"

    def api_urls(self):
        return [self.api_url(i) for i in range(self.size)]

    def data_dir(self, i):
        return os.path.join(self.folder, f"m{i + 1}.etcd")

    def member_arguments(self, i):
        initial = ",".join(f"m{j + 1}={self.peer_url(j)}" for j in range(self.size))
        return [BINARY, f"--name=m{i + 1}", f"--data-dir={self.data_dir(i)}",
                f"--listen-client-urls={self.client_url(i)}", f"--advertise-client-urls={self.client_url(i)}",
                f"--listen-peer-urls={self.peer_url(i)}", f"--initial-advertise-peer-urls={self.peer_url(i)}",
                f"--initial-cluster={initial}", "--initial-cluster-token=pintle-local",
                f"--api-listen-url={self.api_url(i)}"]

    def start_member(self, i):
        if self.members[i].pid() is None:
            self.members[i].start()

    def wait_healthy(self, i, seconds=30.0, progress=None):
        def healthy():
            if self.members[i].pid() is None:
                raise ClusterError(f"{self.members[i].name} ended at its start; its log says:\n"
                                   + self.members[i].log_tail())
            return http_get(self.client_url(i) + "/health")[0] == 200
        wait_for(f"{self.members[i].name} to be healthy", healthy, seconds, progress)

    def start(self, progress=None):
        for i in range(self.size):
            self.start_member(i)
        for i in range(self.size):
            self.wait_healthy(i, progress=progress)

    def stop(self):
        stopped = [p.name for p in [self.controllers, *self.members] if p.stop()]
        return stopped

    def kubeconfig(self):
        path = os.path.join(self.folder, "kubeconfig")
        names = [m.name for m in self.members]
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": names[0], "users": [],
            "clusters": [{"name": n, "cluster": {"server": self.api_url(i)}} for i, n in enumerate(names)],
            "contexts": [{"name": n, "context": {"cluster": n, "user": ""}} for n in names],
        }
        with open(path, "w", encoding="utf-8") as f:
            json.dump(config, f, indent=1)  # JSON is YAML
        return path

    def environment_file(self):
        path = os.path.join(self.folder, "env")
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"export KUBECONFIG={self.kubeconfig()}\n"
                    f"export ETCDCTL_ENDPOINTS={','.join(self.client_urls())}\n"
                    "export ETCDCTL_API=3\n")
            f.write(f"command -v kubectl >/dev/null || export PATH=$PATH:{os.path.dirname(KUBECTL)}\n")
        return path

    def environment(self):
        return {**os.environ, "KUBECONFIG": self.kubeconfig(), "ETCDCTL_API": "3",
                "ETCDCTL_ENDPOINTS": ",".join(self.client_urls()), "HOME": self.folder}

    def kubectl(self, *arguments, check=True, member=None, stdin=None, timeout=60):
        """Runs Debian's kubectl; the CompletedProcess. `member`: talk to that one (index)."""
        context = [] if member is None else [f"--context={self.members[member].name}"]
        done = subprocess.run([KUBECTL, *context, *arguments], env=self.environment(), input=stdin,
                              capture_output=True, text=True, timeout=timeout, check=False)
        if check and done.returncode != 0:
            raise ClusterError(f"kubectl {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def etcdctl(self, *arguments, check=True, endpoints=None, stdin=None, timeout=60):
        """Runs etcdctl; the CompletedProcess."""
        env = self.environment()
        if endpoints:
            env["ETCDCTL_ENDPOINTS"] = endpoints
        done = subprocess.run(["etcdctl", *arguments], env=env, input=stdin, capture_output=True, text=True,
                              timeout=timeout, check=False)
        if check and done.returncode != 0:
            raise ClusterError(f"etcdctl {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def pods(self, selector="app=my-app", namespace="default"):
        done = self.kubectl("get", "pods", "-n", namespace, "-l", selector, "-o", "json", check=False)
        return json.loads(done.stdout)["items"] if done.returncode == 0 else []

    def running_pods(self, selector="app=my-app", namespace="default"):
        return [p for p in self.pods(selector, namespace)
                if p["status"].get("phase") == "Running" and "deletionTimestamp" not in p["metadata"]]
