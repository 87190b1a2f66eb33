// Reads through the whole façade: lists, chunks, tables, watches, discovery, health.
#include "tests/kube/harness.h"

namespace pintle::server::kube::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const HeaderList kTable = {
    {"accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}};
const HeaderList kPartial = {
    {"accept", "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"}};

std::vector<std::string> Names(const Json& list) {
  std::vector<std::string> names;
  for (const Json& item : list["items"]) names.push_back(item["metadata"]["name"]);
  return names;
}

// "ADDED a", "BOOKMARK", "ERROR 410".
std::vector<std::string> Texts(const std::vector<Json>& frames) {
  std::vector<std::string> texts;
  for (const Json& frame : frames) {
    std::string text = frame["type"];
    const Json& object = frame["object"];
    if (text == "ERROR") {
      text += " " + std::to_string(object["code"].get<int>());
    } else if (text != "BOOKMARK") {
      text += " " + object["metadata"]["name"].get<std::string>();
    }
    texts.push_back(text);
  }
  return texts;
}

TEST_F(FaceTest, ListsHaveTheShapeOfKubernetes) {
  const Json empty = Must(200, "GET", kMaps);
  EXPECT_EQ(empty["kind"], "ConfigMapList");
  EXPECT_EQ(empty["apiVersion"], "v1");
  EXPECT_TRUE(empty["items"].is_array());
  EXPECT_EQ(Version(empty), std::to_string(member_.loop.revision()));
  const Json made = Must(201, "POST", kMaps, ConfigMap("a", {{"k", "v"}}));
  Must(201, "POST", "/api/v1/namespaces/kube-system/configmaps", ConfigMap("b"));
  const Json one = Must(200, "GET", kMaps);
  ASSERT_EQ(one["items"].size(), 1u);
  EXPECT_FALSE(one["items"][0].contains("kind"));
  EXPECT_EQ(one["items"][0]["metadata"], made["metadata"]);
  EXPECT_THAT(Names(Must(200, "GET", "/api/v1/configmaps")), ElementsAre("a", "b"));
}

TEST_F(FaceTest, ListsSelect) {
  for (const char* name : {"a", "b", "c"}) {
    Json body = Pod(name, {{"app", name}});
    Must(201, "POST", kPods, body);
  }
  const std::string pods = kPods;
  EXPECT_THAT(Names(Must(200, "GET", pods + "?labelSelector=app%20in%20(a,c)")),
              ElementsAre("a", "c"));
  EXPECT_THAT(Names(Must(200, "GET", pods + "?fieldSelector=metadata.name%3Db")), ElementsAre("b"));
  EXPECT_THAT(Names(Must(200, "GET", "/api/v1/pods?fieldSelector=metadata.name%3Db")),
              ElementsAre("b"));
  EXPECT_THAT(Names(Must(200, "GET", pods + "?fieldSelector=status.phase%21%3DPending")),
              ElementsAre());
  Must(400, "GET", pods + "?labelSelector=a%3D%3D%3Db");
  Must(400, "GET", pods + "?fieldSelector=nothing%3Db");
}

TEST_F(FaceTest, ChunksAreOfOneRevision) {
  for (char c = 'a'; c <= 'g'; ++c) Must(201, "POST", kMaps, ConfigMap(std::string(1, c)));
  const std::string maps = kMaps;
  const Json first = Must(200, "GET", maps + "?limit=3");
  EXPECT_THAT(Names(first), ElementsAre("a", "b", "c"));
  EXPECT_EQ(first["metadata"]["remainingItemCount"], 4);
  Must(201, "POST", kMaps, ConfigMap("bb"));
  Must(201, "POST", kMaps, ConfigMap("z"));
  Must(200, "DELETE", maps + "/d");
  const std::string token = first["metadata"]["continue"];
  const Json second = Must(200, "GET", maps + "?limit=3&continue=" + token);
  EXPECT_THAT(Names(second), ElementsAre("d", "e", "f"));
  EXPECT_EQ(Version(second), Version(first));
  const Json third = Must(
      200, "GET", maps + "?limit=3&continue=" + second["metadata"]["continue"].get<std::string>());
  EXPECT_THAT(Names(third), ElementsAre("g"));
  EXPECT_FALSE(third["metadata"].contains("continue"));

  member_.loop.Compact(member_.loop.revision());
  const Json expired = Must(410, "GET", maps + "?limit=3&continue=" + token);
  EXPECT_EQ(expired["reason"], "Expired");
  const Json rest =
      Must(200, "GET",
           maps + "?limit=50&continue=" + expired["metadata"]["continue"].get<std::string>());
  EXPECT_THAT(Names(rest), ElementsAre("e", "f", "g", "z"));
  Must(400, "GET", maps + "?continue=garbage");
}

TEST_F(FaceTest, ChunksWithSelectorsAdvanceOverWhatTheyScan) {
  for (int i = 0; i < 9; ++i) {
    Json body = ConfigMap("m" + std::to_string(i));
    body["metadata"]["labels"] = {{"third", i % 3 == 2 ? "yes" : "no"}};
    Must(201, "POST", kMaps, body);
  }
  const std::string url = std::string(kMaps) + "?labelSelector=third%3Dyes&limit=2";
  const Json first = Must(200, "GET", url);
  EXPECT_THAT(Names(first), ElementsAre("m2", "m5"));
  EXPECT_FALSE(first["metadata"].contains("remainingItemCount"));
  const Json second =
      Must(200, "GET", url + "&continue=" + first["metadata"]["continue"].get<std::string>());
  EXPECT_THAT(Names(second), ElementsAre("m8"));
  EXPECT_FALSE(second["metadata"].contains("continue"));
}

TEST_F(FaceTest, LargeListsGoInSlices) {
  Must(200, "GET", "/readyz");
  std::vector<kv::Command> puts;
  for (int i = 0; i < 1201; ++i) {
    const std::string name = "m" + std::to_string(10'000 + i);
    puts.push_back(kv::PutRequest{
        .key = "/registry/configmaps/default/" + name,
        .value = R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":")" + name + "\"}}"});
  }
  member_.loop.Apply(puts);
  EXPECT_EQ(Must(200, "GET", kMaps)["items"].size(), 1201u);
  const Json most = Must(200, "GET", std::string(kMaps) + "?limit=1100");
  EXPECT_EQ(most["items"].size(), 1100u);
  EXPECT_EQ(most["metadata"]["remainingItemCount"], 101);
}

// As many clients as one likes: each gets the whole, whoever goes holds up nobody.
TEST_F(FaceTest, LargeListsWaitForTheirTurn) {
  constexpr size_t kMapsThere = 1200;
  for (size_t i = 0; i < kMapsThere; ++i)
    Must(201, "POST", kMaps, ConfigMap("m" + std::to_string(i), {{"k", std::string(200, 'x')}}));
  std::vector<std::shared_ptr<Exchange>> lists;
  for (int i = 0; i < 12; ++i) lists.push_back(Begin("GET", kMaps));
  lists[0]->Close();
  lists[5]->Close();
  executor_.Run();
  for (size_t i = 0; i < lists.size(); ++i) {
    if (i == 0 || i == 5) {
      EXPECT_EQ(lists[i]->status(), 0) << i;
      continue;
    }
    ASSERT_EQ(lists[i]->status(), 200) << i;
    EXPECT_EQ(lists[i]->json()["items"].size(), kMapsThere) << i;
  }
}

TEST_F(FaceTest, LargeAnswersWaitForRoom) {
  for (int i = 0; i < 10; ++i)
    Must(201, "POST", kMaps,
         ConfigMap("m" + std::to_string(i), {{"k", std::string(100'000, 'x')}}));
  const std::string one = std::string(kMaps) + "/m3";
  for (const std::string& target : {std::string(kMaps), one, one + "?resourceVersion=0"}) {
    for (const size_t bytes : {size_t{0}, net::Room::kSmallAnswerBytes}) {
      auto exchange = std::make_shared<Exchange>(executor_);
      exchange->room.bytes = bytes;
      BeginOn(exchange, "GET", target);
      executor_.Run();
      EXPECT_EQ(exchange->status(), 0) << target;
      exchange->room.Give();
      executor_.Run();
      EXPECT_EQ(exchange->status(), 200) << target;
      EXPECT_GT(exchange->body().size(), 100'000u);
    }
  }
  // What is small needs no more than that there is room at all: and asks that, too, when it comes
  // back with others.
  for (const size_t bytes : {size_t{0}, net::Room::kSmallAnswerBytes}) {
    auto small = std::make_shared<Exchange>(executor_);
    small->room.bytes = bytes;
    BeginOn(small, "GET", kPods);
    executor_.Run();
    EXPECT_EQ(small->status(), bytes == 0 ? 0 : 200);
    small->room.Give();
    executor_.Run();
    EXPECT_EQ(small->status(), 200);
  }
}

TEST_F(FaceTest, ListsFollowTheResourceVersion) {
  const Json a = Must(201, "POST", kMaps, ConfigMap("a"));
  const Json b = Must(201, "POST", kMaps, ConfigMap("b"));
  const std::string maps = kMaps;
  EXPECT_THAT(Names(Must(200, "GET", maps + "?resourceVersion=0")), ElementsAre("a", "b"));
  EXPECT_THAT(Names(Must(200, "GET", maps + "?resourceVersion=" + Version(a))),
              ElementsAre("a", "b"));
  EXPECT_THAT(
      Names(Must(200, "GET", maps + "?resourceVersionMatch=Exact&resourceVersion=" + Version(a))),
      ElementsAre("a"));
  auto future = Do("GET", maps + "?resourceVersion=999999");
  EXPECT_EQ(future->status(), 504);
  EXPECT_EQ(future->headers().Get("retry-after"), "1");
  EXPECT_EQ(future->json()["details"]["causes"][0]["reason"], "ResourceVersionTooLarge");
  Must(504, "GET", maps + "/a?resourceVersion=999999");
  member_.loop.Compact(member_.loop.revision());
  EXPECT_EQ(Must(410, "GET",
                 maps + "?resourceVersionMatch=Exact&resourceVersion=" + Version(a))["message"],
            "The resourceVersion for the provided list is too old.");
}

TEST_F(FaceTest, TablesAndPartialObjects) {
  Must(201, "POST", kPods, Pod("p", {{"app", "x"}}));
  const Json table = Must(200, "GET", kPods, nullptr, kTable);
  EXPECT_EQ(table["kind"], "Table");
  EXPECT_EQ(table["columnDefinitions"][0]["name"], "Name");
  ASSERT_EQ(table["rows"].size(), 1u);
  EXPECT_EQ(table["rows"][0]["cells"].size(), table["columnDefinitions"].size());
  EXPECT_EQ(table["rows"][0]["cells"][0], "p");
  EXPECT_EQ(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
  EXPECT_EQ(table["rows"][0]["object"]["metadata"]["labels"]["app"], "x");
  const Json whole =
      Must(200, "GET", std::string(kPods) + "/p?includeObject=Object", nullptr, kTable);
  EXPECT_EQ(whole["rows"][0]["object"]["kind"], "Pod");
  const Json partial = Must(200, "GET", kPods, nullptr, kPartial);
  EXPECT_EQ(partial["kind"], "PartialObjectMetadataList");
  EXPECT_FALSE(partial["items"][0].contains("spec"));
  Must(406, "GET", std::string(kPods) + "/p", nullptr, kPartial);
  Must(406, "GET", kPods, nullptr, {{"accept", "application/vnd.kubernetes.protobuf"}});
}

TEST_F(FaceTest, WatchGoesOnFromAVersion) {
  const Json a = Must(201, "POST", kMaps, ConfigMap("a"));
  const std::string maps = kMaps;
  auto watch = Watch(maps + "?watch=true&resourceVersion=" + Version(a));
  EXPECT_EQ(watch->status(), 200);
  EXPECT_EQ(watch->headers().Get("content-type"), "application/json");
  EXPECT_TRUE(watch->TakeFrames().empty());
  Must(201, "POST", kMaps, ConfigMap("b"));
  const Json changed = Patch(200, maps + "/a", "merge", {{"data", {{"k", "v"}}}});
  Must(201, "POST", kPods, Pod("unrelated"));
  Must(200, "DELETE", maps + "/a");
  const std::vector<Json> frames = watch->TakeFrames();
  EXPECT_THAT(Texts(frames), ElementsAre("ADDED b", "MODIFIED a", "DELETED a"));
  EXPECT_EQ(frames[1]["object"], changed);
  EXPECT_EQ(frames[2]["object"]["data"], changed["data"]);
  EXPECT_EQ(Version(frames[2]["object"]), std::to_string(member_.loop.revision()));
}

TEST_F(FaceTest, WatchBeginsWithWhatIsThere) {
  Must(201, "POST", kMaps, ConfigMap("a"));
  Must(201, "POST", kMaps, ConfigMap("b"));
  for (const char* query : {"?watch=1", "?watch=1&resourceVersion=0"}) {
    auto watch = Watch(std::string(kMaps) + query);
    EXPECT_THAT(Texts(watch->TakeFrames()), ElementsAre("ADDED a", "ADDED b"));
    Patch(200, std::string(kMaps) + "/a", "merge", {{"data", {{"k", query}}}});
    EXPECT_THAT(Texts(watch->TakeFrames()), ElementsAre("MODIFIED a"));
  }
}

TEST_F(FaceTest, WatchTellsWhenAnObjectBeginsOrCeasesToMatch) {
  Must(201, "POST", kPods, Pod("p", {{"app", "x"}}));
  auto watch = Watch(std::string(kPods) + "?watch=1&labelSelector=app%3Dx");
  EXPECT_THAT(Texts(watch->TakeFrames()), ElementsAre("ADDED p"));
  const std::string url = std::string(kPods) + "/p";
  Patch(200, url, "merge", {{"metadata", {{"labels", {{"app", "y"}}}}}});
  const std::vector<Json> left = watch->TakeFrames();
  EXPECT_THAT(Texts(left), ElementsAre("DELETED p"));
  EXPECT_EQ(left[0]["object"]["metadata"]["labels"]["app"], "x");
  EXPECT_EQ(Version(left[0]["object"]), std::to_string(member_.loop.revision()));
  Patch(200, url, "merge", {{"metadata", {{"labels", {{"b", "c"}}}}}});
  EXPECT_TRUE(watch->TakeFrames().empty());
  Patch(200, url, "merge", {{"metadata", {{"labels", {{"app", "x"}}}}}});
  EXPECT_THAT(Texts(watch->TakeFrames()), ElementsAre("ADDED p"));
  Patch(200, url, "merge", {{"metadata", {{"labels", {{"b", "d"}}}}}});
  EXPECT_THAT(Texts(watch->TakeFrames()), ElementsAre("MODIFIED p"));
}

TEST_F(FaceTest, WatchOfOneName) {
  Must(201, "POST", kMaps, ConfigMap("a"));
  Must(201, "POST", kMaps, ConfigMap("ab"));
  auto watch = Watch(std::string(kMaps) + "?watch=1&fieldSelector=metadata.name%3Da");
  EXPECT_THAT(Texts(watch->TakeFrames()), ElementsAre("ADDED a"));
  Must(200, "DELETE", std::string(kMaps) + "/ab");
  Must(200, "DELETE", std::string(kMaps) + "/a");
  EXPECT_THAT(Texts(watch->TakeFrames()), ElementsAre("DELETED a"));
}

TEST_F(FaceTest, WatchOfCompactedHistoryExpires) {
  const Json a = Must(201, "POST", kMaps, ConfigMap("a"));
  for (int i = 0; i < 3; ++i)
    Patch(200, std::string(kMaps) + "/a", "merge", {{"data", {{"k", std::to_string(i)}}}});
  member_.loop.Compact(member_.loop.revision());
  auto watch = Watch(std::string(kMaps) + "?watch=1&resourceVersion=" + Version(a));
  EXPECT_EQ(watch->status(), 200);
  const std::vector<Json> frames = watch->TakeFrames();
  EXPECT_THAT(Texts(frames), ElementsAre("ERROR 410"));
  EXPECT_EQ(frames[0]["object"]["reason"], "Expired");
  EXPECT_THAT(frames[0]["object"]["message"].get<std::string>(),
              HasSubstr("too old resource version: " + Version(a) + " ("));
  EXPECT_TRUE(watch->finished());
}

TEST_F(FaceTest, WatchSendsBookmarksAndEnds) {
  Must(201, "POST", kMaps, ConfigMap("a"));
  auto watch = Watch(std::string(kMaps) + "?watch=1&allowWatchBookmarks=true&timeoutSeconds=90");
  watch->TakeFrames();
  Must(201, "POST", kPods, Pod("unrelated"));
  executor_.Advance(absl::Seconds(61));
  const std::vector<Json> frames = watch->TakeFrames();
  ASSERT_THAT(Texts(frames), ElementsAre("BOOKMARK"));
  EXPECT_EQ(frames[0]["object"]["kind"], "ConfigMap");
  EXPECT_EQ(Version(frames[0]["object"]), std::to_string(member_.loop.revision()));
  EXPECT_FALSE(watch->finished());
  executor_.Advance(absl::Seconds(30));
  EXPECT_TRUE(watch->finished());
  EXPECT_EQ(executor_.timers(), 0u);
}

TEST_F(FaceTest, WatchWaitsForASlowClient) {
  auto watch = Begin("GET", std::string(kMaps) + "?watch=1");
  watch->hold_unsent = true;
  streams_.push_back(watch);
  executor_.Run();
  const std::string big(100'000, 'x');
  for (int i = 0; i < 10; ++i)
    Must(201, "POST", kMaps, ConfigMap("m" + std::to_string(i), {{"k", big}}));
  EXPECT_LT(watch->unsent_bytes(), 600'000u);
  size_t seen = 0;
  for (int rounds = 0; rounds < 20; ++rounds) {
    seen += watch->TakeFrames().size();
    watch->Drain();
    executor_.Run();
  }
  EXPECT_EQ(seen, 10u);
}

TEST_F(FaceTest, WatchAsTable) {
  auto watch = Watch(std::string(kPods) + "?watch=1", kTable);
  Must(201, "POST", kPods, Pod("p"));
  Must(201, "POST", kPods, Pod("q"));
  const std::vector<Json> frames = watch->TakeFrames();
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0]["object"]["kind"], "Table");
  EXPECT_FALSE(frames[0]["object"]["columnDefinitions"].empty());
  EXPECT_TRUE(frames[1]["object"]["columnDefinitions"].empty());
  EXPECT_EQ(frames[1]["object"]["rows"][0]["cells"][0], "q");
}

TEST_F(FaceTest, WatchRefusesStreamedLists) {
  Must(422, "GET", std::string(kMaps) + "?watch=1&sendInitialEvents=true");
  Must(422, "GET", std::string(kMaps) + "?watch=1&resourceVersionMatch=NotOlderThan");
}

TEST_F(FaceTest, DiscoveryShowsTheTable) {
  EXPECT_THAT(Must(200, "GET", "/api")["versions"], ElementsAre("v1"));
  EXPECT_EQ(Must(200, "GET", "/apis")["groups"][0]["name"], "apps");
  EXPECT_EQ(Must(200, "GET", "/apis/apps")["preferredVersion"]["groupVersion"], "apps/v1");
  const Json list = Must(200, "GET", "/apis/apps/v1?timeout=32s");
  EXPECT_EQ(list["groupVersion"], "apps/v1");
  bool scale = false;
  for (const Json& each : list["resources"]) {
    if (each["name"] != "deployments/scale") continue;
    scale = true;
    EXPECT_EQ(each["group"], "autoscaling");
    EXPECT_EQ(each["kind"], "Scale");
  }
  EXPECT_TRUE(scale);
  Must(404, "GET", "/apis/nothing");
  Must(404, "GET", "/apis/apps/v9");
  Must(404, "GET", "/nothing");
  EXPECT_EQ(Must(200, "GET", "/version")["minor"], "33");
  auto aggregated = Do("GET", "/apis", nullptr,
                       {{"accept",
                         "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
                         "application/json"}});
  EXPECT_EQ(aggregated->headers().Get("content-type"),
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
  EXPECT_EQ(aggregated->json()["items"][0]["metadata"]["name"], "apps");
}

TEST_F(FaceTest, HealthAndDocuments) {
  EXPECT_EQ(Do("GET", "/healthz")->body(), "ok");
  EXPECT_THAT(Do("GET", "/readyz?verbose")->body(), HasSubstr("readyz check passed"));
  auto document = Do("GET", "/openapi/v2");
  EXPECT_EQ(document->json()["swagger"], "2.0");
  const std::string etag(document->headers().Get("etag"));
  EXPECT_EQ(Do("GET", "/openapi/v2", nullptr, {{"if-none-match", etag}})->status(), 304);
  const Json index = Must(200, "GET", "/openapi/v3");
  const std::string url = index["paths"]["apis/apps/v1"]["serverRelativeURL"];
  EXPECT_EQ(Must(200, "GET", url)["openapi"], "3.0.0");
  EXPECT_EQ(Do("GET", "/openapi/v3/apis/apps/v1?hash=old")->status(), 301);
  const Json review =
      Must(201, "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {{"spec", {}}});
  EXPECT_EQ(review["status"]["allowed"], true);
}

}  // namespace
}  // namespace pintle::server::kube::testing
