#include "client/controllers/deployment_reconcile.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/controllers/deployment_status.h"
#include "client/controllers/pod_util.h"
#include "client/controllers/rolling_update.h"

namespace pintle::client::controllers {
namespace {

constexpr std::string_view kNotCopied[] = {"kubectl.kubernetes.io/last-applied-configuration",
                                           kRevisionAnnotation,
                                           kRevisionHistoryAnnotation,
                                           kDesiredReplicasAnnotation,
                                           kMaxReplicasAnnotation,
                                           "deprecated.deployment.rollback.to"};

int64_t Number(std::string_view text, int64_t fallback) {
  int64_t value = 0;
  return absl::SimpleAtoi({text.data(), text.size()}, &value) ? value : fallback;
}

int64_t Revision(const Json& object) { return Number(Annotation(object, kRevisionAnnotation), 0); }
int64_t Replicas(const Json& set) { return Int(set, "spec.replicas", 1); }

bool SetAnnotation(Json& object, std::string_view key, const std::string& value) {
  if (Annotation(object, key) == value) return false;
  Json& annotations = object["metadata"]["annotations"];
  if (!annotations.is_object()) annotations = Json::object();
  annotations[std::string(key)] = value;
  return true;
}

// One pass over one deployment; see the header.
class Pass {
 public:
  explicit Pass(const DeploymentView& view)
      : view_(view), deployment_(*view.deployment), bounds_(BoundsOf(deployment_)) {
    for (const ObjectPtr& set : view.replica_sets) sets_.push_back(*set);
    std::stable_sort(sets_.begin(), sets_.end(), [](const Json& a, const Json& b) {
      return std::pair(CreationTime(a), Name(a)) < std::pair(CreationTime(b), Name(b));
    });
    const Json& pod_template = At(deployment_, "spec.template");
    for (Json& set : sets_) {
      if (new_set_ == nullptr && SameTemplate(At(set, "spec.template"), pod_template)) {
        new_set_ = &set;
      } else {
        old_sets_.push_back(&set);
      }
    }
    base_status_ =
        At(deployment_, "status").is_object() ? At(deployment_, "status") : Json::object();
  }

  Plan Run() {
    if (Deleting(deployment_)) {
      WriteStatus(Count());
      return std::move(plan_);
    }
    NotePause(deployment_, base_status_, view_.now);
    deployment_["status"] = base_status_;
    if (Bool(deployment_, "spec.paused") || ResizeWanted()) {
      SyncRevision(/*create=*/false);
      if (!wrote_sets_) Resize();
      if (Bool(deployment_, "spec.paused") && !wrote_sets_) CleanUp();
      WriteStatus(Count());
    } else if (Str(deployment_, "spec.strategy.type") == "Recreate") {
      Recreate();
    } else {
      RollingUpdate();
    }
    return std::move(plan_);
  }

 private:
  std::vector<const Json*> AllSets() const {
    std::vector<const Json*> all(old_sets_.begin(), old_sets_.end());
    if (new_set_ != nullptr) all.push_back(new_set_);
    return all;
  }
  std::vector<Json*> ActiveSets() {
    std::vector<Json*> active;
    for (Json* set : old_sets_) {
      if (Replicas(*set) > 0) active.push_back(set);
    }
    if (new_set_ != nullptr && Replicas(*new_set_) > 0) active.push_back(new_set_);
    return active;
  }
  static ReplicaSetSize SizeOf(const Json& set) {
    return {Replicas(set), Int(set, "status.availableReplicas"),
            Number(Annotation(set, kMaxReplicasAnnotation), -1), CreationTime(set)};
  }
  std::vector<ReplicaSetSize> OldSizes() const {
    std::vector<ReplicaSetSize> sizes;
    for (const Json* set : old_sets_) sizes.push_back(SizeOf(*set));
    return sizes;
  }

