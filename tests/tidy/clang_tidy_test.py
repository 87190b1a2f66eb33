#!/usr/bin/env python3
"""Shows that the rules of .clang-tidy that stop a change really fire: a check that is both switched on and off, or
misspelled, would look enforced and not be."""

import os
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MOVED = "#include <string>\n#include <utility>\nstd::string F(std::string s) {\n  std::string t = std::move(s);\n" \
        "  return s + t;\n}\n"


class ChecksFire(unittest.TestCase):
    def run_on(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "canary.cc")
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
            done = subprocess.run(
                ["clang-tidy", "--quiet", "--config-file=" + os.path.join(ROOT, ".clang-tidy"), path, "--",
                 "-std=c++20"], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    def fires(self, check, text):
        code, out = self.run_on(text)
        self.assertIn(check, out)
        self.assertNotEqual(code, 0, out)

    def test_names(self):
        self.fires("readability-identifier-naming", "class bad_name {};\n")
        self.fires("readability-identifier-naming", "int F() {\n  int BadName = 1;\n  return BadName;\n}\n")
        self.fires("readability-identifier-naming", "constexpr int limit = 1;\nint F() { return limit; }\n")

    def test_use_after_move(self):
        self.fires("bugprone-use-after-move", MOVED)

    def test_function_size(self):
        self.fires("readability-function-size", "int F(int x) {\n" + "  ++x;\n" * 75 + "  return x;\n}\n")

    def test_good_code_passes(self):
        code, out = self.run_on("class GoodName {};\nconstexpr int kLimit = 1;\nint F() {\n"
                                "  constexpr int kHere = 2;\n  const int there = kHere;\n  return there + kLimit;\n}\n")
        self.assertEqual(code, 0, out)


if __name__ == "__main__":
    unittest.main()
