"""The cases of members, of maintenance, and of what is measured."""

import json
import os
import re
import subprocess
import time

from etcdctl_cases import Checked, Commands
from harness import deploy
from test_membership import Extra

PERF_SECONDS = 60  # "check perf" always takes that long


class ClusterCases(Commands):
    def case_member_list(self):
        members = self.listed()
        self.assertEqual({m["clientURLs"][0] for m in members.values()}, set(self.cluster.client_urls()))
        self.assertEqual(self.ctl("member", "list").count(", started, m"), 3)
        self.assertEqual(len(re.findall("[|│] started +[|│]", self.ctl("member", "list", "-w", "table"))), 3)

    def case_member_add(self):
        identity, url = self.added("--learner")
        member = self.listed()[url]
        self.assertTrue(member["isLearner"])
        self.assertEqual(f"{member['ID']:x}", identity)
        time.sleep(1.1)  # in the same second it would be the same member
        self.refused("Peer URLs already exists", "member", "add", "again", f"--peer-urls={url}", "--learner")
        self.refused("too many learner members", "member", "add", "second", "--peer-urls=http://127.0.0.1:1", "--learner")
        self.ctl("member", "remove", identity)
        identity, url = self.added()
        self.assertFalse(self.listed()[url].get("isLearner", False))

    def case_member_update(self):
        identity, _ = self.added("--learner")
        self.assertRegex(self.ctl("member", "update", identity, "--peer-urls=http://127.0.0.1:2"),
                         rf"^Member\s+{identity} updated in cluster")
        self.assertIn("http://127.0.0.1:2", self.listed())
        self.refused("etcdserver: member not found", "member", "update", "1", "--peer-urls=http://127.0.0.1:3")

    def case_member_promote(self):
        learner = Extra(self.cluster, "m4", deploy.free_ports(3 * self.cluster.size + 2)[-2:])
        identity = re.search(r"Member\s+(\w+) added", self.ctl("member", "add", "m4", "--learner",
                                                              f"--peer-urls={learner.peer_url}")).group(1)
        self.refused("in sync with leader", "member", "promote", identity)
        learner.start()
        try:
            self.eventually("the learner to be promoted", lambda: re.match(
                rf"Member\s+{identity} promoted in cluster", self.run_ctl("member", "promote", identity).stdout))
            self.refused("can only promote a learner member", "member", "promote", identity)
            self.eventually("its name", lambda: "m4" in self.listed())
        finally:
            self.ctl("member", "remove", identity)
            learner.stop()

    def case_member_remove(self):
        identity, url = self.added("--learner")
        self.assertRegex(self.ctl("member", "remove", identity), rf"^Member\s+{identity} removed from cluster")
        self.assertNotIn(url, self.listed())
        self.refused("etcdserver: member not found", "member", "remove", identity)

    def case_endpoint_health(self):
        for options in ((), ("--cluster",)):
            done = self.run_ctl("endpoint", "health", *options)
            self.assertEqual((done.stdout + done.stderr).count("is healthy"), 3)
        self.assertEqual([h["health"] for h in self.json("endpoint", "health")], [True] * 3)
        done = self.run_ctl("endpoint", "health", endpoints=f"{self.one()},http://127.0.0.1:1")
        self.assertIn("unhealthy", done.stdout + done.stderr)
        self.assertNotEqual(done.returncode, 0)

    def case_endpoint_status(self):
        for options in ((), ("--cluster",)):
            status = [s["Status"] for s in self.json("endpoint", "status", *options)]
            self.assertEqual(len(status), 3)
            self.assertEqual({s["header"]["member_id"] for s in status}, {m["ID"] for m in self.listed().values()})
            self.assertEqual(len({s["leader"] for s in status}), 1)
            self.assertTrue(all(s["dbSize"] > 0 and s["version"].startswith("3.") for s in status))
        self.assertEqual(len(re.findall(r"[|│] +true [|│] +false [|│]", self.ctl("endpoint", "status", "-w", "table"))), 1, "one leader")
        self.assertEqual(self.ctl("endpoint", "status", "-w", "fields").count('"Endpoint"'), 3)

    def case_endpoint_hashkv(self):
        self.ctl("put", "hashed", "v")
        for options in ((), ("--cluster",)):
            self.eventually("equal hashes", lambda o=options: len({h["HashKV"]["hash"] for h in self.json(
                "endpoint", "hashkv", *o)}) == 1)
        self.assertEqual(self.ctl("endpoint", "hashkv", "-w", "table").count("http://"), 3)

    def raise_alarm(self):
        member = self.listed()["m1"]["ID"]
        body = json.dumps({"action": "ACTIVATE", "memberID": str(member), "alarm": "NOSPACE"})
        subprocess.run(["curl", "-sf", "-d", body, self.one() + "/v3/maintenance/alarm"], check=True, capture_output=True)
        return f"memberID:{member} alarm:NOSPACE \n"

    def case_alarm_list(self):
        self.assertEqual(self.ctl("alarm", "list"), "")
        alarm = self.raise_alarm()
        self.assertEqual(self.ctl("alarm", "list"), alarm)
        self.refused("etcdserver: mvcc: database space exceeded", "put", "a", "b")
        self.ctl("alarm", "disarm")

    def case_alarm_disarm(self):
        alarm = self.raise_alarm()
        self.assertEqual(self.ctl("alarm", "disarm"), alarm)
        self.assertEqual(self.ctl("alarm", "disarm"), "")
        self.assertEqual(self.ctl("put", "a", "b"), "OK\n")

    def case_defrag(self):
        for options in ((), ("--cluster",)):
            self.assertEqual(self.ctl("defrag", *options).count("Finished defragmenting etcd member"), 3)

    def saved(self):
        self.ctl("put", "saved", "v")
        file = os.path.join(self.folder, f"{self.series}-{self.id()}.db")
        if not os.path.exists(file):
            self.assertIn(f"Snapshot saved at {file}", self.ctl("snapshot", "save", file, endpoints=self.one()))
        return file

    def case_snapshot_save(self):
        self.assertGreater(os.path.getsize(self.saved()), 10000)
        self.refused("one selected node", "snapshot", "save", os.path.join(self.folder, "two.db"))

    def case_snapshot_status(self):
        status = self.json("snapshot", "status", self.saved())
        self.assertGreater(status["totalKey"], 0)
        self.assertGreater(status["revision"], 0)

    def case_snapshot_restore(self):
        target = os.path.join(self.folder, f"restored-{self.series}")
        self.ctl("snapshot", "restore", self.saved(), f"--data-dir={target}")
        self.assertTrue(os.path.exists(os.path.join(target, "member", "snap", "db")))

    def case_move_leader(self):
        before = self.leader()
        members = self.listed()
        target = members[f"m{(before + 1) % 3 + 1}"]["ID"]
        self.assertIn(f"Leadership transferred from {members[f'm{before + 1}']['ID']:x} to {target:x}",
                      self.ctl("move-leader", f"{target:x}"))
        self.assertEqual(self.leader(), (before + 1) % 3)
        self.refused("no leader endpoint given", "move-leader", f"{target:x}", endpoints=self.cluster.client_url(before))
        self.refused("etcdserver: bad leader transferee", "move-leader", "123")

    def case_check_perf(self):
        """What it measures is the machine's; that it measures without an error is ours."""
        perf = Checked.perf[self.series]
        perf.wait(PERF_SECONDS + 60)
        told = "\n".join(perf.lines)  # its progress bar may share a line with anything
        self.assertRegex(told, r"Throughput (is|too low:) \d+ writes/s")
        self.assertNotIn("ERROR", told)
        self.assertIn("Defragmented", told)

    def case_check_datascale(self):
        done = self.run_ctl("check", "datascale", "--load=s", f"--prefix=/scale-{self.series}/", "--auto-compact",
                            endpoints=Checked.cluster.client_url(0), timeout=120)
        self.assertRegex(done.stdout + done.stderr, r"Approximate (total )?system memory used")
        self.assertNotIn("ERROR", done.stdout)
