#include "net/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/net/tls_support.h"

namespace pintle::net {
namespace {

using ::testing::HasSubstr;

TEST(ParseEndpointsTest, TakesUrlsAndAddresses) {
  const auto good = ParseEndpoints("http://127.0.0.1:6443, http://[::1]:7/,host:8", {});
  ASSERT_TRUE(good.ok()) << good.status();
  EXPECT_EQ((*good)[0].host, "127.0.0.1");
  EXPECT_EQ((*good)[1].host, "::1");
  EXPECT_EQ((*good)[1].port, 7);
  EXPECT_EQ((*good)[2].host, "host");
  for (const Endpoint& endpoint : *good) EXPECT_EQ(endpoint.tls, nullptr) << endpoint.host;
}

TEST(ParseEndpointsTest, SaysWhatIsWrong) {
  for (const char* bad : {"", ",", "unix://a:1", "http://a", "http://a:0", "http://a:70000",
                          "http://:1", "http://[::1:1", "http://a/b:1"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseEndpoints(bad, {}).status())) << bad;
  }
}

TEST(ParseEndpointsTest, TheSchemeDecidesAndElseTheFlags) {
  const TestAuthority authority;
  const auto tls =
      ParseEndpoints("https://a:1,a:1,http://a:1", {.ca_file = authority.certificate()});
  ASSERT_TRUE(tls.ok()) << tls.status();
  EXPECT_NE((*tls)[0].tls, nullptr);
  EXPECT_EQ((*tls)[1].tls, (*tls)[0].tls);
  EXPECT_EQ((*tls)[2].tls, nullptr);
  const auto none = ParseEndpoints("https://a:1", {});
  ASSERT_TRUE(none.ok()) << "with the machine's own authorities";
  EXPECT_NE(none->front().tls, nullptr);
}

TEST(ParseEndpointsTest, FilesThatCannotBeUsedAreNamed) {
  EXPECT_THAT(ParseEndpoints("a:1", {.ca_file = "/nowhere"}).status().message(),
              HasSubstr("/nowhere"));
  EXPECT_THAT(ParseEndpoints("a:1", {.cert_file = "c.pem"}).status().message(),
              HasSubstr("KeyFile and CertFile must both be present"));
  EXPECT_TRUE(ParseEndpoints("http://a:1", {.ca_file = "/nowhere"}).ok()) << "not needed";
}

}  // namespace
}  // namespace pintle::net