  Json Count() const { return CountStatus(deployment_, AllSets(), new_set_, view_.now); }
  Json Rollout() const { return RolloutStatus(deployment_, AllSets(), new_set_, view_.now); }

  EventNote Note(std::string reason, std::string message, bool warning = false) const {
    return {Deployments(), view_.deployment, warning, std::move(reason), std::move(message)};
  }

  // A resize is asked for when an active set was last sized for another number.
  bool ResizeWanted() {
    for (const Json* set : ActiveSets()) {
      const int64_t desired = Number(Annotation(*set, kDesiredReplicasAnnotation), -1);
      if (desired >= 0 && desired != bounds_.replicas) return true;
    }
    return false;
  }

  void RollingUpdate() {
    SyncRevision(/*create=*/true);
    if (!wrote_sets_ && new_set_ != nullptr && !GrowNew() && !ShrinkOld()) {
      if (DeploymentComplete(deployment_, At(deployment_, "status"))) CleanUp();
    }
    WriteStatus(Rollout());
  }

  void Recreate() {
    SyncRevision(/*create=*/false);
    if (!wrote_sets_) {
      for (Json* set : old_sets_) Scale(*set, 0);
    }
    if (!wrote_sets_ && !OldPodsRunning()) {
      if (new_set_ == nullptr) {
        SyncRevision(/*create=*/true);
      } else {
        Scale(*new_set_, bounds_.replicas);
      }
      if (!wrote_sets_ && DeploymentComplete(deployment_, At(deployment_, "status"))) CleanUp();
    }
    WriteStatus(Rollout());
  }

  bool OldPodsRunning() const {
    for (const Json* set : old_sets_) {
      if (Int(*set, "status.replicas") > 0) return true;
    }
    const std::string_view new_uid = new_set_ == nullptr ? std::string_view() : Uid(*new_set_);
    for (const ObjectPtr& pod : view_.pods) {
      if (Str(ControllerRef(*pod), "uid") == new_uid || IsFinished(*pod)) continue;
      return true;
    }
    return false;
  }

  bool GrowNew() {
    std::vector<ReplicaSetSize> all = OldSizes();
    all.push_back(SizeOf(*new_set_));
    return Scale(*new_set_, NewReplicaSetTarget(bounds_, SizeOf(*new_set_), all));
  }

  bool ShrinkOld() {
    const std::vector<int64_t> targets =
        OldReplicaSetTargets(bounds_, SizeOf(*new_set_), OldSizes());
    bool scaled = false;
    for (size_t i = 0; i < targets.size(); ++i) scaled |= Scale(*old_sets_[i], targets[i]);
    return scaled;
  }

  // Sizes in the middle of a rollout, or while paused (upstream: scale()).
  void Resize() {
    std::vector<Json*> active = ActiveSets();
    if (active.size() <= 1) {
      Json* only = nullptr;
      if (!active.empty()) {
        only = active[0];
      } else if (new_set_ != nullptr) {
        only = new_set_;
      } else if (!old_sets_.empty()) {
        only = old_sets_.back();
      }
      if (only != nullptr) ScaleAndAnnotate(*only, bounds_.replicas);
      return;
    }
    if (Saturated()) {
      for (Json* set : old_sets_) {
        if (Replicas(*set) > 0) ScaleAndAnnotate(*set, 0);
      }
      return;
    }
    if (Str(deployment_, "spec.strategy.type") == "Recreate") return;
    std::vector<ReplicaSetSize> sizes;
    for (const Json* set : active) sizes.push_back(SizeOf(*set));
    const std::vector<int64_t> targets =
        ProportionalTargets(bounds_, Int(deployment_, "status.replicas"), sizes);
    for (size_t i = 0; i < active.size(); ++i) ScaleAndAnnotate(*active[i], targets[i]);
  }

