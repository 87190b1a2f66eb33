// What kube-apiserver asks, replayed: its transactions, lists, watches, compaction loop, leases and
// version probe (etcd-api 6.2 to 6.4, kube-api 18). Each row says what asks and what it relies on.
// Connections and pings: tests/e2e/test_apiserver.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "server/version.h"
#include "tests/etcd/harness.h"

namespace pintle::server::etcd::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// In both: "$P" is /registry/pods/. Watches and lists go from it to "$E", /registry/pods0.
std::string Spelled(const std::string& text) {
  return absl::StrReplaceAll(text, {{"$P", "/registry/pods/"}, {"$E", "/registry/pods0"}});
}

struct Row {
  const char* what;  // asks, and what of the answer counts
  const char* method;
  const char* request;
  const char* answer;
};

class ApiserverTest : public ::testing::Test {
 protected:
  std::string Ask(const std::string& method, const std::string& request) {
    return harness_.Ask("etcdserverpb." + method, Spelled(request));
  }
  void Replay(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
      EXPECT_EQ(Ask(row.method, row.request), Spelled(row.answer)) << row.what;
    }
  }
  void Put(const std::string& key, const std::string& value) {
    harness_.member.loop.Put(Spelled(key), value);
  }

  Harness harness_;
};

// A watch as apiserver opens it: a stream of its own, and it wants to hear of a lost leader.
class Watch {
 public:
  Watch(Harness& harness, const std::string& request)
      : stream_(harness, "etcdserverpb.Watch/Watch", Metadata("hasleader", "true")) {
    stream_.Send(Spelled("create_request { " + request + " }"));
  }
  void AskProgress() { stream_.Send("progress_request { }"); }
  std::vector<std::string> Take() { return stream_.Take(); }

 private:
  StreamClient stream_;
};

// The bytes of the value are opaque: "k8s\0" and protobuf for built-in kinds, JSON for others.
TEST_F(ApiserverTest, CreatesUpdatesAndDeletesGuardedByModRevision) {
  Replay({
      {"Create: succeeded, and the header's revision is the object's resourceVersion", "KV/Txn",
       R"(compare { target: MOD key: "$Pa" mod_revision: 0 }
          success { request_put { key: "$Pa" value: "k8s\000\001" } })",
       R"(header { revision: 2 } succeeded: true responses { response_put { header { revision: 2 } } })"},
      {"Create again: AlreadyExists; there are no failure operations", "KV/Txn",
       R"(compare { target: MOD key: "$Pa" mod_revision: 0 }
          success { request_put { key: "$Pa" value: "other" } })",
       R"(header { revision: 2 })"},
      {"Create since 1.32 (OptimisticPut with getOnFailure): what is there", "KV/Txn",
       R"(compare { target: MOD key: "$Pa" mod_revision: 0 }
          success { request_put { key: "$Pa" value: "other" } }
          failure { request_range { key: "$Pa" } })",
       R"(header { revision: 2 } responses { response_range { header { revision: 2 } kvs { key: "$Pa" )"
       R"(create_revision: 2 mod_revision: 2 version: 1 value: "k8s\000\001" } count: 1 } })"},
      {"Get: the pair", "KV/Range", R"(key: "$Pa")",
       R"(header { revision: 2 } kvs { key: "$Pa" create_revision: 2 mod_revision: 2 version: 1 )"
       R"(value: "k8s\000\001" } count: 1)"},
      {"Get since 1.32, of what is not there: the header's revision", "KV/Range",
       R"(key: "$Pnone" limit: 1)", R"(header { revision: 2 })"},
      {"GuaranteedUpdate: succeeded, nested revision", "KV/Txn",
       R"(compare { target: MOD key: "$Pa" mod_revision: 2 }
          success { request_put { key: "$Pa" value: "2" } } failure { request_range { key: "$Pa" } })",
       R"(header { revision: 3 } succeeded: true responses { response_put { header { revision: 3 } } })"},
      {"GuaranteedUpdate, too late: the pair and the revision of the nested header for the next "
       "try",
       "KV/Txn",
       R"(compare { target: MOD key: "$Pa" mod_revision: 2 }
          success { request_put { key: "$Pa" value: "3" } } failure { request_range { key: "$Pa" } })",
       R"(header { revision: 3 } responses { response_range { header { revision: 3 } kvs { key: "$Pa" )"
       R"(create_revision: 2 mod_revision: 3 version: 2 value: "2" } count: 1 } })"},
      {"GuaranteedUpdate of what was deleted: an empty range, revision of the nested header",
       "KV/Txn",
       R"(compare { target: MOD key: "$Pgone" mod_revision: 7 }
          success { request_put { key: "$Pgone" value: "3" } } failure { request_range { key: "$Pgone" } })",
       R"(header { revision: 3 } responses { response_range { header { revision: 3 } } })"},
      {"Delete, too late: the pair", "KV/Txn",
       R"(compare { target: MOD key: "$Pa" mod_revision: 2 }
          success { request_delete_range { key: "$Pa" } } failure { request_range { key: "$Pa" } })",
       R"(header { revision: 3 } responses { response_range { header { revision: 3 } kvs { key: "$Pa" )"
       R"(create_revision: 2 mod_revision: 3 version: 2 value: "2" } count: 1 } })"},
      {"Delete: the deletion's own header is the resourceVersion of the deleted object", "KV/Txn",
       R"(compare { target: MOD key: "$Pa" mod_revision: 3 }
          success { request_delete_range { key: "$Pa" } } failure { request_range { key: "$Pa" } })",
       R"(header { revision: 4 } succeeded: true responses { response_delete_range { header { )"
       R"(revision: 4 } deleted: 1 } })"},
      {"Health, every readyz: that it is answered", "KV/Range", R"(key: "/registry/health")",
       R"(header { revision: 4 })"},
  });
}

