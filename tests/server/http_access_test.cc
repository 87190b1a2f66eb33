// Which hosts and origins may ask, and in which words the others are sent away.
#include "server/http_access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/clean_paths.h"

namespace pintle::server {
namespace {

using testing::HasSubstr;

class FakeExchange final : public net::HttpExchange {
 public:
  void Respond(int code, net::Headers with, std::string text) override {
    status = code;
    headers = std::move(with);
    body = std::move(text);
  }
  void Start(int code, net::Headers with) override { Respond(code, std::move(with), ""); }
  bool Write(std::string) override { return true; }
  void Finish() override {}
  size_t unsent_bytes() const override { return 0; }
  void OnDrain(absl::AnyInvocable<void()>) override {}
  void OnClose(absl::AnyInvocable<void()>) override {}
  net::Executor& executor() override { std::abort(); }

  int status = 0;
  net::Headers headers;
  std::string body;
};

class Inner final : public net::HttpHandler {
 public:
  void Handle(net::HttpRequest, std::shared_ptr<net::HttpExchange> exchange) override {
    ++asked;
    exchange->Respond(200, {}, "inside");
  }
  int asked = 0;
};

class HttpAccessTest : public testing::Test {
 protected:
  std::shared_ptr<FakeExchange> Ask(net::HttpHandler& handler, net::Headers headers,
                                    const std::string& method = "GET", bool secure = false,
                                    const std::string& path = "/version") {
    const auto exchange = std::make_shared<FakeExchange>();
    handler.Handle(
        {.method = method, .path = path, .headers = std::move(headers), .secure = secure},
        exchange);
    return exchange;
  }
  static net::Headers With(const std::string& name, const std::string& value) {
    net::Headers headers;
    headers.Add(name, value);
    return headers;
  }
  Inner inner_;
};

TEST_F(HttpAccessTest, ByDefaultEverybodyMayAskAndIsToldSo) {
  HttpAccess access({.origins = {"*"}, .hosts = {"*"}}, inner_);
  const auto answer = Ask(access, With("host", "any.example:1"));
  EXPECT_EQ(answer->body, "inside");
  EXPECT_EQ(answer->headers.Get("access-control-allow-origin"), "*");
  EXPECT_EQ(answer->headers.Get("access-control-allow-methods"), "POST, GET, OPTIONS, PUT, DELETE");
  EXPECT_EQ(answer->headers.Get("access-control-allow-headers"),
            "accept, content-type, authorization");
}

TEST_F(HttpAccessTest, OptionsAreAnsweredHere) {
  HttpAccess access({}, inner_);
  const auto answer = Ask(access, {}, "OPTIONS");
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "");
  EXPECT_EQ(inner_.asked, 0);
}

TEST_F(HttpAccessTest, OtherOriginsGetNoHeaders) {
  HttpAccess access({.origins = {"http://a.b:80"}, .hosts = {}}, inner_);
  EXPECT_EQ(
      Ask(access, With("origin", "http://a.b:80"))->headers.Get("access-control-allow-origin"),
      "http://a.b:80");
  EXPECT_FALSE(
      Ask(access, With("origin", "http://evil:80"))->headers.Has("access-control-allow-origin"));
  EXPECT_EQ(inner_.asked, 2);
}

TEST_F(HttpAccessTest, ForeignHostsAreSentAwayUnlessTheyCameByTls) {
  HttpAccess access({.origins = {}, .hosts = {"good.example", "::1"}}, inner_);
  const auto bad = Ask(access, With("host", "evil.com:2379"));
  EXPECT_EQ(bad->status, 421);
  // Word for word etcd's, of 370 bytes.
  EXPECT_EQ(bad->body.size(), 370u);
  EXPECT_THAT(bad->body, HasSubstr("  - e.g. etcd --host-whitelist \"evil.com\"\n"));
  EXPECT_EQ(inner_.asked, 0);
  EXPECT_EQ(Ask(access, With("host", "good.example:2379"))->status, 200);
  EXPECT_EQ(Ask(access, With("host", "[::1]:2379"))->status, 200);
  EXPECT_EQ(Ask(access, With("host", "evil.com"), "GET", true)->status, 200);
}

TEST_F(HttpAccessTest, MetricsListenersAnswerThatAndHealthOnly) {
  MetricsOnly only(inner_);
  for (const char* path : {"/metrics", "/health", "/livez", "/readyz", "/readyz/non_learner"}) {
    EXPECT_EQ(Ask(only, {}, "GET", false, path)->status, 200) << path;
  }
  for (const char* path :
       {"/version", "/v3/kv/range", "/", "/metricsx", "/admin/members/replace"}) {
    EXPECT_EQ(Ask(only, {}, "GET", false, path)->status, 404) << path;
  }
}

TEST_F(HttpAccessTest, PathsAreReadAsGosMuxReadsThem) {
  CleanPaths paths(inner_);
  EXPECT_EQ(Ask(paths, {}, "GET", false, "/%68ealth")->body, "inside");
  EXPECT_EQ(Ask(paths, {}, "GET", false, "/a/")->body, "inside");
  const auto moved = Ask(paths, {}, "GET", false, "//health");
  EXPECT_EQ(moved->status, 301);
  EXPECT_EQ(moved->headers.Get("location"), "/health");
  EXPECT_EQ(moved->body, "<a href=\"/health\">Moved Permanently</a>.\n\n");
  EXPECT_EQ(Ask(paths, {}, "POST", false, "/v3//kv/range")->body, "");
  const auto hostile = Ask(paths, {}, "GET", false, "//a%0d%0ab%22%3e");
  EXPECT_EQ(hostile->headers.Get("location"), "/a%0D%0Ab%22%3E");
}

TEST(CleanPathTest, DotsAndSlashes) {
  EXPECT_EQ(CleanPath("/"), "/");
  EXPECT_EQ(CleanPath(""), "/");
  EXPECT_EQ(CleanPath("//"), "/");
  EXPECT_EQ(CleanPath("/a//b/./c/../d/"), "/a/b/d/");
  EXPECT_EQ(CleanPath("/../../x"), "/x");
  EXPECT_EQ(CleanPath("/a/."), "/a");
}

}  // namespace
}  // namespace pintle::server
