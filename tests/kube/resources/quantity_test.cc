#include "server/kube/resources/quantity.h"

#include <gtest/gtest.h>

namespace pintle::server::kube {
namespace {

TEST(Quantity, HasOneCanonicalText) {
  const struct {
    const char* given;
    const char* canonical;
  } kCases[] = {
      {"0", "0"},
      {"-0", "0"},
      {"0Mi", "0"},
      {"1", "1"},
      {"+1", "1"},
      {"1000m", "1"},
      {"1500m", "1500m"},
      {"0.5", "500m"},
      {".5", "500m"},
      {"5.", "5"},
      {"1.5", "1500m"},
      {"100000", "100k"},
      {"1001", "1001"},
      {"1M", "1M"},
      {"1000k", "1M"},
      {"1E", "1E"},
      {"1024Mi", "1Gi"},
      {"1Gi", "1Gi"},
      {"1.5Gi", "1536Mi"},
      {"1023", "1023"},
      {"512Ki", "512Ki"},
      {"1Ki", "1Ki"},
      {"0.5Ki", "512"},
      {"0.001Ki", "1024m"},
      {"1e3", "1e3"},
      {"1E3", "1e3"},
      {"12e2", "1200"},
      {"1e-3", "1e-3"},
      {"-5m", "-5m"},
      {"1n", "1n"},
      {"0.1n", "1n"},
      {"1500u", "1500u"},
      {"9Ei", "9223372036854775807"},
      {"99999999999999999999999", "9223372036854775807"},
  };
  for (const auto& test : kCases) {
    const absl::StatusOr<Quantity> quantity = Quantity::Parse(test.given);
    ASSERT_TRUE(quantity.ok()) << test.given;
    EXPECT_EQ(quantity->Canonical(), test.canonical) << test.given;
    const absl::StatusOr<Quantity> again = Quantity::Parse(quantity->Canonical());
    ASSERT_TRUE(again.ok()) << test.given;
    EXPECT_EQ(again->Canonical(), test.canonical) << test.given;
  }
}

TEST(Quantity, RefusesWhatIsNoNumberWithAUnit) {
  constexpr const char* kFormat =
      "quantities must match the regular expression "
      "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
  constexpr const char* kSuffix = "unable to parse quantity's suffix";
  const struct {
    const char* given;
    const char* message;
  } kCases[] = {{"", kFormat},     {"abc", kFormat}, {"Mi", kFormat},  {"1.2.3", kFormat},
                {"1 Gi", kFormat}, {"--1", kFormat}, {"1Kx", kFormat}, {"1mm", kSuffix},
                {"1iK", kSuffix},  {"1K", kSuffix}};
  for (const auto& test : kCases) {
    const absl::StatusOr<Quantity> quantity = Quantity::Parse(test.given);
    ASSERT_FALSE(quantity.ok()) << test.given;
    EXPECT_EQ(std::string(quantity.status().message()), test.message) << test.given;
  }
  EXPECT_FALSE(Quantity::Parse(std::string(10000, '1')).ok());
}

TEST(Quantity, ComparesAcrossSuffixes) {
  EXPECT_TRUE(*Quantity::Parse("999m") < *Quantity::Parse("1"));
  EXPECT_TRUE(*Quantity::Parse("1G") < *Quantity::Parse("1Gi"));
  EXPECT_TRUE(*Quantity::Parse("1024Mi") == *Quantity::Parse("1Gi"));
  EXPECT_TRUE(*Quantity::Parse("-1") < *Quantity::Parse("0"));
}

TEST(Quantity, RoundsUpToMilli) {
  Quantity fine = *Quantity::Parse("1500u");
  fine.RoundUpToMilli();
  EXPECT_EQ(fine.Canonical(), "2m");
  Quantity even = *Quantity::Parse("3m");
  even.RoundUpToMilli();
  EXPECT_EQ(even.Canonical(), "3m");
}

}  // namespace
}  // namespace pintle::server::kube
