#!/usr/bin/env python3
"""Hostile clients of authentication (H14 of reference/reliability.md): passwords of every size, names that are only
tried, tokens that should be dead, and signed tokens that nobody issued."""

import base64
import http.client
import json
import os
import statistics
import subprocess
import threading
import time

from harness import ClusterTest, main

FAILED = "authentication failed, invalid user ID or password"
BAD_TOKEN = "etcdserver: invalid auth token"
OLD = "etcdserver: revision of auth store is old"


class AuthTest(ClusterTest):
    members = 1

    def setUp(self):
        self.pid = self.cluster.members[0].pid()
        for path, body in (("user/add", {"name": "root", "password": "secret"}), ("role/add", {"name": "root"}),
                           ("user/grant", {"user": "root", "role": "root"}),
                           ("user/add", {"name": "ann", "password": "right"}), ("role/add", {"name": "all"}),
                           ("role/grant", {"name": "all", "perm": {"permType": "READWRITE", "key": "AA==",
                                                                   "range_end": "AA=="}}),
                           ("user/grant", {"user": "ann", "role": "all"}), ("enable", {})):
            self.must("/v3/auth/" + path, body)

    def tearDown(self):
        for user in ("ann", "root"):
            self.assertEqual(self.put(self.token(user, {"ann": "right", "root": "secret"}[user])), "")
        self.must("/v3/auth/disable", {}, self.root())
        for path, body in (("user/delete", {"name": "root"}), ("user/delete", {"name": "ann"}),
                           ("role/delete", {"role": "root"}), ("role/delete", {"role": "all"})):
            self.must("/v3/auth/" + path, body)
        self.assertEqual(self.cluster.members[0].pid(), self.pid, "the member has gone")

    def ask(self, path, body, token=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.cluster.layout["client"][0], timeout=30)
        text = body if isinstance(body, (str, bytes)) else json.dumps(body)
        try:
            connection.request("POST", path, body=text, headers={"Authorization": token} if token else {})
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text.startswith(b"{") else {"message": text.decode()}
        finally:
            connection.close()

    def must(self, path, body, token=None):
        status, answer = self.ask(path, body, token)
        self.assertEqual(status, 200, (path, body, answer))
        return answer

    def token(self, name, password):
        return self.must("/v3/auth/authenticate", {"name": name, "password": password})["token"]

    def root(self):
        """A token of now: a signed one ends with every change of users and roles."""
        return self.token("root", "secret")

    def put(self, token):
        """The error of a put by whom the token names; empty: none."""
        status, answer = self.ask("/v3/kv/put", {"key": "a2V5", "value": "dg=="}, token)
        return "" if status == 200 else answer["message"]

    def change_password(self, name, password):
        self.must("/v3/auth/user/changepw", {"name": name, "password": password}, self.root())


class SimpleTokens(AuthTest):
    def test_passwords_of_every_size(self):
        for wrong in ("", "x" * 72, "x" * 73, "x" * 1000000, "\0", "right\0", "righ", "\ud83d\ude00" * 100):
            status, answer = self.ask("/v3/auth/authenticate", {"name": "ann", "password": wrong})
            self.assertEqual((status, FAILED in answer["message"]), (400, True), (wrong[:20], answer))
        for name in ("", "x" * 1000000, "ann\0", "ANN"):
            status, answer = self.ask("/v3/auth/authenticate", {"name": name, "password": "right"})
            self.assertEqual((status, FAILED in answer["message"]), (400, True), (name[:20], answer))
        for refused in ("x" * 73, "x" * 1000000, "a\0b"):
            self.assertNotEqual(self.ask("/v3/auth/user/add", {"name": "eve", "password": refused}, self.root())[0], 200)
        self.assertEqual(self.ask("/v3/auth/user/add", {"name": "x" * 2000000, "password": "p"}, self.root())[0], 400)
        self.change_password("ann", "")  # as etcd: then none fits
        for wrong in ("", "right"):
            self.assertEqual(self.ask("/v3/auth/authenticate", {"name": "ann", "password": wrong})[0], 400)
        self.change_password("ann", "right")

    def test_the_time_does_not_tell_who_exists(self):
        def seconds(name):
            taken = []
            for _ in range(7):
                start = time.monotonic()
                self.assertEqual(self.ask("/v3/auth/authenticate", {"name": name, "password": "wrong"})[0], 400)
                taken.append(time.monotonic() - start)
            return statistics.median(taken)
        there, not_there = seconds("ann"), seconds("nobody")
        self.assertGreater(not_there, there / 3)
        self.assertLess(not_there, there * 3)

    def test_tokens_end_with_what_they_stood_for(self):
        token = self.token("ann", "right")
        self.assertEqual(self.put(token), "")
        self.change_password("ann", "right")
        self.assertEqual(self.put(token), BAD_TOKEN)
        token = self.token("ann", "right")
        self.must("/v3/auth/user/delete", {"name": "ann"}, self.root())
        self.assertEqual(self.put(token), BAD_TOKEN)
        self.must("/v3/auth/user/add", {"name": "ann", "password": "right"}, self.root())
        self.must("/v3/auth/user/grant", {"user": "ann", "role": "all"}, self.root())
        self.assertEqual(self.put(token), BAD_TOKEN)
        for bad in ("", "x", "x" * 8000, ".", "a.b", "a.18446744073709551616", "a.-1", token[:-1], token + "0"):
            self.assertIn(self.put(bad), (BAD_TOKEN, "etcdserver: user name is empty"), bad[:20])

    def test_a_flood_of_logins_holds_up_nobody_else(self):
        token = self.token("ann", "right")
        stop = time.monotonic() + 3
        refused = []

        def attack(name):
            while time.monotonic() < stop:
                refused.append(self.ask("/v3/auth/authenticate", {"name": name, "password": "guess"})[0])
        attackers = [threading.Thread(target=attack, args=(name,)) for name in ("ann", "nobody", "root", "") * 4]
        for attacker in attackers:
            attacker.start()
        slowest = 0.0
        while time.monotonic() < stop:
            start = time.monotonic()
            self.assertEqual(self.put(token), "")
            slowest = max(slowest, time.monotonic() - start)
        for attacker in attackers:
            attacker.join()
        self.assertLess(slowest, 2)
        self.assertTrue(refused)
        self.assertLessEqual(set(refused), {400, 429, 503})


