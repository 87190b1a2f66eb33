"""Plain HTTP: paths, methods, statuses, headers and bodies on the ports for clients, metrics and members; who may ask;
an alarm; and a member that has no leader."""

import json

from comparison import read
from pair import Pair, Side, ask, deploy, raw

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
PATHS = (
    "/", "/health", "/health?serializable=true", "/health?exclude=NOSPACE", "/livez", "/livez/serializable_read", "/readyz",
    "/readyz/data_corruption", "/version", "/metrics", "/debug/vars", "/v3", "/v3/", "/v3/kv/range", "/members", "/nothing")
# With GET only.
MORE_PATHS = (
    "/health?serializable=false", "/health?serializable=TRUE", "/health?exclude=", "/health?exclude=NOTHING", "/health/",
    "//health", "/./health", "/version/", "/version?x=y", "/metrics/", "/debug", "/debug/", "/debug/vars/", "/debug/pprof/",
    "/debug/pprof/profile", "/debug/requests", "/debug/events", "/v2/keys", "/v2/keys/", "/v2/machines", "/v2/members",
    "/v2/stats/self", "/v2", "/v3beta/kv/range", "/v3alpha/kv/range", "/config/local/log", "/favicon.ico", "/livez?verbose",
    "/livez/nothing", "/livez/", "/livez?exclude=serializable_read", "/livez?exclude=serializable_read&verbose",
    "/readyz?verbose", "/readyz?verbose&exclude=linearizable_read", "/readyz?exclude=nothing", "/readyz/linearizable_read",
    "/readyz/non_learner", "/readyz/serializable_read", "/readyz/nothing", "/readyz/", "/health%20", "/%68ealth",
    "/raft", "/raft/probing", "/members/", "/leases", "/downgrade/enabled")
PEER_PATHS = ("/", "/version", "/members", "/health", "/metrics", "/nothing", "/debug/vars", "/v3/kv/range", "/v2/keys")
# What a connection is like, not what was asked.
NOT_COMPARED = {"date", "content-length", "transfer-encoding"}
OWN = {"x-etcd-cluster-id"}
RAW = {
    "no Host": "GET /version HTTP/1.1\r\n\r\n",
    "HTTP/1.0": "GET /nothing HTTP/1.0\r\n\r\n",
    "unknown method": "FETCH /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "absolute target": "GET http://127.0.0.1/nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "OPTIONS *": "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "Expect": "GET /nothing HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
}


def shape(path, body):
    """What must be equal of a body: not the numbers of a process."""
    path = path.split("?")[0]
    if path == "/metrics":
        return "(metrics)" if body else ""
    value = read(body)
    if isinstance(value, str):
        return sorted(body.splitlines())  # the order of checks is left open
    if path == "/debug/vars":
        return {key: sorted(each) if isinstance(each, dict) else type(each).__name__ for key, each in value.items()}
    return value


def headers_of(headers):
    return {name: "(own)" if name in OWN else value for name, value in headers.items() if name not in NOT_COMPARED}


def compare_request(comparison, pair, where, method, path, note="", **more):
    answers = pair.of_both(lambda side: ask(getattr(side, where), method, path, **more))
    comparison.same_answers(f"http {where} {method} {path}{note}", answers, headers_of, lambda body: shape(path, body))


def compare_paths(comparison, pair):
    for where in ("client", "metrics"):
        for path in PATHS:
            for method in METHODS:
                compare_request(comparison, pair, where, method, path)
        for path in MORE_PATHS:
            compare_request(comparison, pair, where, "GET", path)
    for path in PEER_PATHS:
        for method in ("GET", "HEAD", "POST"):
            compare_request(comparison, pair, "peer", method, path)
    for name, text in RAW.items():
        (our_line, our_body), (their_line, their_body) = pair.of_both(lambda side, text=text: raw(side.client, text))
        comparison.same(f"http raw {name} status", our_line, their_line)
        comparison.same(f"http raw {name} body", our_body, their_body)


def compare_alarms(comparison, pair):
    for alarm in ("NOSPACE", "CORRUPT"):
        for action in ("ACTIVATE", "DEACTIVATE"):
            body = json.dumps({"action": action, "memberID": "5", "alarm": alarm})
            compare_request(comparison, pair, "client", "POST", "/v3/maintenance/alarm", f" {action} {alarm}", body=body)
            for where in ("client", "metrics"):
                for path in ("/health", "/health?serializable=true", "/health?exclude=NOSPACE", "/health?exclude=CORRUPT",
                             "/health?exclude=NOSPACE&exclude=CORRUPT", "/readyz", "/readyz?exclude=data_corruption",
                             "/livez?verbose", "/readyz/data_corruption"):
                    compare_request(comparison, pair, where, "GET", path, f" after {action} {alarm}")


def compare_access(comparison, etcd_binary):
    arguments = ["--cors=http://a.example:80,http://b.example:81", "--host-whitelist=127.0.0.1,good.example",
                 "--enable-grpc-gateway=false"]
    with Pair(etcd_binary, arguments, ready=Side.knows_its_version) as pair:
        for path in ("/version", "/nothing", "/v3/kv/range", "/metrics"):
            for method in ("GET", "OPTIONS", "POST"):
                for origin in ("http://a.example:80", "http://b.example:81", "http://c.example", "null", ""):
                    compare_request(comparison, pair, "client", method, path, f" Origin {origin}",
                                    headers={"Origin": origin})
                for host in ("127.0.0.1", "good.example", "good.example:99", "evil.example", "evil.example:2379",
                             "localhost", "[::1]:5", ""):
                    compare_request(comparison, pair, "client", method, path, f" Host {host}", headers={"Host": host})
        compare_request(comparison, pair, "metrics", "GET", "/health", " Host evil.example", headers={"Host": "evil.example"})


def compare_secure(comparison, etcd_binary):
    """With TLS, where any host is good, and to whoever forgets it."""
    with Pair(etcd_binary, ["--auto-tls", "--host-whitelist=good.example"], ready=Side.knows_its_version, scheme="https") as pair:
        for path in ("/health", "/version", "/nothing", "/v3/kv/range"):
            compare_request(comparison, pair, "client", "GET", path, " by TLS", headers={"Host": "evil.example"}, tls=True)
        compare_request(comparison, pair, "metrics", "GET", "/health", " beside TLS")
        (our_line, _), (their_line, _) = pair.of_both(lambda side: raw(side.client, RAW["HTTP/1.0"]))
        comparison.same("http raw without TLS status", our_line, their_line)
        for side in pair.sides:
            deploy.wait_for(f"{side.process.name} to say that it serves by TLS", lambda side=side: any(
                '"msg":"serving client traffic securely"' in line for line in side.log()))


def compare_without_leader(comparison, etcd_binary):
    """Two of three never come."""
    def ready(side: Side):
        return ask(side.metrics, "GET", "/metrics").status == 200
    with Pair(etcd_binary, others=("m2", "m3"), ready=ready) as pair:
        for path in ("/health", "/health?serializable=true", "/livez", "/livez?verbose", "/readyz/serializable_read",
                     "/readyz/non_learner", "/readyz/data_corruption"):
            compare_request(comparison, pair, "metrics", "GET", path, " without leader")
        compare_request(comparison, pair, "client", "GET", "/health", " without leader", timeout=2)


def compare(comparison, pair, etcd_binary):
    compare_paths(comparison, pair)
    compare_alarms(comparison, pair)
    compare_access(comparison, etcd_binary)
    compare_secure(comparison, etcd_binary)
    compare_without_leader(comparison, etcd_binary)
