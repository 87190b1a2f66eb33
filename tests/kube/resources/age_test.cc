#include "server/kube/resources/age.h"

#include <gtest/gtest.h>

namespace pintle::server::kube {
namespace {

TEST(HumanDuration, PrintsWhatKubectlUsersKnow) {
  const struct {
    absl::Duration duration;
    const char* text;
  } kCases[] = {
      {absl::Seconds(-5), "<invalid>"},
      {absl::Seconds(-1), "0s"},
      {absl::ZeroDuration(), "0s"},
      {absl::Seconds(5), "5s"},
      {absl::Seconds(119), "119s"},
      {absl::Seconds(120), "2m"},
      {absl::Seconds(162), "2m42s"},
      {absl::Minutes(10) - absl::Seconds(1), "9m59s"},
      {absl::Minutes(10) + absl::Seconds(30), "10m"},
      {absl::Minutes(25), "25m"},
      {absl::Minutes(179), "179m"},
      {absl::Hours(3), "3h"},
      {absl::Hours(3) + absl::Minutes(12), "3h12m"},
      {absl::Hours(8), "8h"},
      {absl::Hours(17) + absl::Minutes(50), "17h"},
      {absl::Hours(48), "2d"},
      {absl::Hours(51), "2d3h"},
      {absl::Hours(24 * 8), "8d"},
      {absl::Hours(24 * 15 + 3), "15d"},
      {absl::Hours(24 * 729), "729d"},
      {absl::Hours(24 * 730), "2y"},
      {absl::Hours(24 * 740), "2y10d"},
      {absl::Hours(24 * 365 * 9), "9y"},
  };
  for (const auto& test : kCases) EXPECT_EQ(HumanDuration(test.duration), test.text);
}

}  // namespace
}  // namespace pintle::server::kube
