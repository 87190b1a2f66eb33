"""What differs between Pintle and the real etcds, and why. A row that nothing is found for is a failure."""

import re
from dataclasses import dataclass
from typing import Callable, Optional

ENDED = re.compile(r"--election-timeout\[\d+ms\] should be at least as 5 times as --heartbeat-interval\[\d+ms\]")


@dataclass(frozen=True)
class Difference:
    what: str  # a regular expression for the names of what was compared
    releases: str
    why: str
    when: Optional[Callable] = None  # of (ours, theirs): what exactly the difference is


def without(value, key):
    return {name: each for name, each in value.items() if name != key}


def body_without(key):
    """Our body has it and is equal otherwise."""
    return lambda ours, theirs: {**ours, "body": without(ours["body"], key)} == theirs


def statuses(our_status, their_status):
    return lambda ours, theirs: (ours["status"], theirs["status"]) == (our_status, their_status)


def is_escaping(ours, theirs):
    kind = ours.get("content-type", "") + "; escaping=underscores"
    return {**ours, "content-type": kind} == theirs


def has_more_of_go(ours, theirs):
    return all(set(ours["body"][key]) <= set(theirs["body"][key]) for key in ("memstats", "raft.status"))


def of_answers(check):
    return lambda ours, theirs: isinstance(ours, dict) and check(ours, theirs)


def of_results(check):
    return lambda ours, theirs: isinstance(ours, tuple) and check(ours, theirs)


@of_answers
def is_old_code(ours, theirs):
    return {**ours, "status": 412} == theirs and ours["status"] == 400


def is_no_request(answer):
    return isinstance(answer["body"], dict) and answer["body"].get("message") == "(no request)"


@of_answers
def is_no_request_to_one(ours, theirs):
    return is_no_request(ours) or is_no_request(theirs)


@of_answers
def is_not_found(_, theirs):
    return theirs["status"] == 404


@of_answers
def is_without_authenticate(ours, theirs):
    return without(ours, "www-authenticate") == theirs


@of_results
def theirs_goes_on(ours, theirs):
    return ours[0] in (1, 2) and ENDED.fullmatch(theirs[1])


@of_results
def ours_goes_on(ours, theirs):
    return theirs[0] in (1, 2) and ENDED.fullmatch(ours[1])


@of_results
def says_more(ours, theirs):
    return ours[0] == theirs[0] and ours[1].startswith(theirs[1]) or theirs[1].startswith(ours[1])


@of_results
def is_yaml(ours, theirs):
    return ours[0] == theirs[0] and theirs[1].startswith(("error unmarshaling", "error converting"))


@of_results
def is_not_built(ours, _):
    return ours[0] == 1 and "is unimplemented" in ours[1]


HTTP = [
    Difference(r"http client GET /version( .*|\?.*)?", "3.4 3.5", "3.6 and we say the version of the storage, too",
               body_without("storage")),
    Difference(r"http (client|metrics) [A-Z]+ /metrics.*", "3.5", "a parameter that Prometheus' newer library adds", is_escaping),
    Difference(r"http client GET /debug/vars", "3.4 3.5", "Go's memory, and raft's progress of each member: not here", has_more_of_go),
    Difference(r"http error twice", "3.5", "3.4 says an error as error and message, 3.5's library as message only; we as both"),
    Difference(r"http client GET /health without leader", "3.4 3.5",
               "etcd does not answer clients before it has had a leader, we say what is wrong", statuses(503, 0)),
    Difference(r"http (client|metrics) [A-Z]+ /(livez|readyz).*", "3.4", "3.4.23 has no probes, later ones do",
               lambda ours, theirs: theirs["status"] == 404),
    Difference(r"http (client|metrics) GET /(h|%68)ealth.*", "3.4", "3.4 says no reason, 3.5 and we do", body_without("reason")),
    Difference(r"http metrics GET /health\?serializable=true without leader", "3.4", "3.4 asks for a leader all the same",
               statuses(200, 503)),
    Difference(r"http client POST /v3/kv/range", "3.4", "3.4's gateway announces a trailer that does not come",
               lambda ours, theirs: {**ours, "trailer": "Grpc-Trailer-Content-Type"} == theirs),
    Difference(r"http client POST /v3/maintenance/alarm .*", "3.4", "3.4 leaves the header of AlarmResponse away",
               body_without("header")),
    Difference(r"http client GET /config/local/log", "3.4", "3.4's log levels by package, gone since", statuses(404, 405)),
    Difference(r"http client [A-Z]+ /v3(beta)?/.*", "3.4", "what 3.4's gateway says of no such path or method is text",
               lambda ours, theirs: (ours["status"], theirs["status"]) in ((404, 404), (501, 405))),
    Difference(r"http raw (no Host|unknown method) (status|body)", "3.4 3.5",
               "the parser of our HTTP refuses a method that is not registered, and says Bad Request in fewer words"),
    Difference(r"http raw without TLS status", "3.4 3.5", "we say that it wants HTTPS, as Go does elsewhere; etcd closes",
               lambda _, theirs: theirs == ""),
    Difference(r"http raw HTTP/1.0 status", "3.4 3.5", "we answer HTTP/1.0 as HTTP/1.1, as RFC 9110 allows"),
    Difference(r"http peer .*", "3.4 3.5", "our port for members closes after an answer to whom is none; 3.6's fields",
               lambda ours, theirs: {**theirs, "connection": "close"} == {**ours, "body": without(ours["body"], "storage")}
               if isinstance(ours["body"], dict) else {**theirs, "connection": "close"} == ours),
]

