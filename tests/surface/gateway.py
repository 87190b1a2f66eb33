"""The JSON gateway: every path with a good request, with none, with what is no request, with unknown and mistyped fields,
numbers and enums in both spellings; the shape of errors; tokens; the first lines of streams."""

import json

from comparison import read
from pair import ask, first_lines

A, B = "Z3cvYQ==", "Z3cvYg=="
# In order: what is good, by path. Both stores have the same history afterwards.
GOOD = [
    ("kv/put", {"key": A, "value": "MQ==", "lease": "0", "prev_kv": True, "ignore_value": False, "ignore_lease": False}),
    ("kv/range", {"key": A, "range_end": B, "limit": "1", "revision": "0", "sort_order": "ASCEND", "sort_target": "KEY",
                  "serializable": True, "keys_only": False, "count_only": False, "min_mod_revision": "0"}),
    ("kv/deleterange", {"key": B, "range_end": "", "prev_kv": True}),
    ("kv/txn", {"compare": [{"result": "EQUAL", "target": "VERSION", "key": A, "version": "1"}],
                "success": [{"request_range": {"key": A}}], "failure": [{"request_put": {"key": B, "value": A}}]}),
    ("kv/compaction", {"revision": "1", "physical": True}),
    ("lease/grant", {"TTL": "1000", "ID": "41"}),
    ("lease/timetolive", {"ID": "41", "keys": True}),
    ("kv/lease/timetolive", {"ID": "41", "keys": True}),
    ("lease/leases", {}),
    ("kv/lease/leases", {}),
    ("lease/keepalive", {"ID": "41"}),
    ("lock/lock", {"name": "Z3dsb2Nr", "lease": "41"}),
    ("lock/unlock", {"key": "Z3dsb2NrLzI5"}),
    ("election/campaign", {"name": "Z3dlbGVjdA==", "lease": "41", "value": "MQ=="}),
    ("election/leader", {"name": "Z3dlbGVjdA=="}),
    ("election/proclaim", {"leader": {"name": "Z3dlbGVjdA==", "key": "Z3dlbGVjdC8yOQ==", "rev": "1", "lease": "41"}}),
    ("election/resign", {"leader": {"name": "Z3dlbGVjdA==", "key": "Z3dlbGVjdC8yOQ==", "rev": "1", "lease": "41"}}),
    ("lease/revoke", {"ID": "41"}),
    ("kv/lease/revoke", {"ID": "41"}),
    ("cluster/member/list", {"linearizable": True}),
    ("cluster/member/add", {"peerURLs": ["bad"], "isLearner": True}),
    ("cluster/member/remove", {"ID": "7"}),
    ("cluster/member/update", {"ID": "7", "peerURLs": ["http://127.0.0.1:7"]}),
    ("cluster/member/promote", {"ID": "7"}),
    ("maintenance/alarm", {"action": "GET", "memberID": "0", "alarm": "NONE"}),
    ("maintenance/status", {}),
    ("maintenance/defragment", {}),
    ("maintenance/hash", {}),
    ("maintenance/hashkv", {"revision": "0"}),
    ("maintenance/transfer-leadership", {"targetID": "7"}),
    ("maintenance/downgrade", {"action": "VALIDATE", "version": "9.9"}),
    ("auth/status", {}),
    ("auth/enable", {}),
    ("auth/authenticate", {"name": "u", "password": "p"}),
    ("auth/user/add", {"name": "u", "password": "p", "options": {"no_password": False}}),
    ("auth/user/get", {"name": "u"}),
    ("auth/user/list", {}),
    ("auth/user/changepw", {"name": "u", "password": "q"}),
    ("auth/role/add", {"name": "r"}),
    ("auth/role/grant", {"name": "r", "perm": {"permType": "READWRITE", "key": A, "range_end": B}}),
    ("auth/role/get", {"role": "r"}),
    ("auth/role/list", {}),
    ("auth/user/grant", {"user": "u", "role": "r"}),
    ("auth/user/revoke", {"name": "u", "role": "r"}),
    ("auth/role/revoke", {"role": "r", "key": A, "range_end": B}),
    ("auth/role/delete", {"role": "r"}),
    ("auth/user/delete", {"name": "u"}),
    ("auth/disable", {}),
]
# Streams, with how many lines are looked at.
STREAMS = [
    ("watch", {"create_request": {"key": A, "filters": ["NOPUT"], "start_revision": "0"}}, 1),
    ("watch", {"create_request": {"key": A, "start_revision": "1"}}, 1),
    ("watch", {"create_request": {"key": A, "start_revision": "2"}}, 2),
    ("watch", {"cancel_request": {"watch_id": "5"}, "unknown": {}}, 0),
    ("lease/keepalive", {"ID": "41"}, 1),
    ("lease/keepalive", {"ID": "99999"}, 1),
    ("election/observe", {"name": "Z3dub25l"}, 0),
]
WRONG_TYPES = ({}, [], "no base64 \u2713", 5, -1, 1.5, True, "5", 1e300, None)
NOT_REQUESTS = ("", "{", "}", "[]", "null", "nonsense", "5", '"text"', '{"a":1}{"b":2}', "{} x", '{"nothing":[{"a":{}}]}', " ",
                "{\"a\":1,}", "\ufeff{}", "{'a':1}")
