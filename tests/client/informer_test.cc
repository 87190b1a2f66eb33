#include "client/informer.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/fake_api_server.h"

namespace pintle::client {
namespace {

using ::testing::ElementsAre;
using testing::FakeApiServer;
using testing::VirtualLoop;

const ResourceType& ConfigMaps() {
  static const ResourceType& type = *new ResourceType{"", "v1", "configmaps", "ConfigMap", true};
  return type;
}

struct Fixture {
  explicit Fixture(size_t members = 3, InformerOptions options = {})
      : server(v.executor),
        endpoints(members),
        client(v.loop, server, endpoints, {.qps = 0}),
        informer(v.loop, client, ConfigMaps(), std::move(options)) {
    registration = informer.AddHandler(
        {[this](const ObjectPtr& o) { told.push_back("+" + std::string(Name(*o))); },
         [this](const ObjectPtr&, const ObjectPtr& o) {
           told.push_back(
               absl::StrCat("~", std::string(Name(*o)), "=", std::string(Str(*o, "data.v"))));
         },
         [this](const ObjectPtr& o) { told.push_back("-" + std::string(Name(*o))); }});
  }

  void Put(const std::string& name, const std::string& value) {
    Json object{{"metadata", {{"name", name}, {"namespace", "default"}}}, {"data", {{"v", value}}}};
    const bool there = !server.Find(ConfigMaps(), "default/" + name).is_null();
    const ApiReply reply = server.Do(there ? UpdateObject(ConfigMaps(), std::move(object))
                                           : CreateObject(ConfigMaps(), std::move(object)));
    ASSERT_TRUE(reply.ok()) << reply.message;
  }
  void Delete(const std::string& name) {
    ASSERT_TRUE(server.Do(DeleteObject(ConfigMaps(), "default", name, {})).ok());
  }
  bool Follows(absl::Duration limit = absl::Seconds(20)) {
    return v.executor.AdvanceUntil(
        [&] {
          const auto all = server.All(ConfigMaps());
          if (!informer.HasSynced() || all.size() != informer.objects().size()) return false;
          return std::all_of(all.begin(), all.end(), [&](const Json& object) {
            const ObjectPtr cached = informer.Get(KeyOf(object));
            return cached != nullptr && *cached == object;
          });
        },
        limit);
  }
  size_t Requests(const std::string& part) const {
    return std::count_if(server.log.begin(), server.log.end(), [&](const auto& logged) {
      return logged.target.find(part) != std::string::npos;
    });
  }

