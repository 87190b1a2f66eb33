#!/usr/bin/env python3
"""Repository rules as a test (rules.py has them one by one), and clang-format.

  tests/tidy/tidy.py          say what breaks a rule; exit 1 if anything does
  tests/tidy/tidy.py --fix    let clang-format rewrite what it can
"""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rules  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MODULES = ["raft", "kv", "watch", "net", "server", "client", "base", "proto", "bench", "tests", "deploy"]


def tracked():
    out = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True,
                         capture_output=True, text=True).stdout
    return sorted(p for p in out.splitlines() if os.path.isfile(os.path.join(ROOT, p)))


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def format_complaints(paths, fix):
    code = [p for p in paths if p.endswith(rules.CODE)]
    if not code:
        return []
    if fix:
        subprocess.run(["clang-format", "-i", *code], cwd=ROOT, check=True)
        return []
    done = subprocess.run(["clang-format", "--dry-run", "-Werror", *code], cwd=ROOT, capture_output=True, text=True)
    bad = sorted({line.split(":")[0] for line in done.stderr.splitlines() if "error:" in line})
    return [f"{p}: not formatted: run tests/tidy/tidy.py --fix" for p in bad]


def main():
    if sys.argv[1:] not in ([], ["--fix"]):
        print(__doc__, file=sys.stderr)
        return 2
    paths = tracked()
    canaries = [read(path) for path in ("tests/sim/canaries.txt", "docs/canaries.md")]
    complaints = format_complaints(paths, fix="--fix" in sys.argv)
    for path in paths:
        try:
            text = read(path)
        except UnicodeDecodeError:
            continue  # binary test data
        for rule in rules.RULES:
            complaints += rule(path, text)
        complaints += rules.check_links(path, text, lambda p: os.path.exists(os.path.join(ROOT, p)))
        complaints += rules.check_canaries(path, text, *canaries)
    for module in MODULES:
        if not os.path.exists(os.path.join(ROOT, module, "README.md")):
            complaints.append(f"{module}/README.md is missing: every folder says what it is for")
    for complaint in complaints:
        print(complaint)
    print(f"{len(paths)} files, {len(complaints)} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
