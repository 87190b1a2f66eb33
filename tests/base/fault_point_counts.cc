// Part of a test program: with PINTLE_FAULT_POINTS set, it ends by printing how often each fault
// point (base/fault_point.h) was passed: "fault point <name> passed <n>". For
// tests/sim/points_elsewhere.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>

#include "base/fault_point.h"
#include "gtest/gtest.h"

namespace pintle::base {
namespace {

struct Counts {
  std::mutex mutex;
  std::map<std::string, long> passed;
};

Counts& TheCounts() {
  static Counts counts;
  return counts;
}

void Count(const char* name) {
  const std::lock_guard lock(TheCounts().mutex);
  ++TheCounts().passed[name];
}

class CountFaultPoints final : public testing::Environment {
 public:
  void SetUp() override {
    if (std::getenv("PINTLE_FAULT_POINTS") != nullptr) SetFaultListener(Count);
  }
  void TearDown() override {
    SetFaultListener(nullptr);
    for (const auto& [name, passed] : TheCounts().passed)
      std::printf("fault point %s passed %ld\n", name.c_str(), passed);
  }
};

const testing::Environment* const kCounting =
    testing::AddGlobalTestEnvironment(new CountFaultPoints);  // GoogleTest owns it

}  // namespace
}  // namespace pintle::base
