// What ends a real etcd, and what Pintle answers instead: asked of a fresh pair of servers, for
// what comes after it says nothing any more (not_asked.h keeps it out of the stream).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/differential/generator.h"
#include "tests/differential/side.h"

namespace pintle::tests {

struct Crash {
  std::string_view name;      // an argument of --crash
  std::string_view releases;  // "3.4", "3.4 3.5"
  std::string_view why;
  std::vector<Request> requests;  // the last one does it
  std::string_view answer;        // Pintle's, in comparison.h's words
};
const std::vector<Crash>& KnownCrashes();

// Whether Pintle answers it and serves on, and etcd does not. Prints what both said.
bool Holds(const Crash& crash, Side& pintle, Side& etcd);

}  // namespace pintle::tests
