#include "client/controllers/namespaces.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace pintle::client::controllers {
namespace {

constexpr absl::Duration kLookAgain = absl::Seconds(1);
constexpr const char* kMetadataAccept =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

bool Waiting(const Json& name_space) {
  if (!Deleting(name_space)) return false;
  for (const Json& finalizer : Array(name_space, "spec.finalizers")) {
    if (finalizer == "kubernetes") return true;
  }
  return false;
}

}  // namespace

struct NamespaceController::Job {
  ObjectPtr name_space;
  std::string name;
  std::vector<ApiResource> resources;
  size_t next = 0;
  bool remaining = false;
  std::string error;
  SyncDone done;

  void Failed(const std::string& what, const ApiReply& reply) {
    if (error.empty()) error = absl::StrCat(what, ": ", reply.message);
  }
};

NamespaceController::NamespaceController(Context context)
    : Controller(context, "namespace", 4), namespaces_(context.informers.Of(Namespaces())) {
  Read(namespaces_, Each([this](const ObjectPtr& object) {
         if (Waiting(*object)) queue().Add(KeyOf(*object));
       }));
}

void NamespaceController::EnqueueAll() {
  for (const auto& [key, object] : namespaces_.objects()) {
    if (Waiting(*object)) queue().Add(key);
  }
}

void NamespaceController::SyncAsync(const std::string& key, SyncDone done) {
  const ObjectPtr name_space = namespaces_.Get(key);
  if (name_space == nullptr || !Waiting(*name_space)) return done({}, absl::InfiniteDuration());
  auto job = std::make_shared<Job>();
  job->name_space = name_space;
  job->name = key;
  job->done = std::move(done);
  Discover(context().client, [this, job](bool complete, std::vector<ApiResource> resources) {
    if (!complete) job->error = "discovery is incomplete";
    for (ApiResource& resource : resources) {
      if (resource.type.namespaced && resource.Allows("delete") && resource.Allows("list")) {
        job->resources.push_back(std::move(resource));
      }
    }
    NextResource(job);
  });
}

void NamespaceController::NextResource(std::shared_ptr<Job> job) {
  if (job->next == job->resources.size()) return Finalize(std::move(job));
  const ApiResource& resource = job->resources[job->next++];
  if (resource.Allows("deletecollection")) {
    ApiRequest request =
        DeleteCollection(resource.type, job->name, {.propagation_policy = "Background"});
    return context().client.Send(std::move(request), [this, job, &resource](ApiReply reply) {
      if (!reply.ok()) job->Failed(resource.type.Id(), reply);
      Verify(job, resource);
    });
  }
  context().client.Send(
      ListObjects(resource.type, {.name_space = job->name}),
      [this, job, &resource](ApiReply reply) { DeleteEach(job, resource, std::move(reply)); });
}

void NamespaceController::DeleteEach(std::shared_ptr<Job> job, const ApiResource& resource,
                                     ApiReply listed) {
  if (!listed.ok()) job->Failed(resource.type.Id(), listed);
  Plan plan;
  plan.parallel = true;
  for (const Json& object : Array(listed.body, "items")) {
    Action action;
    action.request =
        DeleteObject(resource.type, job->name, Name(object),
                     {.uid = std::string(Uid(object)), .propagation_policy = "Background"});
    action.tolerated = {404, 409};
    plan.actions.push_back(std::move(action));
  }
  RunPlan(context().client, context().events, std::move(plan),
          [this, job, &resource](PlanResult result) {
            if (!result.ok && job->error.empty()) job->error = result.error;
            Verify(job, resource);
          });
}

void NamespaceController::Verify(std::shared_ptr<Job> job, const ApiResource& resource) {
  ApiRequest request = ListObjects(resource.type, {.name_space = job->name, .limit = 1});
  request.accept = kMetadataAccept;
  context().client.Send(std::move(request), [this, job, &resource](ApiReply reply) {
    if (!reply.ok()) job->Failed(resource.type.Id(), reply);
    if (!Array(reply.body, "items").empty()) job->remaining = true;
    NextResource(job);
  });
}

void NamespaceController::Finalize(std::shared_ptr<Job> job) {
  SyncDone done = std::move(job->done);
  if (!job->error.empty()) return done({false, false, job->error}, absl::InfiniteDuration());
  if (job->remaining) return done({}, kLookAgain);
  Plan plan;
  Action action;
  action.request =
      UpdateSubresource(Namespaces(), WithoutKubernetesFinalizer(*job->name_space), "finalize");
  action.tolerated = {404};
  plan.actions.push_back(std::move(action));
  RunPlan(context().client, context().events, std::move(plan),
          [done = std::move(done)](PlanResult result) mutable {
            done(std::move(result), absl::InfiniteDuration());
          });
}

Json WithoutKubernetesFinalizer(const Json& name_space) {
  Json changed = name_space;
  Json kept = Json::array();
  for (const Json& finalizer : Array(name_space, "spec.finalizers")) {
    if (finalizer != "kubernetes") kept.push_back(finalizer);
  }
  changed["spec"]["finalizers"] = std::move(kept);
  return changed;
}

}  // namespace pintle::client::controllers
