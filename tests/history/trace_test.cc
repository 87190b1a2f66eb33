// Every rule of the text form has a good history and a broken one that must be refused.
#include "tests/history/trace.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace pintle::history {
namespace {

constexpr char kTruth[] =
    "truth m1 2 put a v1 2 1\n"
    "truth m1 3 put b v2 3 1\n"
    "truth m1 4 delete a\n"
    "truth m1 5 put a v3 5 1\n"
    "truth m1 5 put b v4 3 2\n";

void Good(const std::string& lines) {
  const auto summary = CheckTrace(absl::StrCat(kTruth, lines));
  EXPECT_TRUE(summary.ok()) << summary.status() << "\n" << lines;
}

void Broken(const std::string& lines, const std::string& words) {
  const auto summary = CheckTrace(absl::StrCat(kTruth, lines));
  ASSERT_FALSE(summary.ok()) << lines;
  EXPECT_TRUE(absl::StrContains(summary.status().message(), words))
      << summary.status() << "\ninstead of: " << words;
}

TEST(Trace, MembersTellTheSame) {
  Good("truth m2 2 put a v1 2 1\n");
  Broken("truth m2 2 put a other 2 1\n", "others as");
  Broken("truth m2 2 put a v1 2 1\ntruth m2 4 delete a\n", "tells revision 4 after 2");
}

TEST(Trace, AcknowledgedWritesAreThere) {
  Good("put 1 2 ok 2 a v1\ndelete 3 4 ok 4 a\n");
  Broken("put 1 2 ok 3 a v1\n", "was acknowledged as");
  Broken("put 1 2 ok 6 a v9\n", "no member has it");
  Broken("delete 1 2 ok 3 b\n", "was acknowledged as");
}

TEST(Trace, UnknownIsThereOnceOrNotAtAll) {
  Good("put 1 2 unknown 0 a v1\nput 1 2 unknown 0 a never\n");
  Broken("truth m1 6 put a v1 5 2\n", "applied twice");
}

TEST(Trace, RefusedIsNeverThere) {
  Good("put 1 2 refused 0 a v9\n");
  Broken("put 1 2 refused 0 a v1\n", "was refused for certain");
}

TEST(Trace, WritesFollowRealTime) {
  Good("put 1 5 ok 3 b v2\nput 2 6 ok 2 a v1\n");
  Broken("put 1 2 ok 3 b v2\nput 3 4 ok 2 a v1\n", "had been acknowledged before");
}

TEST(Trace, LinearizableReadsAreFresh) {
  Good("put 1 2 ok 3 b v2\nread 3 4 linearizable 3 a v1 2 2 1\n");
  Good("put 1 4 ok 3 b v2\nread 3 5 linearizable 2 a v1 2 2 1\n");
  Good("put 1 2 ok 3 b v2\nread 3 4 serializable 2 a v1 2 2 1\n");
  Broken("put 1 2 ok 3 b v2\nread 3 4 linearizable 2 a v1 2 2 1\n", "had been acknowledged");
  Broken("read 1 2 linearizable 4 a\nread 3 4 linearizable 3 a v1 2 2 1\n",
         "had been acknowledged");
}

TEST(Trace, ReadsAreTrue) {
  Good("read 1 2 serializable 4 a\n");
  Broken("read 1 2 serializable 3 a\n", "the truth is");
  Broken("read 1 2 linearizable 4 a v1 2 2 1\n", "the truth is nothing");
  Broken("read 1 2 linearizable 5 b v4 5 3 1\n", "the truth is");
  Broken("read 1 2 serializable 2 b v2 3 3 1\n", "sees 3");
  Broken("read 1 2 serializable 9 b\n", "which no member has");
}

TEST(Trace, WatchesAreWholeOrderedAndUnique) {
  const std::string two = "start w 1\nevent w 2 put a v1 2 1\n";
  Good(two +
       "event w 3 put b v2 3 1\nprogress w 3\nevent w 4 delete a\n"
       "event w 5 put a v3 5 1\nevent w 5 put b v4 3 2\n");
  Good("start w 3\nevent w 4 delete a\n");
  Broken(two + "event w 4 delete a\n", "a gap");
  Broken(two + "progress w 2\nevent w 2 put a v1 2 1\n", "twice or out of order");
  Broken("start w 4\nevent w 4 delete a\n", "twice or out of order");
  Broken("start w 4\nevent w 5 put a v3 5 1\n", "it is");
  Broken(two + "progress w 3\n", "has everything up to revision 3");
  Broken("start w 4\nprogress w 3\n", "was told of progress up to 3");
  Broken("start w 1\nevent w 2 put a v1 2 2\n", "it is");
}

TEST(Trace, MalformedLinesAreNamed) {
  Broken("put 1 2 perhaps 2 a v1\n", "line 6");
  Broken("put 2 1 ok 2 a v1\n", "line 6");
  Broken("event w 2 put a v1 2 1\n", "has no start");
  Broken("nonsense\n", "line 6");
  EXPECT_EQ(EscapeWord("a b%\n"), "a%20b%25%0a");
}

}  // namespace
}  // namespace pintle::history
