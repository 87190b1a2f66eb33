"""What the end-to-end tests share: a cluster of real processes in a temporary folder, stopped at the end whatever
happens. Run one file by itself with PINTLE_BINARY=build/release/pintle python3 tests/e2e/<file>.py [Class.test]."""

import os
import shutil
import signal
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "deploy"))
import cluster as deploy  # noqa: E402
from cluster import Cluster, ClusterError, wait_for  # noqa: E402,F401

ROOT = deploy.ROOT
WRITER = os.path.join(os.path.dirname(deploy.BINARY), "e2e_writer")
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ctest's timeout: run the clean-up


class ClusterTest(unittest.TestCase):
    """One cluster for all tests of a class. `members` and `controllers` say what it is made of."""

    cluster_type = Cluster
    members = 3
    controllers = False
    extra = ()

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="pintle-e2e-")
        cls.addClassCleanup(cls.clean_up)
        cls.cluster = cls.cluster_type(cls.folder, cls.members, extra=cls.extra)
        cls.cluster.start()
        if cls.controllers:
            cls.cluster.controllers.start()
            wait_for("two nodes to be Ready", lambda: cls.cluster.kubectl(
                "get", "nodes", "--no-headers", check=False).stdout.count(" Ready") >= 2, 60)

    @classmethod
    def clean_up(cls):
        cls.cluster.stop()
        if os.environ.get("PINTLE_KEEP"):
            print("kept:", cls.folder)
        else:
            shutil.rmtree(cls.folder, ignore_errors=True)

    def leader(self):
        """Index of the leader, as the members themselves say."""
        def ask():
            for i in range(self.cluster.size):
                if self.cluster.members[i].pid() is None:
                    continue
                done = self.cluster.etcdctl("endpoint", "status", "-w", "json", check=False,
                                            endpoints=self.cluster.client_url(i))
                if done.returncode != 0:
                    continue
                import json
                status = json.loads(done.stdout)[0]["Status"]
                if status.get("leader") and status["leader"] == status["header"]["member_id"]:
                    return [i]
            return None
        return wait_for("a leader", ask, 30)[0]

    def kill9(self, i):
        self.cluster.members[i].stop(signal.SIGKILL)

    def eventually(self, what, check, seconds=30.0):
        try:
            return wait_for(what, check, seconds)
        except ClusterError as error:
            self.fail(str(error))


def main():
    unittest.main(verbosity=2)
