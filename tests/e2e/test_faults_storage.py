#!/usr/bin/env python3
"""The files of a stopped member are damaged; it comes back by itself, with its log or its peers, under clients whose whole
history is checked. The truth is read from every member, so the mended one too must tell every revision right."""

import errno
import glob
import os
import re
import shutil
import subprocess
import time

from fault_cluster import FaultTest
from harness import main


MISSING_END = r"DAMAGED: segments \d+ to \d+ are missing at the end of the log"
CANNOT_START = "no space left to start with"
NO_SPACE = "etcdserver: mvcc: database space exceeded"


def flip_bit(path, offset):
    """In the first byte from there on that stands among written ones: between batches there is padding."""
    with open(path, "r+b") as f:
        f.seek(offset)
        following = f.read()
        offset += next((n for n in range(len(following) - 8) if all(following[n:n + 8])), 0)
        f.seek(offset)
        byte = f.read(1)
        f.seek(offset)
        f.write(bytes([byte[0] ^ 0x10]))
        os.fsync(f.fileno())


def used_bytes(path):
    """How far a preallocated file holds anything but zeros."""
    with open(path, "rb") as f:
        return len(f.read().rstrip(b"\0"))


class StorageFaultTest(FaultTest):
    def files(self, i, pattern):
        return sorted(glob.glob(os.path.join(self.cluster.data_dir(i), "member", pattern)))

    def come_back(self, i, load):
        """The member is up, has applied what the others have, and the clients go on."""
        self.restart(i)
        load.more(100)

    def damaged(self, damage, stop=None):
        """A follower is stopped under load, `damage(i)` done to its files, and it returns."""
        load = self.start_load()
        load.more(500)
        victim = (self.leader() + 1) % 3
        if stop is None:
            self.kill9(victim)
        else:
            self.cluster.members[victim].stop(stop)
        load.more(50)
        damage(victim)
        self.come_back(victim, load)
        load.finish()
        return victim

    def test_flipped_bits_in_the_log(self):
        def damage(i):
            paths = [p for p in self.files(i, "log/*") if used_bytes(p) > 4096]
            self.assertTrue(paths, "no segment of the log holds anything")
            for part in (0.3, 0.6):
                flip_bit(paths[-1], int(used_bytes(paths[-1]) * part))
        victim = self.damaged(damage)
        self.assertRegex(self.log(victim), "(?i)damage", "the member says what it found")

    def test_a_flipped_bit_in_the_end_of_the_log(self):
        def damage(i):
            path = [p for p in self.files(i, "log/*") if used_bytes(p) > 4096][-1]
            flip_bit(path, used_bytes(path) - 20)
        self.damaged(damage)

    def test_damaged_tables(self):
        def damage(i):
            tables = self.files(i, "store-*/*.ldb")
            self.assertTrue(tables, "the store has no table yet")
            for table in tables:
                for part in (0.1, 0.5, 0.95):
                    flip_bit(table, int(os.path.getsize(table) * part))
        self.damaged(damage, stop=15)

    def test_a_store_without_current(self):
        self.damaged(lambda i: [os.remove(p) for p in self.files(i, "store-*/CURRENT")], stop=15)

    def test_a_store_without_manifest(self):
        self.damaged(lambda i: [os.remove(p) for p in self.files(i, "store-*/MANIFEST*")], stop=15)

    def test_a_store_without_tables(self):
        self.damaged(lambda i: [os.remove(p) for p in self.files(i, "store-*/*.ldb")], stop=15)

    def test_the_newest_segments_of_the_log_are_gone(self):
        def damage(i):
            for path in self.files(i, "log/*.wal")[1:]:
                os.remove(path)
        for i in range(5):
            self.cluster.etcdctl("put", f"large/{i}", stdin="x" * 1200000)
        victim = self.damaged(damage)
        self.assertRegex(self.log(victim), MISSING_END)

    def test_the_log_is_gone(self):
        victim = self.damaged(lambda i: shutil.rmtree(self.files(i, "log")[0]))
        self.assertRegex(self.log(victim), MISSING_END)

    def test_the_log_and_its_witness_are_gone(self):
        victim = (self.leader() + 1) % 3
        self.kill9(victim)
        shutil.rmtree(self.files(victim, "log")[0])
        os.remove(self.files(victim, "log.witness")[0])
        self.cluster.start_member(victim)
        self.eventually("it to end", lambda: self.cluster.members[victim].pid() is None, 10)
        self.assertIn("has forgotten its votes", self.log(victim))


