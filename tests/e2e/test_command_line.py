#!/usr/bin/env python3
"""Starting as etcd is started: kubeadm's line, systemd, log lines, sockets of all kinds, and what is refused."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

from harness import deploy, main
from tls_cluster import Authority

ENVIRONMENT = {**os.environ, "ETCDCTL_API": "3"}


class CommandLine(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="pintle-e2e-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.client, self.peer, self.metrics, self.other = deploy.free_ports(4)

    def start(self, *arguments, environment=None):
        member = deploy.Process("m", self.folder, [deploy.BINARY, *arguments])
        member.start({**os.environ, **(environment or {})})
        self.addCleanup(member.stop)
        return member

    def plain(self, *arguments, client=None, environment=None):
        client = client or f"http://127.0.0.1:{self.client}"
        return self.start(f"--data-dir={self.folder}/d", f"--listen-client-urls={client}",
                          f"--advertise-client-urls={client.split(',')[0]}",
                          f"--listen-peer-urls=http://127.0.0.1:{self.peer}",
                          f"--initial-advertise-peer-urls=http://127.0.0.1:{self.peer}",
                          f"--initial-cluster=default=http://127.0.0.1:{self.peer}", *arguments,
                          environment=environment)

    def log(self, member):
        """Every line is JSON."""
        with open(member.log_file, encoding="utf-8") as f:
            return [json.loads(line) for line in f]

    def healthy(self, url=None):
        url = url or f"http://127.0.0.1:{self.client}"
        deploy.wait_for("health", lambda: deploy.http_get(url + "/health")[0] == 200)

    def etcdctl(self, endpoint, *arguments):
        done = subprocess.run(["etcdctl", "--endpoints=" + endpoint, *arguments], env=ENVIRONMENT, cwd=self.folder,
                              capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_kubeadms_command_line(self):
        authority = Authority(self.folder, "etcd-ca")
        names = "DNS:localhost,DNS:cp1,IP:127.0.0.1"
        server, peer = authority.sign("server", "cp1", names), authority.sign("peer", "cp1", names)
        healthcheck = authority.sign("healthcheck-client", "kube-etcd-healthcheck-client")
        # Order and spelling are kubeadm's; addresses, ports and paths are ours.
        self.start(f"--advertise-client-urls=https://127.0.0.1:{self.client}", f"--cert-file={server[0]}",
                   "--client-cert-auth=true", f"--data-dir={self.folder}/etcd",
                   "--experimental-initial-corrupt-check=true", "--experimental-watch-progress-notify-interval=5s",
                   f"--initial-advertise-peer-urls=https://127.0.0.1:{self.peer}",
                   f"--initial-cluster=cp1=https://127.0.0.1:{self.peer}", f"--key-file={server[1]}",
                   f"--listen-client-urls=https://127.0.0.1:{self.client},https://127.0.0.2:{self.client}",
                   f"--listen-metrics-urls=http://127.0.0.1:{self.metrics}",
                   f"--listen-peer-urls=https://127.0.0.1:{self.peer}", "--name=cp1", f"--peer-cert-file={peer[0]}",
                   "--peer-client-cert-auth=true", f"--peer-key-file={peer[1]}",
                   f"--peer-trusted-ca-file={authority.ca}", "--snapshot-count=10000",
                   f"--trusted-ca-file={authority.ca}")
        metrics = f"http://127.0.0.1:{self.metrics}"
        self.healthy(metrics)
        for path in ("/livez", "/readyz", "/health?serializable=false", "/metrics"):
            self.assertEqual(deploy.http_get(metrics + path)[0], 200, path)
        self.assertEqual(deploy.http_get(metrics + "/version")[0], 404)
        for address in ("127.0.0.1", "127.0.0.2"):
            self.etcdctl(f"https://{address}:{self.client}", "--cacert", authority.ca, "--cert", healthcheck[0], "--key",
                         healthcheck[1], *(["--insecure-skip-tls-verify"] if address == "127.0.0.2" else []),
                         "put", "a", "b")

    def test_systemd_hears_and_the_log_has_the_lines(self):
        path = os.path.join(self.folder, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(path)
            notify.settimeout(30)
            member = self.plain("--report-version=3.5.17", environment={"NOTIFY_SOCKET": path})
            self.assertEqual(notify.recv(100), b"READY=1")
            messages = [line["msg"] for line in self.log(member)]
            for message in ("published local member to cluster through raft", "enabled capabilities for version",
                            "ready to serve client requests"):
                self.assertIn(message, messages)
            for line in self.log(member):
                self.assertTrue({"level", "ts", "caller", "msg"} <= set(line), line)
            self.assertIn('"etcdserver":"3.5.17"', deploy.http_get(f"http://127.0.0.1:{self.client}/version")[1])
            child = member.child
            child.send_signal(signal.SIGTERM)
            self.assertEqual(notify.recv(100), b"STOPPING=1")
            self.assertEqual(child.wait(10), -signal.SIGTERM)

    def test_version_and_help(self):
        done = subprocess.run([deploy.BINARY, "--version"], capture_output=True, text=True, timeout=30, check=True)
        self.assertRegex(done.stdout, r"^etcd Version: \d+\.\d+\.\d+\nGit SHA: .*\nGo Version: .*\nGo OS/Arch: .*\n$")
        for flag in ("-h", "--help"):
            done = subprocess.run([deploy.BINARY, flag], capture_output=True, text=True, timeout=30, check=True)
            self.assertIn("--listen-client-urls 'http://localhost:2379'", done.stdout)

    def test_unix_sockets_ipv6_and_several_urls(self):
        os.makedirs(f"{self.folder}/run")
        urls = [f"http://127.0.0.1:{self.client}", f"http://[::1]:{self.other}", f"unix://{self.folder}/run/etcd.sock"]
        self.plain(client=",".join(urls))
        self.healthy()
        for i, url in enumerate(urls):
            self.etcdctl(url, "put", f"k{i}", "v")
        self.assertEqual(self.etcdctl(urls[2], "get", "k", "--prefix", "--keys-only").split(), ["k0", "k1", "k2"])

    def test_http_apart_and_who_may_ask(self):
        self.plain(f"--listen-client-http-urls=http://127.0.0.1:{self.other}", "--host-whitelist=127.0.0.1",
                   "--cors=http://a.b:80")
        apart = f"http://127.0.0.1:{self.other}"
        self.healthy(apart)
        self.assertEqual(deploy.http_get(f"http://127.0.0.1:{self.client}/health")[0], 404)
        self.etcdctl(f"http://127.0.0.1:{self.client}", "put", "a", "b")
        done = subprocess.run(["curl", "-si", "-H", "Host: evil.com", apart + "/version"], capture_output=True,
                              text=True, timeout=30, check=False)
        self.assertIn("HTTP/1.1 421 ", done.stdout)
        self.assertIn('etcd --host-whitelist "evil.com"', done.stdout)
        done = subprocess.run(["curl", "-si", "-H", "Origin: http://a.b:80", apart + "/version"], capture_output=True,
                              text=True, timeout=30, check=False)
        self.assertIn("access-control-allow-origin: http://a.b:80", done.stdout.lower())

    def test_exit_codes_are_etcds(self):
        bad = os.path.join(self.folder, "bad.yml")
        with open(bad, "w", encoding="ascii") as f:
            f.write("max-txn-ops: abc\n")
        here = [f"--data-dir={self.folder}/none", f"--listen-peer-urls=http://127.0.0.1:{self.peer}",
                f"--listen-client-urls=http://127.0.0.1:{self.client}", f"--advertise-client-urls=http://127.0.0.1:{self.client}"]
        secure = [f"--data-dir={self.folder}/none", f"--listen-client-urls=https://127.0.0.1:{self.client}",
                  f"--advertise-client-urls=https://127.0.0.1:{self.client}"]
        cases = [
            (["--bogus"], 2), (["--listen-client-urls=foo"], 2), (["--snapshot-count"], 2), (["--max-txn-ops=abc"], 2),
            (["--initial-cluster-state=bogus"], 2), (["--log-level=bogus"], 2), (["--feature-gates=x=true"], 2),
            (["extra"], 1), (["--config-file=/nonexistent"], 1), (["--config-file=" + bad], 1),
            (["--listen-client-urls=http://127.0.0.1:1"], 1), (["--listen-client-urls=http://example.com:1"], 1),
            (["--election-timeout=100"], 1), (["--logger=bogus"], 1), (["--tls-min-version=TLS1.1"], 1),
            ([*here, "--name=a", f"--initial-cluster=b=http://127.0.0.1:{self.peer}"], 1),
            ([*here, "--auth-token=bogus"], 1),
            (secure, 1),
            ({"ETCD_MAX_TXN_OPS": "abc"}, 1), ({"ETCD_LISTEN_CLIENT_URLS": "foo"}, 1),
            (["--version"], 0), (["--help"], 0),
        ]
        programs = [deploy.BINARY, os.path.join(deploy.fetch_etcd("3.5"), "etcd")]
        for program in programs:
            for given, code in cases:
                arguments, variables = (given, {}) if isinstance(given, list) else ([], given)
                with self.subTest(program=program, given=given):
                    done = subprocess.run([program, *arguments], env={**os.environ, **variables}, cwd=self.folder,
                                          capture_output=True, text=True, timeout=30, check=False)
                    self.assertEqual(done.returncode, code, done.stderr[-1000:])

    def test_flags_of_the_beginning_are_ignored_once_there_is_data(self):
        member = self.plain()
        self.healthy()
        url = f"http://127.0.0.1:{self.client}"
        self.etcdctl(url, "put", "a", "b")
        # Only then the log says who belongs to the cluster.
        deploy.wait_for("its name", lambda: "default" in self.etcdctl(url, "member", "list"))
        before = json.loads(self.etcdctl(url, "endpoint", "status", "-w", "json"))[0]["Status"]["header"]
        member.stop()
        member = self.plain("--name=renamed", "--initial-cluster-token=another",
                            f"--initial-cluster=someone=http://127.0.0.1:{self.other},else=http://127.0.0.1:{self.metrics}")
        self.healthy()
        self.assertEqual(self.etcdctl(url, "get", "a", "--print-value-only"), "b\n")
        after = json.loads(self.etcdctl(url, "endpoint", "status", "-w", "json"))[0]["Status"]["header"]
        self.assertEqual((before["cluster_id"], before["member_id"]), (after["cluster_id"], after["member_id"]))
        self.assertTrue([line for line in self.log(member) if line["level"] == "warn" and "are ignored" in line["msg"]])
        deploy.wait_for("its new name", lambda: "renamed" in self.etcdctl(url, "member", "list"))

    def test_config_file(self):
        path = os.path.join(self.folder, "etcd.conf.yml")
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"name: y1\ndata-dir: {self.folder}/d\nlisten-client-urls: http://127.0.0.1:{self.client}\n"
                    f"advertise-client-urls: http://127.0.0.1:{self.client}\n"
                    f"listen-peer-urls: http://127.0.0.1:{self.peer}\n"
                    f"initial-advertise-peer-urls: http://127.0.0.1:{self.peer}\n"
                    f"initial-cluster: y1=http://127.0.0.1:{self.peer}\nclient-transport-security:\n  cert-file:\n"
                    f"log-outputs: [{self.folder}/out.log]\nsnapshot-count: 10000\n"
                    "experimental-watch-progress-notify-interval: 5000000000\nno-such-key: {a: b}\n")
        self.start(environment={"ETCD_CONFIG_FILE": path, "ETCD_NAME": "ignored"})
        self.healthy()
        deploy.wait_for("its name", lambda: '"name":"y1"' in self.etcdctl(
            f"http://127.0.0.1:{self.client}", "member", "list", "-w", "json"))
        with open(f"{self.folder}/out.log", encoding="utf-8") as f:
            text = f.read()
        self.assertIn("snapshot-count has no effect", text)
        self.assertIn("unknown key 'no-such-key' is ignored", text)

    def test_a_member_of_a_live_etcd_is_not_joined(self):
        etcd = deploy.Process("etcd", self.folder, [
            os.path.join(deploy.fetch_etcd("3.5"), "etcd"), "--name=real", f"--data-dir={self.folder}/etcd",
            f"--listen-client-urls=http://127.0.0.1:{self.other}",
            f"--advertise-client-urls=http://127.0.0.1:{self.other}",
            f"--listen-peer-urls=http://127.0.0.1:{self.metrics}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{self.metrics}",
            f"--initial-cluster=real=http://127.0.0.1:{self.metrics}"])
        etcd.start()
        self.addCleanup(etcd.stop)
        self.healthy(f"http://127.0.0.1:{self.other}")
        member = self.plain("--initial-cluster-state=existing", f"--initial-cluster=default=http://127.0.0.1:{self.peer},"
                            f"real=http://127.0.0.1:{self.metrics}")
        deploy.wait_for("the refusal", lambda: member.pid() is None, 20)
        last = self.log(member)[-1]
        self.assertEqual(last["level"], "fatal")
        self.assertIn("a member of etcd listens at 127.0.0.1:%d" % self.metrics, last["error"])
        self.assertIn("pintle snapshot restore", last["error"])


if __name__ == "__main__":
    main()