  bool Saturated() const {
    return new_set_ != nullptr && Replicas(*new_set_) == bounds_.replicas &&
           Number(Annotation(*new_set_, kDesiredReplicasAnnotation), -1) == bounds_.replicas &&
           Int(*new_set_, "status.availableReplicas") == bounds_.replicas;
  }

  bool Scale(Json& set, int64_t target) {
    if (Replicas(set) == target) return false;
    ScaleAndAnnotate(set, target);
    return true;
  }

  void ScaleAndAnnotate(Json& set, int64_t target) {
    const int64_t before = Replicas(set);
    bool changed = SetAnnotation(set, kDesiredReplicasAnnotation, std::to_string(bounds_.replicas));
    changed |= SetAnnotation(set, kMaxReplicasAnnotation, std::to_string(bounds_.max_total()));
    if (before == target && !changed) return;
    set["spec"]["replicas"] = target;
    Action action = WriteSet(set);
    if (before != target) {
      action.on_success =
          Note("ScalingReplicaSet",
               absl::StrCat("Scaled ", target > before ? "up" : "down", " replica set ",
                            std::string(Name(set)), " from ", before, " to ", target));
    }
    plan_.actions.push_back(std::move(action));
  }

  Action WriteSet(const Json& set) {
    wrote_sets_ = true;
    Action action;
    action.request = UpdateObject(ReplicaSets(), set);
    return action;
  }

  // Finds or makes the new ReplicaSet and keeps the revision numbers (upstream:
  // getAllReplicaSetsAndSyncRevision).
  void SyncRevision(bool create) {
    int64_t newest_old = 0;
    for (const Json* set : old_sets_) newest_old = std::max(newest_old, Revision(*set));
    const int64_t revision = newest_old + 1;
    if (new_set_ == nullptr) {
      if (create) CreateNew(revision);
      return;
    }
    bool changed = AnnotateNew(*new_set_, revision, /*exists=*/true);
    const int64_t min_ready = Int(deployment_, "spec.minReadySeconds");
    if (Int(*new_set_, "spec.minReadySeconds") != min_ready) {
      (*new_set_)["spec"]["minReadySeconds"] = min_ready;
      changed = true;
    }
    if (changed) plan_.actions.push_back(WriteSet(*new_set_));
    SetAnnotation(deployment_, kRevisionAnnotation,
                  std::string(Annotation(*new_set_, kRevisionAnnotation)));
    if (HasProgressDeadline(deployment_) &&
        FindCondition(At(base_status_, "conditions"), "Progressing").is_null()) {
      SetCondition(base_status_, "Progressing", "True", "FoundNewReplicaSet",
                   absl::StrCat("Found new replica set \"", std::string(Name(*new_set_)), "\""),
                   view_.now);
      deployment_["status"] = base_status_;
    }
  }

  bool AnnotateNew(Json& set, int64_t revision, bool exists) {
    bool changed = false;
    const Json& annotations = At(deployment_, "metadata.annotations");
    if (annotations.is_object()) {
      for (const auto& [key, value] : annotations.items()) {
        const bool skip =
            std::find(std::begin(kNotCopied), std::end(kNotCopied), key) != std::end(kNotCopied);
        if (skip || !value.is_string()) continue;
        changed |= SetAnnotation(set, key, value.get_ref<const std::string&>());
      }
    }
    const std::string before(Annotation(set, kRevisionAnnotation));
    if (Number(before, 0) < revision) {
      changed |= SetAnnotation(set, kRevisionAnnotation, std::to_string(revision));
      if (!before.empty()) {
        std::string history(Annotation(set, kRevisionHistoryAnnotation));
        if (!history.empty()) history += ',';
        SetAnnotation(set, kRevisionHistoryAnnotation, history + before);
      }
    }
    if (!exists) {
      SetAnnotation(set, kDesiredReplicasAnnotation, std::to_string(bounds_.replicas));
      SetAnnotation(set, kMaxReplicasAnnotation, std::to_string(bounds_.max_total()));
    }
    return changed;
  }

