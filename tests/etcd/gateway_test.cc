// The JSON gateway: paths, mapping, errors, streams (etcd-api 3.2). What real etcd answers to the
// same is compared in tests/e2e/test_gateway.py.
#include "server/etcd/gateway.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "server/etcd/gateway_json.h"
#include "tests/etcd/harness.h"

namespace pintle::server::etcd::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kHeader[] = R"("header":{"cluster_id":"193","member_id":"49","revision":")";

class GatewayTest : public ::testing::Test {
 protected:
  // Clients go in the end; who waits for a watch holds it until then.
  ~GatewayTest() override {
    for (const auto& exchange : exchanges_) exchange->Close();
    harness_.executor.Run();
  }

  std::shared_ptr<FakeExchange> Begin(const std::string& path, const std::string& body,
                                      net::Headers headers = {},
                                      const std::string& method = "POST") {
    auto exchange = std::make_shared<FakeExchange>(harness_.executor);
    exchange->room.bytes = room_bytes_;
    exchanges_.push_back(exchange);
    net::HttpRequest request{.method = method, .path = path, .headers = std::move(headers)};
    request.body = body;
    harness_.face.http().Handle(std::move(request), exchange);
    harness_.RunBackground();
    return exchange;
  }
  // "200 body", the header of the answer shortened.
  std::string Ask(const std::string& path, const std::string& body, net::Headers headers = {},
                  const std::string& method = "POST") {
    last_ = Begin(path, body, std::move(headers), method);
    return std::to_string(last_->status()) + " " + last_->body();
  }
  static std::string Error(int status, int code, const std::string& text) {
    return std::to_string(status) + R"( {"error":")" + text + R"(","code":)" +
           std::to_string(code) + R"(,"message":")" + text + R"("})";
  }

  Harness harness_;
  std::vector<std::shared_ptr<FakeExchange>> exchanges_;
  std::shared_ptr<FakeExchange> last_;
  size_t room_bytes_ = SIZE_MAX;  // of the next exchanges
};

std::string Header(int revision) {
  return kHeader + std::to_string(revision) + R"(","raft_term":"7"})";
}

TEST_F(GatewayTest, MapsMessagesAsEtcd) {
  EXPECT_EQ(Ask("/v3/kv/put", R"({"key":"YQ==","value":"Yg=="})"), "200 {" + Header(2) + "}");
  EXPECT_EQ(last_->headers().Get("content-type"), "application/json");
  EXPECT_EQ(last_->headers().Get("grpc-metadata-content-type"), "application/grpc");
  const std::string pair =
      R"({"key":"YQ==","create_revision":"2","mod_revision":"2","version":"1","value":"Yg=="})";
  EXPECT_EQ(Ask("/v3/kv/range", R"({"key":"YQ=="})"),
            "200 {" + Header(2) + R"(,"kvs":[)" + pair + R"(],"count":"1"})");
  EXPECT_EQ(Ask("/v3/kv/deleterange", R"({"key":"YQ==","prevKv":true})"),
            "200 {" + Header(3) + R"(,"deleted":"1","prev_kvs":[)" + pair + "]}");
}

// Reads of one connection are confirmed together: each asks for room before its answer is made, and
// again with its size.
TEST_F(GatewayTest, AnswersWaitForRoom) {
  harness_.member.loop.Put("a", std::string(1000, 'x'));
  for (const size_t bytes : {size_t{0}, size_t{500}}) {
    room_bytes_ = bytes;
    const auto exchange = Begin("/v3/kv/range", R"({"key":"YQ=="})");
    ASSERT_EQ(exchange->status(), 0) << bytes;
    harness_.member.loop.Put("a", "b");
    exchange->room.Give();
    harness_.RunBackground();
    EXPECT_EQ(exchange->status(), 200) << bytes;
    EXPECT_THAT(exchange->body(), HasSubstr(R"("value":"Yg==")"));
    harness_.member.loop.Put("a", std::string(1000, 'x'));
  }
  // What waits goes with its client.
  room_bytes_ = 0;
  const auto gone = Begin("/v3/kv/range", R"({"key":"YQ=="})");
  gone->Close();
  harness_.RunBackground();
  gone->room.Give();
  harness_.RunBackground();
  EXPECT_EQ(gone->status(), 0);
}

