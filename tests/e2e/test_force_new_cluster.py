"""--force-new-cluster as the recovery that it is: two of three members are lost for good, the third goes on alone with
all that was acknowledged, and a new cluster grows from it."""

import json
import shutil

import harness
from harness import wait_for


class ForceNewClusterTest(harness.ClusterTest):
    def put(self, i, key, check=True):
        return self.cluster.etcdctl("put", key, "v", check=check, endpoints=self.cluster.client_url(i))

    def keys(self, i, prefix):
        done = self.cluster.etcdctl("get", prefix, "--prefix", "-w", "json", endpoints=self.cluster.client_url(i))
        return len(json.loads(done.stdout).get("kvs") or [])

    def member_list(self, i):
        done = self.cluster.etcdctl("member", "list", "-w", "json", endpoints=self.cluster.client_url(i))
        return json.loads(done.stdout)["members"]

    def restart(self, i, *extra):
        self.cluster.members[i].stop()
        given = self.cluster.member_arguments(i)
        self.cluster.members[i].arguments = given + list(extra)
        self.cluster.members[i].start()

    def leads(self, i):
        new_id = next(m["ID"] for m in self.member_list(i) if self.cluster.peer_url(i) in m["peerURLs"])
        self.cluster.etcdctl("move-leader", f"{new_id:x}", check=False,
                             endpoints=",".join(self.cluster.client_urls()))
        return self.leader() == i

    def test_a_quorum_is_lost_and_the_cluster_lives_on(self):
        for n in range(20):
            self.put(n % 3, f"before{n}")
        self.eventually("all names to be known", lambda: all("name" in m for m in self.member_list(0)))
        old_id = {m["name"]: m["ID"] for m in self.member_list(0)}
        leader = self.leader()
        survivor = (leader + 1) % 3
        lost = [i for i in range(3) if i != survivor]
        for i in lost:
            self.kill9(i)
        refused = self.cluster.etcdctl("put", "x", "y", "--command-timeout=2s", check=False,
                                       endpoints=self.cluster.client_url(survivor))
        self.assertNotEqual(refused.returncode, 0)

        self.restart(survivor, "--force-new-cluster")
        self.cluster.wait_healthy(survivor)
        self.assertEqual(self.keys(survivor, "before"), 20)
        self.assertEqual([m["ID"] for m in self.member_list(survivor)], [old_id[f"m{survivor + 1}"]])
        self.put(survivor, "alone")
        # The flag that was left on does nothing more, and it is not needed any more.
        self.restart(survivor, "--force-new-cluster")
        self.cluster.wait_healthy(survivor)
        self.restart(survivor)
        self.cluster.wait_healthy(survivor)
        self.assertEqual(self.keys(survivor, "alone"), 1)

        # One that comes back with its old data is told, and ends.
        self.cluster.members[lost[0]].start()
        wait_for("the removed member to end", lambda: self.cluster.members[lost[0]].pid() is None, 60)
        self.assertIn("permanently removed", self.cluster.members[lost[0]].log_tail(20))

        names = {f"m{survivor + 1}": self.cluster.peer_url(survivor)}
        for i in lost:
            shutil.rmtree(self.cluster.data_dir(i))
            self.eventually("a member to be added", lambda i=i: self.cluster.etcdctl(
                "member", "add", f"m{i + 1}", "--peer-urls=" + self.cluster.peer_url(i), check=False,
                endpoints=self.cluster.client_url(survivor)).returncode == 0)
            names[f"m{i + 1}"] = self.cluster.peer_url(i)
            cluster = ",".join(f"{name}={url}" for name, url in names.items())
            member = self.cluster.members[i]
            member.arguments = [a for a in self.cluster.member_arguments(i) if not a.startswith("--initial-cluster=")]
            member.arguments += ["--initial-cluster=" + cluster, "--initial-cluster-state=existing"]
            member.start()
            self.cluster.wait_healthy(i)
        for i in range(3):
            self.assertEqual(self.keys(i, "before"), 20)
        self.assertEqual(len(self.member_list(survivor)), 3)
        # A quorum of the new cluster is enough, once the new ones have their votes: then they can lead.
        for i in lost:
            self.eventually("a new member to lead", lambda i=i: self.leads(i), 60)
        self.kill9(survivor)
        self.eventually("a write without the survivor",
                        lambda: self.put(lost[0], "after", check=False).returncode == 0, 60)


if __name__ == "__main__":
    harness.main()
