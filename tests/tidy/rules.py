"""The repository's rules, each a function from a file to a list of complaints. tidy.py runs them; tidy_test.py shows
that each of them can fail."""

import re

CODE = (".h", ".cc")
CORE = ("raft", "kv", "watch")
FILE_LIMIT = 800
FUNCTION_LIMIT = 70
LINE_LIMIT = 120  # clang-format keeps code at 100; long strings and comments may run over a little

# ARCHITECTURE.md, "Who may include whom". First match of the including file's folder wins.
MAY_INCLUDE = [
    ("base/", ["base/"]),
    ("raft/", ["base/", "raft/"]),
    ("kv/", ["base/", "kv/"]),
    ("watch/", ["base/", "kv/", "watch/"]),
    ("net/", ["base/", "net/"]),
    ("proto/", ["proto/"]),
    ("client/", ["base/", "proto/", "net/", "client/"]),
    ("server/backup/", ["base/", "raft/", "kv/", "proto/", "net/", "server/storage/", "server/replica/",
                        "server/backup/", "server/config.h", "server/flag_setters.h", "server/membership.h"]),
    ("server/storage/", ["base/", "proto/", "raft/types.h", "raft/entry.h", "raft/log_storage.h", "raft/memory_log.h",
                         "kv/backend.h", "kv/types.h", "server/storage/"]),
    ("server/replica/", ["base/", "raft/", "kv/", "watch/", "proto/", "net/executor.h", "net/tls_policy.h", "server/storage/",
                         "server/replica/"]),
    ("server/etcd/", ["base/", "kv/", "watch/", "proto/", "net/", "server/replica/", "server/backup/", "server/etcd/",
                      "server/version.h"]),
    ("server/kube/openapi/", ["base/", "server/kube/openapi/", "server/kube/resources/", "server/version.h"]),
    ("server/kube/resources/", ["base/", "server/kube/openapi/", "server/kube/resources/"]),
    ("server/kube/", ["base/", "kv/", "watch/", "proto/", "net/", "server/replica/", "server/kube/",
                      "server/version.h"]),
    ("server/admin/", ["base/", "kv/", "watch/", "net/", "server/replica/", "server/admin/",
                       "server/etcd/face_counters.h", "server/version.h"]),
    ("server/inspect/", ["base/", "raft/types.h", "raft/entry.h", "kv/", "server/storage/", "server/backup/",
                         "server/inspect/"]),
    ("server/", ["base/", "kv/", "watch/", "raft/", "proto/", "net/", "server/", "client/controllers/"]),
    ("bench/micro/", ["base/", "raft/", "kv/", "watch/", "proto/", "net/", "server/", "bench/"]),
    ("bench/", ["base/", "proto/", "net/", "client/", "bench/"]),
    ("tests/", [""]),
]

# Third-party headers that only these folders may see.
THIRD_PARTY = [
    (re.compile(r"^(asio|nghttp2/|openssl/(?!sha)|llhttp)"),
     ("net/", "cmake/", "tests/net/", "server/replica/replica_loop", "server/replica/asio_peer_",
      "server/replica/peer_", "server/backup/sha256", "tests/replica/peer_transport_test", "server/main.cc", "server/server.cc", "server/etcd/auth_signatures", "tests/etcd/auth_jwt_test")),
    (re.compile(r"^openssl/sha"), ("net/", "tests/net/", "server/replica/member_ids")),
    (re.compile(r"^leveldb/"), ("server/storage/", "tests/")),
    (re.compile(r"^google/protobuf|\.pb\.h$"), ("server/", "client/", "bench/", "tests/", "proto/")),
    (re.compile(r"^(nlohmann|simdjson)"), ("server/", "client/", "bench/", "tests/")),
]

# What would let a clock, chance or a thread into the deterministic core.
BANNED_IN_CORE = [
    "std::thread", "std::jthread", "std::async", "_clock::now", "absl::Now", "std::random_device", "rand(", "getenv",
    "thread_local", "sleep", "<chrono>",
]
# A view is published to, and a subscription pulled from, other threads: the files that hold the minimum for it.
MUTEX_ALLOWED = re.compile(r"^(kv/guarded\.h$|watch/)")

BANNED_EVERYWHERE = [
    (re.compile(r"\b(TODO|FIXME|XXX)\b"), "leftover marker: do it, or file it"),
    (re.compile(r"\busing namespace std\b"), "using namespace std"),
    (re.compile(r"\bstd::endl\b"), "std::endl flushes: use '\\n'"),
]


def includes(text):
    return re.findall(r'^\s*#\s*include\s*["<]([^">]+)[">]', text, re.M)


def check_layers(path, text):
    if not path.endswith(CODE):
        return []
    allowed = next((may for prefix, may in MAY_INCLUDE if path.startswith(prefix)), None)
    if allowed is None:
        return []
    roots = tuple(dict.fromkeys(p.split("/")[0] + "/" for p, _ in MAY_INCLUDE))
    out = []
    for inc in includes(text):
        if inc.startswith(roots) and not any(inc.startswith(a) for a in allowed):
            out.append(f"{path}: may not include {inc} (ARCHITECTURE.md, who may include whom)")
        for pattern, where in THIRD_PARTY:
            if pattern.search(inc) and not inc.startswith(roots) and not path.startswith(where):
                out.append(f"{path}: {inc} is confined to {', '.join(where)}")
    return out


def strip_code(text):
    """Blanks comments, string and character literals (keeps line breaks), so that braces and words can be counted."""
    pattern = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)

    def blank(match):
        piece = match.group(0)
        if piece.startswith("'") and match.start() > 0 and text[match.start() - 1].isalnum():
            return piece  # a digit separator, 1'000
        return re.sub(r"[^\n]", " ", piece)

    return pattern.sub(blank, text)


