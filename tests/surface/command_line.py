"""Flags, variables, config files, help and version: what is taken, what is refused with which exit status and text.

No server comes to serve: every command line ends with an election timeout that is too short, which both refuse once all the
rest was read.
"""

import concurrent.futures
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile

from pair import deploy

END = "--election-timeout=1"
STARTED = 20.0  # whoever has not ended by then serves
HELP_LINE = re.compile(r"^\s+--([a-z0-9-]+)(?: '(.*)'| (\S+))?$", re.M)
FILE_NAME = re.compile(r"^/\S+/\d+\.yml: ")
# What 3.4 logs before it knows that zap is wanted.
OLD_LINE = re.compile(r"[\d-]+ [\d:.]+ [A-Z] \| [\w/]+: (?:error verifying flags, )?(.*?)(?:\. See 'etcd --help'\.)?$")
# Not in --help of either, but taken.
UNDOCUMENTED = ("cluster-active-size", "cluster-remove-delay", "cluster-sync-interval", "config", "force", "max-result-buffer",
                "max-retry-attempts", "peer-heartbeat-interval", "peer-election-timeout", "retry-interval", "snapshot", "v", "vv",
                "ca-file", "peer-ca-file", "enable-grpc-gateway", "log-output", "test.coverprofile", "experimental-max-learners",
                "experimental-snapshot-catchup-entries", "experimental-warning-unary-request-duration", "experimental-enable-v2v3",
                "max-learners", "log-format", "feature-gates", "watch-progress-notify-interval", "snapshot-catchup-entries",
                "experimental-snapshot-catch-up-entries", "discovery-token", "discovery-endpoints")
