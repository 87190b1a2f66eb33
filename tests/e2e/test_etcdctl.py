#!/usr/bin/env python3
"""Debian's etcdctl against three members: what takes more than one command. Each command by itself is
test_etcdctl_commands.py's."""

from harness import ClusterTest, deploy, main


class EtcdctlTest(ClusterTest):
    def etcdctl(self, *arguments, **keywords):
        return self.cluster.etcdctl(*arguments, **keywords).stdout

    def test_every_member_reads_what_another_wrote(self):
        for writer in range(3):
            for reader in range(3):
                self.etcdctl("put", "x", f"{writer}{reader}", endpoints=self.cluster.client_url(writer))
                self.assertEqual(self.etcdctl("get", "x", "--print-value-only", endpoints=self.cluster.client_url(reader)),
                                 f"{writer}{reader}\n")

    def test_lease_expires(self):
        lease = self.etcdctl("lease", "grant", "2").split()[1]
        self.etcdctl("put", "brief", "v", f"--lease={lease}")
        self.assertNotEqual(self.etcdctl("get", "brief"), "")
        self.eventually("the lease to expire", lambda: self.etcdctl("get", "brief") == "", 15)

    def test_http_endpoints(self):
        url = self.cluster.client_url(1)
        self.assertEqual(deploy.http_get(url + "/health")[0], 200)
        self.assertIn('"health":"true"', deploy.http_get(url + "/health")[1])
        self.assertIn("etcdserver", deploy.http_get(url + "/version")[1])
        self.assertEqual(deploy.http_get(url + "/livez")[1].strip(), "ok")
        self.assertIn("[+]linearizable_read ok", deploy.http_get(url + "/readyz?verbose")[1])
        self.assertEqual(deploy.http_get(url + "/nothing")[0], 404)
        metrics = deploy.http_get(url + "/metrics")[1]
        for name in ("etcd_server_has_leader 1", "etcd_server_proposals_committed_total", "process_resident_memory_bytes",
                     "etcd_disk_wal_fsync_duration_seconds_bucket"):
            self.assertIn(name, metrics)


if __name__ == "__main__":
    main()
