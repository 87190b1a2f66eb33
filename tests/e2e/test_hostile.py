#!/usr/bin/env python3
"""Hostile clients against a running member (the list of reference/reliability.md, H1 to H7 and H13 to H18): the right
code or a closed connection, bounded memory, and other clients that notice nothing."""

import http.client
import json
import os
import random
import socket
import struct
import threading
import time

import http2
from harness import ClusterTest, deploy, main
from http2 import CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PRIORITY, RST_STREAM, SETTINGS
from http2 import WINDOW_UPDATE, Connection, frame

MOST_GROWTH_KB = 96 << 10
# What a connection may leave unsent (net/http2_session.h): kMaxUnsentAnswerBytes beside the largest answer, and one more;
# 64 KiB are on their way to the socket, and an open stream takes 2 KiB.
ROOM_KB = 1 << 10
# What all connections together may (net/backlog.h): the limit, and for each a share and one small answer.
BACKLOG_KB = 256 << 10
SHARE_KB = 2 * 64
SLOWEST_PUT = 2.0  # seconds, on a machine that is busy with other tests


def put(key, value=b"v"):
    return b"\x0a" + bytes([len(key)]) + key + b"\x12" + bytes([len(value)]) + value


class Hostile(ClusterTest):
    members = 1

    def setUp(self):
        self.port = self.cluster.layout["client"][0]
        self.pid = self.cluster.members[0].pid()
        self.before = self.rss()

    def tearDown(self):
        """After each attack: the same process, not much larger, and it serves."""
        self.assertEqual(self.cluster.members[0].pid(), self.pid, "the member has gone")
        self.assert_others_are_served()
        self.eventually("memory to be given back", lambda: self.rss() - self.before < MOST_GROWTH_KB, 20)

    @staticmethod
    def range_call(stream):
        return (frame(HEADERS, END_HEADERS, stream, http2.head("/etcdserverpb.KV/Range"))
                + frame(DATA, END_STREAM, stream, http2.message(b"\x0a\x03big")))

    def settle(self):
        """Until the process grows no more."""
        sizes = [self.rss()]
        self.eventually("memory to stay as it is", lambda: sizes.append(self.rss()) or len(sizes) > 4 and
                        max(sizes[-4:]) - min(sizes[-4:]) < 64, 20)

    def rss(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as f:
            return int(next(line for line in f if line.startswith("VmRSS")).split()[1])

    def assert_others_are_served(self):
        start = time.monotonic()
        with Connection(self.port) as victim:
            victim.call(1, "/etcdserverpb.KV/Put", put(b"victim"))
            self.assertEqual(self.status(victim), b"0")
        self.assertLess(time.monotonic() - start, SLOWEST_PUT)

    def assert_a_flood_of_streams_is_ended(self, streams, second_frame):
        """Opens streams, each followed by `second_frame` of it, until the server has had enough."""
        with Connection(self.port) as c:
            for first in range(1, streams, 2000):
                burst = b"".join(frame(HEADERS, END_HEADERS, s, http2.head("/etcdserverpb.Watch/Watch"))
                                 + second_frame(s) for s in range(first, first + 2000, 2))
                if not c.send(burst):
                    break
            self.assert_others_are_served()
            self.assertTrue(c.is_closed())

    # H1
    def test_rapid_reset_by_the_client(self):
        self.assert_a_flood_of_streams_is_ended(60001, lambda s: frame(RST_STREAM, 0, s, struct.pack(">I", 8)))

    def test_resets_that_the_server_is_made_to_send(self):
        self.assert_a_flood_of_streams_is_ended(20001, lambda s: frame(WINDOW_UPDATE, 0, s, struct.pack(">I", 0)))

    # H2
    def test_continuation_flood(self):
        with Connection(self.port) as c:
            c.send(frame(HEADERS, 0, 1, http2.head("/x")))
            for _ in range(1000):
                if not c.send(frame(CONTINUATION, 0, 1, http2.field("a", "b" * 1000))):
                    break
            self.assertTrue(c.is_closed())

    # H3
    def test_hpack_bombs_and_nonsense(self):
        big = b"\x40" + http2.text("x") + http2.text("y" * 3900)  # goes into the table, then is named often
        for block in (http2.head("/x") + big + b"\xbe" * 15000, b"\xff\xff\xff\xff\xff\xff\x0f", b"\x3f\xe1\xff\x03" * 500,
                      b"\x80", b"\x00\xff" + b"\xff" * 5 + b"\x7f"):
            with Connection(self.port) as c:
                c.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block))
                c.send(frame(PING, 0, 0, b"12345678"))
                self.assertTrue(any(kind in (http2.RST_STREAM, http2.GOAWAY) for kind, *_ in c.frames()), block[:20])

    # H4
    def test_floods_of_small_frames(self):
        floods = {
            "settings": frame(SETTINGS), "ping": frame(PING, 0, 0, b"12345678"),
            "priority": frame(PRIORITY, 0, 1, b"\0\0\0\0\x10"), "empty data": frame(DATA, 0, 1),
            "window": frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0)),
        }
        for name, one in floods.items():
            with self.subTest(name), Connection(self.port) as c:
                c.send(frame(HEADERS, END_HEADERS, 1, http2.head("/etcdserverpb.KV/Put")))
                for _ in range(100):
                    if not c.send(one * 1000):
                        break
                self.assert_others_are_served()

    def test_ping_flood_is_sent_away_in_grpcs_words(self):
        with Connection(self.port) as c:
            c.send(frame(PING, 0, 0, b"12345678") * 20)
            goaways = [payload for kind, _, _, payload in c.frames() if kind == http2.GOAWAY]
        self.assertEqual(len(goaways), 1)
        self.assertEqual(struct.unpack(">I", goaways[0][4:8])[0], 11)  # ENHANCE_YOUR_CALM
        self.assertTrue(goaways[0].endswith(b"too_many_pings"))

    def put_big(self, size=100000):
        with Connection(self.port) as c:
            c.call(1, "/etcdserverpb.KV/Put", b"\x0a\x03big\x12" + varint(size) + b"x" * size)
            self.assertEqual(self.status(c), b"0")

    def test_a_byte_at_a_time(self):
        self.put_big()
        with Connection(self.port) as c:
            c.send(frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0)) + self.range_call(1))
            for _ in range(20):
                c.send(frame(WINDOW_UPDATE, 0, 1, struct.pack(">I", 1)) * 500)
            self.assert_others_are_served()
            c.socket.settimeout(2)
            received = sum(len(payload) for kind, _, stream, payload in c.frames() if (kind, stream) == (DATA, 1))
        self.assertEqual(received, 10000)

    def test_clients_that_do_not_read(self):
        self.put_big()
        before = self.rss()
        silent = [Connection(self.port) for _ in range(20)]
        windows = frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 30)) + frame(SETTINGS, 0, 0,
                                                                              struct.pack(">HI", 4, 1 << 30))
        for c in silent:
            c.socket.settimeout(2)
            c.send(windows)
            for s in range(1, 401, 2):
                if not c.call(s, "/etcdserverpb.KV/Range", b"\x0a\x03big"):
                    break
        # The same, of clients that read but give the streams no window.
        closed = [Connection(self.port) for _ in range(20)]
        for c in closed:
            c.send(b"".join(self.range_call(s) for s in range(1, 401, 2)))
        self.assert_others_are_served()
        self.settle()
        self.assertLess(self.rss() - before, 40 * (ROOM_KB + 3 * 100 + 64 + 200 * 2))
        # One that begins to read after all gets everything.
        closed[0].send(windows)
        ended = 0
        for kind, flags, _, _ in closed[0].frames():
            ended += kind == HEADERS and flags & END_STREAM
            if ended == 200:
                break
        self.assertEqual(ended, 200)
        for c in silent + closed:
            c.socket.close()

    def test_many_clients_that_do_not_read(self):
        """Each of them within what one connection may; together three times the backlog."""
        self.put_big(1 << 20)
        before = self.rss()
        silent = [Connection(self.port) for _ in range(200)]
        for c in silent:
            c.send(b"".join(self.range_call(s) for s in range(1, 17, 2)))
        most = [before]
        start = time.monotonic()
        # Small answers come at once, a large one as soon as those that take nothing have been closed.
        ended = []
        with Connection(self.port) as large:
            large.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 30))
                       + frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 1 << 30)) + self.range_call(1))
            large.socket.settimeout(150)
            # As it comes: who takes next to nothing meanwhile is closed.
            reader = threading.Thread(target=lambda: ended.append(
                any(kind == HEADERS and flags & END_STREAM for kind, flags, _, _ in large.frames())))
            reader.start()
            while reader.is_alive():
                self.assert_others_are_served()
                most.append(self.rss())
        grown = max(most) - before
        print(f"200 silent clients: {grown >> 10} MiB more, a large answer after {time.monotonic() - start:.1f} s")
        self.assertEqual(ended, [True])
        self.assertLess(grown, BACKLOG_KB + len(silent) * SHARE_KB + (32 << 10))
        for c in silent:
            c.socket.close()

    def most_growth_for(self, seconds, before):
        """In KB, while others are served."""
        start, most = time.monotonic(), before
        while time.monotonic() - start < seconds:
            self.assert_others_are_served()
            most = max(most, self.rss())
            time.sleep(0.05)
        return most - before

    def test_many_clients_that_stream_and_do_not_read(self):
        for i in range(100):
            with Connection(self.port) as c:
                c.call(1, "/etcdserverpb.KV/Put", b"\x0a\x04s/%02d\x12" % i + varint(100000) + b"x" * 100000)
                self.assertEqual(self.status(c), b"0")
        before = self.rss()
        silent = [Connection(self.port) for _ in range(40)]
        for c in silent:
            for s in range(1, 41, 2):
                c.call(s, "/etcdserverpb.KV/RangeStream", b"\x0a\x02s/\x12\x02s0")
        grown = self.most_growth_for(3, before)
        print(f"800 streams on 40 connections: {grown >> 10} MiB more")
        self.assertLess(grown, BACKLOG_KB + len(silent) * (SHARE_KB + (1 << 10)) + (32 << 10))  # and a piece of 1 MiB
        for c in silent:
            c.socket.close()

    def test_many_clients_that_do_not_end_their_requests(self):
        before = self.rss()
        silent = [Connection(self.port) for _ in range(40)]
        body = http2.message(b"\x12" + varint(1000000) + b"q" * 1000000)[:990000]
        for c in silent:
            for s in range(1, 41, 2):
                if not c.send(frame(HEADERS, END_HEADERS, s, http2.head("/etcdserverpb.KV/Put")) + b"".join(
                        frame(DATA, 0, s, body[at:at + 16384]) for at in range(0, len(body), 16384))):
                    break
        grown = self.most_growth_for(2, before)
        print(f"800 half requests on 40 connections: {grown >> 10} MiB more")
        self.assertLess(grown, BACKLOG_KB + len(silent) * SHARE_KB + (32 << 10))
        for c in silent:
            c.socket.close()

    def put_config_maps(self, count, size):
        def long(tag, value):
            return tag + varint(len(value)) + value
        for first in range(0, count, 100):
            puts = b""
            for i in range(first, first + 100):
                key = f"/registry/configmaps/default/m{i}".encode()
                value = json.dumps({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": f"m{i}"},
                                    "data": {"k": "x" * size}}, separators=(",", ":")).encode()
                puts += long(b"\x12", long(b"\x12", long(b"\x0a", key) + long(b"\x12", value)))
            with Connection(self.port) as c:
                c.call(1, "/etcdserverpb.KV/Txn", puts)
                self.assertEqual(self.status(c), b"0")

    def test_many_clients_that_list_and_do_not_read(self):
        """Lists of 20 MiB, whole, by HTTP/1.1 and HTTP/2: eighty of them are six times the backlog."""
        self.put_config_maps(2000, 10000)
        api, path = self.cluster.layout["api"][0], "/api/v1/namespaces/default/configmaps"
        list_bytes = 2000 * 10000
        ask = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()

        def read_whole(seconds):
            with socket.create_connection(("127.0.0.1", api), timeout=seconds) as s:
                s.sendall(ask.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
                return sum(len(piece) for piece in iter(lambda: s.recv(1 << 20), b""))
        self.assertGreater(read_whole(10), list_bytes)
        before = self.rss()
        silent = []
        for _ in range(40):
            s = socket.create_connection(("127.0.0.1", api), timeout=10)
            s.sendall(ask)
            silent.append(s)
            c = Connection(api)
            c.send(frame(HEADERS, END_HEADERS | END_STREAM, 1,
                         http2.head(path, method="GET", content_type="application/json")))
            silent.append(c.socket)
        start = time.monotonic()
        most = before
        while time.monotonic() - start < 5:
            self.assert_others_are_served()
            most = max(most, self.rss())
            time.sleep(0.05)
        received = read_whole(150)  # once those that take nothing have been closed
        most = max(most, self.rss())
        print(f"80 silent lists: {most - before >> 10} MiB more, a list after {time.monotonic() - start:.1f} s")
        self.assertGreater(received, list_bytes)
        # The limit, two lists that grow, and one that each I/O thread (there are four at most) has just made.
        self.assertLess(most - before, BACKLOG_KB + len(silent) * SHARE_KB + 6 * (list_bytes >> 10) + (32 << 10))
        for s in silent:
            s.close()

    # H5
    def test_bad_grpc(self):
        cases = {
            "length": (struct.pack(">BI", 0, 0xffffffff), (), b"8"),
            "compressed": (struct.pack(">BI", 1, 3) + b"abc", (), b"13"),
            "format": (struct.pack(">BI", 7, 3) + b"abc", (), b"13"),
            "encoding": (http2.message(b""), (("grpc-encoding", "gzip"),), b"12"),
            "deadline": (http2.message(b""), (("grpc-timeout", "1X"),), b"13"),
            "nothing": (b"", (), b"13"),
            "two": (http2.message(put(b"a")) * 2, (), b"0"),  # the first is the one
        }
        for name, (data, more, status) in cases.items():
            with self.subTest(name), Connection(self.port) as c:
                c.send(frame(HEADERS, END_HEADERS, 1, http2.head("/etcdserverpb.KV/Put", more))
                       + frame(DATA, END_STREAM, 1, data))
                self.assertEqual(self.status(c), status)
        with Connection(self.port) as c:
            c.call(1, "/etcdserverpb.KV/Nothing", b"")
            self.assertEqual(self.status(c), b"12")
        with Connection(self.port) as c:  # no body, and no end of the head either
            c.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, http2.head("/etcdserverpb.KV/Put")))
            self.assertEqual(self.status(c), b"13")
        with Connection(self.port) as c:  # without "te", as grpc-go takes it
            c.send(frame(HEADERS, END_HEADERS, 1, http2.head("/etcdserverpb.KV/Put").replace(
                http2.field("te", "trailers"), b"")) + frame(DATA, END_STREAM, 1, http2.message(put(b"a"))))
            self.assertEqual(self.status(c), b"0")
        with Connection(self.port) as c:  # after its end
            c.call(1, "/etcdserverpb.Watch/Watch", b"\x0a\x03\x0a\x01a")
            c.send(frame(DATA, 0, 1, http2.message(b"\x0a\x03\x0a\x01b")))
            self.assertTrue(any(kind in (RST_STREAM, http2.GOAWAY) for kind, *_ in c.frames()))
        with Connection(self.port) as c:  # not gRPC at all: HTTP
            c.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, http2.head("/etcdserverpb.KV/Put", content_type="x/y")))
            self.assertNotIn(b"CLOSED", c.answer(1))
        with Connection(self.port) as c:  # metadata without end
            many = [(f"k{i}", "v" * 50) for i in range(1000)]
            c.send(frame(HEADERS, 0, 1, http2.head("/etcdserverpb.KV/Put", many[:100])))
            for i in range(100, 1000, 100):
                c.send(frame(CONTINUATION, END_HEADERS if i == 900 else 0, 1,
                             b"".join(http2.field(n, v) for n, v in many[i:i + 100])))
            answer = c.answer(1)
            self.assertTrue(b"RST_STREAM" in answer or b"GOAWAY" in answer or b"CLOSED" in answer)

    @staticmethod
    def status(c):
        """The gRPC status of call 1; empty: there was none."""
        for kind, flags, stream, payload in c.frames():
            if stream != 1:
                continue
            if kind == HEADERS and http2.GRPC_STATUS in payload:
                at = payload.index(http2.GRPC_STATUS) + len(http2.GRPC_STATUS)
                return payload[at + 1:at + 1 + payload[at]]
            if flags & END_STREAM or kind == RST_STREAM:
                break
        return b""

    # H6
    def test_bad_protobuf(self):
        nested = b""
        for _ in range(3000):  # a transaction in a transaction in a …
            inner = b"\x12" + varint(len(nested) + 1 + len(varint(len(nested)))) + b"\x22" + varint(len(nested)) + nested
            nested = inner
            if len(nested) > 1 << 20:
                break
        cases = [b"\x0a", b"\x0a\xff", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", b"\x0b", b"\x0c", b"\xff" * 200,
                 b"\x0a\xff\xff\xff\xff\x0f", b"\x18" + b"\xff" * 9 + b"\x7f", os.urandom(300), b"\x0f"]
        for body in cases:
            for method in ("Put", "Range", "Txn", "DeleteRange"):
                with Connection(self.port) as c:
                    c.call(1, "/etcdserverpb.KV/" + method, body)
                    self.assertNotIn(self.status(c), (b"", b"2", b"14"), (method, body[:20]))
        with Connection(self.port) as c:
            c.call(1, "/etcdserverpb.KV/Txn", nested)
            self.assertIn(self.status(c), (b"3", b"13", b"8"))

    def test_odd_but_good_protobuf(self):
        unknown = b"\xaa\x06" + varint(1 << 20) + b"u" * (1 << 20)
        packed = b"\x0a" + bytes([8]) + b"\x0a\x01f" + b"\x2a\x01\x00" + b"\x28\x01"  # filters, either way
        cases = {"unknown fields": ("KV/Put", put(b"a") + unknown, b"0"),
                 "a field twice": ("KV/Put", put(b"a") + put(b"b"), b"0"),
                 "both of a oneof": ("KV/Txn", b"\x12\x0a\x0a\x03\x0a\x01a\x12\x03\x0a\x01b", b"0"),
                 "a name that is no text": ("Auth/RoleAdd", b"\x0a\x02\xff\xfe", b"13"),
                 "an overlong varint": ("Lease/LeaseGrant", b"\x08\x8a\x80\x80\x80\x00", b"0")}
        for name, (method, body, status) in cases.items():
            with self.subTest(name), Connection(self.port) as c:
                c.call(1, "/etcdserverpb." + method, body)
                self.assertEqual(self.status(c), status)
        with Connection(self.port) as c:
            c.call(1, "/etcdserverpb.Watch/Watch", packed, flags=0)
            self.assertTrue(any(kind == DATA and stream == 1 for kind, _, stream, _ in c.frames()))

    # H7: what etcd says to each of these is in the differential tests; here: nothing breaks.
    def test_nonsense_in_good_protobuf(self):
        source = random.Random(7)
        with Connection(self.port) as c:
            for i in range(300):
                body = b"".join(bytes([source.randrange(1, 16) << 3]) + varint(source.choice((0, 1, 2**63 - 1, 2**64 - 1)))
                                for _ in range(5))
                c.call(2 * i + 1, "/etcdserverpb." + source.choice((
                    "KV/Range", "KV/DeleteRange", "KV/Compact", "Lease/LeaseGrant", "Lease/LeaseRevoke",
                    "Lease/LeaseTimeToLive", "Maintenance/HashKV", "Cluster/MemberRemove")), body)

    # H13
    def test_tls_on_a_plain_port(self):
        for bytes_ in (b"\x16\x03\x01\x02\x00" + os.urandom(600), b"\x16\x03\x01" + b"\xff" * 1000):
            with Connection(self.port, hello=False) as c:
                c.send(bytes_)
                self.assertTrue(c.is_closed())

    # H15
    def test_nothing_that_is_sent_shapes_the_log(self):
        evil = "x\r\n\x1b[31m{\"level\":\"fatal\"}\u2028"
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as s:
            s.sendall(b"GET /" + evil.encode() + b" HTTP/1.1\r\nHost: " + evil.encode() + b"\r\n\r\n")
        with Connection(self.port) as c:
            c.call(1, "/etcdserverpb.KV/Put", put(evil.encode()), (("user-agent", "a\x1b[31m"),))
        with socket.create_connection(("127.0.0.1", self.cluster.layout["peer"][0]), timeout=10) as s:
            s.sendall(evil.encode() * 100)
        with open(self.cluster.members[0].log_file, encoding="utf-8") as f:
            for line in f:
                self.assertNotIn("\x1b", line)
                self.assertNotEqual(json.loads(line)["level"], "fatal")

    # H17
    def test_strangers_on_the_peer_port(self):
        peer = self.cluster.layout["peer"][0]
        for bytes_ in (b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n", b"GET " + b"/" * 8192, b"POST / HTTP/1.1\r\n", http2.PREFACE + frame(SETTINGS), os.urandom(4096),
                       b"\x16\x03\x01\x02\x00" + os.urandom(600), b"\0" * 4096, b"\xff" * 4096):
            with Connection(peer, hello=False) as c:
                c.send(bytes_)
                self.assertTrue(c.is_closed())
        silent = [socket.create_connection(("127.0.0.1", peer), timeout=10) for _ in range(200)]
        for s in silent:
            s.settimeout(10)
            try:
                self.assertEqual(s.recv(1), b"")  # closed in good time, or refused at once
            except ConnectionResetError:
                pass
            s.close()

    def test_large_heads_are_taken_and_too_large_ones_are_logged(self):
        def get(size):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            try:
                connection.request("GET", "/version", headers={"X-Large": "v" * size})
                return connection.getresponse().status
            finally:
                connection.close()

        self.assertEqual(get(1000 << 10), 200)
        self.assertEqual(get(1024 << 10), 431)
        with Connection(self.port) as c:  # what grpc-go sends for a token of 40 KiB, then one that is too large for nghttp2
            for stream, size, answer in ((1, 40 << 10, HEADERS), (3, 70 << 10, http2.GOAWAY)):
                block = http2.head("/version", method="GET", content_type="text/plain") + http2.field("authorization", "v" * size)
                c.send(frame(HEADERS, END_STREAM, stream, block[:16000]))
                for at in range(16000, len(block), 16000):
                    c.send(frame(CONTINUATION, END_HEADERS if at + 16000 >= len(block) else 0, stream, block[at:at + 16000]))
                self.assertTrue(any(kind == answer for kind, *_ in c.frames()))
        with open(self.cluster.members[0].log_file, encoding="utf-8") as f:
            lines = [json.loads(line) for line in f if '"rejected a request"' in line]
        self.assertEqual({line["level"] for line in lines}, {"warn"})
        errors = " ".join(line["error"] for line in lines)
        self.assertIn("larger than 1048576 bytes", errors)
        self.assertIn("larger than 64 KiB", errors)

    # H18
    def test_bodies_without_end(self):
        for path in ("/v3/kv/range", "/admin/members/replace", "/health"):
            with socket.create_connection(("127.0.0.1", self.port), timeout=10) as s:
                s.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
                end = time.monotonic() + 20
                ended = False
                while not ended and time.monotonic() < end:  # what comes after the refusal is read and forgotten
                    try:
                        s.sendall(b"100000\r\n" + b"x" * 0x100000 + b"\r\n")
                    except OSError:
                        ended = True
                self.assertTrue(ended, path)
        # A header without end.
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as s:
            try:
                s.sendall(b"GET / HTTP/1.1\r\n" + b"a: " + b"b" * (1 << 20))
                self.assertTrue(s.recv(100).startswith(b"HTTP/1.1 4"))
            except OSError:
                pass


def varint(value):
    out = b""
    while value >= 128:
        out += bytes([value % 128 + 128])
        value //= 128
    return out + bytes([value])


if __name__ == "__main__":
    main()