  VirtualLoop v;
  FakeApiServer server;
  EndpointSet endpoints;
  KubeClient client;
  Informer informer;
  std::unique_ptr<Informer::Registration> registration;
  std::vector<std::string> told;
};

TEST(Informer, ListsThenFollows) {
  Fixture f;
  f.Put("a", "1");
  f.informer.Start();
  EXPECT_FALSE(f.informer.HasSynced());
  ASSERT_TRUE(f.Follows());
  f.Put("b", "1");
  f.Put("a", "2");
  f.Delete("b");
  ASSERT_TRUE(f.Follows());
  EXPECT_THAT(f.told, ElementsAre("+a", "+b", "~a=2", "-b"));
  EXPECT_EQ(f.Requests("limit=500"), 1u);
}

TEST(Informer, ReadsLongListsInPages) {
  Fixture f;
  for (int i = 0; i < 1203; ++i) f.Put(absl::StrCat("c", 1000 + i), "x");
  f.informer.Start();
  ASSERT_TRUE(f.Follows());
  EXPECT_EQ(f.informer.objects().size(), 1203u);
  EXPECT_EQ(f.Requests("limit=500"), 3u);
}

TEST(Informer, ResumesOnAnotherMemberWithoutLosingOrRepeating) {
  Fixture f;
  f.Put("a", "1");
  f.informer.Start();
  ASSERT_TRUE(f.Follows());
  f.server.Down(0);
  f.Put("b", "1");
  f.Delete("a");
  const absl::Time began = f.v.executor.now();
  ASSERT_TRUE(f.Follows());
  EXPECT_LT(f.v.executor.now() - began, absl::Seconds(1));
  EXPECT_THAT(f.told, ElementsAre("+a", "+b", "-a"));
  EXPECT_EQ(f.Requests("limit=500"), 1u) << "a lost stream must be resumed, not listed anew";
}

TEST(Informer, SurvivesTheLossOfEveryMember) {
  Fixture f;
  f.informer.Start();
  ASSERT_TRUE(f.Follows());
  for (size_t i = 0; i < 3; ++i) f.server.Down(i);
  f.Put("a", "1");
  f.v.executor.Advance(absl::Minutes(3));
  EXPECT_LT(f.server.log.size(), 200u) << "attempts must back off";
  f.server.Up(1);
  ASSERT_TRUE(f.Follows());
  EXPECT_THAT(f.told, ElementsAre("+a"));
}

TEST(Informer, ListsAnewWhenItsPlaceIsCompactedAndTellsWhatVanished) {
  Fixture f;
  f.Put("a", "1");
  f.Put("b", "1");
  f.informer.Start();
  ASSERT_TRUE(f.Follows());
  f.server.EndStreams(absl::OkStatus());
  f.Delete("a");
  f.Put("b", "2");
  f.Put("c", "1");
  f.server.Compact();
  ASSERT_TRUE(f.Follows());
  EXPECT_THAT(f.told, ElementsAre("+a", "+b", "-a", "~b=2", "+c"));
  EXPECT_EQ(f.Requests("limit=500"), 2u);
}

TEST(Informer, ObjectMadeAnewUnderTheSameNameIsTwoObjects) {
  Fixture f;
  f.Put("a", "1");
  f.informer.Start();
  ASSERT_TRUE(f.Follows());
  f.server.EndStreams(absl::OkStatus());
  f.Delete("a");
  f.Put("a", "2");
  f.server.Compact();
  ASSERT_TRUE(f.Follows());
  EXPECT_THAT(f.told, ElementsAre("+a", "-a", "+a"));
}

TEST(Informer, StreamsEndByTheirTimeoutAndAreResumed) {
  Fixture f;
  f.Put("a", "1");
  f.informer.Start();
  ASSERT_TRUE(f.Follows());
  f.v.executor.Advance(absl::Minutes(30));
  EXPECT_GE(f.Requests("watch=true"), 3u);
  EXPECT_LE(f.Requests("watch=true"), 8u) << "timeouts are 300 to 600 s";
  EXPECT_EQ(f.Requests("limit=500"), 1u);
  f.Put("b", "1");
  ASSERT_TRUE(f.Follows());
}

TEST(Informer, LeavesAFrozenMemberWhenSomebodyElseFindsItOut) {
  Fixture f;
  f.informer.Start();
  ASSERT_TRUE(f.Follows());
  f.server.Freeze(0);
  f.Put("a", "1");
  f.v.executor.Advance(absl::Seconds(5));
  EXPECT_TRUE(f.told.empty());
  bool answered = false;
  f.client.Send(GetObject(Namespaces(), "", "default"), [&](ApiReply) { answered = true; });
  ASSERT_TRUE(f.Follows());
  EXPECT_TRUE(f.v.executor.AdvanceUntil([&] { return answered; }, absl::Seconds(20)));
}

TEST(Informer, RefusesAListOlderThanWhatItHasSeen) {
  Fixture f(2);
  f.Put("a", "1");
  const uint64_t old_version = f.server.version();
  f.informer.Start();
  ASSERT_TRUE(f.Follows());
  f.Put("b", "1");
  ASSERT_TRUE(f.Follows());
  f.server.intercept =
      [&](size_t endpoint,
          const net::HttpClientRequest& request) -> std::optional<net::HttpClientResponse> {
    if (endpoint != 1 || request.target.find("limit=500") == std::string::npos) return std::nullopt;
    return net::HttpClientResponse{
        200,
        {},
        absl::StrCat(R"({"items":[],"metadata":{"resourceVersion":")", old_version, R"("}})")};
  };
  // Both streams' places are gone, and the first member to be asked is behind.
  f.server.Compact();
  f.server.Down(0);
  f.Put("c", "1");
  f.server.Compact();
  f.v.executor.Advance(absl::Milliseconds(100));
  f.server.Up(0);
  ASSERT_TRUE(f.Follows());
  EXPECT_THAT(f.told, ElementsAre("+a", "+b", "+c")) << "an old list must not undo what was seen";
}

TEST(Informer, DropsEventsItHasSeenAndSurvivesGarbage) {
  Fixture f(1);
  f.Put("a", "1");
  f.informer.Start();
  ASSERT_TRUE(f.Follows());
  f.server.EndStreams(absl::DataLossError("cut in the middle"));
  f.Put("a", "2");
  ASSERT_TRUE(f.Follows());
  EXPECT_THAT(f.told, ElementsAre("+a", "~a=2"));
}

TEST(Informer, HandlerThatComesLateIsToldEverythingAndOneThatWentNothing) {
  Fixture f;
  f.Put("a", "1");
  f.informer.Start();
  ASSERT_TRUE(f.Follows());
  std::vector<std::string> late;
  InformerHandler handler;
  handler.on_add = [&](const ObjectPtr& o) { late.emplace_back(Name(*o)); };
  auto registration = f.informer.AddHandler(handler);
  EXPECT_THAT(late, ElementsAre("a"));
  registration.reset();
  f.Put("b", "1");
  ASSERT_TRUE(f.Follows());
  EXPECT_THAT(late, ElementsAre("a"));
}

TEST(Informer, IndexesFollowChanges) {
  Fixture f;
  f.informer.AddIndex("value", [](const Json& object) {
    return std::vector<std::string>{std::string(Str(object, "data.v"))};
  });
  f.Put("a", "red");
  f.Put("b", "red");
  f.informer.Start();
  ASSERT_TRUE(f.Follows());
  EXPECT_EQ(f.informer.ByIndex("value", "red").size(), 2u);
  f.Put("a", "blue");
  f.Delete("b");
  ASSERT_TRUE(f.Follows());
  EXPECT_TRUE(f.informer.ByIndex("value", "red").empty());
  ASSERT_EQ(f.informer.ByIndex("value", "blue").size(), 1u);
  EXPECT_EQ(f.informer.InNamespace("default").size(), 1u);
  EXPECT_TRUE(f.informer.InNamespace("defaul").empty());
}

TEST(Informer, KeepsOnlyMetadataWhenAsked) {
  Fixture f(1, {.metadata_only = true});
  f.Put("a", "1");
  f.informer.Start();
  ASSERT_TRUE(f.v.executor.AdvanceUntil([&] { return f.informer.HasSynced(); }, absl::Seconds(5)));
  EXPECT_TRUE(At(*f.informer.Get("default/a"), "data").is_null());
  EXPECT_FALSE(Uid(*f.informer.Get("default/a")).empty());
}

}  // namespace
}  // namespace pintle::client
