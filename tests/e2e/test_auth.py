#!/usr/bin/env python3
"""Users, roles and permissions by stock etcdctl, 3.4 and 3.5, against three members: what an operator sets up, what users
may and may not, and that it all is still there after restarts, with another leader, and on a member that got a snapshot."""

import glob
import os
import signal
import subprocess

from harness import ClusterTest, deploy, main

BUILD = os.path.dirname(deploy.BINARY)
DENIED = "etcdserver: permission denied"
ROOT = "root:secret"
USER = "ann:pw"


class AuthTest(ClusterTest):
    extra = ("--bcrypt-cost=4", "--snapshot-catchup-entries=200")

    @classmethod
    def setUpClass(cls):
        cls.tools = {series: os.path.join(deploy.fetch_etcd(series), "etcdctl") for series in ("3.4", "3.5")}
        super().setUpClass()

    def ctl(self, *arguments, user=None, series="3.5", member=None, stdin=None):
        endpoints = self.cluster.client_urls() if member is None else [self.cluster.client_url(member)]
        command = [self.tools[series], "--endpoints=" + ",".join(endpoints), *arguments]
        if user:
            command.append("--user=" + user)
        return subprocess.run(command, env={"ETCDCTL_API": "3"}, input=stdin, capture_output=True, text=True, timeout=30,
                              check=False)

    def must(self, *arguments, **keywords):
        done = self.ctl(*arguments, **keywords)
        self.assertEqual(done.returncode, 0, f"{arguments}: {done.stdout}{done.stderr}")
        return done.stdout

    def refused(self, why, *arguments, **keywords):
        done = self.ctl(*arguments, **keywords)
        self.assertNotEqual(done.returncode, 0, f"{arguments}: {done.stdout}")
        self.assertIn(why, done.stdout + done.stderr, arguments)

    def test_pintle_takes_a_snapshot_as_a_user(self):
        def save(*arguments, stdin=None, environment=None):
            return subprocess.run([deploy.BINARY, "snapshot", "save", os.path.join(self.folder, "file"),
                                   "--endpoints=" + self.cluster.client_url(0), *arguments], input=stdin, timeout=30,
                                  env=environment or {}, capture_output=True, text=True, check=False)

        # Nobody asks yet: whoever is named does not matter, as with etcdctl.
        self.assertEqual(save("--user=nobody:x").returncode, 0)
        self.enable()
        try:
            for done, why in ((save(), "etcdserver: user name is empty"),
                              (save("--user=root:wrong"), "etcdserver: authentication failed, invalid user ID or password"),
                              (save("--user=" + USER), DENIED),
                              (save("--user=root", stdin=""), "none was typed")):
                self.assertEqual(done.returncode, 1, done)
                self.assertIn(why, done.stderr)
            for done in (save("--user=" + ROOT), save("--user=root", "--password=secret"), save("--user=root", stdin="secret\n"),
                         save(environment={"ETCDCTL_USER": ROOT}),
                         save(environment={"ETCDCTL_USER": "root", "ETCDCTL_PASSWORD": "secret"})):
                self.assertEqual(done.returncode, 0, done)
        finally:
            self.disable()

    def enable(self, series="3.5"):
        """root, and ann, who may read and write under a/ and read under r/."""
        self.must("user", "add", ROOT, series=series)
        self.must("user", "add", USER, series=series)
        self.must("role", "add", "writer", series=series)
        self.must("role", "grant-permission", "writer", "readwrite", "a/", "--prefix=true", series=series)
        self.must("role", "grant-permission", "writer", "read", "r/", "r0", series=series)
        self.must("user", "grant-role", "ann", "writer", series=series)
        self.must("auth", "enable", series=series)  # etcdctl makes the role root

    def disable(self, series="3.5"):
        self.must("auth", "disable", user=ROOT, series=series)
        for user in ("root", "ann"):
            self.must("user", "delete", user, series=series)
        for role in ("root", "writer"):
            self.must("role", "delete", role, series=series)

    def check_permissions(self, member=None, series="3.5"):
        """What holds from enable() to disable(), whichever member is asked."""
        where = {"member": member, "series": series}
        self.assertEqual(self.must("put", "a/1", "x", user=USER, **where), "OK\n")
        self.assertEqual(self.must("get", "a/", "--prefix", "--print-value-only", user=USER, **where).splitlines()[0], "x")
        self.must("get", "r/", "r0", user=USER, **where)
        self.refused(DENIED, "put", "r/1", "x", user=USER, **where)
        self.refused(DENIED, "get", "s", user=USER, **where)
        self.refused(DENIED, "get", "", "--prefix", user=USER, **where)
        self.refused(DENIED, "del", "a", "b", user=USER, **where)
        self.refused("user name is empty", "get", "a/1", **where)
        self.refused("user name is empty", "put", "a/1", "x", **where)
        self.refused("invalid user ID or password", "get", "a/1", user="ann:wrong", **where)
        self.refused("invalid user ID or password", "get", "a/1", user="bob:pw", **where)
        self.refused(DENIED, "user", "list", user=USER, **where)

    def check_all_of_it(self, series):
        with_user = {"user": USER, "series": series}
        with_root = {"user": ROOT, "series": series}
        self.assertEqual(self.must("user", "list", **with_root).split(), ["ann", "root"])
        self.assertEqual(self.must("role", "list", **with_root).split(), ["root", "writer"])
        self.assertIn("writer", self.must("user", "get", "ann", **with_user))
        self.assertIn("[a/, a0) (prefix a/)", self.must("role", "get", "writer", **with_user))
        self.refused(DENIED, "user", "get", "root", **with_user)
        self.assertIn("SUCCESS", self.must("txn", stdin='value("a/1") = "x"\n\nput a/2 y\n\n\n', **with_user))
        self.refused(DENIED, "txn", stdin='value("a/1") = "x"\n\nput a/2 y\n\nput s z\n\n', **with_user)
        self.refused(DENIED, "txn", stdin='value("s") = "x"\n\n\n\n', **with_user)
        self.must("put", "s", "secret", **with_root)
        lease = self.must("lease", "grant", "60", **with_root).split()[1]
        self.must("put", "s", "secret", f"--lease={lease}", **with_root)
        self.refused(DENIED, "lease", "revoke", lease, **with_user)
        self.refused(DENIED, "lease", "timetolive", lease, "--keys", **with_user)
        self.refused(DENIED, "put", "a/3", "x", f"--lease={lease}", **with_user)
        self.refused(DENIED, "lease", "keep-alive", "--once", lease, **with_user)
        self.must("lease", "keep-alive", "--once", lease, **with_root)
        self.must("lease", "revoke", lease, **with_root)
        own = self.must("lease", "grant", "60", **with_user).split()[1]
        self.must("put", "a/3", "x", f"--lease={own}", **with_user)
        self.must("lease", "revoke", own, **with_user)
        self.refused(DENIED, "watch", "s", **with_user)
        self.assertIn("a/1", self.ctl_watch("a/1", series))
        self.refused(DENIED, "compaction", "2", **with_user)
        self.refused(DENIED, "member", "remove", "1", **with_user)
        self.must("member", "list", **with_user)
        self.must("endpoint", "status", **with_root)
        self.must("alarm", "list", **with_user)
        self.refused("etcdserver: invalid auth management", "user", "delete", "root", **with_root)
        self.must("user", "passwd", "ann", "--interactive=false", stdin="new\n", **with_root)
        self.refused("invalid user ID or password", "get", "a/1", **with_user)
        self.must("get", "a/1", user="ann:new", series=series)
        self.must("user", "passwd", "ann", "--interactive=false", stdin="pw\n", **with_root)
        self.must("role", "revoke-permission", "writer", "r/", "r0", **with_root)
        self.refused(DENIED, "get", "r/1", **with_user)
        self.must("role", "grant-permission", "writer", "read", "r/", "r0", **with_root)
        self.must("user", "revoke-role", "ann", "writer", **with_root)
        self.refused(DENIED, "get", "a/1", **with_user)
        self.must("user", "grant-role", "ann", "writer", **with_root)

    def ctl_watch(self, key, series):
        """What a watch of the user prints for one put."""
        watch = subprocess.Popen([self.tools[series], "--endpoints=" + self.cluster.client_url(0), "--user=" + USER, "watch",
                                  key, "--rev=1"], env={"ETCDCTL_API": "3"}, stdout=subprocess.PIPE, text=True)
        try:
            return watch.stdout.readline() + watch.stdout.readline()
        finally:
            watch.kill()
            watch.wait()
            watch.stdout.close()

    def test_every_command_of_both_series(self):
        for series in self.tools:
            with self.subTest(series):
                self.enable(series)
                self.check_permissions(series=series)
                self.check_all_of_it(series)
                self.disable(series)
                self.must("put", "a/1", "open", series=series)

    def test_restarts_leaders_and_snapshots(self):
        victim = (self.leader() + 1) % 3
        self.kill9(victim)
        endpoints = [url.removeprefix("http://") for i, url in enumerate(self.cluster.client_urls()) if i != victim]
        done = subprocess.run([os.path.join(BUILD, "pintle-bench"), "put", "--endpoints=" + ",".join(endpoints),
                               "--clients=16", "--seconds=4", "--warmup=0", "--keys=500", "--value-bytes=16000"],
                              capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        survivor = (victim + 1) % 3
        self.must("user", "add", ROOT, member=survivor)
        self.must("user", "add", USER, member=survivor)
        self.must("role", "add", "writer", member=survivor)
        self.must("role", "grant-permission", "writer", "readwrite", "a/", "--prefix=true", member=survivor)
        self.must("role", "grant-permission", "writer", "read", "r/", "r0", member=survivor)
        self.must("user", "grant-role", "ann", "writer", member=survivor)
        self.must("auth", "enable", member=survivor)
        self.cluster.start_member(victim)
        self.cluster.wait_healthy(victim)
        self.eventually("the member gets a snapshot", lambda: "installed a snapshot" in self.log(victim))
        self.check_permissions(member=victim)
        self.kill9(self.leader_as_root())
        for i in range(3):
            self.cluster.start_member(i)
            self.cluster.wait_healthy(i)
        for i in range(3):
            self.check_permissions(member=i)
        for i in range(3):
            self.cluster.members[i].stop(signal.SIGTERM)
        self.cluster.start()
        for i in range(3):
            self.check_permissions(member=i)
        self.disable()

    def log(self, i):
        with open(os.path.join(self.folder, f"m{i + 1}.log"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def leader_as_root(self):
        for i in range(3):
            line = self.must("endpoint", "status", user=ROOT, member=i)
            if ", true, false," in line:
                return i
        self.fail("nobody leads")

    def test_no_password_is_written(self):
        self.enable()
        self.must("user", "add", "eve:a-password-to-look-for", user=ROOT)
        for path in glob.glob(os.path.join(self.folder, "**"), recursive=True):
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    self.assertNotIn(b"a-password-to-look-for", f.read(), path)
        self.must("user", "delete", "eve", user=ROOT)
        self.disable()


if __name__ == "__main__":
    main()
