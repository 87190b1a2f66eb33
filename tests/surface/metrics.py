"""Metrics: every family of etcd's is there, with its type, its help, the names of its labels and its buckets, after the
same work; and what can be counted was counted alike."""

import re

from pair import ask, deploy, first_lines

SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
SUFFIX = re.compile(r"_(bucket|sum|count)$")
# In order, on both.
WORK = [
    ("/v3/kv/put", '{"key":"bWV0cmljcy9h","value":"MQ=="}'),
    ("/v3/kv/put", '{"key":"bWV0cmljcy9h","value":"Mg=="}'),
    ("/v3/kv/put", '{"key":"bWV0cmljcy9i","value":"MzM="}'),
    ("/v3/kv/range", '{"key":"bWV0cmljcy9h"}'),
    ("/v3/kv/range", '{"key":"bWV0cmljcy9h","serializable":true}'),
    ("/v3/kv/range", '{"key":"bWV0cmljcy9h","revision":"99999"}'),
    ("/v3/kv/range", '{"key":""}'),
    ("/v3/kv/txn", '{"success":[{"requestPut":{"key":"bWV0cmljcy9j","value":"MQ=="}},{"requestRange":{"key":"eA=="}}]}'),
    ("/v3/kv/txn", '{"success":[{"requestRange":{"key":"eA=="}}]}'),
    ("/v3/kv/deleterange", '{"key":"bWV0cmljcy9i"}'),
    ("/v3/kv/deleterange", '{"key":"bm90aGluZw=="}'),
    ("/v3/lease/grant", '{"TTL":"100","ID":"77"}'),
    ("/v3/lease/grant", '{"TTL":"100","ID":"77"}'),
    ("/v3/lease/grant", '{"TTL":"5000","ID":"78"}'),
    ("/v3/lease/keepalive", '{"ID":"77"}'),
    ("/v3/lease/revoke", '{"ID":"77"}'),
    ("/v3/kv/put", '{"key":"bWV0cmljcy9k","value":"MQ==","lease":"78"}'),
    ("/v3/auth/user/add", '{"name":"u","password":"p"}'),
    ("/v3/auth/user/delete", '{"name":"u"}'),
    ("/v3/maintenance/status", "{}"),
    ("/v3/maintenance/hash", "{}"),
    ("/v3/maintenance/defragment", "{}"),
    ("/v3/nothing", "{}"),
]
# Families whose numbers are those of the work, and of nothing that a server does by itself.
COUNTED = re.compile(
    r"etcd_mvcc_(put|delete|txn|range)_total|etcd_debugging_mvcc_(keys|events|watcher|watch_stream|slow_watcher|pending_events)_total|"
    r"etcd_debugging_mvcc_(put|delete|txn|range)_total|etcd_debugging_mvcc_total_put_size_in_bytes|"
    r"etcd_debugging_mvcc_(current|compact)_revision|etcd_debugging_auth_revision|etcd_debugging_lease_\w+_total(_sum|_count|_bucket)?|"
    r"etcd_debugging_server_lease_expired_total|etcd_server_(has_leader|is_leader|is_learner|quota_backend_bytes|id)|"
    r"etcd_server_(proposals_failed_total|proposals_pending|read_indexes_failed_total|slow_read_indexes_total)|"
    r"etcd_server_(version|health_failures|heartbeat_send_failures_total|learner_promote_successes)|etcd_cluster_version|"
    r"etcd_disk_defrag_inflight|etcd_server_snapshot_apply_in_progress_total|etcd_network_known_peers|"
    r"grpc_server_(started|handled|msg_received|msg_sent)_total|grpc_server_handling_seconds_count|"
    r"etcd_disk_backend_snapshot_duration_seconds_count|etcd_disk_backend_defrag_duration_seconds_count|"
    r"etcd_server_client_requests_total")
ID_LABELS = {"server_id", "Local", "Remote", "To", "From"}


class Family:
    def __init__(self):
        self.type = None
        self.has_help = False
        self.labels = set()  # sorted names of each series
        self.buckets = set()
        self.values = {}  # (name, labels) → number


def parse(text):
    """name → Family"""
    families = {}
    for line in text.splitlines():
        if line.startswith("#"):
            _, what, name, rest = [*line.split(" ", 3), ""][:4]
            family = families.setdefault(name, Family())
            if what == "TYPE":
                family.type = rest
            family.has_help |= what == "HELP" and rest != ""
            continue
        match = SAMPLE.match(line)
        name = match[1]
        labels = dict(LABEL.findall(match[2] or ""))
        if "le" in labels:
            labels["le"] = str(float(labels["le"]))
        owner = name if name in families else SUFFIX.sub("", name)
        family = families.setdefault(owner, Family())
        if "le" in labels:
            family.buckets.add(float(labels["le"]))
        family.labels.add(tuple(sorted(label for label in labels if label != "le")))
        key = (name, *sorted((k, "id" if k in ID_LABELS else v) for k, v in labels.items()))
        family.values[key] = float(match[3])
    return families


def page(side):
    return parse(ask(side.client, "GET", "/metrics").body)


def watch_has_ended(families):
    handled = families["grpc_server_handled_total"].values
    ended = sum(value for key, value in handled.items() if ("grpc_method", "Watch") in key)
    streams = families["etcd_debugging_mvcc_watch_stream_total"].values
    return ended > 0 and not any(streams.values())


def work(side):
    for path, body in WORK:
        ask(side.client, "POST", path, body)
    first_lines(side.client, "/v3/watch", '{"create_request":{"key":"eA=="}}', 1)
    ask(side.client, "POST", "/v3/maintenance/snapshot", "{}")
    deploy.wait_for("the watch to end", lambda: watch_has_ended(page(side)))


def changed(before, after, name):
    """What the work added to counters; of gauges, what they are."""
    if after[name].type == "gauge":
        return {key: value for key, value in after[name].values.items() if COUNTED.fullmatch(key[0])}
    was = before[name].values if name in before else {}
    grown = {key: value - was.get(key, 0) for key, value in after[name].values.items() if COUNTED.fullmatch(key[0])}
    return {key: value for key, value in grown.items() if value != 0}


def compare(comparison, pair, _):
    before = pair.of_both(page)
    pair.of_both(work)
    ours, theirs = pair.of_both(page)
    elsewhere, _ = pair.of_both(lambda side: parse(ask(side.metrics, "GET", "/metrics").body))
    comparison.same("metrics of both ports", sorted(ours), sorted(elsewhere))
    for name in sorted(ours.keys() | theirs.keys()):
        comparison.same(f"metrics {name} there", name in ours, name in theirs)
        if name not in ours or name not in theirs:
            continue
        for what in ("type", "has_help", "labels", "buckets"):
            comparison.same(f"metrics {name} {what}", getattr(ours[name], what), getattr(theirs[name], what))
        counted = [changed(before[i], after, name) for i, after in enumerate((ours, theirs))]
        for key in sorted(counted[0].keys() | counted[1].keys(), key=str):
            labels = ",".join(f"{k}={v}" for k, v in key[1:])
            comparison.same(f"metrics {key[0]}{{{labels}}} value", counted[0].get(key, 0), counted[1].get(key, 0))