TEST_F(ApiserverTest, ListsInPagesOfOneRevision) {
  for (const char* name : {"a", "b", "c", "d", "e"}) Put(absl::StrCat("$P", name), name);  // 2 … 6
  Put("/registry/services/specs/s", "not a pod");
  const auto pair = [](const char* name, int revision) {
    return absl::StrFormat(
        R"(kvs { key: "$P%s" create_revision: %d mod_revision: %d version: 1 value: "%s" } )", name,
        revision, revision, name);
  };
  const std::string first =
      "header { revision: 7 } " + pair("a", 2) + pair("b", 3) + "more: true count: 5";
  // The continue token: the last key and a zero byte, and the first page's revision.
  const char* second = R"(key: "$Pb\000" range_end: "$E" limit: 2 revision: 7)";
  const std::string middle =
      "header { revision: 9 } " + pair("c", 4) + pair("d", 5) + "more: true count: 3";
  const std::string last = "header { revision: 9 } " + pair("e", 6) + "count: 1";
  Replay({
      {"List, 1st page: count and more; remainingItemCount is count less the page", "KV/Range",
       R"(key: "$P" range_end: "$E" limit: 2)", first.c_str()},
      {"Written between the pages", "KV/Put", R"(key: "$Pbb" value: "new")",
       "header { revision: 8 }"},
      {"Written between the pages", "KV/DeleteRange", R"(key: "$Pd")",
       "header { revision: 9 } deleted: 1"},
      {"2nd page: as of the first; count is what is left (since 1.32 hasMore is page < count)",
       "KV/Range", second, middle.c_str()},
      {"3rd page, the last", "KV/Range", R"(key: "$Pd\000" range_end: "$E" limit: 2 revision: 7)",
       last.c_str()},
      {"The limit is just what is left: no more", "KV/Range",
       R"(key: "$Pd\000" range_end: "$E" limit: 1 revision: 7)", last.c_str()},
      {"Count, every minute for each resource", "KV/Range",
       R"(key: "$P" range_end: "$E" count_only: true)", "header { revision: 9 } count: 5"},
      {"resourceVersionMatch=Exact of a revision to come: TooLargeResourceVersion", "KV/Range",
       R"(key: "$P" range_end: "$E" limit: 500 revision: 10)",
       "OUT_OF_RANGE: etcdserver: mvcc: required revision is a future revision"},
      {"Compacted between the pages", "KV/Compact", "revision: 8", "header { revision: 9 }"},
      {"The next page is 410 Expired", "KV/Range", second,
       "OUT_OF_RANGE: etcdserver: mvcc: required revision has been compacted"},
  });
  EXPECT_EQ(Ask("KV/Range", R"(key: "$Pd" range_end: "$E" keys_only: true)"),
            Spelled(R"(header { revision: 9 } kvs { key: "$Pe" create_revision: 6 mod_revision: 6 )"
                    R"(version: 1 } count: 1)"))
      << "size estimate, since 1.34";
}

// Since 1.37: a list without a limit; the one header has the revision.
TEST_F(ApiserverTest, ListsByRangeStream) {
  for (int i = 0; i < 25; ++i) Put(absl::StrFormat("$P%02d", i), "v");
  StreamClient stream(harness_, "etcdserverpb.KV/RangeStream");
  stream.Send(Spelled(R"(key: "$P" range_end: "$E" revision: 20)"));
  stream.HalfClose();
  const std::vector<std::string> messages = stream.Take();
  ASSERT_THAT(messages, ElementsAre(Not(HasSubstr("header")), HasSubstr("revision: 26")));
  EXPECT_THAT(messages[1], HasSubstr("count: 19"));
}

