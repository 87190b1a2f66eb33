#include "base/strong_int.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <sstream>
#include <type_traits>
#include <unordered_set>

#include "base/check.h"
#include "base/status_macros.h"

namespace pintle::base {
namespace {

using Index = StrongInt<struct IndexTag, uint64_t>;
using Term = StrongInt<struct TermTag, uint64_t>;

static_assert(!std::is_convertible_v<Index, Term>);
static_assert(!std::is_convertible_v<uint64_t, Index>);
static_assert(!std::is_convertible_v<Index, uint64_t>);
static_assert(sizeof(Index) == sizeof(uint64_t));

TEST(StrongInt, CountsAndCompares) {
  Index index{3};
  ++index;
  EXPECT_EQ(index, Index(4));
  --index;
  EXPECT_EQ(index + 2, Index(5));
  EXPECT_EQ(index - 1, Index(2));
  EXPECT_EQ(Index(9) - index, 6u);
  EXPECT_LT(index, Index(4));
  EXPECT_FALSE(static_cast<bool>(Index()));
  EXPECT_TRUE(static_cast<bool>(index));
}

TEST(StrongInt, PrintsAndHashesLikeItsInteger) {
  std::ostringstream out;
  out << Index(42);
  EXPECT_EQ(out.str(), "42");
  EXPECT_EQ(ToString(Index(42)), "42");
  EXPECT_EQ(std::hash<Index>()(Index(42)), std::hash<uint64_t>()(42));
  std::unordered_set<Index> set = {Index(1), Index(2), Index(1)};
  EXPECT_EQ(set.size(), 2u);
}

absl::StatusOr<int> Half(int number) {
  if (number % 2 != 0) return absl::InvalidArgumentError("odd");
  return number / 2;
}

absl::Status Quarter(int number, int& result) {
  PINTLE_ASSIGN_OR_RETURN(const int half, Half(number));
  PINTLE_RETURN_IF_ERROR(Half(half).status());
  result = half / 2;
  return absl::OkStatus();
}

TEST(StatusMacros, ReturnTheFirstError) {
  int result = 0;
  EXPECT_TRUE(Quarter(8, result).ok());
  EXPECT_EQ(result, 2);
  EXPECT_TRUE(absl::IsInvalidArgument(Quarter(7, result)));
  EXPECT_TRUE(absl::IsInvalidArgument(Quarter(6, result)));
  EXPECT_EQ(result, 2);
}

TEST(CheckDeathTest, EndsTheProcessWithTheReason) {
  const int one = 1;
  PINTLE_CHECK(one == 1, "holds");
  EXPECT_DEATH(PINTLE_CHECK(one == 2, "one is two"), "invariant broken: one == 2: one is two");
}

}  // namespace
}  // namespace pintle::base
