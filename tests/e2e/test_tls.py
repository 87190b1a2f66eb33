#!/usr/bin/env python3
"""TLS on every listener and link, with stock etcdctl: who is let in, who is not, and new files without a restart."""

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import unittest
import urllib.request

from harness import deploy, main
from tls_cluster import Authority, TlsCluster


class TlsMembers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="pintle-e2e-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.authority = Authority(cls.folder, "ca")
        cls.alice = cls.authority.sign("alice", "alice")
        cls.authority.sign("gone", "gone")
        cls.crl = cls.authority.revoke("gone")
        cls.cluster = TlsCluster(cls.folder, cls.authority, [f"--client-crl-file={cls.crl}"])
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.start()

    def ctl(self, *arguments, ca=None, pair="alice", member=0):
        pair = (self.authority.path(pair + ".pem"), self.authority.path(pair + ".key")) if pair else None
        return self.cluster.etcdctl(*arguments, ca=ca or self.authority.ca, pair=pair, member=member)

    def log_of(self, i):
        with open(self.cluster.members[i].log_file, encoding="utf-8") as f:
            return f.read()

    def serial(self, i):
        context = ssl.create_default_context(cafile=self.authority.ca)
        context.load_cert_chain(*self.alice)
        with socket.create_connection(("127.0.0.1", self.cluster.client_ports[i]), timeout=10) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as secure:
                return secure.getpeercert()["serialNumber"]

    def test_etcdctl_reads_and_writes_on_every_member(self):
        for i in range(3):
            done = self.ctl("put", f"key{i}", "value", member=i)
            self.assertEqual(done.returncode, 0, done.stderr)
            done = self.ctl("get", f"key{i}", "--print-value-only", member=(i + 1) % 3)
            self.assertEqual(done.stdout, "value\n", done.stderr)

    def test_http_over_tls(self):
        context = ssl.create_default_context(cafile=self.authority.ca)
        context.load_cert_chain(*self.alice)
        context.set_alpn_protocols(["http/1.1"])
        connection = http.client.HTTPSConnection("localhost", self.cluster.client_ports[0], timeout=10, context=context)
        connection.request("GET", "/health")
        self.assertEqual(connection.getresponse().status, 200)
        connection.close()

    def test_who_is_refused(self):
        stranger = Authority(self.folder, "stranger")
        stranger.sign("mallory", "alice")
        self.authority.sign("late", "late", days=-1)
        wrong = self.cluster.etcdctl("get", "x", ca=self.authority.ca,
                                     pair=(stranger.path("mallory.pem"), stranger.path("mallory.key")))
        self.assertNotEqual(wrong.returncode, 0)
        self.assertNotEqual(self.ctl("get", "x", ca=stranger.ca).returncode, 0, "the client trusts another authority")
        for who in (None, "late", "gone"):
            self.assertNotEqual(self.ctl("get", "x", pair=who).returncode, 0, who)
        for words in ("rejected connection on client endpoint", "expired", "revoked"):
            self.assertIn(words, self.log_of(0))
        self.assertEqual(self.ctl("get", "x").returncode, 0)

    def tls_flags(self, pair="alice"):
        return ["--cacert=" + self.authority.ca, "--cert=" + self.authority.path(pair + ".pem"),
                "--key=" + self.authority.path(pair + ".key")]

    def run_tool(self, *arguments, environment=()):
        return subprocess.run(arguments, env={**os.environ, **dict(environment)}, capture_output=True, text=True, timeout=60,
                              check=False)

    def test_snapshot_save(self):
        self.assertEqual(self.ctl("put", "saved", "value").returncode, 0)
        file = os.path.join(self.folder, "saved.db")
        url = self.cluster.client_url(0)
        save = [deploy.BINARY, "snapshot", "save", file]
        done = self.run_tool(*save, "--endpoints=" + url, *self.tls_flags())
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.run_tool(deploy.BINARY, "snapshot", "status", file, "-w", "json")
        self.assertGreater(json.loads(done.stdout)["revision"], 1, done.stderr)
        # etcdctl's variables; no scheme is needed where TLS is spoken of.
        variables = {"ETCDCTL_ENDPOINTS": url.removeprefix("https://"), "ETCDCTL_CACERT": self.authority.ca,
                     "ETCDCTL_CERT": self.alice[0], "ETCDCTL_KEY": self.alice[1]}
        done = self.run_tool(*save, environment=variables)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.run_tool(*save, "--endpoints=" + url, "--cacert=" + self.authority.ca)
        self.assertEqual(done.returncode, 1)
        self.assertIn("certificate required", done.stderr)
        done = self.run_tool(*save, "--endpoints=" + url, "--cert=" + self.alice[0])
        self.assertIn("KeyFile and CertFile must both be present", done.stderr)

    def test_bench(self):
        bench = os.path.join(os.path.dirname(deploy.BINARY), "pintle-bench")
        done = self.run_tool(bench, "put", "--endpoints=" + self.cluster.client_url(1), "--clients=2", "--seconds=1",
                             "--warmup=0", "--json", *self.tls_flags())
        self.assertEqual(done.returncode, 0, done.stderr)
        figures = json.loads(done.stdout)
        self.assertEqual(figures["errors"], 0)
        self.assertGreater(figures["operations"], 0)
        done = self.run_tool(bench, "put", "--endpoints=" + self.cluster.client_url(1), "--seconds=1", "--warmup=0")
        self.assertNotEqual(done.returncode, 0, "of an unknown authority")

    def test_plain_text_is_told_so(self):
        done = subprocess.run(["curl", "-sS", "-o", "-", f"http://127.0.0.1:{self.cluster.client_ports[0]}/health",
                               "--max-time", "5"], capture_output=True, text=True, timeout=30, check=False)
        self.assertIn("HTTP request to an HTTPS server", done.stdout + done.stderr)

    def test_pages_of_the_peer_port(self):
        url = f"https://127.0.0.1:{self.cluster.peer_ports[0]}/members"
        curl = ["curl", "-sS", "--max-time", "10", "--cacert", self.authority.ca, url]
        pair = ["--cert", self.authority.path("peer.pem"), "--key", self.authority.path("peer.key")]
        done = subprocess.run(curl + pair, capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual([member["name"] for member in sorted(json.loads(done.stdout), key=lambda each: each["name"])],
                         ["m1", "m2", "m3"], done.stderr)
        done = subprocess.run(curl, capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.stdout, "", "without a certificate")

    def test_tls_1_1_is_refused(self):
        done = subprocess.run(["openssl", "s_client", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", "-connect",
                               f"127.0.0.1:{self.cluster.client_ports[0]}"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=30, check=False)
        self.assertIn("protocol version", done.stdout + done.stderr)

    def test_new_certificates_and_lists_count_without_a_restart(self):
        pids = [m.pid() for m in self.cluster.members]
        before = self.serial(1)
        self.authority.sign("server", "server", self.cluster.names)
        self.assertNotEqual(self.serial(1), before)
        self.authority.sign("leaver", "leaver")
        self.assertEqual(self.ctl("get", "x", pair="leaver").returncode, 0)
        self.authority.revoke("leaver")
        self.assertNotEqual(self.ctl("get", "x", pair="leaver").returncode, 0)
        # A second authority, whose certificates are taken once it stands in the file.
        second = Authority(self.folder, "second")
        pair = second.sign("bob", "bob")
        self.assertNotEqual(self.cluster.etcdctl("get", "x", ca=self.authority.ca, pair=pair).returncode, 0)
        with open(second.ca, encoding="ascii") as new, open(self.authority.ca, "a", encoding="ascii") as trusted:
            trusted.write(new.read())
        self.assertEqual(self.cluster.etcdctl("get", "x", ca=self.authority.ca, pair=pair).returncode, 0)
        self.assertEqual(pids, [m.pid() for m in self.cluster.members])

    def test_zz_a_member_with_a_strangers_certificate_is_kept_out(self):
        outsider = Authority(self.folder, "outsider")
        outsider.sign("peer", "peer", self.cluster.names)
        self.cluster.members[2].stop()
        impostor = deploy.Process("m3x", self.folder, self.cluster.arguments(2, outsider))
        impostor.start()
        self.addCleanup(impostor.stop)
        deploy.wait_for("a refusal", lambda: "rejected connection on peer endpoint" in self.log_of(0)
                        or "rejected connection on peer endpoint" in self.log_of(1))
        self.assertFalse(self.cluster.healthy(2))
        self.assertEqual(self.ctl("put", "without", "it").returncode, 0)
        impostor.stop()
        self.cluster.members[2].start()
        deploy.wait_for("m3 to be back", lambda: self.cluster.healthy(2))


class CertificateUsers(unittest.TestCase):
    """With --client-cert-auth the common name of a client's certificate is its user."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="pintle-e2e-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.authority = Authority(cls.folder, "ca")
        for name in ("root", "alice", "bob"):
            cls.authority.sign(name, name)
        cls.cluster = TlsCluster(cls.folder, cls.authority)
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.start()
        for command in ("role add readers", "role grant-permission readers read a/ --prefix", "user add alice --no-password",
                        "user grant-role alice readers", "user add root --no-password", "user grant-role root root",
                        "put a/1 one", "put b/1 two", "auth enable"):
            done = cls.ctl("root", *command.split())
            assert done.returncode == 0, command + ": " + done.stderr

    @classmethod
    def ctl(cls, who, *arguments, member=0, **options):
        pair = cls.authority.path(who + ".pem"), cls.authority.path(who + ".key")
        return cls.cluster.etcdctl(*arguments, ca=cls.authority.ca, pair=pair, member=member, **options)

    def denied(self, done, why="etcdserver: permission denied"):
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertIn(why, done.stderr)

    def test_who_may_what(self):
        for etcdctl in ("etcdctl", os.path.join(deploy.fetch_etcd("3.5"), "etcdctl")):
            for member in range(3):
                with self.subTest(etcdctl=etcdctl, member=member):
                    def ctl(who, *arguments):
                        return self.ctl(who, *arguments, member=member, etcdctl=etcdctl)
                    self.assertEqual(ctl("alice", "get", "a/1", "--print-value-only").stdout, "one\n")
                    self.denied(ctl("alice", "get", "b/1"))
                    self.denied(ctl("alice", "put", "a/1", "x"))
                    self.denied(ctl("alice", "user", "list"))
                    self.denied(ctl("bob", "get", "a/1"))
                    self.assertEqual(ctl("root", "get", "b/1", "--print-value-only").stdout, "two\n")
                    self.assertIn("alice\n", ctl("root", "user", "list").stdout)

    def test_a_token_wins_over_the_certificate(self):
        self.assertEqual(self.ctl("root", "user", "add", "carol:secret").returncode, 0)
        self.denied(self.ctl("root", "--user=carol:secret", "get", "a/1"))
        self.assertEqual(self.ctl("alice", "get", "a/1").returncode, 0)

    def test_through_the_gateway_no_certificate_counts(self):
        done = subprocess.run(["curl", "-s", "--cacert", self.authority.ca, "--cert", self.authority.path("root.pem"), "--key",
                               self.authority.path("root.key"), self.cluster.client_url(0) + "/v3/kv/range", "-d",
                               '{"key": "YS8x"}'], capture_output=True, text=True, timeout=30, check=False)
        self.assertIn("etcdserver: user name is empty", done.stdout)

    def test_snapshot_save_is_roots(self):
        file = os.path.join(self.folder, "saved.db")
        for who, code in (("alice", 1), ("root", 0)):
            done = subprocess.run([deploy.BINARY, "snapshot", "save", file, "--endpoints=" + self.cluster.client_url(0),
                                   "--cacert=" + self.authority.ca, "--cert=" + self.authority.path(who + ".pem"),
                                   "--key=" + self.authority.path(who + ".key")],
                                  capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, code, done.stderr)
        self.assertTrue(os.path.exists(file))


class OneMember(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="pintle-e2e-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.port, self.peer, self.api = deploy.free_ports(3)

    def start(self, urls, *extra):
        member = deploy.Process("m1", self.folder, [
            deploy.BINARY, f"--data-dir={self.folder}/d", f"--listen-client-urls={urls}",
            f"--advertise-client-urls={urls}", f"--listen-peer-urls=https://127.0.0.1:{self.peer}",
            f"--initial-advertise-peer-urls=https://127.0.0.1:{self.peer}",
            f"--initial-cluster=default=https://127.0.0.1:{self.peer}", "--peer-auto-tls", *extra])
        member.start()
        self.addCleanup(member.stop)
        return member

    def test_auto_tls_and_plain_text_on_one_port(self):
        self.start(f"https://127.0.0.1:{self.port},http://127.0.0.1:{self.port}", "--auto-tls")
        plain = f"http://127.0.0.1:{self.port}/health"
        deploy.wait_for("health", lambda: deploy.http_get(plain)[0] == 200)
        done = subprocess.run(["etcdctl", f"--endpoints=https://127.0.0.1:{self.port}", "--cacert",
                               f"{self.folder}/d/fixtures/client/cert.pem", "put", "a", "b"], capture_output=True,
                              text=True, timeout=30, check=False, env={**os.environ, "ETCDCTL_API": "3"})
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_controllers_over_tls(self):
        authority = Authority(self.folder, "ca")
        authority.sign("server", "server", "DNS:localhost,IP:127.0.0.1")
        authority.sign("controllers", "controllers")
        api = f"https://127.0.0.1:{self.api}"
        self.start(f"http://127.0.0.1:{self.port}", f"--api-listen-url={api}", "--cert-file=" + authority.path("server.pem"),
                   "--key-file=" + authority.path("server.key"), "--trusted-ca-file=" + authority.ca, "--client-cert-auth")
        deploy.wait_for("health", lambda: deploy.http_get(f"http://127.0.0.1:{self.port}/health")[0] == 200)
        controllers = deploy.Process("controllers", self.folder, [
            deploy.BINARY, "controllers", "--server=" + api, "--simulated-nodes=1",
            "--certificate-authority=" + authority.ca, "--client-certificate=" + authority.path("controllers.pem"),
            "--client-key=" + authority.path("controllers.key")])
        controllers.start()
        self.addCleanup(controllers.stop)
        context = ssl.create_default_context(cafile=authority.ca)
        context.load_cert_chain(authority.path("controllers.pem"), authority.path("controllers.key"))

        def ready():
            with urllib.request.urlopen(api + "/api/v1/nodes", timeout=10, context=context) as answer:
                nodes = json.load(answer)["items"]
            return [c for n in nodes for c in n["status"]["conditions"] if (c["type"], c["status"]) == ("Ready", "True")]
        deploy.wait_for("a node to be Ready", ready, 30)

    def test_https_without_a_certificate_does_not_start(self):
        member = self.start(f"https://127.0.0.1:{self.port}")
        deploy.wait_for("the end", lambda: member.pid() is None)
        self.assertIn("TLS key/cert (--cert-file, --key-file) must be provided for client url", member.log_tail())


if __name__ == "__main__":
    main()
