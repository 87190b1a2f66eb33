#!/usr/bin/env python3
"""Snapshot files of somebody who means ill (H16 of reference/reliability.md), for `pintle snapshot restore` and `status`:
refused in one line, soon and with little memory, and nothing is left behind; or, where no hash is asked for, what can
still be read is taken. The parser itself is fuzzed (tests/fuzz/snapshot_file.cc)."""

import hashlib
import os
import random
import resource
import shutil
import struct
import subprocess
import tempfile
import threading

from harness import ClusterTest, deploy, main

PAGE = 4096
META, LEAF, BRANCH = 4, 2, 1
MOST_KB = 256 << 10  # a small file's restore takes 30 MB
HUGE = (0xffffffff, 0x7fffffff, 0x80000000, 0x100000)


def run_limited(*arguments):
    """(exit status, standard error, most memory in KB): at most 2 GB of addresses, half a minute of work and one to wait."""
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
        resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
    with tempfile.TemporaryFile() as err:
        child = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=err, preexec_fn=limit)
        alarm = threading.Timer(60, child.kill)
        alarm.start()
        _, status, used = os.wait4(child.pid, 0)
        alarm.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
        err.seek(0)
        return child.returncode, err.read().decode(errors="replace"), used.ru_maxrss


class SnapshotFiles(ClusterTest):
    members = 1

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for i in range(20):
            cls.cluster.etcdctl("put", f"key{i}", "v" * 2000)
        path = os.path.join(cls.folder, "good")
        subprocess.run([deploy.BINARY, "snapshot", "save", path, "--endpoints=" + cls.cluster.client_url(0)], check=True,
                       capture_output=True)
        with open(path, "rb") as f:
            cls.good = f.read()

    def setUp(self):
        self.own = tempfile.mkdtemp(prefix="pintle-e2e-")
        self.addCleanup(shutil.rmtree, self.own)

    def tearDown(self):
        self.assertEqual(self.cluster.etcdctl("put", "alive", "yes").stdout, "OK\n")

    def path(self, name, content=None):
        path = os.path.join(self.own, name)
        if content is not None:
            with open(path, "wb") as f:
                f.write(content)
        return path

    def restore(self, file, *more):
        target = self.path("restored")
        status, err, used = run_limited(deploy.BINARY, "snapshot", "restore", file, "--data-dir=" + target, *more)
        self.assertIn(status, (0, 1), err)
        self.assertLess(used, MOST_KB)
        self.assertEqual(os.path.exists(target), status == 0)
        self.assertFalse(os.path.exists(target + ".restoring"))
        if status == 0:
            shutil.rmtree(target)
        else:
            self.assertEqual(err.count("\n"), 1, err)
        return status, err

    def refused(self, file, why=""):
        status, err = self.restore(file)
        self.assertEqual(status, 1)
        self.assertIn(why, err)
        status, _, used = run_limited(deploy.BINARY, "snapshot", "status", file)
        self.assertIn(status, (0, 1))  # it does not ask for the hash
        self.assertLess(used, MOST_KB)

    def hashed(self, pages):
        return bytes(pages) + hashlib.sha256(pages).digest()

    def test_the_good_one_is_good(self):
        self.assertEqual(self.restore(self.path("f", self.good))[0], 0)
        self.assertEqual(self.restore(self.path("f", self.hashed(self.good[:-32])))[0], 0)

    def test_cut_off_and_grown(self):
        for size in (0, 1, 31, 32, 511, PAGE - 1, PAGE, 2 * PAGE, 2 * PAGE + 32, len(self.good) // 2, len(self.good) - 32,
                     len(self.good) - 1):
            with self.subTest(size):
                self.refused(self.path("f", self.good[:size]))
        self.refused(self.path("f", self.good + b"x"))
        self.refused(self.path("f", self.good + b"\0" * 512), "SHA-256")

    def test_wrong_hashes(self):
        for other in (b"\0" * 32, b"\xff" * 32, hashlib.sha256(b"").digest()):
            self.refused(self.path("f", self.good[:-32] + other), "SHA-256")
        source = random.Random(16)
        for _ in range(20):
            damaged = bytearray(self.good)
            damaged[source.randrange(len(damaged))] ^= 1 << source.randrange(8)
            self.refused(self.path("f", bytes(damaged)), "SHA-256")

    def test_what_is_no_file(self):
        good = self.path("good", self.good)
        os.symlink(good, self.path("link"))
        self.assertEqual(self.restore(self.path("link"))[0], 0)  # the operator's own; it is read and left as it is
        self.assertTrue(os.path.islink(self.path("link")))
        os.symlink(self.path("nowhere"), self.path("dangling"))
        os.symlink(self.path("loop"), self.path("loop"))
        os.mkfifo(self.path("pipe"))
        for name in ("dangling", "loop", "pipe", "."):
            with self.subTest(name):
                self.refused(self.path(name))
        for device in ("/dev/null", "/dev/zero", "/proc/self/mem"):
            with self.subTest(device):
                self.refused(device)

    def test_a_data_dir_that_is_a_link(self):
        """What is behind it is not touched when there is something."""
        full = self.path("full")
        os.mkdir(full)
        self.path("full/mine", b"x")
        os.symlink(full, self.path("restored"))
        status, err, _ = run_limited(deploy.BINARY, "snapshot", "restore", self.path("f", self.good),
                                     "--data-dir=" + self.path("restored"))
        self.assertEqual(status, 1, err)
        self.assertEqual(os.listdir(full), ["mine"])

    def metas(self, edit):
        """Both meta pages with another content and the right checksum."""
        pages = bytearray(self.good[:-32])
        for start in (16, PAGE + 16):
            fields = list(struct.unpack_from("<IIII6Q", pages, start))
            edit(fields)
            body = struct.pack("<IIII6Q", *fields)[:56]
            checksum = 0xcbf29ce484222325
            for byte in body:
                checksum = (checksum ^ byte) * 0x100000001b3 & 0xffffffffffffffff
            pages[start:start + 64] = body + struct.pack("<Q", checksum)
        return self.hashed(pages)

    def test_huge_sizes_in_the_meta_pages(self):
        def put(index, value):
            def edit(fields):
                fields[index] = value
            return edit
        page_size, root, free_list, pages = 2, 4, 6, 7
        for index, values in ((page_size, (0, 1, 4095, 8192, 1 << 31, 0xffffffff)),
                              (root, (0, 1, 1 << 32, (1 << 63) - 1, (1 << 64) - 1)),
                              (free_list, (1 << 32, (1 << 64) - 2)), (pages, (0, 1, 1 << 40, (1 << 64) - 1))):
            for value in values:
                with self.subTest(field=index, value=value):
                    self.restore(self.path("f", self.metas(put(index, value))))

    def test_huge_sizes_in_pages(self):
        """Counts and sizes of every page, with a hash that is right: whoever made the file made that, too."""
        for start in range(2 * PAGE, len(self.good) - 32, PAGE):
            _, flags, count, _ = struct.unpack_from("<QHHI", self.good, start)
            if flags not in (LEAF, BRANCH) or count == 0:
                continue
            edits = [(start + 10, "<H", 0xffff)] + [(start + 12, "<I", value) for value in HUGE]
            edits += [(start + 16 + at, "<I", value) for at in (0, 4, 8, 12) for value in HUGE]
            for at, layout, value in random.Random(start).sample(edits, 4):
                pages = bytearray(self.good[:-32])
                struct.pack_into(layout, pages, at, value)
                with self.subTest(at=at, value=value):
                    self.restore(self.path("f", self.hashed(pages)))


if __name__ == "__main__":
    main()
