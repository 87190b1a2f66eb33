#!/usr/bin/env python3
"""Shows that every rule of rules.py can fail, and that it leaves good code alone."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rules  # noqa: E402


def body(lines):
    return "int Long(int x) {\n" + "  ++x;\n" * (lines - 2) + "}\n"


class RulesCanFail(unittest.TestCase):
    def fails(self, rule, path, text):
        self.assertTrue(rule(path, text), f"{rule.__name__} accepted {text!r}")

    def passes(self, rule, path, text):
        self.assertEqual(rule(path, text), [])

    def test_layers(self):
        self.fails(rules.check_layers, "raft/x.cc", '#include "kv/store.h"\n')
        self.fails(rules.check_layers, "kv/x.cc", "#include <asio.hpp>\n")
        self.fails(rules.check_layers, "kv/x.cc", "#include <leveldb/db.h>\n")
        self.fails(rules.check_layers, "client/x.cc", '#include "server/replica/local_member.h"\n')
        self.fails(rules.check_layers, "raft/x.cc", '#include "proto/etcd/rpc.pb.h"\n')
        self.passes(rules.check_layers, "watch/x.cc", '#include "kv/types.h"\n#include <vector>\n')

    def test_sizes(self):
        self.fails(rules.check_sizes, "kv/x.cc", "\n" * 801)
        self.fails(rules.check_sizes, "kv/x.cc", "namespace a {\n" + body(71) + "}\n")
        self.fails(rules.check_sizes, "kv/x.h", "class A {\n public:\n" + body(71) + "};\n")
        self.passes(rules.check_sizes, "kv/x.cc", "namespace a {\n" + body(70) + "}\n" + body(60))
        self.passes(rules.check_sizes, "kv/x.cc", "enum class E {\n" + "  kA,\n" * 90 + "};\n")

    def test_core_is_pure(self):
        self.fails(rules.check_core_is_pure, "raft/x.cc", "auto t = absl::Now();")
        self.fails(rules.check_core_is_pure, "kv/x.cc", "std::mutex m;")
        self.fails(rules.check_core_is_pure, "kv/x.h",
                   "absl::flat_hash_map<int, int> m_;\nvoid F() { for (auto& [a, b] : m_) {} }")
        self.passes(rules.check_core_is_pure, "raft/x.cc", "// never absl::Now() here\nint x = 1'000;")
        self.passes(rules.check_core_is_pure, "server/x.cc", "auto t = absl::Now();")

    def test_namespace(self):
        self.fails(rules.check_namespace, "kv/x.cc", "namespace pintle::raft {\n}")
        self.passes(rules.check_namespace, "server/etcd/x.cc", "namespace pintle::server::etcd {\n}")

    def test_header(self):
        self.fails(rules.check_header, "kv/x.h", "// Says what.\nint x;\n")
        self.fails(rules.check_header, "kv/x.h", "#pragma once\n")
        self.fails(rules.check_header, "kv/x.h", "// Says what.\n#pragma once\nvoid F(absl::string_view);\n")
        self.passes(rules.check_header, "kv/x.h", "// Says what.\n#pragma once\n")

    def test_words(self):
        self.fails(rules.check_words, "kv/x.cc", "// TO" + "DO: later\n")
        self.fails(rules.check_words, "kv/x.cc", "x" * 130)
        self.passes(rules.check_words, "kv/x.cc", "int x;\n")

    def test_links(self):
        self.assertTrue(rules.check_links("docs/a.md", "[x](../nowhere.md)", lambda p: False))
        self.assertEqual(rules.check_links("docs/a.md", "[x](../README.md#top)", lambda p: p == "README.md"), [])

    def test_canaries(self):
        code = 'if (PINTLE_CANARY("vote_twice")) return;\n'
        runs, document = "vote_twice --seeds 1\n", "| `vote_twice` | the bug | what finds it |\n"
        self.assertEqual(len(rules.check_canaries("raft/x.cc", code, "vote_twice_more --seeds 1\n", document)), 1)
        self.assertEqual(len(rules.check_canaries("raft/x.cc", code, runs, "")), 1)
        self.assertEqual(rules.check_canaries("raft/x.cc", code, runs, document), [])


if __name__ == "__main__":
    unittest.main()