# Values tried for every flag.
BAD = ("bad!", "-1", "")
NOT_FLAGS = ("version", "help", "config-file", "election-timeout")
# Where what is logged goes to then.
NOT_BAD = ("log-outputs", "log-output")
# Arguments and variables, each a case of its own.
CASES = [
    (["--bogus"], {}), (["-bogus"], {}), (["---name=x"], {}), (["--name"], {}), (["--=x"], {}), (["-"], {}), (["x"], {}),
    (["--name=x", "y"], {}), (["--", END], {}), (["-name=x", END], {}), (["-name", "x", END], {}), (["--name", "x", END], {}),
    (["--name=a", "--name=b", END], {}), (["--version=false", END], {}), (["--version=nonsense"], {}), (["--help=false", END], {}),
    (["--force-new-cluster", END], {}), (["--force-new-cluster=T", END], {}), (["--force-new-cluster=yes", END], {}),
    (["--force-new-cluster", "true", END], {}), (["--strict-reconfig-check=false", END], {}),
    ([END], {"ETCD_NOTHING": "1"}), ([END], {"ETCD_NAME": ""}), ([END, "--name=x"], {"ETCD_NAME": "y"}),
    ([END, "--name=x"], {"ETCD_NAME": "x"}), ([END, "--name=x"], {"ETCD_NAME": ""}), ([], {"ETCD_ELECTION_TIMEOUT": "100"}),
    ([END], {"ETCD_MAX_TXN_OPS": "abc"}), ([END], {"ETCD_LISTEN_CLIENT_URLS": "foo"}), ([END], {"ETCD_FORCE_NEW_CLUSTER": "yes"}),
    ([END], {"ETCD_INITIAL_CLUSTER_STATE": "bogus"}), ([], {"ETCD_CONFIG_FILE": "/nonexistent"}), ([END], {"ETCD_VERSION": "true"}),
    ([], {"ETCD_VERSION": "1", "ETCD_ELECTION_TIMEOUT": "100"}), ([END], {"ETCDCTL_API": "3"}), ([END], {"ETCD_": "x"}),
    (["--listen-client-urls=http://127.0.0.1:1"], {}), (["--listen-client-urls=http://example.com:1", END], {}),
    (["--listen-client-urls=http://example.com:1", "--advertise-client-urls=http://example.com:1"], {}),
    (["--listen-peer-urls=http://example.com:1"], {}), (["--listen-metrics-urls=http://example.com:1"], {}),
    (["--listen-client-urls=http://127.0.0.1:1/x", END], {}), (["--listen-client-urls=ftp://127.0.0.1:1", END], {}),
    (["--listen-client-urls=http://127.0.0.1", END], {}), (["--listen-client-urls=127.0.0.1:1", END], {}),
    (["--listen-client-urls=http://127.0.0.1:99999", END], {}), (["--listen-client-urls=http://127.0.0.1:x", END], {}),
    (["--advertise-client-urls=http://example.com:1,http://b.example:2", END], {}), (["--advertise-client-urls=x", END], {}),
    (["--initial-cluster=x", END], {}), (["--initial-cluster=a=http://127.0.0.1:1,a=http://127.0.0.1:2", END], {}),
    (["--initial-cluster-state=existing", END], {}), (["--initial-cluster-state=bogus"], {}), (["--logger=bogus"], {}),
    (["--logger=zap", "--log-level=bogus"], {}), (["--logger=zap", "--log-outputs=default,stderr"], {}),
    (["--logger=zap", "--log-outputs=stdout", END], {}), (["--log-level=debug", END], {}),
    (["--cipher-suites=bogus", END], {}), (["--cors=x", END], {}), (["--cors=*", END], {}), (["--host-whitelist=a,b", END], {}),
    (["--metrics=bogus", END], {}), (["--auto-compaction-mode=bogus", END], {}), (["--discovery=http://x", END], {}),
    (["--discovery=http://127.0.0.1:1/x", "--initial-cluster=default=http://localhost:2380"], {}),
    (["--discovery-srv=x.invalid", "--initial-cluster=default=http://localhost:2380"], {}),
    (["--election-timeout=60000"], {}), (["--election-timeout=50001"], {}), (["--heartbeat-interval=0"], {}),
    (["--heartbeat-interval=300"], {}), (["--election-timeout=0"], {}), (["--proxy=bogus"], {}), (["--discovery-fallback=bogus"], {}),
    (["--auto-tls", END], {}), (["--enable-v2=true", END], {}), (["--v2-deprecation=bogus"], {}), (["--quota-backend-bytes=1e9"], {}),
    (["--quota-backend-bytes=0x10", END], {}), (["--max-txn-ops=010", END], {}), (["--max-txn-ops=1_000", END], {}),
    (["--max-request-bytes=4294967296", END], {}), (["--snapshot-count=-1"], {}), (["--grpc-keepalive-interval=5"], {}),
    (["--grpc-keepalive-interval=1.5h", END], {}), (["--grpc-keepalive-interval=-1s", END], {}), (["--grpc-keepalive-interval=1µs", END], {}),
    (["--peer-cert-allowed-cn=a", "--peer-cert-allowed-hostname=b", END], {}), (["gateway"], {}), (["grpc-proxy"], {}),
]
# Config files; every one of them ends as the command lines do.
FILES = [
    "", "\n", "nothing: 1", "name: a\nname: b", "name: 5", "name: [a]", "name: {a: b}", "name:", "max-txn-ops:", "snapshot-count: ~", "auto-tls: null",
    "- name", "name", "a: b: c",
    "\tname: x", "max-txn-ops: abc", "max-txn-ops: \"5\"", "max-txn-ops: 5.5", "max-txn-ops: -5", "force-new-cluster: \"true\"",
    "force-new-cluster: yes", "force-new-cluster: true", "force-new-cluster: 1", "listen-client-urls: foo",
    "listen-client-urls: http://127.0.0.1:1", "listen-client-urls: [http://127.0.0.1:1]",
    "advertise-client-urls: http://a.example:1,http://b.example:2", "initial-cluster: x", "initial-cluster-state: bogus",
    "log-outputs: [stderr]", "log-outputs: stderr", "log-level: debug", "log-level: bogus", "logger: zap", "logger: bogus",
    "grpc-keepalive-interval: 5000000000", "grpc-keepalive-interval: 5s", "grpc-keepalive-interval: \"5000000000\"", "cors: '*'",
    "cors: a,b", "host-whitelist: a,b", "host-whitelist: [a]", "cipher-suites: bogus", "cipher-suites: [bogus]", "metrics: bogus",
    "auto-compaction-mode: bogus", "auto-compaction-retention: 5", "auto-compaction-retention: \"5\"", "snapshot-count: 5",
    "client-transport-security:\n  cert-file: x", "client-transport-security:\n  nothing: x", "client-transport-security: x",
    "client-transport-security:", "peer-transport-security:\n  client-cert-auth: true", "peer-transport-security:\n  auto-tls: \"x\"",
    "config-file: x", "version: true", "debug: true", "data-dir: &a x\nname: *a", "<<: {name: x}", "name: !!str 5", "name: |\n  x",
    "{\"name\": \"x\", \"election-timeout\": 1}", "---\nelection-timeout: 1\n---\nname: y", "Name: x", "NAME: x", "proxy: 'off'", "discovery-fallback: bogus",
    "enable-pprof: true", "wal-dir: x", "quota-backend-bytes: 10000000000", "quota-backend-bytes: 1e9",
]