class AloneTest(FaultTest):
    """Nobody else has what this member has lost."""

    members = 1

    def test_it_says_what_is_lost_and_refuses(self):
        self.cluster.etcdctl("put", "a", "b")
        self.kill9(0)
        log = os.path.join(self.cluster.data_dir(0), "member", "log")
        shutil.move(log, log + ".lost")
        for start in (1, 2):
            self.cluster.start_member(0)
            self.eventually("it to end", lambda: self.cluster.members[0].pid() is None, 10)
            self.assertEqual(len(re.findall('"error":".*' + MISSING_END, self.log(0))), start)
        shutil.rmtree(log)
        shutil.move(log + ".lost", log)
        self.restart(0)
        self.assertEqual(self.cluster.etcdctl("get", "a", "--print-value-only").stdout, "b\n")


class DamagedAloneTest(FaultTest):
    """A store that nobody can fill again: what can be read is served, the rest is refused, nothing is ever wrong."""

    members = 1
    extra = ("--snapshot-catchup-entries=5",)

    def test_a_damaged_store_whose_log_was_cut(self):
        values = {f"k/{i}": str(i) * (150000 // len(str(i))) for i in range(40)}
        for key, value in values.items():
            self.cluster.etcdctl("put", key, stdin=value)
        self.cluster.members[0].stop()
        self.restart(0)  # nothing is in memory any more
        self.settle(0.5)
        tables = glob.glob(os.path.join(self.cluster.data_dir(0), "member", "store-*", "*.ldb"))
        for table in tables:
            flip_bit(table, os.path.getsize(table) // 2)
        refused = 0
        for key, value in values.items():
            done = self.cluster.etcdctl("get", key, "--print-value-only", check=False)
            if done.returncode == 0:
                self.assertEqual(done.stdout.strip(), value)
            else:
                refused += 1
                self.assertIn("DataLoss", done.stderr)
        self.assertGreater(refused, 0)
        self.assertLess(refused, len(values))
        self.assertRegex(self.log(0), "the store is damaged, nothing can fill a new one.*[cC]orrupt")
        # It cannot start with it: the key index is read from it.
        self.cluster.members[0].stop()
        self.cluster.start_member(0)
        self.eventually("it to end", lambda: self.cluster.members[0].pid() is None, 10)
        self.assertRegex(self.log(0), '"error":"the store in .* is damaged .*, and its log begins only at entry')


class FullDisk(FaultTest):
    """What the tests on small disks share."""

    def on_small_disk(self, i, megabytes, log_elsewhere=False):
        """Member i goes on with its files on a file system of that size, all or without its log."""
        folder, aside = self.cluster.data_dir(i), self.cluster.data_dir(i) + ".aside"
        self.assertTrue(self.cluster.members[i].stop(), "SIGTERM ended it")
        os.rename(folder, aside)
        os.mkdir(folder)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder],
                                 capture_output=True, text=True, check=False)
        if mounted.returncode != 0:
            self.skipTest("no right to mount: " + mounted.stderr.strip())
        self.addCleanup(subprocess.run, ["umount", "--lazy", folder], check=False)
        if log_elsewhere:
            os.rename(os.path.join(aside, "member", "log"), aside + ".log")
            os.symlink(aside + ".log", os.path.join(aside, "member", "log"))
        shutil.copytree(aside, folder, dirs_exist_ok=True, symlinks=True)
        self.restart(i)
        return folder

    def fill(self, folder):
        """To the last byte; the path of what fills it."""
        ballast = os.path.join(folder, "ballast")
        with open(ballast, "wb", buffering=0) as f:
            for size in (1 << 20, 4096):
                try:
                    while True:
                        f.write(bytes(size))
                except OSError as error:
                    self.assertEqual(error.errno, errno.ENOSPC)
        return ballast

    def refused(self, i):
        """What a put at member i is refused with."""
        return self.cluster.etcdctl("put", "full/x", "y", check=False, endpoints=self.cluster.client_url(i)).stderr

    def full_and_back(self, victim, log_elsewhere):
        """The disk is filled under load: writes are refused, reads go on; and all comes back with the room."""
        load = self.start_load()
        folder = self.on_small_disk(victim, 96, log_elsewhere)
        load.more(50)
        self.cluster.etcdctl("put", "full/before", "there")
        pid = self.cluster.members[victim].pid()
        ballast = self.fill(folder)
        alarm = f"memberID:{self.member_id(victim)} alarm:NOSPACE"
        self.eventually("the alarm", lambda: alarm in self.cluster.etcdctl("alarm", "list", check=False).stdout, 10)
        for i in range(self.members):
            self.assertIn(NO_SPACE, self.refused(i))
            for consistency in ("s", "l"):
                done = self.cluster.etcdctl("get", "full/before", "--consistency=" + consistency,
                                            endpoints=self.cluster.client_url(i))
                self.assertIn("there", done.stdout)
        self.assertIn("1", self.cluster.etcdctl("del", "full/before").stdout, "what takes no room goes on")
        load.more(100)  # reads
        os.remove(ballast)
        self.eventually("writes", lambda: self.refused(victim) == "", 10)
        self.cluster.wait_healthy(victim, 10)
        self.assertEqual(self.cluster.etcdctl("alarm", "list").stdout, "")
        load.more(200)
        self.assertEqual(self.cluster.members[victim].pid(), pid, "without a restart")
        load.finish()


class FullDiskTest(FullDisk):
    def test_a_full_disk_under_the_store(self):
        self.full_and_back((self.leader() + 1) % 3, log_elsewhere=True)

    def test_a_full_disk_under_store_and_log_of_the_leader(self):
        self.full_and_back(self.leader(), log_elsewhere=False)

    def test_a_start_on_a_full_disk(self):
        load = self.start_load()
        victim = (self.leader() + 1) % 3
        folder = self.on_small_disk(victim, 96)
        load.more(50)
        self.cluster.members[victim].stop()
        ballast = self.fill(folder)
        self.cluster.start_member(victim)
        self.eventually("it to say what it lacks", lambda: CANNOT_START in self.log(victim), 10)
        load.more(100)  # the others go on
        self.settle(2)
        pid = self.cluster.members[victim].pid()
        self.assertIsNotNone(pid, "it waits")
        self.assertEqual(self.log(victim).count(CANNOT_START), 1, "and does not say so all the time")
        os.remove(ballast)
        self.cluster.wait_healthy(victim, 10)
        self.assertEqual(self.refused(victim), "")
        self.assertEqual(self.cluster.members[victim].pid(), pid, "without a restart")
        load.more(100)
        load.finish()


class FullDiskAloneTest(FullDisk):
    """Nobody else has what this member has."""

    members = 1

    def test_a_full_disk(self):
        self.full_and_back(0, log_elsewhere=False)

    def test_a_start_that_waits_for_room_ends_when_it_is_told_to(self):
        folder = self.on_small_disk(0, 96)
        self.cluster.members[0].stop()
        self.fill(folder)
        self.cluster.start_member(0)
        self.eventually("it to wait", lambda: CANNOT_START in self.log(0), 10)
        begun = time.monotonic()
        self.cluster.members[0].stop()
        self.assertLess(time.monotonic() - begun, 1.5)


if __name__ == "__main__":
    main()