TEST_F(GatewayTest, TakesWhatEtcdTakes) {
  harness_.member.loop.Put("a", "1");
  const std::string found = "200 {" + Header(2) + R"(,"kvs":[{"key":"YQ==")";
  for (const char* body : {
           R"({"key":"YQ==","limit":7,"sort_order":"DESCEND","sort_target":2})",
           R"({"key":"YQ==","limit":"7","sortOrder":2,"keys_only":true})",
           R"({"key":"YQ==","nothing":[1,{"a":null}],"limit":1e2})",
           R"({"key":"YQ=="} x)",
           R"({"key":"YQ"})",
           "\n {\"key\" : \"YQ==\"}",
       }) {
    EXPECT_THAT(Ask("/v3/kv/range", body), ::testing::StartsWith(found)) << body;
  }
  EXPECT_EQ(Ask("/v3/kv/range", R"({"key":"__--"})"), "200 {" + Header(2) + "}");
}

TEST_F(GatewayTest, RefusesWhatIsNoRequest) {
  EXPECT_EQ(Ask("/v3/kv/range", ""), Error(400, 3, "etcdserver: key is not provided"));
  EXPECT_EQ(Ask("/v3/kv/range", "{"), Error(400, 3, "unexpected EOF"));
  for (const char* body :
       {"[]", "null", "7", "x", R"({"key":5})", R"({"key":"YQ==","limit":"x"})",
        R"({"key":"YQ==","limit":1.5})", R"({"key":"YQ==","serializable":"true"})",
        R"({'key':'YQ=='})", R"({key:"YQ=="})", R"({"key":"YQ==",})", R"({"key":{}})", "}{"}) {
    EXPECT_THAT(Ask("/v3/kv/range", body), HasSubstr(R"("code":3)")) << body;
    EXPECT_EQ(last_->status(), 400) << body;
  }
  EXPECT_THAT(Ask("/v3/kv/txn", R"({"success":[{"requestPut":{"key":"YQ==","prev_kv":1}}]})"),
              HasSubstr(R"("code":3)"));
  EXPECT_EQ(Ask("/v3/kv/range", std::string(100000, '[')), Error(400, 3, "exceeded max depth"));
}

TEST_F(GatewayTest, PathsAndMethods) {
  EXPECT_EQ(Ask("/v3/kv/nothing", "{}"), Error(404, 5, "Not Found"));
  EXPECT_EQ(Ask("/v3/", "{}"), Error(404, 5, "Not Found"));
  EXPECT_EQ(Ask("/v3", "").substr(0, 3), "301");
  EXPECT_EQ(last_->headers().Get("location"), "/v3/");
  EXPECT_EQ(Ask("/v3alpha/kv/range", R"({"key":"YQ=="})"), "404 404 page not found\n");
  EXPECT_EQ(Ask("/v3beta/kv/range", R"({"key":"YQ=="})"), "200 {" + Header(1) + "}");
  for (const char* method : {"GET", "PUT", "DELETE"}) {
    EXPECT_EQ(Ask("/v3/kv/range", "{}", {}, method), Error(501, 12, "Method Not Allowed"));
  }
}

