// When compactions are proposed, against etcd's timetable. Time is given.
#include "server/replica/auto_compactor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kv/errors.h"

namespace pintle::server::replica {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class AutoCompactorTest : public ::testing::Test {
 protected:
  // Each minute is a tick, and one revision is written: revision r at minute r.
  std::vector<std::string> Run(AutoCompactor& compactor, int minutes, bool leader = true) {
    asked_.clear();
    for (int i = 0; i < minutes; ++i) {
      compactor.Tick(absl::UnixEpoch() + absl::Minutes(minute_), leader);
      ++minute_;
      revision_ += writing_ ? 1 : 0;
    }
    return asked_;
  }
  AutoCompactor::Doors Doors() {
    return {.revision = [this] { return revision_; },
            .compact =
                [this](int64_t revision, const std::function<void(const absl::Status&)>& done) {
                  asked_.push_back(absl::StrCat(minute_, ":", revision));
                  done(answer_);
                }};
  }

  int minute_ = 0;
  int64_t revision_ = 1;
  bool writing_ = true;
  absl::Status answer_;
  std::vector<std::string> asked_;
};

TEST_F(AutoCompactorTest, IsOffByDefault) {
  AutoCompactor compactor({}, Doors());
  EXPECT_THAT(Run(compactor, 1000), IsEmpty());
}

TEST_F(AutoCompactorTest, PeriodicKeepsAPeriodOfMoreThanAnHour) {
  AutoCompactor compactor({.period = absl::Hours(3)}, Doors());
  EXPECT_THAT(Run(compactor, 180), IsEmpty());
  // At three hours to what was there at the start; then every hour to a note that is at least three
  // hours old (etcd keeps one more than there are in a period).
  EXPECT_THAT(Run(compactor, 180), ElementsAre("180:1", "240:55", "300:115"));
}

TEST_F(AutoCompactorTest, PeriodicKeepsAShortPeriod) {
  AutoCompactor compactor({.period = absl::Minutes(20)}, Doors());
  EXPECT_THAT(Run(compactor, 61), ElementsAre("20:1", "40:19", "60:39"));
}

TEST_F(AutoCompactorTest, PeriodicDoesNotCompactToTheSameRevisionAgain) {
  AutoCompactor compactor({.period = absl::Minutes(20)}, Doors());
  writing_ = false;
  EXPECT_THAT(Run(compactor, 100), ElementsAre("20:1"));
}

TEST_F(AutoCompactorTest, PeriodicTriesAgainSoonWhatFailed) {
  AutoCompactor compactor({.period = absl::Minutes(20)}, Doors());
  answer_ = absl::UnavailableError("no leader");
  EXPECT_THAT(Run(compactor, 25), ElementsAre("20:1", "22:1", "24:3"));
  answer_ = kv::ErrCompacted();  // somebody else did
  EXPECT_THAT(Run(compactor, 30), ElementsAre("26:5", "46:25"));
}

TEST_F(AutoCompactorTest, OnlyALeaderCompactsButEverybodyNotes) {
  AutoCompactor compactor({.period = absl::Minutes(20)}, Doors());
  EXPECT_THAT(Run(compactor, 50, /*leader=*/false), IsEmpty());
  EXPECT_THAT(Run(compactor, 5), ElementsAre("50:29"));
}

TEST_F(AutoCompactorTest, ByRevisionKeepsSoMany) {
  AutoCompactor compactor({.period = absl::ZeroDuration(), .revisions = 100}, Doors());
  EXPECT_THAT(Run(compactor, 101), ElementsAre("100:1"));
  EXPECT_THAT(Run(compactor, 10), ElementsAre("105:6", "110:11"));
  writing_ = false;
  EXPECT_THAT(Run(compactor, 20), ElementsAre("115:12"));
  EXPECT_THAT(Run(compactor, 20), IsEmpty());
}

}  // namespace
}  // namespace pintle::server::replica
