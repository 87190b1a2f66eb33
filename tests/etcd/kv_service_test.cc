// KV: answers, header revisions, and the exact errors, in etcd's order (etcd-api 1.1).
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kv/errors.h"
#include "tests/etcd/harness.h"

namespace pintle::server::etcd::testing {
namespace {

struct Step {
  std::string method;
  std::string request;
  std::string answer;
};

void RunSteps(Harness& harness, const std::vector<Step>& steps) {
  for (const Step& step : steps) {
    EXPECT_EQ(harness.Ask("etcdserverpb.KV/" + step.method, step.request), step.answer)
        << step.method << " " << step.request;
  }
}

TEST(KvServiceTest, AnswersAndRevisions) {
  Harness harness;
  RunSteps(
      harness,
      {{"Range", R"(key: "a")", "header { revision: 1 }"},
       {"Put", R"(key: "a" value: "0")", "header { revision: 2 }"},
       {"Put", R"(key: "a" value: "1" prev_kv: true)",
        R"(header { revision: 3 } prev_kv { key: "a" create_revision: 2 mod_revision: 2 )"
        R"(version: 1 value: "0" })"},
       {"Put", R"(key: "b" value: "1" prev_kv: true)", "header { revision: 4 }"},
       {"Range", R"(key: "a" range_end: "z" limit: 1)",
        R"(header { revision: 4 } kvs { key: "a" create_revision: 2 mod_revision: 3 )"
        R"(version: 2 value: "1" } more: true count: 2)"},
       {"Range", R"(key: "a" revision: 2 serializable: true)",
        R"(header { revision: 4 } kvs { key: "a" create_revision: 2 mod_revision: 2 )"
        R"(version: 1 value: "0" } count: 1)"},
       {"Range", R"(key: "a" range_end: "\000" count_only: true limit: 1)",
        "header { revision: 4 } count: 2"},
       {"Range", R"(key: "b" keys_only: true)",
        R"(header { revision: 4 } kvs { key: "b" create_revision: 4 mod_revision: 4 version: 1 } count: 1)"},
       {"DeleteRange", R"(key: "x")", "header { revision: 4 }"},
       {"DeleteRange", R"(key: "a" range_end: "z" prev_kv: true)",
        R"(header { revision: 5 } deleted: 2 prev_kvs { key: "a" create_revision: 2 )"
        R"(mod_revision: 3 version: 2 value: "1" } prev_kvs { key: "b" create_revision: 4 )"
        R"(mod_revision: 4 version: 1 value: "1" })"},
       {"Compact", "revision: 4", "header { revision: 5 }"},
       {"Compact", "revision: 5 physical: true", "header { revision: 5 }"}});
}

// What is read while there is no room for it is read anew, as of then.
TEST(KvServiceTest, LargeAnswersAreNotKeptWhileTheyWait) {
  const std::vector<std::pair<std::string, std::string>> reads = {
      {"etcdserverpb.KV/Range", R"(key: "a")"},
      {"etcdserverpb.KV/Txn", R"(success { request_range { key: "a" } })"}};
  for (const auto& [path, request] : reads) {
    Harness harness;
    harness.member.loop.Put("a", std::string(1000, 'x'));
    auto call = std::make_shared<FakeCall>(harness.executor);
    call->room.bytes = 500;
    const auto* type = FindMethod(path)->input_type();
    harness.router.unary().find("/" + path)->second(Encode(type, request), call);
    harness.executor.Run();
    ASSERT_FALSE(call->ended()) << path;
    harness.member.loop.Put("a", "newer");
    call->room.Give();
    harness.executor.Run();
    ASSERT_TRUE(call->ended()) << path;
    const auto sent = call->TakeSent();
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_NE(sent[0].find("newer"), std::string::npos) << path;
  }
}

TEST(KvServiceTest, TxnNestsHeadersAsEtcdDoes) {
  Harness harness;
  RunSteps(harness,
           {{"Txn",
             R"(compare { key: "a" target: MOD mod_revision: 0 }
           success { request_put { key: "a" value: "0" } }
           success { request_range { key: "a" } }
           success { request_delete_range { key: "none" } }
           success { request_txn { success { request_put { key: "n" } } } })",
             R"(header { revision: 2 } succeeded: true responses { response_put { header { )"
             R"(revision: 2 } } } responses { response_range { header { revision: 2 } kvs { )"
             R"(key: "a" create_revision: 2 mod_revision: 2 version: 1 value: "0" } count: 1 } )"
             R"(} responses { response_delete_range { header { revision: 2 } } } responses { )"
             R"(response_txn { header { } succeeded: true responses { response_put { header { )"
             R"(revision: 2 } } } } })"},
            {"Txn",
             R"(compare { key: "a" target: VALUE result: NOT_EQUAL value: "0" }
           success { request_put { key: "a" } }
           failure { request_range { key: "a" keys_only: true } }
           failure { request_delete_range { key: "a" prev_kv: true } })",
             R"(header { revision: 3 } responses { response_range { header { revision: 2 } kvs )"
             R"({ key: "a" create_revision: 2 mod_revision: 2 version: 1 } count: 1 } } )"
             R"(responses { response_delete_range { header { revision: 3 } deleted: 1 prev_kvs )"
             R"({ key: "a" create_revision: 2 mod_revision: 2 version: 1 value: "0" } } })"},
            {"Txn", "", "header { revision: 3 } succeeded: true"}});
}

