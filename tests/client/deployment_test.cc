// Deployments: tables for the arithmetic, and a model stepped to its end, checked at every step.
#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/controllers/deployment_reconcile.h"
#include "client/controllers/deployment_status.h"
#include "client/controllers/rolling_update.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle::client::controllers {
namespace {

using ::testing::ElementsAre;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

Json DeploymentOf(int replicas, Json surge, Json unavailable, const std::string& image = "a") {
  return {{"metadata",
           {{"name", "web"},
            {"namespace", "d"},
            {"uid", "du"},
            {"generation", 1},
            {"resourceVersion", "1"}}},
          {"spec",
           {{"replicas", replicas},
            {"selector", {{"matchLabels", {{"app", "web"}}}}},
            {"strategy",
             {{"type", "RollingUpdate"},
              {"rollingUpdate", {{"maxSurge", surge}, {"maxUnavailable", unavailable}}}}},
            {"revisionHistoryLimit", 10},
            {"progressDeadlineSeconds", 600},
            {"template",
             {{"metadata", {{"labels", {{"app", "web"}}}}},
              {"spec", {{"containers", Json::array({{{"name", "c"}, {"image", image}}})}}}}}}}};
}

// The deployment's objects, as an API server and a ReplicaSet controller with pods of its own pace
// would have them.
struct Model {
  explicit Model(Json d) : deployment(std::move(d)) {}

  // One pass of the controller; true when it did something.
  bool Reconcile() {
    DeploymentView view{std::make_shared<const Json>(deployment), {}, {}, now};
    for (const auto& [name, set] : sets)
      view.replica_sets.push_back(std::make_shared<const Json>(set));
    const Plan plan = ReconcileDeployment(view);
    for (const Action& action : plan.actions) Apply(action.request);
    return !plan.actions.empty();
  }

  void Apply(const ApiRequest& request) {
    const std::string name(Name(request.body));
    if (request.method == "DELETE") {
      sets.erase(request.path.substr(request.path.rfind('/') + 1));
    } else if (Str(request.body, "kind") == "Deployment") {
      deployment["status"] = request.body["status"];
      deployment["metadata"]["annotations"] = At(request.body, "metadata.annotations");
    } else {
      Json set = request.body;
      set["metadata"]["uid"] = "u-" + name;
      const bool is_new = !sets.contains(name);
      set["metadata"]["creationTimestamp"] =
          is_new ? Rfc3339(now + absl::Seconds(++made))
                 : std::string(Str(sets[name], "metadata.creationTimestamp"));
      if (!is_new) set["status"] = At(sets[name], "status");
      set["metadata"]["generation"] = 1;
      sets[name] = std::move(set);
    }
  }

  // The ReplicaSet controller: pods by the wish, each one ready when `readiness` says so.
  void RunSets(const std::function<int64_t(int64_t)>& ready_of) {
    for (auto& [name, set] : sets) {
      const int64_t wanted = Int(set, "spec.replicas");
      const int64_t ready = std::min(ready_of(wanted - Int(set, "status.availableReplicas")) +
                                         std::min(Int(set, "status.availableReplicas"), wanted),
                                     wanted);
      set["status"] = {{"replicas", wanted},
                       {"readyReplicas", ready},
                       {"availableReplicas", ready},
                       {"observedGeneration", 1}};
    }
  }

  int64_t Sum(const char* path) const {
    int64_t sum = 0;
    for (const auto& [name, set] : sets) sum += Int(set, path);
    return sum;
  }
  bool Settle(const std::function<int64_t(int64_t)>& ready_of, const std::function<void()>& check) {
    for (int i = 0; i < 500; ++i) {
      const bool acted = Reconcile();
      check();
      const auto before = sets;
      RunSets(ready_of);
      check();
      if (!acted && before == sets) return true;
    }
    return false;
  }
  void SetImage(const std::string& image) {
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = image;
    deployment["metadata"]["generation"] = Int(deployment, "metadata.generation") + 1;
  }
  void Scale(int replicas) {
    deployment["spec"]["replicas"] = replicas;
    deployment["metadata"]["generation"] = Int(deployment, "metadata.generation") + 1;
  }
  std::vector<int64_t> Sizes() const {
    std::vector<int64_t> out;
    for (const auto& [name, set] : sets) out.push_back(Int(set, "spec.replicas"));
    std::sort(out.rbegin(), out.rend());
    return out;
  }
  const Json* SetWithImage(const std::string& image) const {
    for (const auto& [name, set] : sets) {
      if (set["spec"]["template"]["spec"]["containers"][0]["image"] == image) return &set;
    }
    return nullptr;
  }
  std::string Progressing() const {
    return std::string(
        Str(FindCondition(At(deployment, "status.conditions"), "Progressing"), "reason"));
  }

