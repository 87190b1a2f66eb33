"""Pintle and a real etcd side by side: started alike on free ports of loopback, asked alike."""

import contextlib
import http.client
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "deploy"))
import cluster as deploy  # noqa: E402

MEMORY = "/dev/shm"
TIMEOUT = 10.0  # nothing that is asked takes its time


class Answer:
    """Of one HTTP request. Status 0: none came, and the body says why."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = {name.lower(): value for name, value in headers}
        self.body = body


def ask(port, method, path, body=None, headers=None, timeout=TIMEOUT, tls=False):
    """The path goes as it is: also what no client would send. `tls`: to whoever answers, unverified."""
    connection = (http.client.HTTPSConnection("127.0.0.1", port, timeout=timeout, context=ssl._create_unverified_context())
                  if tls else http.client.HTTPConnection("127.0.0.1", port, timeout=timeout))
    try:
        connection.putrequest(method, path, skip_host="Host" in (headers or {}), skip_accept_encoding=True)
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body.encode())))
        connection.endheaders(body.encode() if body is not None else None)
        answer = connection.getresponse()
        return Answer(answer.status, answer.getheaders(), answer.read().decode(errors="replace"))
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, [], type(error).__name__)
    finally:
        connection.close()


def first_lines(port, path, body, count, timeout=TIMEOUT):
    """(status, content type, lines) of an answer that may have no end."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("POST", path, body)
        answer = connection.getresponse()
        lines = [answer.readline().decode(errors="replace").strip() for _ in range(count)]
        return answer.status, answer.headers.get("Content-Type"), lines
    except (OSError, http.client.HTTPException) as error:
        return 0, None, [type(error).__name__]
    finally:
        connection.close()


def raw(port, text, timeout=TIMEOUT):
    """Sends bytes; the first line of what comes back, and the lines of the body."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        connection.sendall(text.encode())
        got = b""
        with contextlib.suppress(OSError):
            while chunk := connection.recv(65536):
                got += chunk
    head, _, body = got.decode(errors="replace").partition("\r\n\r\n")
    return head.split("\r\n")[0], body


class Side:
    """One server of a pair."""

    def __init__(self, name, binary, folder, others, arguments, scheme):
        self.folder = os.path.join(folder, name)
        self.client, self.peer, self.metrics = deploy.free_ports(3)
        here, clients = f"http://127.0.0.1:{self.peer}", f"{scheme}://127.0.0.1:{self.client}"
        self.tls = scheme == "https"
        cluster = ",".join([f"m1={here}", *(f"{other}=http://127.0.0.1:{9 + i}" for i, other in enumerate(others))])
        self.process = deploy.Process(name, folder, [
            binary, "--name=m1", f"--data-dir={self.folder}", f"--listen-client-urls={clients}",
            f"--advertise-client-urls={clients}", f"--listen-peer-urls={here}",
            f"--initial-advertise-peer-urls={here}", f"--initial-cluster={cluster}",
            f"--listen-metrics-urls=http://127.0.0.1:{self.metrics}", "--logger=zap", "--log-outputs=stderr",
            "--bcrypt-cost=4", *arguments])
        self.process.start()

    def knows_its_version(self):
        """The last thing that happens at a start."""
        version = ask(self.client, "GET", "/version", timeout=3, tls=self.tls)
        return version.status == 200 and "not_decided" not in version.body

    def serves(self):
        listed = ask(self.client, "POST", "/v3/cluster/member/list", "{}", timeout=3)
        return "clientURLs" in listed.body and self.knows_its_version()

    def log(self):
        with open(self.process.log_file, encoding="utf-8") as f:
            return f.read().splitlines()

    def stop(self):
        """How the process ended."""
        self.process.stop(signal.SIGTERM)
        return self.process.child.returncode


class Pair:
    """`others`: further members of the initial cluster, which never come. `scheme`: of the client URLs."""

    def __init__(self, etcd_binary, arguments=(), others=(), ready=Side.serves, scheme="http"):
        self.folder = tempfile.mkdtemp(prefix="pintle-surface-", dir=MEMORY if os.path.isdir(MEMORY) else None)
        self.sides = []
        try:
            for name, binary in (("pintle", deploy.BINARY), ("etcd", etcd_binary)):
                own = [f"--report-version={version_of(etcd_binary)}"] if name == "pintle" else []
                side = Side(name, binary, self.folder, others, [*arguments, *own], scheme)
                self.sides.append(side)
                deploy.wait_for(f"{name} to serve", lambda side=side: ready(side))
        except (deploy.ClusterError, SystemExit):
            for side in self.sides:
                print(f"{side.process.name}:\n{side.process.log_tail(20)}")
            self.stop()
            raise

    def of_both(self, question):
        """question(side) of ours and of theirs."""
        return [question(side) for side in self.sides]

    def stop(self):
        for side in self.sides:
            side.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def version_of(binary):
    """ "3.5.30" """
    done = subprocess.run([binary, "--version"], check=True, capture_output=True, text=True)
    return done.stdout.split()[2]
