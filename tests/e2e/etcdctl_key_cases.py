"""The cases of keys, leases, and what is made of both."""

import signal

from etcdctl_cases import Checked, Commands


class KeyCases(Commands):
    def case_put(self):
        self.assertEqual(self.ctl("put", "p", "one"), "OK\n")
        self.assertEqual(self.ctl("put", "p", stdin="from stdin"), "OK\n")
        self.assertEqual(self.ctl("put", "p", "two", "--prev-kv"), "OK\np\nfrom stdin\n")
        lease = self.grant()
        self.ctl("put", "p", "--ignore-value", f"--lease={lease}")
        self.ctl("put", "p", "three", "--ignore-lease")
        kv = self.json("get", "p")["kvs"][0]
        self.assertEqual(kv["lease"], int(lease, 16))
        self.assertEqual(kv["version"], 5)
        self.refused("etcdserver: key not found", "put", "not there", "--ignore-value")
        self.refused("etcdserver: requested lease not found", "put", "p", "v", "--lease=123")
        self.refused("etcdserver: key is not provided", "put", "", "v")
        self.ctl("lease", "revoke", lease)

    def case_get(self):
        for key, value in (("g/b", "1"), ("g/a", "3"), ("g/c", "2")):
            revision = self.put(key, value)
        self.assertEqual(self.ctl("get", "g/a"), "g/a\n3\n")
        self.assertEqual(self.ctl("get", "g/a", "g/c", "--print-value-only"), "3\n1\n")
        keys = ("get", "g/", "--prefix", "--keys-only")
        self.assertEqual(self.ctl(*keys, "--order=DESCEND", "--limit=2").split(), ["g/c", "g/b"])
        self.assertEqual(self.ctl(*keys, "--sort-by=VALUE").split(), ["g/b", "g/c", "g/a"])
        self.assertEqual(self.ctl(*keys, "--sort-by=CREATE").split(), ["g/b", "g/a", "g/c"])
        self.assertEqual(self.ctl(*keys, "--sort-by=MODIFY", "--order=DESCEND").split(), ["g/c", "g/a", "g/b"])
        self.assertEqual(self.ctl(*keys, "--sort-by=VERSION").split(), ["g/a", "g/b", "g/c"])
        self.assertEqual(self.ctl(*keys, f"--rev={revision - 1}").split(), ["g/a", "g/b"])
        self.assertEqual(self.ctl("get", "g/c", "--from-key", "--limit=1", "--consistency=s"), "g/c\n2\n")
        fields = self.ctl("get", "g/a", "-w", "fields")
        for line in ('"Key" : "g/a"', '"Value" : "3"', '"Version" : 1', '"Count" : 1'):
            self.assertIn(line, fields)
        if self.series != "3.4":
            self.assertIn('"Count" : 3', self.ctl("get", "g/", "--prefix", "--count-only", "-w", "fields"))
        self.refused("etcdserver: mvcc: required revision is a future revision", "get", "g/a", f"--rev={revision + 1000}")

    def case_del(self):
        for key in ("d/1", "d/2", "d/3", "d/4", "~last"):
            self.ctl("put", key, "v")
        self.assertEqual(self.ctl("del", "d/1"), "1\n")
        self.assertEqual(self.ctl("del", "d/1"), "0\n")
        self.assertEqual(self.ctl("del", "d/2", "d/3", "--prev-kv"), "1\nd/2\nv\n")
        self.assertEqual(self.ctl("del", "d/", "--prefix"), "2\n")
        self.assertEqual(self.ctl("del", "~", "--from-key"), "1\n")

    def case_txn(self):
        self.ctl("put", "t", "1")
        request = 'value("t") = "1"\nversion("t") > "0"\n\nput t 2\nget t\n\nput t 3\n\n'
        self.assertEqual(self.ctl("txn", stdin=request).split(), ["SUCCESS", "OK", "t", "2"])
        self.assertEqual(self.ctl("txn", stdin='mod("t") < "1"\n\nput t 9\n\nget t\ndel t\n\n').split(),
                         ["FAILURE", "t", "2", "1"])
        told = self.ctl("txn", "--interactive", stdin='create("t") = "0"\n\nput t 4\n\n\n')
        self.assertIn("compares:", told)
        self.assertIn("SUCCESS", told)
        self.assertEqual(self.ctl("get", "t", "--print-value-only"), "4\n")
        self.refused("etcdserver: duplicate key given in txn request", "txn", stdin="\nput t 1\nput t 2\n\n\n")

    def case_watch(self):
        first = self.put("w/1", "a")
        with self.running("watch", "w/", "--prefix", f"--rev={first}", "--prev-kv") as watch:
            self.eventually("history", lambda: watch.lines == ["PUT", "w/1", "a"])
            self.ctl("put", "w/1", "b")
            self.ctl("del", "w/1")
            self.eventually("what comes", lambda: watch.lines[3:] == ["PUT", "w/1", "a", "w/1", "b",
                                                                     "DELETE", "w/1", "b", "w/1", ""])
        with self.running("watch", "w/1", f"--rev={first}", "--", "sh", "-c", "echo $ETCD_WATCH_EVENT_TYPE:$ETCD_WATCH_KEY") as watch:
            self.eventually("commands run", lambda: [line for line in watch.lines if ":" in line] == [
                '"PUT":"w/1"', '"PUT":"w/1"', '"DELETE":"w/1"'])
        with self.running("watch", "--interactive") as watch:
            watch.type("watch w/2")
            watch.type("watch w/3 w/5")
            watch.type("progress")
            self.eventually("progress", lambda: any(line.startswith("progress notify: ") for line in watch.lines))
            del watch.lines[:]
            self.ctl("put", "w/2", "c")
            self.eventually("one watch", lambda: watch.lines == ["PUT", "w/2", "c"])
            self.ctl("put", "w/4", "d")
            self.eventually("the other watch", lambda: watch.lines[3:] == ["PUT", "w/4", "d"])

    def case_compaction(self):
        revisions = [self.put("c", f"v{i}") for i in range(3)]
        self.assertEqual(self.ctl("compaction", str(revisions[1])), f"compacted revision {revisions[1]}\n")
        self.assertEqual(self.ctl("compaction", "--physical", str(revisions[2])), f"compacted revision {revisions[2]}\n")
        compacted = "etcdserver: mvcc: required revision has been compacted"
        self.refused(compacted, "get", "c", f"--rev={revisions[1]}")
        self.refused(compacted, "compaction", str(revisions[2]))
        self.refused(compacted, "watch", "c", f"--rev={revisions[0]}")

    def case_lease_grant(self):
        told = self.ctl("lease", "grant", "60")
        self.assertRegex(told, r"^lease [0-9a-f]{16} granted with TTL\(60s\)\n$")
        self.assertEqual(self.json("lease", "grant", "60")["TTL"], 60)
        self.refused("etcdserver: too large lease TTL", "lease", "grant", "9000000001")

    def case_lease_revoke(self):
        lease = self.grant()
        self.ctl("put", "leased", "v", f"--lease={lease}")
        self.assertEqual(self.ctl("lease", "revoke", lease), f"lease {lease} revoked\n")
        self.assertEqual(self.ctl("get", "leased"), "")
        self.refused("etcdserver: requested lease not found", "lease", "revoke", lease)

    def case_lease_timetolive(self):
        lease = self.grant()
        self.ctl("put", "leased", "v", f"--lease={lease}")
        self.assertRegex(self.ctl("lease", "timetolive", lease, "--keys"),
                         rf"^lease {lease} granted with TTL\(60s\), remaining\(\d+s\), attached keys\(\[leased\]\)\n$")
        self.ctl("lease", "revoke", lease)
        self.assertEqual(self.ctl("lease", "timetolive", lease), f"lease {lease} already expired\n")

    def case_lease_list(self):
        leases = [self.grant() for _ in range(2)]
        for member in self.cluster.client_urls():
            self.eventually("all members to have applied both", lambda url=member: set(leases) <= set(
                self.ctl("lease", "list", endpoints=url).split()))

    def case_lease_keep_alive(self):
        lease = self.grant(3)
        for member in self.cluster.client_urls():
            self.assertEqual(self.ctl("lease", "keep-alive", "--once", lease, endpoints=member),
                             f"lease {lease} keepalived with TTL(3)\n")
        with self.running("lease", "keep-alive", lease) as alive:
            self.eventually("three keepalives", lambda: alive.lines.count(f"lease {lease} keepalived with TTL(3)") >= 3)
        self.eventually("its end", lambda: "already expired" in self.ctl("lease", "timetolive", lease))
        self.refused("etcdserver: requested lease not found", "lease", "keep-alive", "--once", lease)

    def case_lock(self):
        self.assertEqual(self.ctl("lock", "door", "echo", "held"), "held\n")
        with self.running("lock", "door", "--ttl=20") as first:
            self.eventually("the lock", lambda: first.lines and first.lines[0].startswith("door/"))
            with self.running("lock", "door") as second:
                self.eventually("two that want it", lambda: self.ctl("get", "door/", "--prefix", "--keys-only").count("door/") == 2)
                self.assertEqual(second.lines, [])
                first.process.send_signal(signal.SIGINT)
                self.eventually("its turn", lambda: second.lines and second.lines[0].startswith("door/"))
        self.assertEqual(self.ctl("get", "door/", "--prefix"), "")

    def case_elect(self):
        with self.running("elect", "seat", "me") as leader:
            self.eventually("the election", lambda: leader.lines[1:2] == ["me"])
            with self.running("elect", "--listen", "seat") as listener:
                self.eventually("the leader's name", lambda: listener.lines[:2] == leader.lines[:2])
                with self.running("elect", "seat", "you") as other:
                    self.assertEqual(other.lines, [])
                    leader.process.send_signal(signal.SIGINT)
                    self.eventually("the other", lambda: other.lines[1:2] == ["you"])
                    self.eventually("that it is said", lambda: listener.lines[2:4] == other.lines[:2])

    def case_make_mirror(self):
        self.ctl("put", "mirrored/1", "before")
        target = Checked.cluster.client_url(0)
        copy = f"copy-{self.series}/"
        with self.running("make-mirror", "--prefix=mirrored/", f"--dest-prefix={copy}", target):
            there = ("get", copy, "--prefix")
            self.eventually("what was there", lambda: self.ctl(*there, endpoints=target) == f"{copy}1\nbefore\n")
            self.ctl("put", "mirrored/2", "after")
            self.ctl("del", "mirrored/1")
            self.eventually("what came", lambda: self.ctl(*there, endpoints=target) == f"{copy}2\nafter\n")