# Paths whose other fields are then missing, which adds members and names of a server's own choice, or waits, or ends 3.4.
NOT_MISTYPED = {"lease/grant", "cluster/member/add", "lock/lock", "election/campaign", "auth/role/grant"}
# A number that is none of the enum's ends etcd (tests/differential/crashes.cc).
NOT_ASKED = {("maintenance/alarm", "action"), ("kv/range", "sort_target")}
HEADERS = ("content-type", "grpc-metadata-content-type", "www-authenticate")
METHODS = ("GET", "HEAD", "PUT", "DELETE", "PATCH")


def headers_of(headers):
    return {name: headers[name] for name in HEADERS if name in headers}


def compare_post(comparison, pair, path, body, note="", headers=lambda _: None):
    answers = pair.of_both(lambda side: ask(side.client, "POST", "/v3/" + path, body, headers(side)))
    comparison.same_answers(f"gateway {path} {body!r}{note}", answers, headers_of)


def compare_good(comparison, pair):
    for path, fields in GOOD:
        compare_post(comparison, pair, path, json.dumps(fields))
        for method in METHODS:
            answers = pair.of_both(lambda side, path=path, method=method: ask(side.client, method, "/v3/" + path))
            comparison.same_answers(f"gateway {method} {path}", answers, headers_of)


def compare_mistyped(comparison, pair):
    for path, fields in GOOD:
        for field in fields:
            for value in WRONG_TYPES:
                if (path, field) in NOT_ASKED or path in NOT_MISTYPED:
                    continue
                compare_post(comparison, pair, path, json.dumps({field: value}))
    for path in ("kv/range", "kv/put", "lease/revoke", "auth/user/get", "maintenance/alarm"):
        for body in NOT_REQUESTS:
            compare_post(comparison, pair, path, body)
    for body in ('{"keyy":"YQ=="}', '{"rangeEnd":"YQ==","key":"YQ=="}', '{"KEY":"YQ=="}', '{"key":"YQ=="}', '{"key":"YQ"}',
                 '{"key":"-_-_"}', '{"key":"+/+/"}', '{"key":"YQ==","key":"Yg=="}', '{"key":"YQ==","sort_order":2}',
                 '{"key":"YQ==","sort_order":"DESCEND"}', '{"key":"YQ==","sort_order":"2"}', '{"key":"YQ==","sort_order":"descend"}',
                 '{"key":"YQ==","sort_order":77}', '{"key":"YQ==","limit":1}', '{"key":"YQ==","limit":"1"}', '{"key":"YQ==","limit":1.0}',
                 '{"key":"YQ==","limit":"0x1"}', '{"key":"YQ==","limit":"1e1"}', '{"key":"YR=="}', '{"key":"YQ==","limit":9223372036854775808}',
                 '{"key":"YQ==","limit":"9223372036854775807"}', '{"key":"YQ==","revision":-1}'):
        compare_post(comparison, pair, "kv/range", body)


def compare_streams(comparison, pair):
    for path, fields, count in STREAMS:
        answers = pair.of_both(lambda side, path=path, fields=fields, count=count: first_lines(
            side.client, "/v3/" + path, json.dumps(fields), count, timeout=2))
        comparison.same(f"gateway stream {path} {json.dumps(fields)}",
                        *((status, kind, [read(line) for line in lines]) for status, kind, lines in answers))
    snapshots = pair.of_both(lambda side: first_lines(side.client, "/v3/maintenance/snapshot", "{}", 1))
    comparison.same("gateway stream maintenance/snapshot line", *([read(line) for line in one[2]] for one in snapshots))


def compare_auth(comparison, pair):
    """Users and tokens, on; and off again."""
    for path, body in (("auth/user/add", '{"name":"root","password":"p"}'), ("auth/role/add", '{"name":"root"}'),
                       ("auth/user/grant", '{"user":"root","role":"root"}'), ("auth/enable", "{}")):
        compare_post(comparison, pair, path, body)
    tokens = pair.of_both(lambda side: json.loads(ask(
        side.client, "POST", "/v3/auth/authenticate", '{"name":"root","password":"p"}').body).get("token"))
    own = dict(zip((side.client for side in pair.sides), tokens))
    for form in ("", "nonsense", "{token}", "Bearer {token}", "bearer {token}", "Basic cm9vdDpw", "{token} "):
        for path in ("kv/range", "auth/status", "maintenance/status", "cluster/member/list", "auth/user/list"):
            body = json.dumps({"key": A} if path == "kv/range" else {})
            compare_post(comparison, pair, path, body, f" Authorization {form!r}", lambda side, form=form: {
                "Authorization": form.format(token=own[side.client])} if form else None)
    ended = pair.of_both(lambda side: ask(side.client, "POST", "/v3/auth/disable", "{}", {"Authorization": own[side.client]}))
    comparison.same("gateway auth/disable status", *(one.status for one in ended))


def compare(comparison, pair, _):
    compare_good(comparison, pair)
    compare_mistyped(comparison, pair)
    compare_streams(comparison, pair)
    compare_auth(comparison, pair)
