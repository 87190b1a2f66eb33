#!/usr/bin/env python3
"""--wal-dir: the log on a disk of its own. A member that is started with another one, or without it, does not begin an
empty log: it says which flag is missing, and loses nothing."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

from harness import deploy, main, wait_for

ETCDCTL = os.path.join(deploy.fetch_etcd("3.5"), "etcdctl")


class WalDir(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="pintle-e2e-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.data, self.wal = self.path("data"), self.path("fast/wal")
        self.client, self.peer = deploy.free_ports(2)

    def path(self, name):
        return os.path.join(self.folder, name)

    def member(self, *extra, data=None, environment=None):
        url, peer = f"http://127.0.0.1:{self.client}", f"http://127.0.0.1:{self.peer}"
        process = deploy.Process("m", self.folder, [
            deploy.BINARY, "--name=m", f"--data-dir={data or self.data}", f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}", f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=m={peer}", *extra])
        process.start({**os.environ, **(environment or {})})
        self.addCleanup(process.stop)
        return process

    def started(self, *extra, **options):
        process = self.member(*extra, **options)

        def healthy():
            if process.pid() is None:
                raise AssertionError(process.log_tail())
            return deploy.http_get(f"http://127.0.0.1:{self.client}/health")[0] == 200
        wait_for("the member to be healthy", healthy, 30)
        return process

    def refused(self, words, *extra):
        process = self.member(*extra)
        wait_for("the member to refuse", lambda: process.pid() is None, 30)
        last = json.loads(process.log_tail(1))
        self.assertEqual(process.child.returncode, 1)
        self.assertIn(words, last["error"])

    def ctl(self, *arguments):
        return subprocess.run([ETCDCTL, f"--endpoints=127.0.0.1:{self.client}", *arguments], capture_output=True, text=True,
                              timeout=30, check=True, env={**os.environ, "ETCDCTL_API": "3"}).stdout

    def value(self):
        return self.ctl("get", "k", "--print-value-only").strip()

    def test_a_restart_with_it_and_without_it(self):
        process = self.started("--wal-dir=" + self.wal)
        self.ctl("put", "k", "first")
        process.stop()
        self.assertTrue([name for name in os.listdir(self.wal) if name.endswith(".wal")])
        self.assertFalse(os.path.exists(os.path.join(self.data, "member", "log")))
        self.refused("give --wal-dir=" + self.wal)
        self.refused("give --wal-dir=" + self.wal, "--wal-dir=" + self.path("other"))
        self.assertFalse(os.path.exists(self.path("other")))
        # The disk is not there; then it is again.
        os.rename(self.wal, self.wal + ".away")
        self.refused("is its disk mounted?", "--wal-dir=" + self.wal)
        os.rename(self.wal + ".away", self.wal)
        process = self.started(environment={"ETCD_WAL_DIR": self.wal})
        self.assertEqual(self.value(), "first")
        shown = subprocess.run([deploy.BINARY, "inspect", "wal", self.data], capture_output=True, text=True, timeout=30,
                               check=False)
        self.assertEqual(shown.returncode, 0, shown.stdout + shown.stderr)
        self.assertIn("witness: segment", shown.stdout)
        process.stop()

    def test_a_disk_of_its_own_that_fills_up(self):
        os.makedirs(self.wal)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", self.wal], capture_output=True, text=True,
                                 check=False)
        if mounted.returncode != 0:
            self.skipTest("no right to mount: " + mounted.stderr.strip())
        self.addCleanup(subprocess.run, ["umount", "--lazy", self.wal], check=False)
        process = self.started("--wal-dir=" + self.wal)
        self.ctl("put", "k", "before")
        ballast = os.path.join(self.wal, "ballast")
        room = os.statvfs(self.wal)
        with open(ballast, "wb") as f:
            os.posix_fallocate(f.fileno(), 0, room.f_bavail * room.f_frsize - (8 << 20))
        wait_for("writes to be refused", lambda: "database space exceeded" in subprocess.run(
            [ETCDCTL, f"--endpoints=127.0.0.1:{self.client}", "put", "k", "full"], capture_output=True, text=True, timeout=30,
            check=False, env={**os.environ, "ETCDCTL_API": "3"}).stderr, 30)
        self.assertIn(f"are free in {self.wal}", process.log_tail(20))
        self.assertIn(self.value(), ("before", "full"))
        os.remove(ballast)
        process.stop()

    def test_a_log_moves_out_of_the_data_dir_and_in_again(self):
        self.started().stop()
        home = os.path.join(self.data, "member", "log")
        self.refused("leave --wal-dir out", "--wal-dir=" + self.wal)
        os.makedirs(os.path.dirname(self.wal))
        shutil.move(home, self.wal)
        process = self.started("--wal-dir=" + self.wal)
        self.ctl("put", "k", "second")
        process.stop()
        shutil.move(self.wal, home)
        process = self.started()
        self.assertEqual(self.value(), "second")
        process.stop()

    def test_a_restored_member(self):
        process = self.started()
        self.ctl("put", "k", "saved")
        self.ctl("snapshot", "save", self.path("file"))
        process.stop()
        peer = f"http://127.0.0.1:{self.peer}"
        command = [deploy.BINARY, "snapshot", "restore", self.path("file"), "--data-dir=" + self.path("restored"),
                   "--wal-dir=" + self.wal, "--name=m", f"--initial-cluster=m={peer}", f"--initial-advertise-peer-urls={peer}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
        self.assertIn("--wal-dir=" + self.wal, done.stdout)
        process = self.started("--wal-dir=" + self.wal, data=self.path("restored"))
        self.assertEqual(self.value(), "saved")
        process.stop()


if __name__ == "__main__":
    main()