  Json deployment;
  std::map<std::string, Json> sets;
  absl::Time now = kNow;
  int made = 0;
};

int64_t AllReady(int64_t waiting) { return std::max<int64_t>(waiting, 0); }
int64_t NoneReady(int64_t) { return 0; }

TEST(RollingUpdate, BoundsRoundAsUpstream) {
  struct Row {
    int replicas;
    Json surge, unavailable;
    int64_t max_surge, max_unavailable;
  };
  const std::vector<Row> table = {
      {3, "25%", "25%", 1, 0}, {4, "25%", "25%", 1, 1}, {10, "25%", "25%", 3, 2},
      {1, "25%", "25%", 1, 0}, {10, "0%", "0%", 0, 1},  {2, 0, "25%", 0, 1},
      {3, 2, 10, 2, 3},        {0, "25%", "25%", 0, 0}, {7, "100%", 0, 7, 0}};
  for (const Row& row : table) {
    const RolloutBounds bounds = BoundsOf(DeploymentOf(row.replicas, row.surge, row.unavailable));
    EXPECT_EQ(bounds.max_surge, row.max_surge) << row.replicas << row.surge << row.unavailable;
    EXPECT_EQ(bounds.max_unavailable, row.max_unavailable)
        << row.replicas << row.surge << row.unavailable;
  }
}

TEST(RollingUpdate, NewSetGrowsIntoTheRoom) {
  const RolloutBounds bounds{10, 2, 2};
  EXPECT_EQ(NewReplicaSetTarget(bounds, {0, 0}, {{10, 10}, {0, 0}}), 2);
  EXPECT_EQ(NewReplicaSetTarget(bounds, {2, 2}, {{10, 10}, {2, 2}}), 2);
  EXPECT_EQ(NewReplicaSetTarget(bounds, {5, 5}, {{3, 3}, {5, 5}}), 9);
  EXPECT_EQ(NewReplicaSetTarget(bounds, {12, 5}, {{12, 5}}), 10) << "never more than wanted";
}

TEST(RollingUpdate, OldSetsShrinkUnhealthyFirstOldestFirst) {
  const RolloutBounds bounds{10, 2, 2};
  EXPECT_THAT(OldReplicaSetTargets(bounds, {0, 0}, {{10, 10}}), ElementsAre(8));
  EXPECT_THAT(OldReplicaSetTargets(bounds, {4, 0}, {{8, 8}}), ElementsAre(8))
      << "new ones are not available yet";
  EXPECT_THAT(OldReplicaSetTargets(bounds, {4, 4}, {{8, 3}}), ElementsAre(4))
      << "the unhealthy go at once";
  EXPECT_THAT(
      OldReplicaSetTargets(bounds, {2, 2}, {{5, 5, -1, kNow + absl::Hours(1)}, {5, 5, -1, kNow}}),
      ElementsAre(5, 1));
}

TEST(RollingUpdate, ResizesInProportion) {
  // 10 + surge 3 = 13 before; now 15 + 4 = 19.
  const RolloutBounds bounds{15, 4, 3};
  const std::vector<int64_t> grown =
      ProportionalTargets(bounds, 13, {{8, 8, 13, kNow}, {5, 5, 13, kNow + absl::Hours(1)}});
  EXPECT_EQ(grown[0] + grown[1], 19);
  EXPECT_THAT(grown, ElementsAre(12, 7));
  EXPECT_THAT(ProportionalTargets({0, 0, 0}, 13, {{8, 8, 13}, {5, 5, 13}}), ElementsAre(0, 0));
  const std::vector<int64_t> shrunk = ProportionalTargets({5, 2, 1}, 13, {{8, 8, 13}, {5, 5, 13}});
  EXPECT_EQ(shrunk[0] + shrunk[1], 7);
}

TEST(Deployment, FirstPassMakesTheSetAndTellsProgress) {
  Model model(DeploymentOf(3, "25%", "25%"));
  ASSERT_TRUE(model.Reconcile());
  ASSERT_EQ(model.sets.size(), 1u);
  const Json& set = model.sets.begin()->second;
  const std::string hash(Label(set, kPodTemplateHashLabel));
  EXPECT_EQ(Name(set), "web-" + hash);
  EXPECT_EQ(Str(set, "spec.selector.matchLabels.pod-template-hash"), hash);
  EXPECT_EQ(Str(set, "spec.template.metadata.labels.pod-template-hash"), hash);
  EXPECT_EQ(Str(ControllerRef(set), "uid"), "du");
  EXPECT_EQ(Annotation(set, kRevisionAnnotation), "1");
  EXPECT_EQ(Annotation(set, kDesiredReplicasAnnotation), "3");
  EXPECT_EQ(Annotation(set, kMaxReplicasAnnotation), "4");
  EXPECT_EQ(Annotation(model.deployment, kRevisionAnnotation), "1");
  EXPECT_EQ(model.Progressing(), "NewReplicaSetCreated");
  ASSERT_TRUE(model.Settle(AllReady, [] {}));
  EXPECT_EQ(model.Progressing(), kNewReplicaSetAvailable);
  const Json& status = model.deployment["status"];
  for (const char* count : {"replicas", "updatedReplicas", "readyReplicas", "availableReplicas"}) {
    EXPECT_EQ(Int(status, count), 3) << count;
  }
  EXPECT_EQ(Int(status, "observedGeneration"), 1);
}

TEST(Deployment, UndoFindsTheOldSetByItsTemplate) {
  Model model(DeploymentOf(3, "25%", "25%", "a"));
  ASSERT_TRUE(model.Settle(AllReady, [] {}));
  model.SetImage("b");
  ASSERT_TRUE(model.Settle(AllReady, [] {}));
  EXPECT_EQ(model.sets.size(), 2u);
  EXPECT_EQ(Annotation(*model.SetWithImage("b"), kRevisionAnnotation), "2");
  model.SetImage("a");
  ASSERT_TRUE(model.Settle(AllReady, [] {}));
  EXPECT_EQ(model.sets.size(), 2u);
  EXPECT_EQ(Annotation(*model.SetWithImage("a"), kRevisionAnnotation), "3");
  EXPECT_EQ(Annotation(*model.SetWithImage("a"), kRevisionHistoryAnnotation), "1");
  EXPECT_EQ(Annotation(model.deployment, kRevisionAnnotation), "3");
  EXPECT_EQ(Int(*model.SetWithImage("a"), "spec.replicas"), 3);
  EXPECT_EQ(Int(*model.SetWithImage("b"), "spec.replicas"), 0);
}

TEST(Deployment, EveryStepKeepsItsBounds) {
  std::mt19937 random(11);
  const std::vector<Json> choices = {0, 1, 2, 5, "0%", "10%", "25%", "50%", "100%"};
  for (int round = 0; round < 80; ++round) {
    const int replicas = static_cast<int>(random() % 13);
    const Json surge = choices[random() % choices.size()];
    const Json unavailable = choices[random() % choices.size()];
    Model model(DeploymentOf(replicas, surge, unavailable));
    ASSERT_TRUE(model.Settle(AllReady, [] {}));
    const RolloutBounds bounds = BoundsOf(model.deployment);
    const auto check = [&] {
      ASSERT_LE(model.Sum("spec.replicas"), bounds.max_total()) << replicas << surge << unavailable;
      int64_t serving = 0;
      for (const auto& [name, set] : model.sets) {
        serving += std::min(Int(set, "status.availableReplicas"), Int(set, "spec.replicas"));
      }
      ASSERT_GE(serving, bounds.min_available()) << replicas << surge << unavailable;
    };
    const auto some_ready = [&](int64_t waiting) {
      return waiting <= 0 ? 0 : static_cast<int64_t>(random() % (waiting + 1));
    };
    for (const char* image : {"b", "c"}) {  // the second change comes in the middle of the first
      model.SetImage(image);
      for (int step = 0; step < 2; ++step) {
        model.Reconcile();
        check();
        model.RunSets(some_ready);
        check();
        if (HasFatalFailure()) return;
      }
    }
    // Random readiness may stand still for a pass: settle with all ready at the end.
    for (int step = 0; step < 40; ++step) {
      model.Reconcile();
      check();
      model.RunSets(some_ready);
      if (HasFatalFailure()) return;
    }
    ASSERT_TRUE(model.Settle(AllReady, check));
    if (HasFatalFailure()) return;
    ASSERT_EQ(Int(*model.SetWithImage("c"), "spec.replicas"), replicas);
    ASSERT_EQ(model.Sum("spec.replicas"), replicas);
    ASSERT_EQ(model.Progressing(), kNewReplicaSetAvailable);
  }
}

TEST(Deployment, ScalesInTheMiddleOfARollout) {
  Model model(DeploymentOf(10, 3, 2));
  ASSERT_TRUE(model.Settle(AllReady, [] {}));
  model.SetImage("b");
  for (int i = 0; i < 3; ++i) {
    model.Reconcile();
    model.RunSets(NoneReady);
  }
  EXPECT_THAT(model.Sizes(), ElementsAre(8, 5));
  model.Scale(15);
  model.Reconcile();
  EXPECT_EQ(model.Sum("spec.replicas"), 18);
  EXPECT_THAT(model.Sizes(), ElementsAre(11, 7));
  ASSERT_TRUE(model.Settle(AllReady, [] {}));
  EXPECT_THAT(model.Sizes(), ElementsAre(15, 0));
}

TEST(Deployment, PausedScalesButDoesNotRollOut) {
  Model model(DeploymentOf(3, "25%", "25%", "a"));
  ASSERT_TRUE(model.Settle(AllReady, [] {}));
  model.deployment["spec"]["paused"] = true;
  model.SetImage("b");
  ASSERT_TRUE(model.Settle(AllReady, [] {}));
  EXPECT_EQ(model.sets.size(), 1u);
  EXPECT_EQ(model.Progressing(), "DeploymentPaused");
  model.Scale(5);
  ASSERT_TRUE(model.Settle(AllReady, [] {}));
  EXPECT_THAT(model.Sizes(), ElementsAre(5));
  model.deployment["spec"]["paused"] = false;
  ASSERT_TRUE(model.Settle(AllReady, [] {}));
  EXPECT_THAT(model.Sizes(), ElementsAre(5, 0));
  EXPECT_EQ(model.Progressing(), kNewReplicaSetAvailable);
}

TEST(Deployment, RecreateStopsEverythingBeforeItStartsAnything) {
  Json deployment = DeploymentOf(3, 1, 1, "a");
  deployment["spec"]["strategy"] = {{"type", "Recreate"}};
  Model model(std::move(deployment));
  ASSERT_TRUE(model.Settle(AllReady, [] {}));
  EXPECT_THAT(model.Sizes(), ElementsAre(3));
  model.SetImage("b");
  ASSERT_TRUE(model.Settle(AllReady, [&] {
    const Json* now = model.SetWithImage("b");
    if (now == nullptr || Int(*now, "spec.replicas") == 0) return;
    EXPECT_EQ(Int(*model.SetWithImage("a"), "status.replicas"), 0);
  }));
  EXPECT_EQ(Int(*model.SetWithImage("b"), "spec.replicas"), 3);
}

TEST(Deployment, RecreateWaitsForThePodsThemselves) {
  Json deployment = DeploymentOf(1, 1, 1, "b");
  deployment["spec"]["strategy"] = {{"type", "Recreate"}};
  Json pod{{"metadata",
            {{"name", "p"},
             {"ownerReferences", Json::array({{{"uid", "gone"}, {"controller", true}}})}}},
           {"status", {{"phase", "Running"}}}};
  DeploymentView view{
      std::make_shared<const Json>(deployment), {}, {std::make_shared<const Json>(pod)}, kNow};
  for (const Action& action : ReconcileDeployment(view).actions)
    EXPECT_NE(action.request.method, "POST");
  view.pods.clear();
  bool made = false;
  for (const Action& action : ReconcileDeployment(view).actions)
    made |= action.request.method == "POST";
  EXPECT_TRUE(made);
}

TEST(Deployment, DeadlineIsTold) {
  Model model(DeploymentOf(2, 1, 0, "a"));
  ASSERT_TRUE(model.Settle(AllReady, [] {}));
  model.SetImage("broken");
  for (int i = 0; i < 6; ++i) {
    model.Reconcile();
    model.RunSets([](int64_t) -> int64_t { return 0; });
  }
  EXPECT_EQ(model.Progressing(), "ReplicaSetUpdated");
  DeploymentView view{std::make_shared<const Json>(model.deployment), {}, {}, model.now};
  for (const auto& [name, set] : model.sets)
    view.replica_sets.push_back(std::make_shared<const Json>(set));
  EXPECT_EQ(ReconcileDeployment(view).requeue_after, absl::Seconds(601));
  model.now += absl::Seconds(602);
  model.Reconcile();
  EXPECT_EQ(model.Progressing(), kTimedOut);
  ASSERT_TRUE(model.Settle(AllReady, [] {}));
  EXPECT_EQ(model.Progressing(), kNewReplicaSetAvailable);
}

TEST(Deployment, HistoryIsCutToItsLimit) {
  Json deployment = DeploymentOf(1, 1, 0, "v0");
  deployment["spec"]["revisionHistoryLimit"] = 2;
  Model model(std::move(deployment));
  for (int i = 1; i < 7; ++i) {
    ASSERT_TRUE(model.Settle(AllReady, [] {}));
    model.SetImage(absl::StrCat("v", i));
  }
  ASSERT_TRUE(model.Settle(AllReady, [] {}));
  EXPECT_EQ(model.sets.size(), 3u);
  EXPECT_NE(model.SetWithImage("v4"), nullptr);
  EXPECT_EQ(model.SetWithImage("v3"), nullptr);
}

TEST(Deployment, SetOfTheSameNameIsOursOrACollision) {
  Model model(DeploymentOf(1, 1, 0));
  DeploymentView view{std::make_shared<const Json>(model.deployment), {}, {}, kNow};
  const Plan plan = ReconcileDeployment(view);
  const Action& create = plan.actions[0];
  ASSERT_EQ(create.request.method, "POST");
  ApiReply taken;
  taken.code = 409;
  taken.reason = "AlreadyExists";
  const std::optional<Action> look = create.follow_up(taken);
  ASSERT_TRUE(look.has_value());
  EXPECT_EQ(look->request.method, "GET");
  ApiReply ours;
  ours.code = 200;
  ours.body = create.request.body;
  EXPECT_FALSE(look->follow_up(ours).has_value());
  ours.body["spec"]["template"]["spec"]["containers"][0]["image"] = "other";
  const std::optional<Action> count = look->follow_up(ours);
  ASSERT_TRUE(count.has_value());
  EXPECT_EQ(Int(count->request.body, "status.collisionCount"), 1);
  EXPECT_NE(PodTemplateHash(model.deployment["spec"]["template"], Json(1)),
            PodTemplateHash(model.deployment["spec"]["template"], Json()));
}

TEST(Deployment, TemplatesCompareAsGoStructsDo) {
  const Json a = *Parse(
      R"({"metadata":{"creationTimestamp":null,"labels":{"app":"x","pod-template-hash":"1"}},"spec":{"volumes":[]}})");
  const Json b = *Parse(R"({"metadata":{"labels":{"app":"x"}},"spec":{}})");
  EXPECT_TRUE(SameTemplate(a, b));
  EXPECT_EQ(PodTemplateHash(a, Json()), PodTemplateHash(b, Json()));
  EXPECT_FALSE(SameTemplate(a, *Parse(R"({"metadata":{"labels":{"app":"y"}},"spec":{}})")));
}

}  // namespace
}  // namespace pintle::client::controllers