# What ends a start after the flags were taken, as changes to a command line that would do.
REFUSED_STARTS = [
    {"listen-client-urls": "{used}"}, {"listen-peer-urls": "{used}"}, {"listen-metrics-urls": "{used}"},
    {"data-dir": "/dev/null/x"}, {"name": "other"}, {"name": ""}, {"initial-cluster": "a={peer}"}, {"initial-cluster": "x"},
    {"initial-cluster": "default={peer},b={peer}"}, {"initial-cluster": "default=http://127.0.0.1:9"},
    {"listen-client-urls": "https://127.0.0.1:1"}, {"listen-peer-urls": "https://127.0.0.1:1"},
    {"listen-client-urls": "https://127.0.0.1:1", "cert-file": "/nonexistent", "key-file": "/nonexistent"},
    {"listen-client-urls": "https://127.0.0.1:1", "auto-tls": "true", "cipher-suites": "bogus"},
    {"listen-client-urls": "https://127.0.0.1:1", "auto-tls": "true", "tls-min-version": "TLS1.1"},
    {"auth-token": "bogus"}, {"auth-token": "jwt,sign-method=RS256,priv-key=/nonexistent,pub-key=/nonexistent"},
    {"auto-compaction-mode": "bogus", "auto-compaction-retention": "5"},
]


class Runner:
    """Runs both on the same arguments, two at a time, in a folder of their own."""

    def __init__(self, etcd_binary):
        self.programs = (deploy.BINARY, etcd_binary)
        self.folder = tempfile.mkdtemp(prefix="pintle-surface-")
        self.clean = {name: value for name, value in os.environ.items() if not name.startswith("ETCD_")}

    def once(self, program, arguments, variables):
        try:
            done = subprocess.run([program, *arguments], env={**self.clean, **variables}, cwd=self.folder, capture_output=True,
                                  text=True, timeout=STARTED, check=False)
            return done.returncode, done.stdout, done.stderr
        except subprocess.TimeoutExpired:
            return "runs", "", ""

    def both(self, cases):
        """[(arguments, variables)] → for each (of ours, of theirs)"""
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            futures = [[pool.submit(self.once, program, *case) for program in self.programs] for case in cases]
            return [[future.result() for future in pair] for pair in futures]

    def file(self, number, text):
        path = os.path.join(self.folder, f"{number}.yml")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)


def why(result):
    """The exit status, and the text that says why: that of the log's last error, or the first line of what is no log."""
    code, text = found(result)
    return code, FILE_NAME.sub("", text)


def found(result):
    code, out, err = result
    lines = [line for line in (err or out).splitlines() if line and not line.startswith("[WARNING]")]
    for line in reversed(lines):
        if line.startswith("{"):
            entry = json.loads(line)
            return code, entry.get("error", entry["msg"])
        old = OLD_LINE.match(line)
        if old:
            return code, old[1]
    return code, lines[0] if lines else ""


def compare_results(comparison, name, results):
    comparison.same(f"flags {name}", *(why(result) for result in results))


def documented(runner):
    """{name: default, or None when it is not said} of both helps."""
    helps = runner.both([(["--help"], {})])[0]
    return [{match[1]: match[2] if match[2] is not None else match[3] for match in HELP_LINE.finditer(out + err)}
            for _, out, err in helps]


