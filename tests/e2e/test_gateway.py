#!/usr/bin/env python3
"""The JSON gateway, and through it locks and elections: on every member, and answer by answer beside a real etcd 3.5."""

import http.client
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

from harness import ROOT, ClusterTest, deploy, main, wait_for
from websocket import CLOSE, PING, PONG, WebSocket


def post(url, path, body, timeout=20, headers=None):
    """(status, text, headers)"""
    request = urllib.request.Request(url + path, data=body.encode(), headers=headers or {}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers


class Etcd:
    """One real etcd on free ports."""

    def __init__(self, folder):
        tools = subprocess.run([os.path.join(ROOT, "deploy", "fetch-etcd"), "3.5"], check=True, capture_output=True,
                               text=True).stdout.strip()
        client, peer = deploy.free_ports(2)
        self.url = f"http://127.0.0.1:{client}"
        self.peer_url = f"http://127.0.0.1:{peer}"
        with open(os.path.join(folder, "etcd.log"), "wb") as log:
            self.process = subprocess.Popen(
                [os.path.join(tools, "etcd"), "--data-dir=" + os.path.join(folder, "etcd"),
                 "--listen-client-urls=" + self.url, "--advertise-client-urls=" + self.url,
                 f"--listen-peer-urls=http://127.0.0.1:{peer}", "--log-level=error",
                 f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
                 f"--initial-cluster=default=http://127.0.0.1:{peer}"], stdout=log, stderr=log)
        wait_for("etcd", lambda: deploy.http_get(self.url + "/health")[0] == 200)

    def stop(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


# What differs between two clusters, and only that.
UNEQUAL = [(re.compile(r'"(cluster_id|member_id|raft_term|memberID)":"\d+",?'), ""),
           (re.compile(r'"error":"(?:[^"\\]|\\.)*",'), ""),  # v1 of the gateway has it, v2 has not: we give both
           (re.compile(r",}"), "}")]


def comparable(text):
    """Without the white space that etcd's gateway puts in at its whim, and without ids."""
    lines = []
    for line in text.splitlines():
        try:
            line = json.dumps(json.loads(line), separators=(",", ":"), ensure_ascii=False)
        except ValueError:
            pass
        for pattern, replacement in UNEQUAL:
            line = pattern.sub(replacement, line)
        lines.append(line)
    return lines


# In order, on an empty store.
SAME = [
    ("/v3/kv/put", '{"key":"YQ==","value":"MQ=="}'),
    ("/v3/kv/put", '{"key":"YQ==","value":"Mg==","prev_kv":true}'),
    ("/v3/kv/put", '{"key":"Yg==","value":"Mg==","nothing":[1,{"a":null}]}'),
    ("/v3/kv/put", '{"key":"Yg==","lease":"77"}'),
    ("/v3/kv/put", '{"key":"Yg==","ignore_value":true,"value":"MQ=="}'),
    ("/v3/kv/put", '{"value":"MQ=="}'),
    ("/v3/kv/range", '{"key":"YQ=="}'),
    ("/v3/kv/range", '{"key":"YQ==","range_end":"eg==","sort_order":"DESCEND","sort_target":"MOD"}'),
    ("/v3/kv/range", '{"key":"YQ==","rangeEnd":"eg==","sortOrder":2,"limit":1}'),
    ("/v3/kv/range", '{"key":"YQ==","rangeEnd":"eg==","countOnly":true,"limit":"1"}'),
    ("/v3/kv/range", '{"key":"YQ==","revision":"99"}'),
    ("/v3/kv/range", '{"key":"YQ==","sort_order":"NOTHING"}'),
    ("/v3/kv/range", '{"key":"YQ==","limit":1e2}'),
    ("/v3/kv/range", '{"key":"YQ"}'),
    ("/v3/kv/range", '{"key":"__--"}'),
    ("/v3/kv/range", '{"key":"YQ=="} x'),
    ("/v3/kv/range", ''),
    ("/v3/kv/range", '{'),
    ("/v3beta/kv/range", '{"key":"YQ=="}'),
    ("/v3alpha/kv/range", '{"key":"YQ=="}'),
    ("/v3/kv/nothing", '{}'),
    ("/v3/watch/", '{}'),
    ("/v3/", '{}'),
    ("/v3/kv/txn", '{"compare":[{"target":"VERSION","key":"YQ==","version":"2"}],'
                   '"success":[{"requestPut":{"key":"YQ==","value":"Mw==","prevKv":true}},'
                   '{"request_range":{"key":"YQ=="}},{"requestDeleteRange":{"key":"Yg==","prevKv":true}}]}'),
    ("/v3/kv/txn", '{"compare":[{"result":"GREATER","target":"MOD","key":"YQ==","modRevision":"99"}],'
                   '"failure":[{"requestTxn":{"success":[{"requestRange":{"key":"YQ==","range_end":"AA=="}}]}}]}'),
    ("/v3/kv/txn", '{"success":[{"requestPut":{"key":"YQ=="}},{"requestPut":{"key":"YQ=="}}]}'),
    ("/v3/kv/deleterange", '{"key":"YQ==","range_end":"AA==","prev_kv":true}'),
    ("/v3/kv/compaction", '{"revision":"4"}'),
    ("/v3/kv/compaction", '{"revision":"4"}'),
    ("/v3/kv/compaction", '{"revision":"99"}'),
    ("/v3/kv/range", '{"key":"YQ==","revision":"2"}'),
    ("/v3/lease/grant", '{"TTL":"100","ID":"31"}'),
    ("/v3/lease/grant", '{"TTL":"100","ID":"31"}'),
    ("/v3/lease/grant", '{"TTL":"100","ID":"32"}'),
    ("/v3/lease/leases", '{}'),
    ("/v3/kv/lease/leases", '{}'),
    ("/v3/lease/keepalive", '{"ID":"31"}{"ID":99}'),
    ("/v3/lease/timetolive", '{"ID":"99","keys":true}'),
    ("/v3/kv/lease/timetolive", '{"ID":"99"}'),
    ("/v3/lease/revoke", '{"ID":"99"}'),
    ("/v3/lock/lock", '{"name":"bA==","lease":"31"}'),
    ("/v3/lock/lock", '{"name":"bA==","lease":"99"}'),
    ("/v3/lock/unlock", '{"key":"bC8xZg=="}'),
    ("/v3/lock/unlock", '{}'),
    ("/v3/election/leader", '{"name":"ZQ=="}'),
    ("/v3/election/campaign", '{"name":"ZQ==","lease":"31","value":"MQ=="}'),
    ("/v3/election/campaign", '{"name":"ZQ==","lease":"31","value":"Mg=="}'),
    ("/v3/election/leader", '{"name":"ZQ=="}'),
    ("/v3/election/proclaim", '{"leader":{"name":"ZQ==","key":"ZS8xZg==","rev":"11","lease":"31"},"value":"Mw=="}'),
    ("/v3/election/proclaim", '{"leader":{"name":"ZQ==","key":"ZS8xZg==","rev":"1","lease":"31"},"value":"NA=="}'),
    ("/v3/election/proclaim", '{}'),
    ("/v3/election/resign", '{"leader":{"name":"ZQ==","key":"ZS8xZg==","rev":"1","lease":"31"}}'),
    ("/v3/election/resign", '{"leader":{"name":"ZQ==","key":"ZS8xZg==","rev":"11","lease":"31"}}'),
    ("/v3/election/resign", '{}'),
    ("/v3/lease/revoke", '{"ID":"31"}'),
    ("/v3/maintenance/alarm", '{}'),
    ("/v3/maintenance/alarm", '{"action":"ACTIVATE","memberID":"5","alarm":"NOSPACE"}'),
    ("/v3/maintenance/alarm", '{"action":"GET"}'),
    ("/v3/kv/put", '{"key":"YQ==","value":"MQ=="}'),
    ("/v3/maintenance/alarm", '{"action":"DEACTIVATE","memberID":"5","alarm":1}'),
    ("/v3/maintenance/transfer-leadership", '{"targetID":"1"}'),
    ("/v3/cluster/member/remove", '{"ID":"5"}'),
    ("/v3/cluster/member/update", '{"ID":"5","peerURLs":["http://127.0.0.1:1"]}'),
    ("/v3/cluster/member/add", '{"peerURLs":["x"]}'),
]

HTTP = [("GET", path) for path in (
    "/health", "/health?serializable=true", "/health?exclude=NOSPACE", "/livez", "/livez?verbose", "/livez/serializable_read",
    "/livez/nothing", "/readyz", "/readyz?verbose", "/readyz/data_corruption", "/readyz/linearizable_read",
    "/readyz/non_learner", "/readyz?verbose&exclude=linearizable_read", "/readyz?exclude=nothing", "/v2/keys", "/",
    "/debug/pprof/", "/debug/requests", "/members", "/nothing")] + [
    (method, path) for method in ("POST", "HEAD") for path in ("/health", "/livez", "/readyz", "/version", "/nothing")]

# Refused by both with the same status and code; the wording of what is wrong with the JSON is Go's and not copied.
REFUSED = [
    ("/v3/kv/range", '{"key":5}'), ("/v3/kv/range", "[]"), ("/v3/kv/range", "null"),
    ("/v3/kv/range", '{"limit":"x"}'), ("/v3/kv/range", '{"limit":1.5}'), ("/v3/kv/range", '{"serializable":"true"}'),
    ("/v3/kv/range", "{'key':'YQ=='}"), ("/v3/kv/range", '{"key":{}}'), ("/v3/election/observe", '{"name":}'),
]


class BesideEtcd(ClusterTest):
    members = 1

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.etcd_folder = tempfile.mkdtemp(prefix="pintle-e2e-etcd-")
        cls.addClassCleanup(shutil.rmtree, cls.etcd_folder, ignore_errors=True)
        cls.etcd = Etcd(cls.etcd_folder)
        cls.addClassCleanup(cls.etcd.stop)

    def both(self, path, body, headers=None):
        return [post(url, path, body, headers=headers) for url in (self.cluster.client_url(0), self.etcd.url)]

    def test_1_answers_are_equal(self):
        for path, body in SAME:
            with self.subTest(path=path, body=body):
                ours, theirs = self.both(path, body)
                self.assertEqual(comparable(ours[1]), comparable(theirs[1]))
                self.assertEqual(ours[0], theirs[0])
                for name in ("Content-Type", "Grpc-Metadata-Content-Type", "Access-Control-Allow-Origin",
                             "Access-Control-Allow-Methods", "Access-Control-Allow-Headers"):
                    self.assertEqual(ours[2].get_all(name), theirs[2].get_all(name), name)

    def test_2_what_is_no_request(self):
        for path, body in REFUSED:
            with self.subTest(path=path, body=body):
                ours, theirs = self.both(path, body)
                self.assertEqual(ours[0], theirs[0])
                self.assertEqual(json.loads(ours[1])["code"], json.loads(theirs[1])["code"])

    def test_3_methods_and_headers(self):
        for headers in ({"Grpc-Timeout": "5x"}, {"Grpc-Metadata-hasleader": "true"}, {"Content-Type": "text/plain"}):
            ours, theirs = self.both("/v3/kv/range", '{"key":"YQ=="}', headers)
            self.assertEqual((ours[0], comparable(ours[1])), (theirs[0], comparable(theirs[1])), headers)
        for method in ("GET", "PUT", "HEAD", "OPTIONS"):
            answers = []
            for url in (self.cluster.client_url(0), self.etcd.url):
                connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
                connection.request(method, "/v3/kv/range")
                answer = connection.getresponse()
                answers.append((answer.status, comparable(answer.read().decode())))
                connection.close()
            self.assertEqual(answers[0], answers[1], method)

    def test_4_watch(self):
        lines = []
        for url in (self.cluster.client_url(0), self.etcd.url):
            post(url, "/v3/kv/put", '{"key":"dw==","value":"MA=="}')
            with Lines(url, "/v3/watch", '{"create_request":{"key":"dw==","prev_kv":true}}') as watch:
                got = watch.next(1)
                post(url, "/v3/kv/put", '{"key":"dw==","value":"MQ=="}')
                post(url, "/v3/kv/deleterange", '{"key":"dw=="}')
                lines.append(comparable("\n".join(got + watch.next(2))))
        without = [[re.sub(r'"(create_|mod_|)revision":"\d+"', "", line) for line in each] for each in lines]
        self.assertEqual(without[0], without[1])
        self.assertIn('"created":true', lines[0][0])
        self.assertIn('"type":"DELETE"', lines[0][2])

    def sockets(self, path, headers=None):
        """One to each of both."""
        opened = [WebSocket(url, path, headers) for url in (self.cluster.client_url(0), self.etcd.url)]
        for one in opened:
            self.addCleanup(one.socket.close)
        return opened

    def test_4_websockets_answer_as_etcds(self):
        for path, body in (("/v3/kv/put", '{"key":"d3M=","value":"MQ=="}'), ("/v3/kv/range", '{"key":"d3M="}'),
                           ("/v3/kv/range", '{"key":""}'), ("/v3/nothing", "{}"),
                           ("/v3/lease/keepalive", '{"ID":"77"}'), ("/v3/watch", '{"create_request":{"key":"d3M="}}')):
            with self.subTest(path=path, body=body):
                answers = []
                for one in self.sockets(path):
                    self.assertEqual(one.status, 101)
                    one.send(body)
                    answers.append(re.sub(r'"(create_|mod_|)revision":"\d+"', "", comparable(one.message())[0]))
                self.assertEqual(answers[0], answers[1])
        for headers in ({"Sec-WebSocket-Version": "12"}, {"Sec-WebSocket-Key": "short"}):
            ours, theirs = self.sockets("/v3/watch", headers)
            self.assertEqual((ours.status, ours.headers["sec-websocket-version"]), (400, "13"))
            self.assertEqual((theirs.status, theirs.headers["sec-websocket-version"]), (400, "13"))

    def test_4_websocket_messages_are_one_stream(self):
        """A value that goes on in the next message, as etcd takes it: each message has a line break behind it."""
        key = '{"create_request":{"key":"d3M="}}'
        for path, pieces, answers in (
                ("/v3/kv/range", ['{"key":"d3M=",', '"limit":1}'], 1), ("/v3/kv/range", ["", '{"key":', '"d3M="}'], 1),
                ("/v3/kv/range", ['{"key":"d3M="}', '{"key":"d3M="}'], 1),
                ("/v3/watch", [key[:18], key[18:]], 1), ("/v3/watch", [key + key[:-1], "  ", "}" + key], 3),
                ("/v3/lease/keepalive", ['{"ID":', '"77"}{"ID":', '78}'], 2)):
            with self.subTest(path=path, pieces=pieces):
                both = []
                for one in self.sockets(path):
                    for piece in pieces:
                        one.send(piece)
                    got = [comparable(one.message())[0] for _ in range(answers)]
                    both.append([re.sub(r'"(create_|mod_|)revision":"\d+"', "", line) for line in got])
                self.assertEqual(both[0], both[1])
        for path, pieces in (("/v3/kv/range", ['{"key":"d3', 'M="}']), ("/v3/kv/range", ['{"key":"d3M=","limit":1', '0}'])):
            with self.subTest(path=path, pieces=pieces):
                codes = []
                for one in self.sockets(path):
                    for piece in pieces:
                        one.send(piece)
                    codes.append(json.loads(one.message())["code"])
                self.assertEqual(codes, [3, 3])
        with WebSocket(self.cluster.client_url(0), "/v3/watch") as watch:  # no value is larger than a body may be
            watch.send('{"create_request":{"key":"')
            for _ in range(3):
                watch.send("QUFB" * (1 << 18))
            self.assertIn("etcdserver: request is too large", watch.message())
            self.assertEqual(watch.frame()[0], CLOSE)

    def test_4_a_watch_over_a_websocket(self):
        url = self.cluster.client_url(0)
        with WebSocket(url, "/v3/watch") as watch:
            watch.send('{"create_request":{"key":"d3c="}}')
            watch.send('{"create_request":{"key":"d3g="}}')
            self.assertEqual([json.loads(watch.message())["result"].get("watch_id", "0") for _ in range(2)], ["0", "1"])
            for each in (url, self.etcd.url):  # whose revisions are compared
                post(each, "/v3/kv/put", '{"key":"d3g=","value":"' + "QUFB" * 30000 + '"}')
            event = json.loads(watch.message())["result"]
            self.assertEqual((event["watch_id"], event["events"][0]["kv"]["value"]), ("1", "QUFB" * 30000))
            watch.send(b"are you there?", PING)
            self.assertEqual(watch.frame(), (PONG, b"are you there?"))
            watch.send('{"cancel_request":{"watch_id":"1"}}')
            self.assertTrue(json.loads(watch.message())["result"]["canceled"])
            watch.send(struct.pack(">H", 1000), CLOSE)
            self.assertEqual(watch.frame(), (CLOSE, struct.pack(">H", 1000)))
        with WebSocket(url, "/v3/watch") as watch:
            watch.send("no JSON")
            self.assertEqual(json.loads(watch.message())["error"]["code"], 3)
            self.assertEqual(watch.frame()[0], CLOSE)
        with WebSocket(url, "/v3/watch") as watch:
            watch.send(b" " * (4 << 20))
            self.assertEqual(watch.frame(), (CLOSE, struct.pack(">H", 1009)))
        self.eventually("no watch to be left", lambda: "\netcd_debugging_mvcc_watch_stream_total 0\n" in deploy.http_get(
            url + "/metrics")[1])

    def test_5_auth(self):
        """In both: users, roles and rights, with the token in the Authorization header."""
        tokens = ["", ""]

        def ask(path, body, headers=None):
            with self.subTest(path=path, body=body):
                answers = []
                for i, url in enumerate((self.cluster.client_url(0), self.etcd.url)):
                    given = {name: value.replace("TOKEN", tokens[i]) for name, value in (headers or {}).items()}
                    answers.append(post(url, path, body, headers=given))
                if path.endswith("authenticate") and answers[0][0] == 200:
                    for i, answer in enumerate(answers):
                        tokens[i] = json.loads(answer[1])["token"]
                    return
                self.assertEqual(comparable(answers[0][1]), comparable(answers[1][1]))
                self.assertEqual(answers[0][0], answers[1][0])
        mine = {"Authorization": "TOKEN"}
        ask("/v3/auth/authenticate", '{"name":"root","password":"p"}')
        ask("/v3/auth/enable", "{}")
        ask("/v3/auth/user/add", '{"name":"root","password":"p"}')
        ask("/v3/auth/user/add", '{"name":"root","password":"p"}')
        ask("/v3/auth/role/add", '{"name":"root"}')
        ask("/v3/auth/user/grant", '{"user":"root","role":"root"}')
        ask("/v3/auth/user/add", '{"name":"u","password":"p"}')
        ask("/v3/auth/role/add", '{"name":"r"}')
        ask("/v3/auth/role/grant", '{"name":"r","perm":{"permType":"READWRITE","key":"YQ==","range_end":"Yg=="}}')
        ask("/v3/auth/user/grant", '{"user":"u","role":"r"}')
        ask("/v3/auth/role/get", '{"role":"r"}')
        ask("/v3/auth/user/get", '{"name":"u"}')
        ask("/v3/auth/user/list", "{}")
        ask("/v3/auth/status", "{}")
        ask("/v3/auth/enable", "{}")
        ask("/v3/kv/put", '{"key":"YWE=","value":"MQ=="}')
        ask("/v3/kv/put", '{"key":"YWE=","value":"MQ=="}', {"Authorization": "nonsense"})
        ask("/v3/auth/authenticate", '{"name":"u","password":"wrong"}')
        ask("/v3/auth/authenticate", '{"name":"u","password":"p"}')
        ask("/v3/kv/put", '{"key":"YWE=","value":"MQ=="}', mine)
        ask("/v3/kv/put", '{"key":"eA==","value":"MQ=="}', mine)
        ask("/v3/kv/range", '{"key":"YWE="}', mine)
        ask("/v3/kv/range", '{"key":"YWE=","range_end":"eg=="}', mine)
        ask("/v3/lock/lock", '{"name":"eA=="}', mine)
        # etcd itself takes the "Bearer" for a part of its simple tokens, and no such token by this way.
        for given in ({"Sec-WebSocket-Protocol": "Bearer, " + tokens[0]}, {"Cookie": "a=b; token=" + tokens[0]}):
            with WebSocket(self.cluster.client_url(0), "/v3/kv/range", given) as one:
                one.send('{"key":"YWE="}')
                self.assertIn('"kvs":[', one.message())
        for one in self.sockets("/v3/kv/range"):
            one.send('{"key":"YWE="}')
            self.assertIn("user name is empty", one.message())
        ask("/v3/auth/disable", "{}", mine)
        ask("/v3/auth/authenticate", '{"name":"root","password":"p"}')
        ask("/v3/auth/disable", "{}", mine)
        ask("/v3/kv/range", '{"key":"YWE="}')

    def test_6_plain_http(self):
        for method, path in HTTP:
            with self.subTest(method=method, path=path):
                answers = []
                for url in (self.cluster.client_url(0), self.etcd.url):
                    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
                    connection.request(method, path)
                    answer = connection.getresponse()
                    headers = [answer.headers[name] for name in ("Content-Type", "X-Content-Type-Options", "Allow")]
                    answers.append((answer.status, sorted(answer.read().decode().splitlines()), headers))
                    connection.close()
                self.assertEqual(answers[0], answers[1])


    def test_pages_of_the_peer_port(self):
        def ask(url, path, method="GET"):
            try:
                with urllib.request.urlopen(urllib.request.Request(url + path, method=method), timeout=10) as answer:
                    return answer.status, answer.read().decode(), answer.headers
            except urllib.error.HTTPError as error:
                return error.code, error.read().decode(), error.headers

        ours = f"http://127.0.0.1:{self.cluster.layout['peer'][0]}"
        for path in ("/version", "/members"):
            own, etcds = ask(ours, path), ask(self.etcd.peer_url, path)
            self.assertEqual((own[0], own[2]["Content-Type"]), (etcds[0], etcds[2]["Content-Type"]))
            self.assertEqual(own[1][-1], etcds[1][-1])  # a line break, or none
        self.assertEqual(ask(ours, "/version")[1], ask(self.cluster.client_url(0), "/version")[1])
        members = json.loads(ask(ours, "/members")[1])
        self.assertEqual([list(each) for each in members], [list(each) for each in json.loads(etcds[1])] * len(members))
        told = json.loads(self.cluster.etcdctl("member", "list", "-w", "json").stdout)
        self.assertEqual([(each["id"], each["name"], each["peerURLs"], each["clientURLs"]) for each in members],
                         [(each["ID"], each["name"], each["peerURLs"], each["clientURLs"]) for each in told["members"]])
        self.assertEqual(ask(ours, "/members")[2]["X-Etcd-Cluster-ID"], f"{told['header']['cluster_id']:x}")
        for path, method in (("/version", "POST"), ("/members", "PUT"), ("/health", "GET"), ("/members/", "GET")):
            own, etcds = ask(ours, path, method), ask(self.etcd.peer_url, path, method)
            self.assertEqual(own[:2], etcds[:2])
            for name in ("Content-Type", "Content-Length", "X-Content-Type-Options", "Allow"):
                self.assertEqual(own[2][name], etcds[2][name], (path, name))


class Lines:
    """A streaming answer, line by line."""

    def __init__(self, url, path, body):
        self.connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
        self.connection.request("POST", path, body)
        self.answer = None  # its head comes with the first line

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.answer is not None:
            self.answer.close()
        self.connection.close()

    def next(self, count):
        if self.answer is None:
            self.answer = self.connection.getresponse()
        return [self.answer.readline().decode().strip() for _ in range(count)]


class Asking(threading.Thread):
    """A request that may take its time."""

    def __init__(self, url, path, body):
        super().__init__(daemon=True)
        self.arguments = (url, path, body)
        self.answer = None
        self.start()

    def run(self):
        self.answer = post(*self.arguments, timeout=60)


class OnEveryMember(ClusterTest):
    def ask(self, member, path, body):
        status, text, _ = post(self.cluster.client_url(member), path, body)
        self.assertEqual(status, 200, text)
        return json.loads(text)

    def lease(self, seconds, number):
        self.ask(0, "/v3/lease/grant", json.dumps({"TTL": seconds, "ID": number}))

    def test_lock_passes_from_member_to_member(self):
        self.lease(60, 11)
        self.lease(60, 12)
        first = self.ask(0, "/v3/lock/lock", '{"name":"bQ==","lease":"11"}')
        self.assertEqual(first["key"], "bS9i")
        second = Asking(self.cluster.client_url(1), "/v3/lock/lock", '{"name":"bQ==","lease":"12"}')
        time.sleep(0.3)
        self.assertIsNone(second.answer)
        self.ask(2, "/v3/lock/unlock", '{"key":"bS9i"}')
        second.join(10)
        self.assertEqual(json.loads(second.answer[1])["key"], "bS9j")

    def test_a_client_that_goes_leaves_the_queue(self):
        self.lease(60, 21)
        self.lease(60, 22)
        self.ask(0, "/v3/lock/lock", '{"name":"Zw==","lease":"21"}')
        connection = http.client.HTTPConnection(self.cluster.client_url(1).removeprefix("http://"), timeout=20)
        connection.request("POST", "/v3/lock/lock", '{"name":"Zw==","lease":"22"}')
        count = '{"key":"Zy8=","range_end":"ZzA=","count_only":true}'
        self.eventually("two keys", lambda: self.ask(2, "/v3/kv/range", count)["count"] == "2", 10)
        connection.close()
        self.eventually("one key", lambda: self.ask(2, "/v3/kv/range", count)["count"] == "1", 10)

    def test_an_expired_leader_is_followed_by_the_next(self):
        self.lease(2, 31)
        self.lease(60, 32)
        with Lines(self.cluster.client_url(2), "/v3/election/observe", '{"name":"eA=="}') as observer:
            self.ask(0, "/v3/election/campaign", '{"name":"eA==","lease":"31","value":"MQ=="}')
            second = Asking(self.cluster.client_url(1), "/v3/election/campaign",
                            '{"name":"eA==","lease":"32","value":"Mg=="}')
            seen = [json.loads(line)["result"]["kv"]["value"] for line in observer.next(2)]
            self.assertEqual(seen, ["MQ==", "Mg=="])
            second.join(10)
            self.assertEqual(json.loads(second.answer[1])["leader"]["key"], "eC8yMA==")

    def test_the_leader_of_the_cluster_is_killed_while_somebody_waits(self):
        self.lease(60, 41)
        self.lease(60, 42)
        leader = self.leader()
        others = [i for i in range(3) if i != leader]
        self.ask(others[0], "/v3/lock/lock", '{"name":"ag==","lease":"41"}')
        second = Asking(self.cluster.client_url(others[1]), "/v3/lock/lock", '{"name":"ag==","lease":"42"}')
        time.sleep(0.3)
        self.kill9(leader)
        self.addCleanup(self.cluster.members[leader].start)
        self.eventually("an unlock", lambda: post(self.cluster.client_url(others[0]), "/v3/lock/unlock",
                                                  '{"key":"ai8yOQ=="}')[0] == 200, 20)
        second.join(20)
        self.assertEqual(json.loads(second.answer[1])["key"], "ai8yYQ==")


if __name__ == "__main__":
    main()
