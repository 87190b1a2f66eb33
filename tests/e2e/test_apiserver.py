#!/usr/bin/env python3
"""Connections as kube-apiserver has them (reference kube-api 18): one client for each resource, each with one watch
that is mostly idle, and a ping every now and then. What it asks over them: tests/etcd/apiserver_test.cc."""

import struct
import time

import http2
from harness import ClusterTest, main
from http2 import DATA, END_HEADERS, GOAWAY, HEADERS, PING, Connection, frame

CONNECTIONS = 100
LEAST_BETWEEN_PINGS = 0.5  # seconds: apiserver's 30 against etcd's 5, so that nobody has to wait for it


def varint(number):
    out = b""
    while number >= 128:
        out += bytes([number % 128 + 128])
        number //= 128
    return out + bytes([number])


def number_field(number, value):
    return varint(number << 3) + varint(value)


def bytes_field(number, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


class Client:
    """One connection with one watch of /registry/<resource>/."""

    def __init__(self, port, number):
        self.key = f"/registry/resource-{number:03}/"
        self.connection = Connection(port)
        self.connection.socket.settimeout(20)
        self.frames = self.connection.frames()
        self.messages = b""
        create = (bytes_field(1, self.key) + bytes_field(2, self.key[:-1] + "0") + number_field(3, 1)
                  + number_field(4, 1) + number_field(6, 1))  # start revision 1, progress_notify, prev_kv
        self.connection.send(frame(HEADERS, END_HEADERS, 1, http2.head("/etcdserverpb.Watch/Watch", (("hasleader", "true"),))))
        self.say(bytes_field(1, create))

    def say(self, request):
        self.connection.send(frame(DATA, 0, 1, http2.message(request)))

    def next(self):
        """("ping", its bytes) or ("message", a WatchResponse)."""
        while True:
            if len(self.messages) >= 5:
                size = struct.unpack(">I", self.messages[1:5])[0]
                if len(self.messages) >= 5 + size:
                    message, self.messages = self.messages[5:5 + size], self.messages[5 + size:]
                    return "message", message
            kind, flags, stream, payload = next(self.frames)
            if kind == GOAWAY:
                raise AssertionError(f"{self.key}: sent away: {payload}")
            if kind == PING and flags & 1:
                return "ping", payload
            if kind == DATA and stream == 1:
                self.messages += payload
                self.connection.send(frame(http2.WINDOW_UPDATE, 0, 0, struct.pack(">I", max(len(payload), 1))))

    def close(self):
        self.connection.socket.close()


class ApiserverTest(ClusterTest):
    members = 1
    extra = (f"--grpc-keepalive-min-time={LEAST_BETWEEN_PINGS}s",)

    def setUp(self):
        port = int(self.cluster.client_url(0).rsplit(":", 1)[1])
        self.clients = [Client(port, number) for number in range(CONNECTIONS)]
        for client in self.clients:
            self.addCleanup(client.close)
        for client in self.clients:
            what, message = client.next()
            self.assertEqual(what, "message")
            self.assertIn(number_field(3, 1), message, "created")

    def test_pings_on_idle_watches_are_answered_and_the_watches_go_on(self):
        for round_ in range(4):
            for number, client in enumerate(self.clients):
                client.connection.send(frame(PING, payload=struct.pack(">II", round_, number)))
            for number, client in enumerate(self.clients):
                self.assertEqual(client.next(), ("ping", struct.pack(">II", round_, number)))
            time.sleep(LEAST_BETWEEN_PINGS)  # that is what a well-behaved client does
        for client in self.clients:
            self.cluster_put(client.key + "a", "value of " + client.key)
        for client in self.clients:
            what, message = client.next()
            self.assertEqual(what, "message")
            self.assertIn(bytes_field(5, "value of " + client.key), message)
        # ConsistentListFromCache, on all of them at once: what they hear is the newest revision.
        for client in self.clients:
            client.say(bytes_field(3, b""))
        for client in self.clients:
            what, message = client.next()
            self.assertEqual(what, "message")
            self.assertIn(number_field(2, 2**64 - 1), message, "watch id -1")
            self.assertIn(number_field(3, CONNECTIONS + 1), message, "the header's revision")

    def cluster_put(self, key, value):
        with_one = self.clients[0].connection  # any connection takes calls beside its watch
        self.calls = getattr(self, "calls", 1) + 2
        with_one.call(self.calls, "/etcdserverpb.KV/Put", bytes_field(1, key) + bytes_field(2, value))


if __name__ == "__main__":
    main()
