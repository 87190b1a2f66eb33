"""What the parts hand in, and what becomes of it: equal, a listed difference, or a failure."""

import json
import re

import differences

# What each cluster makes for itself, or counts by itself.
OWN = {"cluster_id", "member_id", "raft_term", "raftTerm", "raftIndex", "raftAppliedIndex", "dbSize", "dbSizeInUse", "leader",
       "hash", "token", "blob", "remaining_bytes", "clientURLs", "peerURLs", "create_revision", "mod_revision", "id"}


def without_own(value):
    """A JSON value, without what cannot be equal."""
    if isinstance(value, list):
        return [without_own(each) for each in value]
    if not isinstance(value, dict):
        return value
    own = OWN | ({"ID"} if "peerURLs" in value else set()) | ({"TTL"} if "grantedTTL" in value else set())
    return {key: "(own)" if key in own else without_own(each) for key, each in value.items()}


def read(text):
    """JSON as what it means, without what cannot be equal; all else as it is."""
    try:
        return without_own(json.loads(text))
    except ValueError:
        return text


def is_listed(row, release, what, ours, theirs):
    return (release in row.releases.split() and re.fullmatch(row.what, what)
            and (row.when is None or row.when(ours, theirs)))


# What Go and Protobuf say of JSON that is no request: the status and the code count.
NO_REQUEST = re.compile(r"proto:|json: |invalid character|unexpected (EOF|end of JSON)|illegal base64|bad Any|unknown value|bad input|type mismatch|"
                        r"invalid value for|strconv|exceeded max depth")


def split_error(body):
    """The body without the text that an error has twice in some releases of the gateway, and whether it has; None: no error."""
    if not isinstance(body, dict) or "message" not in body:
        return body, None
    rest = {key: value for key, value in body.items() if key != "error"}
    if NO_REQUEST.match(str(rest["message"])):
        rest["message"] = "(no request)"
    return rest, "error" in body


class Comparison:
    """Of one release. `same` is called with everything that was asked of both."""

    def __init__(self, release):
        self.release = release
        self.asked = {}  # part → count
        self.seen = set()  # rows of differences.py
        self.failures = []

    def same(self, what, ours, theirs):
        part = what.split()[0]
        self.asked[part] = self.asked.get(part, 0) + 1
        if ours == theirs:
            return
        rows = [row for row in differences.ALL if is_listed(row, self.release, what, ours, theirs)]
        self.seen.update(rows)
        if not rows:
            self.failures.append(f"DIFFERENCE: {what}\n  pintle: {ours!r}\n  etcd:   {theirs!r}")

    def same_answers(self, what, answers, headers, shape=read):
        """Of two HTTP answers. `headers`: what is looked at of those, from {name: value}."""
        said, twice = [], []
        for answer in answers:
            body, has_error = split_error(shape(answer.body))
            twice.append(has_error)
            said.append({"status": answer.status, **headers(answer.headers), "body": body})
        self.same(what, *said)
        if None not in twice:
            self.same(f"{what.split()[0]} error twice", *twice)

    def look_for_idle_rows(self):
        """Once everything was asked: rows that nothing was found for."""
        for row in differences.ALL:
            if self.release in row.releases.split() and row not in self.seen:
                self.failures.append(f"NO LONGER DIFFERENT, take it out of differences.py: {row.what}: {row.why}")
