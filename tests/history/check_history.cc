// check_history <file>: checks a history in the text form of tests/history/trace.h. One line with
// what was checked and exit 0, or the first violation in words and exit 1.
#include <cstdio>
#include <fstream>
#include <sstream>

#include "tests/history/trace.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: check_history <file>\n");
    return 2;
  }
  std::ifstream file(argv[1]);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) {
    std::fprintf(stderr, "check_history: cannot read %s\n", argv[1]);
    return 2;
  }
  const auto summary = pintle::history::CheckTrace(text.str());
  if (!summary.ok()) {
    std::fprintf(stderr, "check_history: %s: %s\n", argv[1],
                 std::string(summary.status().message()).c_str());
    return 1;
  }
  std::printf("ok: %zu writes, %zu reads, %zu watched, %zu unknown, last revision %ld\n",
              summary->writes, summary->reads, summary->events, summary->unknown,
              summary->last_revision);
  return 0;
}
