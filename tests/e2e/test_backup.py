"""Backup and migration with the real tools: a data set goes from etcd to Pintle and back, by snapshot files, and every
key, revision, lease, user, role and what can still be read of the past is the same; for etcd 3.4 and 3.5, each with its own tools."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import unittest

import harness
from harness import deploy, wait_for

COMPACTED = 8  # nothing before it can be read


class Tools:
    """A real etcd of one series."""

    def __init__(self, series):
        self.series = series
        self.folder = deploy.fetch_etcd(series)
        self.etcd = os.path.join(self.folder, "etcd")
        self.etcdctl = os.path.join(self.folder, "etcdctl")
        # status and restore moved to a program of their own
        self.offline = os.path.join(self.folder, "etcdutl") if series == "3.5" else self.etcdctl


def run(*command, check=True, stdin=None, timeout=60):
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False,
                          env={**os.environ, "ETCDCTL_API": "3"})
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


class Server:
    """One member, of whichever program, on ports of its own."""

    def __init__(self, folder, name, binary, data_dir, etcdctl, extra=(), peers=None, ports=None):
        client, peer = ports or deploy.free_ports(2)
        self.url = f"http://127.0.0.1:{client}"
        self.peer_url = f"http://127.0.0.1:{peer}"
        self.name, self.etcdctl_path, self.data_dir = name, etcdctl, data_dir
        self.process = deploy.Process(f"{name}-{client}", folder, [
            binary, f"--name={name}", f"--data-dir={data_dir}", f"--listen-client-urls={self.url}",
            f"--advertise-client-urls={self.url}", f"--listen-peer-urls={self.peer_url}",
            f"--initial-advertise-peer-urls={self.peer_url}",
            "--initial-cluster=" + (peers or f"{name}={self.peer_url}"), *extra])

    def start(self):
        self.process.start()
        wait_for(f"{self.name} to be healthy", self.healthy, 60)
        return self

    def healthy(self):
        if self.process.pid() is None:
            raise AssertionError(f"{self.name} ended: {self.process.log_tail()}")
        return deploy.http_get(self.url + "/health")[0] == 200

    def ctl(self, *arguments, **options):
        return run(self.etcdctl_path, "--endpoints=" + self.url, *arguments, **options)

    def json(self, *arguments):
        return json.loads(self.ctl(*arguments, "-w", "json").stdout)

    def txn(self, *puts_and_deletes):
        """One revision. etcdctl reads: compares, then what to do, then what else."""
        self.ctl("txn", stdin="\n" + "\n".join(puts_and_deletes) + "\n\n\n")

    def stop(self):
        self.process.stop()

    def content(self):
        """All that a client can find out."""
        now = self.json("get", "", "--prefix")
        revision = now["header"]["revision"]
        leases = {}
        for lease in self.json("lease", "list").get("leases") or []:
            one = self.json("lease", "timetolive", format(lease["id"], "x"), "--keys")
            leases[lease["id"]] = (one["granted-ttl"], sorted(one.get("keys") or []))
        users = {name: self.json("user", "get", name).get("roles") for name in self.json("user", "list")["users"]}
        # What root may do is said by some versions only.
        roles = {name: name == "root" or self.json("role", "get", name).get("perm")
                 for name in self.json("role", "list")["roles"]}
        return {"revision": revision, "kvs": now.get("kvs"), "leases": leases, "users": users, "roles": roles,
                "history": self.history(revision)}

    def history(self, revision):
        """Every event since the compaction."""
        watch = subprocess.Popen([self.etcdctl_path, "--endpoints=" + self.url, "watch", "", "--prefix",
                                  f"--rev={COMPACTED}", "-w", "json"], stdout=subprocess.PIPE, text=True,
                                 env={**os.environ, "ETCDCTL_API": "3"})
        try:
            events = []
            while not events or events[-1]["kv"]["mod_revision"] < revision:
                line = watch.stdout.readline()
                if not line:
                    raise AssertionError(f"{self.name}: the watch ended after {events[-1:]}")
                events += json.loads(line).get("Events") or []
            return events
        finally:
            watch.kill()
            watch.wait()
            watch.stdout.close()


def fill(server):
    """Versions, deletions, several changes in one revision, leases, large and binary values, a compaction."""
    lease = format(server.json("lease", "grant", "3600")["ID"], "x")
    server.json("lease", "grant", "7200")  # nothing hangs on it
    for round_number in range(4):
        server.txn(*(f'put "key{i:03}" "round {round_number} {"v" * (i * 3)}"' for i in range(100)))
    server.txn(*(f'del "key{i:03}"' for i in range(0, 100, 7)))
    server.ctl("put", "large", stdin="x" * 300000)
    server.ctl("put", "gone", "1")
    server.ctl("del", "gone")
    server.txn(f'put --lease={lease} "leased/a" "1"', f'put --lease={lease} "leased/b" "2"')
    server.txn('put "binary\\x00\\xff\\n" "\\x01\\x80"', 'put "empty" ""')
    server.ctl("put", "key001", "newer")
    server.ctl("del", "key001")
    while server.json("get", "x")["header"]["revision"] < COMPACTED + 3:
        server.ctl("put", "counter", "1")
    server.ctl("user", "add", "root:the root")
    server.ctl("role", "add", "root")
    server.ctl("user", "grant-role", "root", "root")
    server.ctl("user", "add", "alice:secret")
    server.ctl("role", "add", "reader")
    server.ctl("role", "grant-permission", "reader", "read", "key", "--prefix=true")
    server.ctl("role", "grant-permission", "reader", "readwrite", "large")
    server.ctl("user", "grant-role", "alice", "reader")
    server.ctl("compaction", "--physical", str(COMPACTED))
    server.txn(*(f'put "after{i}" "compaction"' for i in range(60)))


class BackupTest(unittest.TestCase):
    maxDiff = 2000

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="pintle-backup-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def server(self, *arguments, **options):
        server = Server(self.folder, *arguments, **options)
        self.addCleanup(server.stop)
        return server

    def pintle_restore(self, file, server, *extra):
        return run(deploy.BINARY, "snapshot", "restore", file, "--data-dir=" + server.data_dir, "--name=" + server.name,
                   "--initial-advertise-peer-urls=" + server.peer_url,
                   f"--initial-cluster={server.name}={server.peer_url}", *extra)

    def same_status(self, tools, file):
        """What both say of a file, in all forms."""
        for form in ("simple", "json") + (("table",) if tools.series == "3.4" else ()):  # 3.5 draws other lines
            ours = run(deploy.BINARY, "snapshot", "status", file, "-w", form).stdout
            self.assertEqual(ours, run(tools.offline, "snapshot", "status", file, "-w", form).stdout)

    def round_trip(self, series):
        tools = Tools(series)
        etcd = self.server("e1", tools.etcd, self.path("e1"), tools.etcdctl).start()
        fill(etcd)
        there = etcd.content()
        self.assertGreater(len(there["history"]), 60)
        self.assertEqual(len(there["leases"]), 2)
        etcd.ctl("snapshot", "save", self.path("from-etcd"))
        etcd.stop()
        self.same_status(tools, self.path("from-etcd"))

        pintle = self.server("p1", deploy.BINARY, self.path("p1"), tools.etcdctl)
        self.pintle_restore(self.path("from-etcd"), pintle)
        pintle.start()
        self.assertEqual(pintle.content(), there)
        # The passwords' hashes, too.
        pintle.ctl("auth", "enable")
        self.assertIn("round 3", pintle.ctl("--user=alice:secret", "get", "key002").stdout)
        for who in ("--user=alice:wrong", "--user=alice:secret"):
            self.assertNotEqual(pintle.ctl(who, "snapshot", "save", self.path("no"), check=False).returncode, 0)
        self.assertFalse(os.path.exists(self.path("no")))
        pintle.ctl("--user=root:the root", "snapshot", "save", self.path("enabled"))
        pintle.ctl("--user=root:the root", "auth", "disable")
        pintle.txn(*(f'put "from{i}" "pintle"' for i in range(50)), 'del "key002"')
        pintle.ctl("put", "large", stdin="y" * 700000)
        there = pintle.content()
        if series == "3.4":
            pintle.ctl("snapshot", "save", self.path("from-pintle"))
        else:
            run(deploy.BINARY, "snapshot", "save", self.path("from-pintle"), "--endpoints=" + pintle.url)
            pintle.ctl("snapshot", "save", self.path("by-etcdctl"))
            self.same_status(tools, self.path("by-etcdctl"))
        self.same_status(tools, self.path("from-pintle"))
        pintle.stop()

        back = self.server("e2", tools.etcd, self.path("e2"), tools.etcdctl)
        run(tools.offline, "snapshot", "restore", self.path("from-pintle"), "--data-dir=" + back.data_dir,
            "--name=e2", "--initial-advertise-peer-urls=" + back.peer_url, f"--initial-cluster=e2={back.peer_url}")
        back.start()
        self.assertEqual(back.content(), there)
        back.ctl("put", "still", "writable")
        return back, tools

    def test_there_and_back_with_3_4(self):
        self.round_trip("3.4")

    def test_there_and_back_with_3_5(self):
        back, tools = self.round_trip("3.5")
        # Out of the data-dir, where no hash stands behind it; and to a later revision.
        before = back.json("get", "", "--prefix")
        back.stop()
        self.take_over(back, before["kvs"])
        copied = os.path.join(back.data_dir, "member", "snap", "db")
        pintle = self.server("p2", deploy.BINARY, self.path("p2"), tools.etcdctl)
        refused = run(deploy.BINARY, "snapshot", "restore", copied, "--data-dir=" + pintle.data_dir, check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("snapshot missing hash but --skip-hash-check=false", refused.stderr)
        self.pintle_restore(copied, pintle, "--skip-hash-check", "--bump-revision=1000", "--mark-compacted")
        pintle.start()
        now = pintle.json("get", "", "--prefix")
        self.assertEqual(now["kvs"], before["kvs"])
        self.assertEqual(now["header"]["revision"], before["header"]["revision"] + 1000)
        older = pintle.ctl("get", "large", f"--rev={before['header']['revision']}", check=False)
        self.assertIn("required revision has been compacted", older.stderr)
        pintle.ctl("snapshot", "save", self.path("bumped"))
        last = self.server("e3", tools.etcd, self.path("e3"), tools.etcdctl)
        run(tools.offline, "snapshot", "restore", self.path("bumped"), "--data-dir=" + last.data_dir,
            "--name=e3", "--initial-advertise-peer-urls=" + last.peer_url, f"--initial-cluster=e3={last.peer_url}")
        last.start()
        self.assertEqual(last.json("get", "", "--prefix")["kvs"], before["kvs"])
        self.assertEqual(last.json("get", "x")["header"]["revision"], now["header"]["revision"])

    def take_over(self, etcd, kvs):
        """Pintle refuses the data-dir, and what it says to do instead can be done word for word."""
        member = self.server("e2", deploy.BINARY, etcd.data_dir, etcd.etcdctl_path)
        refused = run(*member.process.arguments, check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("is etcd's. Import it", refused.stderr)
        command = refused.stderr[refused.stderr.index("pintle snapshot restore"):refused.stderr.index(" and start with")]
        run(deploy.BINARY, *command.split()[1:])
        member.process.arguments = [a.replace(etcd.data_dir, etcd.data_dir + ".pintle")
                                    for a in member.process.arguments]
        member.start()
        self.assertEqual(member.json("get", "", "--prefix")["kvs"], kvs)
        member.stop()

    def test_three_members_restored_from_one_file_are_a_cluster(self):
        one = self.server("p1", deploy.BINARY, self.path("p1"), "etcdctl").start()
        one.txn(*(f'put "k{i}" "v"' for i in range(100)))
        run(deploy.BINARY, "snapshot", "save", self.path("file"), "--endpoints=" + one.url)
        want = one.json("get", "", "--prefix")["kvs"]
        one.stop()
        ports = deploy.free_ports(6)
        cluster = ",".join(f"m{i}=http://127.0.0.1:{ports[2 * i + 1]}" for i in range(3))
        members = [self.server(f"m{i}", deploy.BINARY, self.path(f"m{i}"), "etcdctl", peers=cluster,
                               ports=ports[2 * i:2 * i + 2]) for i in range(3)]
        for member in members:
            run(deploy.BINARY, "snapshot", "restore", self.path("file"), "--data-dir=" + member.data_dir,
                "--name=" + member.name, "--initial-advertise-peer-urls=" + member.peer_url,
                "--initial-cluster=" + cluster)
        for member in members:
            member.process.start()
        for member in members:
            wait_for(f"{member.name} to be healthy", member.healthy, 60)
        members[0].ctl("put", "new", "write")
        for member in members:
            kvs = member.json("get", "", "--prefix")["kvs"]
            self.assertEqual([kv for kv in kvs if kv["key"] != base64.b64encode(b"new").decode()], want)
        self.assertEqual(len(members[0].json("member", "list")["members"]), 3)

    def test_what_cannot_be_done_says_what_to_do_and_leaves_nothing(self):
        port = deploy.free_ports(1)[0]
        nobody = run(deploy.BINARY, "snapshot", "save", self.path("f"), f"--endpoints=127.0.0.1:{port}", check=False)
        self.assertEqual(nobody.returncode, 1)
        self.assertIn("connection refused", nobody.stderr)
        two = run(deploy.BINARY, "snapshot", "save", self.path("f"), "--endpoints=a:1,b:2", check=False)
        self.assertIn("snapshot must be requested to one selected node, not multiple [a:1 b:2]", two.stderr)
        with open(self.path("junk"), "wb") as f:
            f.write(b"junk" * 1000)
        junk = run(deploy.BINARY, "snapshot", "restore", self.path("junk"), "--data-dir=" + self.path("d"),
                   "--skip-hash-check", check=False)
        self.assertIn("not a database file of etcd's", junk.stderr)
        self.assertEqual(os.listdir(self.folder), ["junk"])
        stranger = run(deploy.BINARY, "snapshot", "restore", self.path("junk"), "--data-dir=" + self.path("d"),
                       "--name=x", check=False)
        self.assertIn('couldn\'t find local name "x" in the initial cluster configuration', stranger.stderr)


if __name__ == "__main__":
    harness.main()