TEST_F(GatewayTest, EveryMethodHasItsPath) {
  // What etcd has in its proto file; what is not built answers so, not "Not Found".
  for (const char* path : {"kv/range",
                           "kv/put",
                           "kv/deleterange",
                           "kv/txn",
                           "kv/compaction",
                           "lease/grant",
                           "lease/revoke",
                           "kv/lease/revoke",
                           "lease/keepalive",
                           "lease/timetolive",
                           "kv/lease/timetolive",
                           "lease/leases",
                           "kv/lease/leases",
                           "cluster/member/add",
                           "cluster/member/remove",
                           "cluster/member/update",
                           "cluster/member/list",
                           "cluster/member/promote",
                           "maintenance/alarm",
                           "maintenance/status",
                           "maintenance/defragment",
                           "maintenance/hash",
                           "maintenance/hashkv",
                           "maintenance/snapshot",
                           "maintenance/transfer-leadership",
                           "maintenance/downgrade",
                           "auth/enable",
                           "auth/disable",
                           "auth/status",
                           "auth/authenticate",
                           "auth/user/add",
                           "auth/user/get",
                           "auth/user/list",
                           "auth/user/delete",
                           "auth/user/changepw",
                           "auth/user/grant",
                           "auth/user/revoke",
                           "auth/role/add",
                           "auth/role/get",
                           "auth/role/list",
                           "auth/role/delete",
                           "auth/role/grant",
                           "auth/role/revoke",
                           "lock/lock",
                           "lock/unlock",
                           "election/proclaim",
                           "election/leader",
                           "election/resign"}) {
    Ask(std::string("/v3/") + path, "{}");
    EXPECT_NE(last_->status(), 0) << path;
    EXPECT_THAT(last_->body(), ::testing::Not(HasSubstr("Not Found"))) << path;
  }
}

TEST_F(GatewayTest, TransactionsNest) {
  EXPECT_EQ(Ask("/v3/kv/txn", R"({"compare":[{"target":"CREATE","key":"YQ==","createRevision":"0"}],
                                  "success":[{"requestPut":{"key":"YQ==","value":"Yg=="}},
                                             {"request_range":{"key":"YQ=="}}]})"),
            "200 {" + Header(2) +
                R"(,"succeeded":true,"responses":[{"response_put":{"header":{"revision":"2"}}},)"
                R"({"response_range":{"header":{"revision":"2"},"kvs":[{"key":"YQ==",)"
                R"("create_revision":"2","mod_revision":"2","version":"1","value":"Yg=="}],)"
                R"("count":"1"}}]})");
}

TEST_F(GatewayTest, ErrorsHaveTheStatusOfTheirCode) {
  harness_.member.loop.Put("a", "1");
  harness_.member.loop.Compact(2);
  EXPECT_EQ(Ask("/v3/kv/range", R"({"key":"YQ==","revision":"1"})"),
            Error(400, 11, "etcdserver: mvcc: required revision has been compacted"));
  EXPECT_EQ(Ask("/v3/lock/unlock", "{}"), Error(500, 2, "etcdserver: key is not provided"));
  EXPECT_EQ(Ask("/v3/election/proclaim", "{}"),
            Error(500, 2, R"(\"leader\" field must be provided)"));
  harness_.member.refuse = replica::ErrTimeout();
  EXPECT_EQ(Ask("/v3/kv/put", R"({"key":"YQ=="})"),
            Error(503, 14, "etcdserver: request timed out"));
  const std::vector<int> statuses = {200, 499, 500, 400, 504, 404, 409, 403, 429,
                                     400, 409, 400, 501, 500, 503, 500, 401, 500};
  for (size_t code = 0; code < statuses.size(); ++code) {
    EXPECT_EQ(HttpStatusOfGrpc(static_cast<int>(code)), statuses[code]) << code;
  }
}

TEST_F(GatewayTest, MetadataGoesOn) {
  harness_.member.facts.leader_id = 0;
  EXPECT_EQ(Ask("/v3/kv/range", R"({"key":"YQ==","serializable":true})"),
            "200 {" + Header(1) + "}");
  EXPECT_EQ(Ask("/v3/kv/range", R"({"key":"YQ==","serializable":true})",
                Metadata("grpc-metadata-hasleader", "true")),
            Error(503, 14, "etcdserver: no leader"));
}

