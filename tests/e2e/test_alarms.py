#!/usr/bin/env python3
"""A store that is full, seen with Debian's etcdctl: what goes on, what is refused, and how it ends."""

from harness import ClusterTest, deploy, main

FULL = "etcdserver: mvcc: database space exceeded"


class AlarmsTest(ClusterTest):
    extra = ("--quota-backend-bytes=100000",)

    def etcdctl(self, *arguments, **keywords):
        return self.cluster.etcdctl(*arguments, **keywords)

    def health(self, query=""):
        return deploy.http_get(self.cluster.client_url(0) + "/health" + query)[1]

    def test_full_store(self):
        refused = None
        for i in range(60):
            done = self.etcdctl("put", f"full/{i}", "v" * 4000, check=False)
            if done.returncode != 0:
                refused = done.stderr
                break
        self.assertIn(FULL, refused or "never refused")
        self.eventually("the alarm", lambda: "alarm:NOSPACE" in self.etcdctl("alarm", "list").stdout)
        for member in range(3):
            done = self.etcdctl("put", "a", "b", check=False, endpoints=self.cluster.client_url(member))
            self.assertIn(FULL, done.stderr)
        self.assertIn("ALARM NOSPACE", self.health())
        self.assertIn('"true"', self.health("?exclude=NOSPACE"))
        self.assertIn("alarm:NOSPACE", self.etcdctl("endpoint", "status").stdout)
        self.assertIn("v" * 4000, self.etcdctl("get", "full/1").stdout)

        self.etcdctl("del", "full/", "--prefix")
        revision = self.etcdctl("get", "x", "-w", "json").stdout.split('"revision":')[1].split(",")[0]
        self.etcdctl("compaction", revision, "--physical")
        self.assertIn(FULL, self.etcdctl("put", "a", "b", check=False).stderr, "until somebody disarms it")
        self.etcdctl("alarm", "disarm")
        self.assertEqual(self.etcdctl("alarm", "list").stdout, "")
        self.assertEqual(self.etcdctl("put", "a", "b").stdout, "OK\n")
        self.eventually("health", lambda: '"true"' in self.health())


if __name__ == "__main__":
    main()
