#!/usr/bin/env python3
"""SIGTERM to tests/differential/run ends what it has started. The other server is a second Pintle here: what does not
differ from itself needs no etcd."""

import os
import signal
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(FOLDER)), "deploy"))
import cluster as deploy  # noqa: E402


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(child) for child in f.read().split()]


def runs(pid):
    try:
        os.kill(pid, 0)
        return True
    except ProcessLookupError:
        return False


class StoppedTest(unittest.TestCase):
    # So many programs run at once.
    def stop_when(self, count, what):
        run = subprocess.Popen([os.path.join(FOLDER, "run"), "--release=3.5", f"--etcd={deploy.BINARY}",
                                "--requests=1000000000"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        started = set()

        def note(those):
            started.update(those)
            return those

        try:
            deploy.wait_for(what, lambda: len(note(children(run.pid))) >= count or run.poll() is not None)
            run.terminate()
            said, _ = run.communicate(timeout=60)
            self.assertEqual(run.returncode, 128 + signal.SIGTERM, said)
            self.assertEqual([pid for pid in started if runs(pid)], [])
        finally:
            for pid in [run.pid, *started]:
                if runs(pid):
                    os.kill(pid, signal.SIGKILL)
            run.wait()

    def test_at_the_beginning(self):
        self.stop_when(1, "the first program")

    def test_while_requests_are_asked(self):
        self.stop_when(3, "two servers and the program")


if __name__ == "__main__":
    unittest.main(verbosity=2)