TEST_F(ApiserverTest, WatchesFromWhatItListed) {
  Put("$Pa", "1");  // 2
  Watch watch(harness_,
              R"(key: "$P" range_end: "$E" start_revision: 3 prev_kv: true progress_notify: true)");
  EXPECT_THAT(watch.Take(), ElementsAre("header { revision: 2 } created: true"));
  const auto took = [&watch](const std::string& text) {
    EXPECT_THAT(watch.Take(), ElementsAre(Spelled(text)));
  };
  Put("$Pb", "1");
  took(
      R"(header { revision: 3 } events { kv { key: "$Pb" create_revision: 3 mod_revision: 3 version: 1 )"
      R"(value: "1" } })");
  Put("$Pb", "2");  // no creation: must have what was before
  took(
      R"(header { revision: 4 } events { kv { key: "$Pb" create_revision: 3 mod_revision: 4 version: 2 )"
      R"(value: "2" } prev_kv { key: "$Pb" create_revision: 3 mod_revision: 3 version: 1 value: "1" } })");
  harness_.member.loop.Delete(Spelled("$Pb"));  // its mod_revision is the resourceVersion
  took(
      R"(header { revision: 5 } events { type: DELETE kv { key: "$Pb" mod_revision: 5 } prev_kv { )"
      R"(key: "$Pb" create_revision: 3 mod_revision: 4 version: 2 value: "2" } })");
  Put("/registry/services/specs/s", "");
  EXPECT_THAT(watch.Take(), IsEmpty()) << "nobody's but the services'";
  watch.AskProgress();  // ConsistentListFromCache: 100 ms are its patience
  EXPECT_THAT(watch.Take(), ElementsAre("header { revision: 6 } watch_id: -1"));
}

// Each response is taken whole.
TEST_F(ApiserverTest, HearsOfATransactionInOneResponse) {
  Watch watch(harness_, R"(key: "$P" range_end: "$E" start_revision: 2 prev_kv: true)");
  watch.Take();
  EXPECT_THAT(Ask("KV/Txn", R"(success { request_put { key: "$Pa" value: "1" } }
                               success { request_put { key: "$Pb" value: "1" } })"),
              StartsWith("header { revision: 2 } succeeded: true"));
  const std::vector<std::string> taken = watch.Take();
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_THAT(taken[0], HasSubstr(Spelled(R"(key: "$Pa")")));
  EXPECT_THAT(taken[0], HasSubstr(Spelled(R"(key: "$Pb")")));
}

TEST_F(ApiserverTest, WatchesBelowTheCompactionAre410Gone) {
  for (int i = 0; i < 5; ++i) Put("$Pa", absl::StrCat(i));  // 2 … 6
  harness_.member.loop.Compact(5);
  const std::string watch = R"(key: "$P" range_end: "$E" prev_kv: true start_revision: )";
  EXPECT_THAT(Watch(harness_, watch + "4").Take(),
              ElementsAre("header { revision: 6 } created: true",
                          "header { } canceled: true compact_revision: 5"));
  // What is still there comes with what was before it, or not at all: without it apiserver ends the
  // watch with an error.
  EXPECT_THAT(
      Watch(harness_, watch + "6").Take(),
      ElementsAre("header { revision: 6 } created: true",
                  Spelled(R"(header { revision: 6 } events { kv { key: "$Pa" create_revision: 2 )"
                          R"(mod_revision: 6 version: 5 value: "4" } prev_kv { key: "$Pa" )"
                          R"(create_revision: 2 mod_revision: 5 version: 4 value: "3" } })")));
  EXPECT_THAT(Watch(harness_, watch + "100").Take(),
              ElementsAre("header { revision: 6 } created: true"))
      << "a revision to come is waited for";
}

