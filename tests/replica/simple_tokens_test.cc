// Simple tokens: whose they are, and until when (etcd-api 1.8.2).
#include "server/replica/simple_tokens.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"

namespace pintle::server::replica {
namespace {

const absl::Time kStart = absl::UnixEpoch();

absl::Time At(int seconds) { return kStart + absl::Seconds(seconds); }

TEST(SimpleTokens, LiveFromTheirLastUse) {
  SimpleTokens tokens(absl::Seconds(10));
  tokens.Issue("a.1", "ann", At(0));
  tokens.Issue("b.2", "bob", At(0));
  EXPECT_EQ(tokens.Use("a.1", At(9)), "ann");
  EXPECT_EQ(tokens.Use("b.2", At(10)), std::nullopt) << "was not used";
  EXPECT_EQ(tokens.Use("a.1", At(18)), "ann");
  EXPECT_EQ(tokens.Use("a.1", At(28)), std::nullopt);
  EXPECT_EQ(tokens.size(), 0u) << "nothing is left of them";
  EXPECT_EQ(tokens.Use("never", At(28)), std::nullopt);
}

TEST(SimpleTokens, GoWithTheirUser) {
  SimpleTokens tokens(absl::Seconds(10));
  tokens.Issue("a.1", "ann", At(0));
  tokens.Issue("b.2", "bob", At(0));
  tokens.Issue("a.3", "ann", At(0));
  tokens.DropUser("ann");
  EXPECT_EQ(tokens.Use("a.1", At(1)), std::nullopt);
  EXPECT_EQ(tokens.Use("a.3", At(1)), std::nullopt);
  EXPECT_EQ(tokens.Use("b.2", At(1)), "bob");
  tokens.DropAll();
  EXPECT_EQ(tokens.Use("b.2", At(1)), std::nullopt);
}

TEST(SimpleTokens, AreBounded) {
  SimpleTokens tokens(absl::Seconds(10));
  for (size_t i = 0; i < SimpleTokens::kMostTokens; ++i) {
    tokens.Issue(absl::StrCat("t.", i), "ann", At(0));
  }
  EXPECT_EQ(tokens.Use("t.0", At(1)), "ann");
  tokens.Issue("last.1", "ann", At(1));
  EXPECT_EQ(tokens.size(), SimpleTokens::kMostTokens);
  EXPECT_EQ(tokens.Use("t.1", At(1)), std::nullopt) << "the longest unused one made room";
  EXPECT_EQ(tokens.Use("t.0", At(1)), "ann");
  EXPECT_EQ(tokens.Use("last.1", At(1)), "ann");
}

}  // namespace
}  // namespace pintle::server::replica