TEST(KvServiceTest, OnlyWhatWritesIsProposed) {
  Harness harness;
  struct Case {
    std::string request;
    int proposals;
    int reads;
  };
  const Case cases[] = {
      {"", 0, 0},
      {R"(success { request_range { key: "a" serializable: true } })", 0, 0},
      {R"(success { request_range { key: "a" } })", 0, 1},
      {R"(success { request_range { key: "a" serializable: true } }
          failure { request_range { key: "a" } })",
       0, 1},
      {R"(failure { request_put { key: "a" } })", 1, 0},
      {R"(success { request_txn { success { request_range { key: "a" } } } })", 1, 0},
  };
  for (const Case& c : cases) {
    harness.member.proposals = harness.member.reads = 0;
    harness.Ask("etcdserverpb.KV/Txn", c.request);
    EXPECT_EQ(harness.member.proposals, c.proposals) << c.request;
    EXPECT_EQ(harness.member.reads, c.reads) << c.request;
  }
  harness.member.reads = 0;
  harness.Ask("etcdserverpb.KV/Range", R"(key: "a" serializable: true)");
  EXPECT_EQ(harness.member.reads, 0);
  harness.Ask("etcdserverpb.KV/Range", R"(key: "a")");
  EXPECT_EQ(harness.member.reads, 1);
}

TEST(KvServiceTest, ErrorsHaveEtcdsCodesAndTexts) {
  Harness harness;
  RunSteps(harness, {{"Put", R"(key: "a")", "header { revision: 2 }"},
                     {"Put", R"(key: "a")", "header { revision: 3 }"},
                     {"Compact", "revision: 3", "header { revision: 3 }"}});
  const std::string no_key = "INVALID_ARGUMENT: etcdserver: key is not provided";
  const std::string not_found = "INVALID_ARGUMENT: etcdserver: key not found";
  const std::string duplicate = "INVALID_ARGUMENT: etcdserver: duplicate key given in txn request";
  const std::string sort = "INVALID_ARGUMENT: etcdserver: invalid sort option";
  const std::string compacted =
      "OUT_OF_RANGE: etcdserver: mvcc: required revision has been compacted";
  const std::string future =
      "OUT_OF_RANGE: etcdserver: mvcc: required revision is a future revision";
  RunSteps(
      harness,
      {{"Range", "", no_key},
       {"Range", R"(key: "a" revision: 2)", compacted},
       {"Range", R"(key: "a" revision: 4)", future},
       {"Put", R"(value: "v" ignore_value: true)", no_key},
       {"Put", R"(key: "a" value: "v" ignore_value: true)",
        "INVALID_ARGUMENT: etcdserver: value is provided"},
       {"Put", R"(key: "a" lease: 5 ignore_lease: true)",
        "INVALID_ARGUMENT: etcdserver: lease is provided"},
       {"Put", R"(key: "new" ignore_value: true)", not_found},
       {"Put", R"(key: "a" lease: 5)", "NOT_FOUND: etcdserver: requested lease not found"},
       {"DeleteRange", "", no_key},
       {"Txn", R"(compare { })", no_key},
       {"Txn", R"(success { })", not_found},
       {"Txn", R"(success { request_put { key: "a" } } success { request_put { key: "a" } })",
        duplicate},
       {"Txn",
        R"(success { request_range { key: "a" revision: 9 } } success { request_put { key: "a" } })",
        future},
       {"Txn", R"(success { request_range { key: "a" revision: 1 } })", compacted},
       {"Compact", "revision: 3", compacted},
       {"Compact", "revision: 4", future}});

  etcdserverpb::RangeRequest unknown;
  unknown.set_key("a");
  for (const int number : {5, 256, -1}) {
    unknown.set_sort_target(static_cast<etcdserverpb::RangeRequest::SortTarget>(number));
    EXPECT_EQ(harness.AskBytes("etcdserverpb.KV/Range", unknown.SerializeAsString()), sort);
  }
  EXPECT_EQ(harness.AskBytes("etcdserverpb.KV/Range", "\xff\xff"),
            "INTERNAL: grpc: error unmarshalling request: not a message of this type");
}

