#!/usr/bin/env python3
"""What a tired operator and a hostile client do: one-line errors, right codes, nothing damaged, the server goes on."""

import http.client
import json
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import unittest

from harness import ClusterTest, deploy, main

BINARY = deploy.BINARY


class RefusesToStart(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="pintle-e2e-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.data = os.path.join(self.folder, "data")

    def run_member(self, *arguments, environment=None):
        peer, client = deploy.free_ports(2)
        base = [f"--data-dir={self.data}", f"--listen-peer-urls=http://127.0.0.1:{peer}",
                f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
                f"--initial-cluster=default=http://127.0.0.1:{peer}",
                f"--listen-client-urls=http://127.0.0.1:{client}", f"--advertise-client-urls=http://127.0.0.1:{client}"]
        return subprocess.run([BINARY, *base, *arguments], capture_output=True, text=True, timeout=30, check=False,
                              env={**os.environ, **(environment or {})})

    def refused(self, done, words, level="fatal"):
        self.assertNotEqual(done.returncode, 0, done.stderr)
        lines = [json.loads(line) for line in done.stderr.strip().splitlines()]  # all of them
        self.assertEqual(lines[-1]["level"], level)
        self.assertIn(words, lines[-1]["error"])
        return done

    def unusable(self, done, words):
        self.assertEqual(done.returncode, 2)
        first, second = done.stderr.splitlines()[:2]
        self.assertIn(words, first)
        self.assertEqual(second, "Usage:")

    def test_wrong_flags(self):
        self.unusable(self.run_member("--no-such-flag"), "flag provided but not defined: -no-such-flag")
        self.unusable(self.run_member("--heartbeat-interval=soon"), 'invalid value "soon" for flag -heartbeat-interval: parse error')
        self.refused(self.run_member("--discovery=http://x"), "unimplemented", "warn")
        self.refused(self.run_member("--api-listen-url=http://0.0.0.0:1"), "loopback", "warn")
        self.refused(self.run_member(environment={"ETCD_DATA_DIR": "/x"}), "conflicting environment variable", "warn")
        # No matter of usage, as to etcd.
        for argument, words in (("--auto-compaction-retention=xx", 'parsing CompactionRetention: time: invalid duration "xx"'),
                                ("--auto-compaction-mode=xx", 'unknown auto-compaction-mode "xx"'),
                                ("--config-file=" + self.folder, f"read {self.folder}: is a directory")):
            self.assertEqual(self.refused(self.run_member(argument), words, "warn").returncode, 1)
        log = os.path.join(self.folder, "none", "log")
        refused = self.refused(self.run_member("--log-outputs=" + log), f'open sink "{log}": open {log}: no such file or directory')
        self.assertEqual(refused.returncode, 1)
        self.assertFalse(os.path.exists(os.path.dirname(log)))
        self.assertFalse(os.path.exists(self.data), "a refused start left a data-dir behind")

    def test_controllers_verb_wants_right_flags(self):
        done = subprocess.run([BINARY, "controllers", "--sever=x"], capture_output=True, text=True, timeout=30, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertTrue(done.stderr.strip())

    def test_foreign_data_dirs(self):
        for name in ("member/snap/db", "member/wal/0000000000000000-0000000000000000.wal"):
            os.makedirs(os.path.dirname(os.path.join(self.data, name)), exist_ok=True)
            with open(os.path.join(self.data, name), "wb") as f:
                f.write(b"\0" * 64)
        before = sorted(os.listdir(os.path.join(self.data, "member")))
        self.refused(self.run_member(), f"pintle snapshot restore {self.data}/member/snap/db")
        self.assertEqual(sorted(os.listdir(os.path.join(self.data, "member"))), before)
        shutil.rmtree(self.data)
        os.makedirs(self.data)
        with open(os.path.join(self.data, "holiday.jpg"), "wb") as f:
            f.write(b"x")
        self.refused(self.run_member(), "holiday.jpg")

    def test_data_dir_that_cannot_be_made(self):
        with open(self.data, "w", encoding="utf-8") as f:
            f.write("a file")
        self.refused(self.run_member(), self.data)


class RunningServer(ClusterTest):
    members = 1

    def port(self):
        return self.cluster.layout["client"][0]

    def tearDown(self):
        self.assertEqual(self.cluster.etcdctl("put", "alive", "yes").stdout, "OK\n", "the server does not go on")
        self.assertIsNotNone(self.cluster.members[0].pid())

    def run_second(self, arguments):
        return subprocess.run(arguments, capture_output=True, text=True, timeout=30, check=False)

    def test_second_process_on_the_same_data_dir(self):
        peer, client, api = deploy.free_ports(3)
        arguments = [a.replace(str(self.cluster.layout["client"][0]), str(client))
                     .replace(str(self.cluster.layout["api"][0]), str(api)) for a in self.cluster.member_arguments(0)]
        done = self.run_second(arguments)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("another process", done.stderr.strip().splitlines()[-1])

    def test_port_in_use(self):
        folder = tempfile.mkdtemp(prefix="pintle-e2e-")
        self.addCleanup(shutil.rmtree, folder)
        arguments = [a.replace(self.cluster.data_dir(0), folder + "/d") for a in self.cluster.member_arguments(0)]
        done = self.run_second(arguments)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("address already in use", done.stderr.strip().splitlines()[-1])

    def grpc(self, path, message):
        """One unary call by curl over h2c; (grpc-status, grpc-message) as the server put them.

        Without a message for methods that answer without reading it: curl forgets an answer that comes while it sends."""
        with tempfile.NamedTemporaryFile() as f:
            body = ["-X", "POST"]
            if message is not None:
                f.write(struct.pack(">BI", 0, len(message)) + message)
                f.flush()
                body = ["--data-binary", "@" + f.name]
            done = subprocess.run(
                ["curl", "-sS", "-i", "--http2-prior-knowledge", "-H", "content-type: application/grpc", "-H",
                 "te: trailers", *body, "-o", "-", "--max-time", "10", f"http://127.0.0.1:{self.port()}{path}"],
                capture_output=True, timeout=30, check=False)
        text = done.stdout.decode(errors="replace").lower()
        headers = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
        return headers.get("grpc-status", "").strip(), headers.get("grpc-message", "").strip()

    def test_malformed_protobuf(self):
        for garbage in (b"\xff\xff\xff\xff", b"\x0a\x7f", b"\x0b", os.urandom(64)):
            status, _ = self.grpc("/etcdserverpb.KV/Put", garbage)
            self.assertIn(status, ("13", "3"), garbage)

    def test_unknown_methods_and_services(self):
        self.assertEqual(self.grpc("/etcdserverpb.KV/Putt", None)[0], "12")
        self.assertEqual(self.grpc("/no.Such/Thing", None)[0], "12")
        self.assertEqual(self.grpc("/etcdserverpb.Auth/UserListt", None)[0], "12")

    def test_oversize_requests(self):
        done = self.cluster.etcdctl("put", "big", stdin="x" * (1572864 + 10), check=False)
        self.assertIn("request is too large", done.stderr)
        done = self.cluster.etcdctl("put", "bigger", stdin="x" * (3 << 20), check=False)
        self.assertIn("larger than max", done.stderr)

    def test_noise_on_the_port(self):
        for noise in (b"\0" * 100, b"GET", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", b"\x16\x03\x01" + os.urandom(200),
                      b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + os.urandom(500)):
            with socket.create_connection(("127.0.0.1", self.port()), timeout=5) as s:
                s.sendall(noise)

    def api(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.cluster.layout["api"][0], timeout=10)
        connection.request(method, path, body=body, headers={"Content-Type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text) if text.startswith(b"{") else text

    def test_bad_json_and_bad_requests(self):
        path = "/api/v1/namespaces/default/configmaps"
        cases = [("POST", path, "{not json", 400), ("POST", path, '{"kind":"Secret","apiVersion":"v1"}', 400),
                 ("POST", path, "{}", 422), ("POST", path, "[" * 20000, 400),
                 ("POST", path, '{"metadata":{"name":"UPPER"}}', 422), ("GET", path + "/none", None, 404),
                 ("PUT", path, "{}", 405), ("GET", "/apis/none/v1/things", None, 404),
                 ("GET", path + "?labelSelector=a%20%20b", None, 400), ("GET", path + "?limit=x", None, 400),
                 ("GET", path + "?continue=garbage", None, 400), ("POST", path, "x" * (4 << 20), 413)]
        for method, where, body, code in cases:
            status, answer = self.api(method, where, body)
            self.assertEqual(status, code, f"{method} {where} {(body or '')[:40]}: {answer}")
            if isinstance(answer, dict):
                self.assertEqual(answer["kind"], "Status")
                self.assertEqual(answer["code"], code)

    def test_unsupported_media_types(self):
        path = "/api/v1/namespaces/default/configmaps"
        self.assertEqual(self.api("POST", path, "x", {"Content-Type": "text/plain"})[0], 415)
        self.assertEqual(self.api("GET", path, None, {"Accept": "text/csv"})[0], 406)


if __name__ == "__main__":
    main()