TEST_F(ApiserverTest, TwoCompactEveryFiveMinutesAndAgreeWhoDoes) {
  Put("$Pa", "1");  // 2
  const char* mine = R"(compare { target: VERSION key: "compact_rev_key" version: 0 }
      success { request_put { key: "compact_rev_key" value: "0" } }
      failure { request_range { key: "compact_rev_key" } })";
  Replay({
      {"1st round of the one: nothing is known to compact to", "KV/Txn", mine,
       R"(header { revision: 3 } succeeded: true responses { response_put { header { revision: 3 } } })"},
      {"1st round of the other: too late; the version is its next guess", "KV/Txn", mine,
       R"(header { revision: 3 } responses { response_range { header { revision: 3 } kvs { key: )"
       R"("compact_rev_key" create_revision: 3 mod_revision: 3 version: 1 value: "0" } count: 1 } })"},
      {"Five minutes of work", "KV/Put", R"(key: "$Pa" value: "2")", "header { revision: 4 }"},
      {"2nd round: to the revision of the round before", "KV/Txn",
       R"(compare { target: VERSION key: "compact_rev_key" version: 1 }
          success { request_put { key: "compact_rev_key" value: "3" } }
          failure { request_range { key: "compact_rev_key" } })",
       R"(header { revision: 5 } succeeded: true responses { response_put { header { revision: 5 } } })"},
      {"… and does it", "KV/Compact", "revision: 3", "header { revision: 5 }"},
      {"Somebody else had done it: ErrCompacted is no failure", "KV/Compact", "revision: 3",
       "OUT_OF_RANGE: etcdserver: mvcc: required revision has been compacted"},
      {"Since 1.34 it learns of others' rounds: a read, then a watch from there", "KV/Range",
       R"(key: "compact_rev_key")",
       R"(header { revision: 5 } kvs { key: "compact_rev_key" create_revision: 3 mod_revision: 5 )"
       R"(version: 2 value: "3" } count: 1)"},
  });
  Watch watch(harness_, R"(key: "compact_rev_key" start_revision: 5)");
  EXPECT_THAT(watch.Take(), ElementsAre("header { revision: 5 } created: true",
                                        StartsWith("header { revision: 5 } events { kv")));
}

// Events live an hour: one lease for all that are written within a minute; never kept alive, never
// revoked by apiserver.
TEST_F(ApiserverTest, EventsShareALeaseAndGoTogether) {
  etcdserverpb::LeaseGrantResponse granted;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(Ask("Lease/LeaseGrant", "TTL: 3660"),
                                                            &granted));
  EXPECT_GT(granted.id(), 0) << "the server chooses";
  EXPECT_EQ(granted.ttl(), 3660);
  Watch watch(harness_, R"(key: "/registry/events/" range_end: "/registry/events0" prev_kv: true)");
  watch.Take();
  for (const char* name : {"a", "b"}) {
    EXPECT_THAT(Ask("KV/Txn", absl::StrFormat(R"(compare { target: MOD key: "/registry/events/%s" }
            success { request_put { key: "/registry/events/%s" value: "v" lease: %d } })",
                                              name, name, granted.id())),
                HasSubstr("succeeded: true"));
  }
  EXPECT_THAT(watch.Take(), ElementsAre(HasSubstr(absl::StrCat("lease: ", granted.id())),
                                        HasSubstr(absl::StrCat("lease: ", granted.id()))));
  // Once its time is up the leader proposes this.
  harness_.member.loop.Apply({kv::LeaseRevokeRequest{kv::LeaseId(granted.id())}});
  const std::vector<std::string> taken = watch.Take();
  ASSERT_EQ(taken.size(), 1u) << "one revision";
  EXPECT_THAT(taken[0], StartsWith(R"(header { revision: 4 } events { type: DELETE kv { key: )"
                                   R"("/registry/events/a" mod_revision: 4 } prev_kv {)"));
  EXPECT_THAT(taken[0], HasSubstr(R"(kv { key: "/registry/events/b" mod_revision: 4 } prev_kv {)"));
}

// etcd-api 6.4: progress may be asked for since 3.4.31, but for 3.5.0 to 3.5.12.
bool MayAskForProgress(const std::string& version) {
  int major = 0;
  int minor = 0;
  int patch = 0;
  char rest = 0;
  if (std::sscanf(version.c_str(), "%d.%d.%d%c", &major, &minor, &patch, &rest) != 3) return false;
  const auto number = std::make_tuple(major, minor, patch);
  return number >= std::make_tuple(3, 4, 31) &&
         (number < std::make_tuple(3, 5, 0) || number >= std::make_tuple(3, 5, 13));
}

TEST_F(ApiserverTest, ProbesTheVersionAndTheSize) {
  etcdserverpb::StatusResponse status;
  ASSERT_TRUE(
      google::protobuf::TextFormat::ParseFromString(Ask("Maintenance/Status", ""), &status));
  EXPECT_TRUE(MayAskForProgress(status.version())) << status.version();
  EXPECT_FALSE(MayAskForProgress("3.5.12"));
  EXPECT_GT(status.dbsize(), 0) << "apiserver_storage_size_bytes";
}

}  // namespace
}  // namespace pintle::server::etcd::testing