def functions(text):
    """(first line, number of lines, head) of every function body, found by counting braces."""
    code = strip_code(text)
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group(0)), code, flags=re.M)
    depth_kinds, start, statement, found = [], 0, [], []
    line = 1
    for ch in code:
        if ch == "\n":
            line += 1
        if ch == "{":
            head = "".join(statement).strip()
            inside = any(kind == "function" for kind, _, _ in depth_kinds)
            container = re.search(r"\b(namespace|class|struct|union|enum)\b[^()]*$", head) or head.startswith("extern")
            is_function = not inside and not container and "(" in head
            first = line - "".join(statement).lstrip().count("\n")
            depth_kinds.append(("function" if is_function else "block", first, head))
            statement = []
        elif ch == "}":
            if depth_kinds:
                kind, first, head = depth_kinds.pop()
                if kind == "function":
                    found.append((first, line - first + 1, (head.split("(")[0].split() or ["?"])[-1]))
            statement = []
        elif ch == ";":
            statement = []
        else:
            statement.append(ch)
    return found


def check_sizes(path, text):
    if not path.endswith(CODE + (".py",)):
        return []
    out = []
    count = text.count("\n")
    if count > FILE_LIMIT:
        out.append(f"{path}: {count} lines, the limit is {FILE_LIMIT}: split it")
    if path.endswith(CODE):
        for first, length, name in functions(text):
            if length > FUNCTION_LIMIT:
                out.append(f"{path}:{first}: {name} has {length} lines, the limit is {FUNCTION_LIMIT}: split it")
    return out


def check_core_is_pure(path, text):
    if not path.startswith(tuple(f + "/" for f in CORE)) or not path.endswith(CODE):
        return []
    code = strip_code(text)
    out = [f"{path}: '{word}' has no place in the deterministic core" for word in BANNED_IN_CORE if word in code]
    if not MUTEX_ALLOWED.match(path) and re.search(r"std::(shared_|recursive_)?mutex|absl::Mutex", code):
        out.append(f"{path}: a mutex has no place here")
    hash_maps = re.findall(r"(?:flat_hash_map|flat_hash_set|unordered_map|unordered_set)<[^;]*>\s+(\w+)", code)
    for name in hash_maps:
        if re.search(rf"for\s*\([^;)]*:\s*{name}\s*\)", code):
            out.append(f"{path}: iterates over the hash map {name}: its order differs between members")
    return out


def check_namespace(path, text):
    if not path.endswith(CODE) or path.startswith(("tests/", "bench/", "cmake/")):
        return []
    folder = "::".join(["pintle"] + path.split("/")[:-1])
    parent = folder.rsplit("::", 1)[0]
    top = re.findall(r"^namespace (pintle[\w:]*)", text, re.M)
    short = {"pintle::server::kube::resources": "pintle::server::kube", "pintle::server::kube::openapi":
             "pintle::server::kube"}.get(folder)
    wrong = [n for n in top if n != folder and n != short and not n.startswith(folder + "::")
             and not (path.startswith("server/") and folder == "pintle::server" and n == parent)]
    return [f"{path}: namespace {n}, but the folder says {folder}" for n in wrong]


def check_header(path, text):
    if not path.endswith(".h"):
        return []
    out = []
    if "#pragma once" not in text:
        out.append(f"{path}: no #pragma once")
    if "absl::string_view" in text:
        out.append(f"{path}: absl::string_view is a type of its own here: std::string_view in interfaces")
    if not path.startswith("tests/") and not text.lstrip().startswith("//"):
        out.append(f"{path}: a public header begins with a comment that says what it is for")
    return out


def check_words(path, text):
    if path.startswith("tests/tidy/"):
        return []
    out = []
    for number, line in enumerate(text.splitlines(), 1):
        if path.endswith(CODE + (".py", ".txt", ".md", ".cmake", ".yaml")) or "." not in path.rsplit("/", 1)[-1]:
            for pattern, why in BANNED_EVERYWHERE:
                if pattern.search(line):
                    out.append(f"{path}:{number}: {why}")
        if path.endswith(CODE) and len(line) > LINE_LIMIT:
            out.append(f"{path}:{number}: {len(line)} columns, the limit is {LINE_LIMIT}")
    return out


def check_links(path, text, exists):
    """Relative links in Markdown lead somewhere."""
    if not path.endswith(".md"):
        return []
    folder = path.rsplit("/", 1)[0] + "/" if "/" in path else ""
    out = []
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" in target or target.startswith("mailto:"):
            continue
        parts = []
        for piece in (folder + target).split("/"):
            if piece == "..":
                parts = parts[:-1]
            elif piece not in ("", "."):
                parts.append(piece)
        if not exists("/".join(parts)):
            out.append(f"{path}: link to {target}, which is not there")
    return out


def check_canaries(path, text, runs, document):
    """Every bug that is kept on purpose is run by run_canaries, and explained."""
    if not path.endswith(CODE) or path == "base/canary.h":
        return []
    out = []
    for name in sorted(set(re.findall(r'PINTLE_CANARY\("(\w+)"\)', text))):
        if not re.search(rf"^{name} ", runs, re.M):
            out.append(f"{path}: canary {name} is not in tests/sim/canaries.txt")
        if f"`{name}`" not in document:
            out.append(f"{path}: canary {name} is not in docs/canaries.md")
    return out


RULES = [check_layers, check_sizes, check_core_is_pure, check_namespace, check_header, check_words]