GATEWAY = [
    Difference(r"gateway error twice", "3.5", "3.4 says an error as error and message, 3.5's library as message only; we as both"),
    Difference(r"gateway maintenance/status .*", "3.4 3.5", "3.6 and we tell the quota, the storage's version and the downgrade",
               lambda ours, theirs: theirs["status"] == 200 and set(theirs["body"]) < set(ours["body"])),
    Difference(r"gateway maintenance/hashkv .*", "3.5", "3.6 and we tell the revision of the hash", body_without("hash_revision")),
    Difference(r"gateway stream maintenance/snapshot line", "3.4 3.5",
               "3.6 and we tell the version of the storage; we send the file in more pieces"),
    Difference(r"gateway lease/keepalive .*", "3.5",
               "what is no request ends the stream without a word and with 200; we say what is wrong", statuses(400, 200)),
    Difference(r"gateway kv/range '.*\"key\":.*\"key\":.*'", "3.5", "a field twice is refused; we take the last, as 3.4", statuses(200, 400)),
    Difference(r"gateway kv/range '.*(\"sort_order\":77|\"limit\":\"1e1\").*'", "3.4 3.5",
               "no such order is refused from 3.6 on, and by us; an integer in quotes has no exponent for us"),
    Difference(r"gateway kv/range '\{\"key\":\"YR==\"\}'", "3.4 3.5", "base64 whose last bits say nothing is refused by us"),
    Difference(r"gateway .* Authorization '[Bb]earer .*'", "3.4 3.5", "we take a token with the usual word before it, too",
               lambda ours, theirs: ours["status"] == 200 and theirs["status"] == 401),
    # 3.4's gateway is the first version of its library.
    Difference(r"gateway (GET|HEAD|PUT|DELETE|PATCH) .*", "3.4", "3.4 says 405 in plain text", statuses(501, 405)),
    Difference(r"gateway .*", "3.4", "3.4 has 412 for FailedPrecondition, 3.5 and we have 400", is_old_code),
    Difference(r"gateway .*(maintenance/(hashkv|downgrade)|auth/status).*", "3.4", "3.4 has no such path", is_not_found),
    Difference(r"gateway maintenance/alarm .*", "3.4", "3.4 leaves the header of AlarmResponse away", body_without("header")),
    Difference(r"gateway (?!stream).*", "3.4", "3.4's JSON takes null for anything and lists for bytes, base64 with its = only, and no enum "
               "that does not exist", is_no_request_to_one),
    Difference(r"gateway .* Authorization .*", "3.4", "3.4's gateway does not say WWW-Authenticate", is_without_authenticate),
    Difference(r"gateway (maintenance/status|cluster/member/list) .* Authorization .*", "3.4", "3.4 answers these to anybody",
               lambda ours, theirs: theirs["status"] == 200),
]

METRICS = [
    Difference(r"metrics (go_\w+|promhttp_\w+) there", "3.4 3.5", "of Go, and of Go's library for metrics"),
    Difference(r"metrics pintle_\w+ there", "3.4 3.5", "our own"),
    Difference(r"metrics etcd_debugging_store_(reads|writes)_total there", "3.4 3.5", "of the second version of the API"),
    Difference(r"metrics etcd_(server_(range|request)_duration_seconds|network_server_stream_failures_total|server_feature_enabled|"
               r"debugging_server_watch_send_loop_\w+) there", "3.4 3.5", "of later releases", lambda ours, theirs: ours),
    Difference(r"metrics (etcd_(server_apply_duration_seconds|disk_wal_write_duration_seconds|debugging_mvcc_db_compaction_last)|"
               r"process_network_\w+) there", "3.4", "of later releases", lambda ours, theirs: ours),
    Difference(r"metrics etcd_debugging_mvcc_((put|delete|txn)_total|db_total_size_in_bytes) there", "3.5",
               "the names of 3.4, which dashboards still ask for", lambda ours, theirs: ours),
    Difference(r"metrics etcd_debugging_mvcc_total_put_size_in_bytes\{\} value", "3.4 3.5", "we count pairs as they are stored"),
    Difference(r"metrics etcd_disk_backend_defrag_duration_seconds_count\{\} value", "3.4 3.5", "nothing is there to defragment"),
    Difference(r"metrics grpc_server_msg_sent_total\{grpc_method=Snapshot,.*\} value", "3.4 3.5", "we send a snapshot in more pieces"),
]

