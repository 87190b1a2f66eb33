#!/usr/bin/env python3
"""Members that speak to each other over Unix sockets, plain and under TLS."""

import json
import subprocess

from harness import Cluster, ClusterTest, deploy, main


class UnixCluster(Cluster):
    def peer_url(self, i):
        return f"unix://{self.folder}/peer{i + 1}.sock"


class UnixPeers(ClusterTest):
    cluster_type = UnixCluster

    def put_and_get(self, key):
        for i in range(3):
            self.cluster.etcdctl("put", f"{key}{i}", "value", endpoints=self.cluster.client_url(i))
            done = self.cluster.etcdctl("get", f"{key}{i}", "--print-value-only",
                                        endpoints=self.cluster.client_url((i + 1) % 3))
            self.assertEqual(done.stdout, "value\n")

    def test_reads_writes_and_a_killed_leader(self):
        self.put_and_get("before")
        leader = self.leader()
        self.kill9(leader)
        other = self.cluster.client_url((leader + 1) % 3)
        self.eventually("a write", lambda: self.cluster.etcdctl("put", "while", "dead", endpoints=other,
                                                                check=False).returncode == 0)
        # The socket that the killed one has left is in the way of nobody.
        self.cluster.start_member(leader)
        self.cluster.wait_healthy(leader)
        self.put_and_get("after")

    def test_a_member_is_added_and_removed(self):
        url = f"unix://{self.folder}/peer4.sock"
        client = f"http://127.0.0.1:{deploy.free_ports(1)[0]}"
        # Not by etcdctl, whose 3.4 wants a host and a port in every URL. Refused until all have said that they are there.
        added = ["curl", "-sf", self.cluster.client_url(0) + "/v3/cluster/member/add", "-d", json.dumps({"peerURLs": [url]})]
        self.eventually("the addition", lambda: subprocess.run(added, capture_output=True, timeout=30,
                                                               check=False).returncode == 0)
        initial = ",".join(f"m{j + 1}={self.cluster.peer_url(j)}" for j in range(3)) + ",m4=" + url
        member = deploy.Process("m4", self.folder, [
            deploy.BINARY, "--name=m4", f"--data-dir={self.folder}/m4.etcd", "--initial-cluster-state=existing",
            "--listen-client-urls=" + client, "--advertise-client-urls=" + client, "--listen-peer-urls=" + url,
            "--initial-advertise-peer-urls=" + url, "--initial-cluster=" + initial])
        member.start()
        self.addCleanup(member.stop)
        self.eventually("m4 to be healthy", lambda: deploy.http_get(client + "/health")[0] == 200)
        listed = self.cluster.etcdctl("member", "list").stdout
        line = next(line for line in listed.splitlines() if url in line)
        self.cluster.etcdctl("member", "remove", line.split(",")[0])
        self.eventually("its end", lambda: member.pid() is None)
        self.put_and_get("without")


class UnixsCluster(Cluster):
    def peer_url(self, i):
        return f"unixs://{self.folder}/peer{i + 1}.sock"


class UnixsPeers(ClusterTest):
    cluster_type = UnixsCluster
    extra = ("--peer-auto-tls",)

    def test_reads_and_writes(self):
        self.cluster.etcdctl("put", "a", "b", endpoints=self.cluster.client_url(0))
        done = self.cluster.etcdctl("get", "a", "--print-value-only", endpoints=self.cluster.client_url(2))
        self.assertEqual(done.stdout, "b\n")


if __name__ == "__main__":
    main()