def part(value):
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=")


class SignedTokens(AuthTest):
    @classmethod
    def setUpClass(cls):
        # The member's folder is made by the base class: the keys lie in one of their own.
        import tempfile
        keys = tempfile.TemporaryDirectory(prefix="pintle-e2e-")
        cls.addClassCleanup(keys.cleanup)
        cls.key = os.path.join(keys.name, "key")
        for arguments in (("genrsa", "-out", cls.key, "2048"), ("rsa", "-in", cls.key, "-pubout", "-out", cls.key + ".pub")):
            subprocess.run(["openssl", *arguments], check=True, capture_output=True)
        cls.extra = (f"--auth-token=jwt,priv-key={cls.key},pub-key={cls.key}.pub,sign-method=RS256,ttl=1h",
                     "--bcrypt-cost=4")
        super().setUpClass()

    def signed(self, head, claims):
        text = part(head) + b"." + part(claims)
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=text, check=True,
                                   capture_output=True).stdout
        return (text + b"." + part(signature)).decode()

    def claims(self):
        text = self.token("ann", "right").split(".")[1]
        return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))

    def test_what_nobody_issued(self):
        head, claims = {"alg": "RS256", "typ": "JWT"}, self.claims()
        self.assertEqual(self.put(self.signed(head, claims)), "")  # signed like this it would do
        root = {**claims, "username": "root"}
        good = self.signed(head, root).split(".")
        for algorithm in ("none", "None", "NONE", "HS256", "RS512", "", None, 7, [], {}):
            for signature in ("", good[2]):
                forged = b".".join((part({"alg": algorithm}), part(root), signature.encode())).decode()
                self.assertEqual(self.put(forged), BAD_TOKEN, forged)
        for forged in (".".join(good[:2]), ".".join(good[:2]) + ".", ".".join(good) + ".x", good[1], "..",
                       ".".join((good[0], self.token("ann", "right").split(".")[1], good[2]))):
            self.assertEqual(self.put(forged), BAD_TOKEN, forged)

    def test_fields_that_are_missing_or_wrong(self):
        head, claims = {"alg": "RS256", "typ": "JWT"}, self.claims()
        for name, values in (("username", (None, 1, [], {})), ("revision", (None, "1", -1, 1e300, [], True)),
                             ("exp", (0, -1, "soon", 1)), ("nbf", (1e12, "later"))):
            for value in values:
                bad = {**claims, name: value}
                if value is None:
                    del bad[name]
                self.assertEqual(self.put(self.signed(head, bad)), BAD_TOKEN, bad)
        for body in (b"", b"[]", b"null", b"{", b"\xff", b"{" * 2000):
            self.assertEqual(self.put(self.signed(head, body)), BAD_TOKEN, body[:10])
        self.assertNotEqual(self.put(self.signed(head, {**claims, "username": ""})), "")
        self.assertNotEqual(self.put(self.signed(head, {**claims, "username": "nobody"})), "")
        self.assertEqual(self.put(self.signed(head, {**claims, "revision": claims["revision"] - 1})), OLD)

    def test_tokens_end_with_what_they_stood_for(self):
        token = self.token("ann", "right")
        self.assertEqual(self.put(token), "")
        self.change_password("ann", "right")
        self.assertEqual(self.put(token), OLD)
        token = self.token("ann", "right")
        self.must("/v3/auth/user/delete", {"name": "ann"}, self.root())
        self.assertEqual(self.put(token), OLD)
        # With the revision of now it is still nobody's.
        newest = int(self.must("/v3/auth/status", {}, self.root())["authRevision"])
        ghost = self.signed({"alg": "RS256", "typ": "JWT"}, {"username": "ann", "revision": newest,
                                                             "exp": int(time.time()) + 60})
        self.assertNotIn(self.put(ghost), ("", OLD))
        self.must("/v3/auth/user/add", {"name": "ann", "password": "right"}, self.root())
        self.must("/v3/auth/user/grant", {"user": "ann", "role": "all"}, self.root())
        self.assertEqual(self.put(token), OLD)


del AuthTest  # it is a base, and no test

if __name__ == "__main__":
    main()
