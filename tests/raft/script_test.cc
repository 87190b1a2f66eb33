// Runs every testdata/*.txt and compares it with what it says. PINTLE_REWRITE=1 in the environment
// rewrites the files instead; review the difference then.
#include "tests/raft/script.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace pintle::raft {
namespace {

const std::filesystem::path kTestdata = PINTLE_SOURCE_DIR "/tests/raft/testdata";

std::vector<std::string> ScriptNames() {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(kTestdata)) {
    if (file.path().extension() == ".txt") names.push_back(file.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

class ScriptTest : public testing::TestWithParam<std::string> {};

TEST_P(ScriptTest, DoesWhatItSays) {
  const std::filesystem::path path = kTestdata / (GetParam() + ".txt");
  std::ifstream in(path);
  std::stringstream expected;
  expected << in.rdbuf();
  Script script;
  const std::string actual = script.Run(expected.str());
  EXPECT_TRUE(script.violation().ok()) << script.violation().message();
  if (std::getenv("PINTLE_REWRITE") != nullptr) {
    std::ofstream(path) << actual;
    return;
  }
  EXPECT_EQ(actual, expected.str());
}

INSTANTIATE_TEST_SUITE_P(Testdata, ScriptTest, testing::ValuesIn(ScriptNames()),
                         [](const auto& script) { return script.param; });

TEST(ScriptNamesTest, FindsTheScripts) { EXPECT_GE(ScriptNames().size(), 15U); }

}  // namespace
}  // namespace pintle::raft