TEST(KvServiceTest, TooManyOperations) {
  Harness harness({.max_txn_ops = 2});
  const std::string op = R"(success { request_range { key: "a" } })";
  EXPECT_EQ(harness.Ask("etcdserverpb.KV/Txn", op + op + op),
            "INVALID_ARGUMENT: etcdserver: too many operations in txn request");
  EXPECT_EQ(harness.Ask("etcdserverpb.KV/Txn", op + op).substr(0, 6), "header");
}

TEST(KvServiceTest, RefusedByTheMember) {
  Harness harness;
  harness.member.refuse = replica::ErrTimeout();
  const std::string timeout = "UNAVAILABLE: etcdserver: request timed out";
  RunSteps(harness, {{"Range", R"(key: "a")", timeout},
                     {"Put", R"(key: "a")", timeout},
                     {"DeleteRange", R"(key: "a")", timeout},
                     {"Txn", R"(success { request_put { key: "a" } })", timeout},
                     {"Txn", R"(success { request_range { key: "a" } })", timeout},
                     {"Compact", "revision: 1", timeout},
                     {"Range", R"(key: "a" serializable: true)", "header { revision: 1 }"},
                     {"Put", "", "INVALID_ARGUMENT: etcdserver: key is not provided"}});
}

// etcd-api 1.10: the quota is asked before the request is looked at, and before who asks.
TEST(KvServiceTest, RoomComesBeforeWhatIsWrongWithARequest) {
  Harness harness;
  harness.member.refuse_room = kv::ErrNoSpace();
  const std::string full = "RESOURCE_EXHAUSTED: etcdserver: mvcc: database space exceeded";
  RunSteps(harness, {{"Put", "", full},
                     {"Txn", "success { }", full},
                     {"DeleteRange", "", "INVALID_ARGUMENT: etcdserver: key is not provided"}});
  EXPECT_EQ(harness.Ask("etcdserverpb.Lease/LeaseGrant", "TTL: 9000000001"), full);
  EXPECT_EQ(harness.member.proposals, 0);
}

TEST(KvServiceTest, MetadataComesFirst) {
  Harness harness;
  harness.member.facts.leader_id = 0;
  EXPECT_EQ(harness.Ask("etcdserverpb.KV/Range", "", Metadata("hasleader", "true")),
            "UNAVAILABLE: etcdserver: no leader");
  EXPECT_EQ(harness.AskBytes("etcdserverpb.KV/Range", "\xff\xff", Metadata("hasleader", "true")),
            "INTERNAL: grpc: error unmarshalling request: not a message of this type")
      << "gRPC itself says that";
  EXPECT_EQ(harness.Ask("etcdserverpb.KV/Range", "", Metadata("hasleader", "false")),
            "INVALID_ARGUMENT: etcdserver: key is not provided");
  for (const char* bad : {"3.6\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe2\x82"}) {
    EXPECT_EQ(
        harness.Ask("etcdserverpb.KV/Range", R"(key: "a")", Metadata("client-api-version", bad)),
        "INVALID_ARGUMENT: etcdserver: invalid client api version");
  }
  EXPECT_EQ(harness.Ask("etcdserverpb.KV/Range", R"(key: "a")",
                        Metadata("client-api-version", "3.6 \xe2\x82\xac")),
            "header { revision: 1 }");
}

}  // namespace
}  // namespace pintle::server::etcd::testing
