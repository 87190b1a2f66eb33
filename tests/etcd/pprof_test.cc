// /debug/pprof/ with --enable-pprof. (Without: http_endpoints_test.cc.)
#include "server/etcd/pprof.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <ctime>
#include <memory>
#include <string>

#include "absl/strings/str_format.h"
#include "tests/etcd/harness.h"

namespace pintle::server::etcd::testing {
namespace {

using ::testing::HasSubstr;

class PprofTest : public ::testing::Test {
 protected:
  std::shared_ptr<FakeExchange> Ask(const std::string& path, const std::string& query = "",
                                    const std::string& method = "GET",
                                    const std::string& body = "") {
    auto exchange = std::make_shared<FakeExchange>(harness_.executor);
    net::HttpRequest request{.method = method, .path = "/debug/pprof" + path, .query = query};
    request.body = body;
    harness_.face.http().Handle(std::move(request), exchange);
    return exchange;
  }

  Harness harness_{{.pprof = true}};
};

// Until so much CPU time is gone: samples are taken of that.
void Work(double seconds) {
  const std::clock_t end = std::clock() + static_cast<std::clock_t>(seconds * CLOCKS_PER_SEC);
  while (std::clock() < end) {
  }
}

TEST_F(PprofTest, SaysWhatThereIs) {
  for (const char* path : {"", "/"}) {
    EXPECT_EQ(Ask(path)->status(), 200);
    EXPECT_THAT(Ask(path)->body(), HasSubstr("profile"));
  }
  EXPECT_THAT(Ask("/cmdline")->body(), HasSubstr("etcd_test"));
  EXPECT_EQ(Ask("/cmdline", "", "POST")->status(), 405);
  for (const char* path : {"/heap", "/goroutine", "/trace", "/nonsense"}) {
    EXPECT_EQ(Ask(path)->status(), 501) << path;
  }
  EXPECT_EQ(Ask("else")->status(), 404) << "another path that begins alike";
}

TEST_F(PprofTest, AProfileIsOneOfSomeSecondsOfCpuTime) {
  const auto first = Ask("/profile", "seconds=5");
  EXPECT_EQ(first->status(), 0) << "not yet";
  const auto second = Ask("/profile");
  EXPECT_EQ(second->status(), 500);
  EXPECT_EQ(second->body(), "Could not enable CPU profiling: cpu profiling already in use\n");
  Work(0.3);
  harness_.executor.Advance(absl::Seconds(4.9));
  EXPECT_EQ(first->status(), 0) << "not yet";
  harness_.executor.Advance(absl::Seconds(0.2));
  ASSERT_EQ(first->status(), 200);
  EXPECT_EQ(first->headers().Get("content-type"), "application/octet-stream");
  // Words of 8 bytes. The head: 0, so many words follow, version 0, microseconds between samples,
  // 0.
  uint64_t head[5];
  ASSERT_GT(first->body().size(), sizeof head);
  std::memcpy(head, first->body().data(), sizeof head);
  EXPECT_EQ(head[0], 0U);
  EXPECT_EQ(head[1], 3U);
  EXPECT_EQ(head[3], 10000U);
  uint64_t samples = 0;
  std::memcpy(&samples, first->body().data() + sizeof head, sizeof samples);
  EXPECT_GT(samples, 0U);
  EXPECT_THAT(first->body(), HasSubstr("etcd_test")) << "where each library lies";
}

TEST_F(PprofTest, WhoLeavesEndsItsProfile) {
  Ask("/profile", "seconds=100")->Close();
  EXPECT_EQ(harness_.executor.timers(), 0U);
  const auto next = Ask("/profile", "seconds=nonsense");
  harness_.executor.Advance(absl::Seconds(30));
  EXPECT_EQ(next->status(), 200);
}

TEST_F(PprofTest, AProfileHasItsLimit) {
  EXPECT_EQ(Ask("/profile", "seconds=3601")->status(), 400);
}

TEST_F(PprofTest, AddressesHaveNames) {
  EXPECT_EQ(Ask("/symbol")->body(), "num_symbols: 1\n");
  const std::string address = absl::StrFormat("%#x", reinterpret_cast<uintptr_t>(&HandlePprof));
  const auto named = Ask("/symbol", "", "POST", address + "+0x1+nonsense+");
  EXPECT_THAT(named->body(), HasSubstr("num_symbols: 1\n" + address + " "));
  EXPECT_THAT(named->body(), HasSubstr("HandlePprof"));
  std::string many(2 * kMaxSymbols, '+');
  EXPECT_EQ(Ask("/symbol", "", "POST", many)->status(), 400);
}

}  // namespace
}  // namespace pintle::server::etcd::testing
