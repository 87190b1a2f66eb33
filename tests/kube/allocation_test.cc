#include <gtest/gtest.h>

#include <set>

#include "server/kube/random.h"
#include "server/kube/range_allocation.h"
#include "server/kube/service_addresses.h"
#include "server/kube/stored_form.h"

namespace pintle::server::kube {
namespace {

TEST(Bitmap, IsGosBigInteger) {
  Bitmap bits;
  EXPECT_FALSE(bits.Test(0));
  bits.Set(0);
  EXPECT_EQ(bits.big_endian(), std::string("\x01", 1));
  bits.Set(9);
  EXPECT_EQ(bits.big_endian(), std::string("\x02\x01", 2));
  EXPECT_TRUE(bits.Test(9));
  EXPECT_FALSE(bits.Test(8));
  EXPECT_FALSE(bits.Test(1'000'000));
  bits.Clear(9);
  EXPECT_EQ(bits.big_endian(), std::string("\x01", 1));
  bits.Clear(0);
  EXPECT_EQ(bits.big_endian(), "");
}

TEST(RangeAllocation, TakesEveryNumberOnce) {
  RangeAllocation range("k", "r", 20);
  std::set<uint64_t> taken;
  while (const auto offset = range.TakeAny(1)) EXPECT_TRUE(taken.insert(*offset).second);
  EXPECT_EQ(taken.size(), 19u);
  EXPECT_FALSE(taken.contains(0));
  range.GiveBack(7);
  EXPECT_EQ(range.TakeAny(1), 7u);
}

TEST(ServiceAddresses, ChecksItsOptions) {
  EXPECT_TRUE(ServiceAddresses::Create("10.96.0.0/16", 30000, 32767).ok());
  EXPECT_EQ(ServiceAddresses::Create("10.96.0.0/16", 30000, 32767)->first_ip(), "10.96.0.1");
  for (const char* bad : {"", "10.96.0.0", "10.96.0.0/8", "10.96.0.0/31", "10.96.0.1/16",
                          "fd00::/108", "10.96.0.0/x"})
    EXPECT_FALSE(ServiceAddresses::Create(bad, 30000, 32767).ok()) << bad;
  EXPECT_FALSE(ServiceAddresses::Create("10.96.0.0/16", 5, 4).ok());
}

TEST(StoredForm, IsSplicedToTheSameObject) {
  const Resource& pods = *FindResource("", "v1", "pods");
  const Json pod = Json::parse(
      R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","resourceVersion":"3"},"a":1})");
  const std::string stored = EncodeStored(pod);
  EXPECT_EQ(stored, R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"p"},"a":1})");
  std::string text;
  AppendObject(pods, stored, 7, text);
  EXPECT_EQ(
      text,
      R"({"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"7","name":"p"},"a":1})");
  text.clear();
  AppendListItem(pods, stored, 7, text);
  EXPECT_EQ(text, R"({"metadata":{"resourceVersion":"7","name":"p"},"a":1})");
}

TEST(StoredForm, RewritesWhatOthersWrote) {
  const Resource& pods = *FindResource("", "v1", "pods");
  for (const char* foreign : {R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"}})",
                              R"({"kind":"Pod","apiVersion":"v1","metadata":{}})", "{}", "[]"}) {
    std::string text;
    AppendObject(pods, foreign, 7, text);
    const Json json = Json::parse(text, nullptr, false);
    ASSERT_TRUE(json.is_object()) << text;
    EXPECT_EQ(json["kind"], "Pod");
    EXPECT_EQ(json["metadata"]["resourceVersion"], "7");
    text.clear();
    AppendListItem(pods, foreign, 7, text);
    EXPECT_EQ(Json::parse(text)["metadata"]["resourceVersion"], "7");
  }
}

TEST(StoredForm, KeysAreThoseOfKubernetes) {
  EXPECT_EQ(StorageKey(*FindResource("", "v1", "pods"), {"ns", "p"}), "/registry/pods/ns/p");
  EXPECT_EQ(StorageKey(*FindResource("", "v1", "nodes"), {"", "n"}), "/registry/minions/n");
  EXPECT_EQ(StorageKey(*FindResource("", "v1", "services"), {"ns", "s"}),
            "/registry/services/specs/ns/s");
  const kv::KeyRange range = CollectionRange(*FindResource("", "v1", "pods"), "ns");
  EXPECT_EQ(range.key, "/registry/pods/ns/");
  EXPECT_EQ(range.end, "/registry/pods/ns0");
}

TEST(Random, UidsAreVersionFour) {
  const std::string uid = RandomUid();
  ASSERT_EQ(uid.size(), 36u);
  EXPECT_EQ(uid[14], '4');
  EXPECT_NE(std::string("89ab").find(uid[19]), std::string::npos);
  EXPECT_NE(uid, RandomUid());
}

}  // namespace
}  // namespace pintle::server::kube