  Json MakeSet(int64_t revision) {
    Json pod_template = At(deployment_, "spec.template");
    const std::string hash =
        PodTemplateHash(pod_template, At(deployment_, "status.collisionCount"));
    Json labels = At(pod_template, "metadata.labels");
    if (!labels.is_object()) labels = Json::object();
    labels[std::string(kPodTemplateHashLabel)] = hash;
    pod_template["metadata"]["labels"] = labels;
    Json selector = At(deployment_, "spec.selector");
    selector["matchLabels"][std::string(kPodTemplateHashLabel)] = hash;
    Json set;
    set["metadata"] = {
        {"name", absl::StrCat(std::string(Name(deployment_)), "-", hash)},
        {"namespace", std::string(Namespace(deployment_))},
        {"labels", labels},
        {"ownerReferences",
         Json::array({MakeControllerRef(Deployments().ApiVersion(), "Deployment", deployment_)})}};
    set["spec"] = {{"replicas", 0},
                   {"minReadySeconds", Int(deployment_, "spec.minReadySeconds")},
                   {"selector", std::move(selector)},
                   {"template", std::move(pod_template)}};
    std::vector<ReplicaSetSize> all = OldSizes();
    all.push_back({});
    const bool recreate = Str(deployment_, "spec.strategy.type") == "Recreate";
    set["spec"]["replicas"] = recreate ? bounds_.replicas : NewReplicaSetTarget(bounds_, {}, all);
    AnnotateNew(set, revision, /*exists=*/false);
    return set;
  }

  void CreateNew(int64_t revision) {
    Json set = MakeSet(revision);
    const std::string name(Name(set));
    Action action;
    action.request = CreateObject(ReplicaSets(), set);
    if (const int64_t replicas = Replicas(set); replicas > 0) {
      action.on_success = Note("ScalingReplicaSet", absl::StrCat("Scaled up replica set ", name,
                                                                 " from 0 to ", replicas));
    }
    action.on_failure = Note("ReplicaSetCreateError",
                             absl::StrCat("Failed to create new replica set \"", name, "\": "),
                             /*warning=*/true);
    action.follow_up = [deployment = view_.deployment, pod_template = At(set, "spec.template"),
                        name](const ApiReply& reply) -> std::optional<Action> {
      if (!reply.AlreadyExists()) return std::nullopt;
      return LookAtExisting(deployment, pod_template, name);
    };
    plan_.actions.push_back(std::move(action));
    wrote_sets_ = true;
    created_ = std::move(set);
    new_set_ = &created_;
    SetAnnotation(deployment_, kRevisionAnnotation, std::to_string(revision));
    if (HasProgressDeadline(deployment_)) {
      SetCondition(base_status_, "Progressing", "True", "NewReplicaSetCreated",
                   absl::StrCat("Created new replica set \"", name, "\""), view_.now);
      deployment_["status"] = base_status_;
    }
  }

  // The name is taken: by our own set that the cache has not shown yet, or, if the template
  // differs, by a hash collision, which the next hash is salted with.
  static Action LookAtExisting(const ObjectPtr& deployment, const Json& pod_template,
                               const std::string& name) {
    Action look;
    look.request = GetObject(ReplicaSets(), Namespace(*deployment), name);
    look.tolerated = {404};
    look.follow_up = [deployment, pod_template](const ApiReply& reply) -> std::optional<Action> {
      if (!reply.ok()) return std::nullopt;
      const bool ours = Str(ControllerRef(reply.body), "uid") == Uid(*deployment);
      if (ours && SameTemplate(At(reply.body, "spec.template"), pod_template)) return std::nullopt;
      Json changed = *deployment;
      changed["status"]["collisionCount"] = Int(*deployment, "status.collisionCount") + 1;
      Action count;
      count.request = UpdateSubresource(Deployments(), std::move(changed), "status");
      return count;
    };
    return look;
  }