TEST_F(GatewayTest, Timeouts) {
  EXPECT_EQ(Ask("/v3/kv/range", R"({"key":"YQ=="})", Metadata("grpc-timeout", "5x")),
            Error(400, 3, "invalid grpc-timeout: 5x"));
  harness_.Ask("etcdserverpb.Lease/LeaseGrant", "TTL: 60 ID: 31");
  harness_.Ask("v3lockpb.Lock/Lock", R"(name: "a" lease: 31)");
  const auto waiting = Begin("/v3/lock/lock", R"({"name":"YQ=="})", Metadata("grpc-timeout", "2S"));
  EXPECT_EQ(waiting->status(), 0);
  harness_.executor.Advance(absl::Seconds(3));
  EXPECT_EQ(waiting->status(), 504);
  EXPECT_THAT(waiting->body(), HasSubstr(R"("code":4,"message":"context deadline exceeded")"));
  EXPECT_EQ(harness_.Ask("etcdserverpb.KV/Range", R"(key: "a/" range_end: "a0" count_only: true)"),
            "header { revision: 4 } count: 1")
      << "who waited took its key back";
}

TEST_F(GatewayTest, WatchStreamsLines) {
  const auto watch = Begin("/v3/watch", R"({"create_request":{"key":"YQ=="}})");
  EXPECT_EQ(watch->status(), 200);
  EXPECT_EQ(watch->TakeBody(), R"({"result":{)" + Header(1) + R"(,"created":true}})" + "\n");
  harness_.member.loop.Put("a", "1");
  harness_.executor.Run();
  EXPECT_EQ(watch->TakeBody(),
            R"({"result":{)" + Header(2) +
                R"(,"events":[{"kv":{"key":"YQ==","create_revision":"2","mod_revision":"2",)"
                R"("version":"1","value":"MQ=="}}]}})" +
                "\n");
  harness_.member.loop.Delete("a");
  harness_.executor.Run();
  EXPECT_THAT(watch->TakeBody(), HasSubstr(R"("events":[{"type":"DELETE","kv":{"key":"YQ==")"));
  EXPECT_EQ(harness_.member.hub().stats().subscriptions, 1);
  watch->Close();
  harness_.executor.Run();
  EXPECT_EQ(harness_.member.hub().stats().subscriptions, 0);
}

TEST_F(GatewayTest, SeveralRequestsInOneBody) {
  const auto watch = Begin("/v3/watch",
                           "{\"create_request\":{\"key\":\"YQ==\"}}\n"
                           "{\"create_request\":{\"key\":\"Yg==\"}}"
                           "{\"cancel_request\":{\"watch_id\":\"0\"}}");
  EXPECT_THAT(watch->TakeBody(), ::testing::AllOf(HasSubstr(R"("watch_id":"1","created":true)"),
                                                  HasSubstr(R"("canceled":true)")));
  EXPECT_EQ(Ask("/v3/lease/keepalive", R"({"ID":"5"}{"ID":6})"),
            R"(200 {"result":{)" + Header(1) + R"(,"ID":"5"}})" + "\n" + R"({"result":{)" +
                Header(1) + R"(,"ID":"6"}})" + "\n");
  EXPECT_TRUE(last_->closed());
  EXPECT_THAT(Ask("/v3/watch", R"({"create_request":{"key":5}})"), HasSubstr(R"("code":3)"));
}

TEST_F(GatewayTest, AStreamThatFailsSaysSoInIt) {
  const auto watch = Begin("/v3/watch", R"({"create_request":{"key":"YQ=="}})",
                           Metadata("grpc-metadata-hasleader", "true"));
  watch->TakeBody();
  harness_.member.facts.leader_id = 0;
  for (int i = 0; i < 4; ++i) harness_.executor.Advance(absl::Seconds(1));
  EXPECT_EQ(watch->TakeBody(), R"({"error":{"error":"etcdserver: no leader","code":14,)"
                               R"("message":"etcdserver: no leader"}})"
                               "\n");
  EXPECT_TRUE(watch->closed());
  EXPECT_EQ(Ask("/v3/watch", R"({"create_request":{"key":"YQ=="}})",
                Metadata("grpc-metadata-hasleader", "true")),
            Error(503, 14, "etcdserver: no leader"))
      << "before the first line it is an answer like any other";
}

