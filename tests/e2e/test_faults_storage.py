#!/usr/bin/env python3
"""The files of a stopped member are damaged; it comes back by itself, with its log or its peers, under clients whose whole
history is checked. The truth is read from every member, so the mended one too must tell every revision right."""

import errno
import glob
import os
import shutil
import subprocess

from fault_cluster import FaultTest
from harness import main


FULL_LOG = "no space left for the log"


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

    def on_small_disk(self, i, megabytes):
        """Member i goes on with its files on a file system of that size."""
        folder, aside = self.cluster.data_dir(i), self.cluster.data_dir(i) + ".aside"
        self.assertTrue(self.cluster.members[i].stop(), "SIGTERM ended it")
        os.rename(folder, aside)
        os.mkdir(folder)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder],
                                 capture_output=True, text=True, check=False)
        if mounted.returncode != 0:
            self.skipTest("no right to mount: " + mounted.stderr.strip())
        self.addCleanup(subprocess.run, ["umount", "--lazy", folder], check=False)
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        self.restart(i)
        return folder

    def test_a_full_disk_under_the_log(self):
        load = self.start_load()
        victim = (self.leader() + 1) % 3
        folder = self.on_small_disk(victim, 64)
        pid = self.cluster.members[victim].pid()
        ballast = os.path.join(folder, "ballast")
        with open(ballast, "wb", buffering=0) as f:
            try:
                while True:
                    f.write(bytes(4096))
            except OSError as error:
                self.assertEqual(error.errno, errno.ENOSPC)
        # What was prepared of the log is used up; the others go on.
        self.eventually("the log is full", lambda: FULL_LOG in self.log(victim), 120)
        load.more(200)
        os.remove(ballast)
        self.cluster.wait_healthy(victim, 10)
        load.more(200)
        self.assertEqual(self.cluster.members[victim].pid(), pid, "without a restart")
        load.finish()


if __name__ == "__main__":
    main()