  void CleanUp() {
    const int64_t limit = Int(deployment_, "spec.revisionHistoryLimit", 10);
    std::vector<const Json*> candidates;
    for (const Json* set : old_sets_) {
      if (!Deleting(*set)) candidates.push_back(set);
    }
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const Json* a, const Json* b) { return Revision(*a) < Revision(*b); });
    const int64_t surplus = static_cast<int64_t>(candidates.size()) - limit;
    for (int64_t i = 0; i < surplus; ++i) {
      const Json& set = *candidates[static_cast<size_t>(i)];
      if (Int(set, "status.replicas") != 0 || Replicas(set) != 0 ||
          Int(set, "metadata.generation") > Int(set, "status.observedGeneration")) {
        continue;
      }
      Action action;
      action.request =
          DeleteObject(ReplicaSets(), Namespace(set), Name(set),
                       {.uid = std::string(Uid(set)), .propagation_policy = "Background"});
      action.tolerated = {404};
      plan_.actions.push_back(std::move(action));
    }
  }

  // The revision annotation travels with the status, as upstream sends it; should a server take
  // nothing but the status there, a patch of the annotation follows.
  void WriteStatus(Json status) {
    plan_.RequeueAfter(UntilProgressDeadline(deployment_, status, view_.now));
    const std::string revision(Annotation(deployment_, kRevisionAnnotation));
    const bool same_revision = Annotation(*view_.deployment, kRevisionAnnotation) == revision;
    if (same_revision && SemanticEqual(At(*view_.deployment, "status"), status)) return;
    deployment_["status"] = std::move(status);
    Action action;
    action.request = UpdateSubresource(Deployments(), deployment_, "status");
    if (!same_revision) {
      action.follow_up = [revision](const ApiReply& reply) -> std::optional<Action> {
        if (!reply.ok() || Annotation(reply.body, kRevisionAnnotation) == revision) {
          return std::nullopt;
        }
        Json patch;
        patch["metadata"]["annotations"][std::string(kRevisionAnnotation)] = revision;
        Action annotate;
        annotate.request = PatchObject(Deployments(), Namespace(reply.body), Name(reply.body),
                                       PatchType::kMerge, std::move(patch));
        return annotate;
      };
    }
    plan_.actions.push_back(std::move(action));
  }

  const DeploymentView& view_;
  Json deployment_;
  const RolloutBounds bounds_;
  std::vector<Json> sets_;
  Json created_;
  Json base_status_;  // the current status with this pass's conditions
  Json* new_set_ = nullptr;
  std::vector<Json*> old_sets_;
  bool wrote_sets_ = false;
  Plan plan_;
};

Json WithoutHash(const Json& pod_template) {
  Json copy = pod_template;
  if (copy.is_object() && At(copy, "metadata.labels").is_object()) {
    copy["metadata"]["labels"].erase(std::string(kPodTemplateHashLabel));
  }
  return copy;
}

}  // namespace

bool SameTemplate(const Json& a, const Json& b) {
  return SemanticEqual(WithoutHash(a), WithoutHash(b));
}

std::string PodTemplateHash(const Json& pod_template, const Json& collision_count) {
  std::string text = Dump(Pruned(WithoutHash(pod_template)));
  if (collision_count.is_number_integer() && collision_count.get<int64_t>() > 0) {
    absl::StrAppend(&text, "\n", collision_count.get<int64_t>());
  }
  uint32_t hash = 2166136261u;  // FNV-1a
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 16777619u;
  }
  // Kubernetes' alphabet for generated names: no vowels, and nothing that looks like another.
  constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
  std::string out = std::to_string(hash);
  for (char& c : out) c = kAlphabet[static_cast<size_t>(c) % kAlphabet.size()];
  return out;
}

Plan ReconcileDeployment(const DeploymentView& view) { return Pass(view).Run(); }

}  // namespace pintle::client::controllers
