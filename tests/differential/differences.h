// Differences that stay, few: which release of etcd has them, and why Pintle is as it is.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/differential/generator.h"
#include "tests/differential/side.h"

namespace pintle::tests {

// An answer, and how comparison.h tells it.
struct Told {
  const Answer& answer;
  std::string text;
};

struct Difference {
  std::string_view name;
  std::string_view releases;  // "3.4", "3.4 3.5"
  std::string_view why;
  bool (*is)(const Request& request, const Told& pintle, const Told& etcd);
};
const std::vector<Difference>& KnownDifferences();

}  // namespace pintle::tests