TEST_F(GatewayTest, WhoDoesNotReadHoldsUpItsWatchOnly) {
  const auto watch = Begin("/v3/watch", R"({"create_request":{"key":"YQ=="}})");
  watch->TakeBody();
  const std::string big(300'000, 'x');
  for (int i = 0; i < 20; ++i) {
    harness_.member.loop.Put("a", big);
    harness_.executor.Run();
  }
  EXPECT_LT(watch->unsent_bytes(), 3'000'000U);
  for (int i = 0; i < 30; ++i) {
    watch->Drain();
    harness_.executor.Run();
  }
  size_t lines = 0;
  for (const char c : watch->TakeBody()) lines += c == '\n' ? 1 : 0;
  EXPECT_EQ(lines, 20U) << "nothing is lost";
}

TEST(GatewayOffTest, NothingIsThere) {
  Harness harness({.gateway = false});
  auto exchange = std::make_shared<FakeExchange>(harness.executor);
  harness.face.http().Handle({.method = "POST", .path = "/v3/kv/range"}, exchange);
  EXPECT_EQ(exchange->status(), 404);
  EXPECT_EQ(exchange->body(), "404 page not found\n");
}

TEST(GatewayJsonTest, ValuesComeOffTheFrontOneByOne) {
  std::string_view body = " {\"a\":\"}\\\"\"}\n[1] \"x\" 7,{\"b\":[{}]} ";
  std::vector<std::string> values;
  std::string_view value;
  while (true) {
    const auto found = NextJson(body, value);
    ASSERT_TRUE(found.ok());
    if (!*found) break;
    values.emplace_back(value);
  }
  EXPECT_THAT(values, ElementsAre("{\"a\":\"}\\\"\"}", "[1]", "\"x\"", "7", ",", "{\"b\":[{}]}"));
  body = "{\"a\":\"}";
  EXPECT_EQ(NextJson(body, value).status().message(), "unexpected EOF");
}

TEST(GatewayJsonTest, ValuesComeInPiecesOfAnySize) {
  const std::string text = " {\"a\":\"}\\\"\"}\n[1] \"x\" 7 {\"b\":[{}]}\n";
  for (size_t step = 1; step <= text.size(); ++step) {
    JsonStream stream(100);
    std::vector<std::string> values;
    std::string_view value;
    for (size_t at = 0; at < text.size(); at += step) {
      ASSERT_TRUE(stream.Add(std::string_view(text).substr(at, step)).ok());
      while (*stream.Next(value)) values.emplace_back(value);
    }
    EXPECT_THAT(values, ElementsAre("{\"a\":\"}\\\"\"}", "[1]", "\"x\"", "7", "{\"b\":[{}]}"))
        << step;
  }
}

TEST(GatewayJsonTest, AStreamHoldsSoMuchOfAValueAndNoMore) {
  JsonStream stream(100);
  std::string_view value;
  ASSERT_TRUE(stream.Add("{}{\"a\":\"" + std::string(90, 'a')).ok());
  EXPECT_TRUE(*stream.Next(value));
  EXPECT_FALSE(*stream.Next(value));
  EXPECT_TRUE(stream.Add("aaaa").ok());
  EXPECT_EQ(stream.Add("a").message(), "etcdserver: request is too large");
}

TEST(GatewayJsonTest, TextIsQuoted) {
  EXPECT_EQ(QuoteJson("a\"b\\c\n"), R"("a\"b\\c\n")");
  EXPECT_EQ(QuoteJson("\xff"), "\"\xef\xbf\xbd\"");
}

}  // namespace
}  // namespace pintle::server::etcd::testing