def compare_help(comparison, runner, ours, theirs):
    for name, value in sorted(theirs.items()):
        comparison.same(f"flags help --{name} there", name in ours, True)
        if value is not None and name in ours:
            comparison.same(f"flags help --{name}", ours[name], value)
    for flag in ("--help", "-h", "-help", "--version", "-version"):
        results = runner.both([([flag], {})])[0]
        comparison.same(f"flags {flag}: status", *(code for code, _, _ in results))
        firsts = [[next((line for line in text.splitlines() if line), "") for text in (out, err)] for _, out, err in results]
        comparison.same(f"flags {flag}: first line of stdout", re.sub(r"\d+\.\d+\.\d+", "N", firsts[0][0]),
                        re.sub(r"\d+\.\d+\.\d+", "N", firsts[1][0]))
        comparison.same(f"flags {flag}: first line of stderr", firsts[0][1], firsts[1][1])


def compare_every_flag(comparison, runner, defaults):
    cases = {}
    for name, value in defaults.items():
        if name in NOT_FLAGS:
            continue
        variable = "ETCD_" + name.upper().replace("-", "_")
        cases[f"--{name}={value}"] = ([f"--{name}={value}", END], {})
        cases[f"-{name} alone"] = ([END, f"-{name}"], {})
        cases[f"{variable}={value}"] = ([END], {variable: value})
        if name in NOT_BAD:
            continue
        for bad in BAD:
            cases[f"--{name}={bad}"] = ([f"--{name}={bad}", END], {})
        cases[f"{variable}=bad!"] = ([END], {variable: "bad!"})
    for name, results in zip(cases, runner.both(cases.values())):
        compare_results(comparison, name, results)


def compare_files(comparison, runner, defaults):
    texts = list(FILES)
    for name, value in defaults.items():
        if name not in NOT_FLAGS:
            texts += [f"{name}: {json.dumps(value) if value in ('', '*') else value}", f"{name}: bad!"]
    texts = [text if text[:1] in ("-", "{") else text + "\nelection-timeout: 1" for text in texts]
    cases = [([f"--config-file={runner.file(i, text)}"], {}) for i, text in enumerate(texts)]
    for text, results in zip(texts, runner.both(cases)):
        compare_results(comparison, f"file {text!r}", results)


def compare_refused_starts(comparison, runner):
    """One after the other: both want the same ports."""
    client, peer = (f"http://127.0.0.1:{port}" for port in deploy.free_ports(2))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        places = {"used": f"http://127.0.0.1:{taken.getsockname()[1]}", "peer": peer}
        good = {"data-dir": "data", "listen-client-urls": client, "advertise-client-urls": client, "listen-peer-urls": peer,
                "initial-advertise-peer-urls": peer, "initial-cluster": f"default={peer}", "logger": "zap"}
        for changes in REFUSED_STARTS:
            flags = {**good, **{name: value.format(**places) for name, value in changes.items()}}
            results = []
            for program in runner.programs:
                results.append(runner.once(program, [f"--{name}={value}" for name, value in flags.items()], {}))
                shutil.rmtree(os.path.join(runner.folder, "data"), ignore_errors=True)
            compare_results(comparison, f"start {changes}", results)


def not_there(result):
    return "flag provided but not defined" in result[2]


def compare_undocumented(comparison, runner):
    """Those of which the real one knows; the others are of another release, and taken by us."""
    known = {}
    for name, (ours, theirs) in zip(UNDOCUMENTED, runner.both([([f"--{name}=", END], {}) for name in UNDOCUMENTED])):
        comparison.same(f"flags --{name} of some release", not_there(ours), False)
        if not not_there(theirs):
            known[name] = ""
    return known


def compare(comparison, _, etcd_binary):
    with Runner(etcd_binary) as runner:
        ours, theirs = documented(runner)
        compare_help(comparison, runner, ours, theirs)
        for case, results in zip(CASES, runner.both(CASES)):
            compare_results(comparison, f"{' '.join(case[0])} {case[1] or ''}".strip(), results)
        compare_refused_starts(comparison, runner)
        known = compare_undocumented(comparison, runner)
        defaults = {**known, **{name: value or "" for name, value in theirs.items()}}
        compare_every_flag(comparison, runner, defaults)
        compare_files(comparison, runner, defaults)