LOG = [
    Difference(r"log lines that are no JSON", "3.4 3.5", "of libraries, and of 3.4's older log: all lines of ours are JSON",
               lambda ours, theirs: not ours),
    Difference(r"log callers", "3.4 3.5", "lines from below server/ have no file and line", lambda ours, theirs: "pintle" in ours),
    Difference(r"log ts", "3.4", "3.4 has milliseconds, 3.5 and we have microseconds"),
    Difference(r"log ready to serve client requests: level", "3.4", "3.4 has it in its older log only"),
    Difference(r"log serving client traffic .*: fields", "3.4", "3.5 and we say which traffic"),
    Difference(r"log set initial cluster version: level", "3.4 3.5", "the version needs no entry of its own in our log"),
    Difference(r"log (starting an etcd server|published .*|ready to serve .*|now serving .*|finished scheduled .*): fields", "3.4 3.5",
               "fields that say how etcd is made, or that we have more"),
]

FLAGS = [
    Difference(r"flags help --(experimental-)?(compact-hash-check-enabled|corrupt-check-time|enable-lease-checkpoint(-persist)?|"
               r"initial-corrupt-check|pre-vote|logger|backend-bbolt-freelist-type)", "3.4 3.5",
               "defaults: what guards the data is always on; 3.5's where 3.4's differ"),
    Difference(r"flags --?(help|h): first line of \w+", "3.4 3.5", "help that is asked for goes to stdout as a whole"),
    Difference(r"flags help --max-concurrent-streams", "3.4 3.5", "we say the number",
               lambda ours, theirs: (ours, theirs) == ("4294967295", "math.MaxUint32")),
    Difference(r"flags .* \{'ETCD_NAME': .*\}", "3.5", "3.4 and we name the variable", lambda ours, theirs: "conflicting" in theirs[1]),
    Difference(r"flags (--|ETCD_)(max-concurrent-streams|MAX_CONCURRENT_STREAMS)=.*", "3.4 3.5", "etcd names the function that failed",
               of_results(lambda ours, theirs: ours[0] == theirs[0] and "strconv.ParseUint" in theirs[1])),
    Difference(r"flags (--|ETCD_)(initial-cluster|INITIAL_CLUSTER|auto-compaction-(mode|retention)|AUTO_COMPACTION_(MODE|RETENTION))=.*",
               "3.4 3.5", "we say at once what etcd says later, with the same status",
               of_results(lambda ours, theirs: ours[0] == 1 and ENDED.fullmatch(theirs[1]))),
    Difference(r"flags --(v2-deprecation=bogus|logger=capnslog)|flags ETCD_LOGGER=capnslog", "3.4",
               "3.4 has the older log, and not the flag for the second version of the API"),
    Difference(r"flags start .*(data-dir|auth-token|auto-compaction-mode|initial-cluster': 'x').*", "3.4 3.5",
               "we name the flag, or the folder that is none", of_results(lambda ours, theirs: ours[0] == theirs[0] == 1)),
    Difference(r"flags start .*tls-min-version.*", "3.4", "a flag of 3.5"),
    Difference(r"flags --listen-client-urls=.*", "3.4 3.5", "Go's words for what is no URL; a port beyond 65535 is none for us"),
    Difference(r"flags --(max-request-bytes=4294967296|experimental-compaction-batch-limit=-1|log-level=).*", "3.4 3.5",
               "limits that etcd does not have, or an empty name of a level", theirs_goes_on),
    Difference(r"flags --(cors=|proxy-read-timeout=-1|experimental-bootstrap-defrag-threshold-megabytes=-1)", "3.4 3.5",
               "nothing, or what does nothing here, is taken", ours_goes_on),
    Difference(r"flags .*(log-level|LOG_LEVEL|cors: ).*", "3.4 3.5", "etcd panics, we say what is wrong",
               of_results(lambda ours, theirs: theirs[0] == 2)),
    Difference(r"flags file '(?!election).*", "3.4 3.5", "etcd passes over what is no key of a file, and looks at some values later",
               theirs_goes_on),
    Difference(r"flags file .*", "3.4 3.5", "etcd's words for what is no value in a file",
               of_results(lambda ours, theirs: ours[0] == theirs[0] and theirs[1].startswith("unexpected "))),
    Difference(r"flags file .*", "3.4 3.5", "we take numbers and switches in quotes, and lists as text",
               of_results(lambda ours, theirs: ENDED.fullmatch(ours[1]) and theirs[1].startswith("error unmarshaling"))),
    Difference(r"flags (gateway|grpc-proxy)", "3.4 3.5", "etcd's other programs are not part of this", lambda ours, theirs: ours[0] == 1),
    Difference(r"flags .*", "3.4 3.5", "what promises something that is not there is refused, and says so", is_not_built),
    Difference(r"flags (?!file).*", "3.4 3.5", "one of the two says more of what is wrong", says_more),
    Difference(r"flags file .*", "3.4 3.5", "Go's words for YAML that is no configuration", is_yaml),
]

ALL = [*HTTP, *GATEWAY, *METRICS, *LOG, *FLAGS]
