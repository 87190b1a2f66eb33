"""The log of a run from start to SIGTERM, in zap's JSON: the shape of all lines, and those that tools wait for."""

import json
import re

from pair import deploy

# The lines by their messages; numbers in them are left out.
AWAITED = (
    "starting an etcd server", "configuring peer listeners", "configuring client listeners", "serving peer traffic",
    "serving metrics", "serving client traffic insecurely; this is strongly discouraged!",
    "published local member to cluster through raft", "set initial cluster version", "enabled capabilities for version",
    "ready to serve client requests", "now serving peer/client/metrics", "finished scheduled compaction",
    "received signal; shutting down", "closing etcd server", "closed etcd server")
TS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.(\d+)(Z|[+-]\d{4})")


def read(side):
    return [json.loads(line) for line in side.log() if line.startswith("{")]


def compare(comparison, pair, _):
    for side in pair.sides:
        deploy.wait_for(f"{side.process.name} to say that it serves", lambda side=side: any(
            line["msg"].startswith("serving client traffic") for line in read(side)))
    ends = pair.of_both(lambda side: side.stop())
    comparison.same("log end by SIGTERM", *ends)
    plain = pair.of_both(lambda side: [line for line in side.log() if not line.startswith("{")])
    comparison.same("log lines that are no JSON", *plain)
    logs = pair.of_both(read)
    comparison.same("log keys of every line", *({"level", "ts", "caller", "msg"} - set.intersection(*map(set, log)) for log in logs))
    comparison.same("log order of keys", *({tuple(key for key in line if key in ("level", "ts", "caller", "msg"))
                                            for line in log} for log in logs))
    comparison.same("log ts", *({len(TS.fullmatch(line["ts"])[1]) > 3 for line in log} for log in logs))
    comparison.same("log callers", *({re.sub(r"[\w./]+:\d+", "file:line", line["caller"]) for line in log} for log in logs))
    for message in AWAITED:
        lines = [next((line for line in log if line["msg"] == message), {}) for log in logs]
        comparison.same(f"log {message}: level", *(line.get("level") for line in lines))
        if lines[0] and lines[1]:
            comparison.same(f"log {message}: fields", *(sorted(line) for line in lines))
