#!/usr/bin/env python3
"""The files of a stopped member are damaged; it comes back by itself, with its log or its peers, under clients whose whole
history is checked. The truth is read from every member, so the mended one too must tell every revision right."""

import glob
import os

from fault_cluster import FaultTest
from harness import main


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


if __name__ == "__main__":
    main()
