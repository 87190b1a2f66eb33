#include "client/controllers/garbage_collector.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "client/controllers/indexes.h"

namespace pintle::client::controllers {
namespace {

constexpr const char* kByUid = "uid";
constexpr absl::Duration kDiscoverAgain = absl::Seconds(30);

std::vector<std::string> OwnUid(const Json& object) { return {std::string(Uid(object))}; }

bool WaitsForDependents(const Json& object) {
  return client::Deleting(object) && HasFinalizer(object, kForegroundFinalizer);
}

std::string TypeKey(std::string_view api_version, std::string_view kind) {
  std::string key(api_version);
  key += ' ';
  key += kind;
  return key;
}

}  // namespace

struct GarbageCollector::Job {
  Dependent item;
  Json references;
  std::vector<OwnerState> owners;
  SyncDone done;
};

GarbageCollector::GarbageCollector(Context context) : Controller(context, "garbagecollector", 8) {}

GarbageCollector::~GarbageCollector() = default;

void GarbageCollector::OnStarted() {
  Discover(context().client, [this](bool complete, std::vector<ApiResource> resources) {
    AddMonitors(complete, resources);
    const absl::Duration again = complete ? kDiscoverAgain : absl::Seconds(2);
    timer_ = context().loop.After(again, [this] { OnStarted(); });
  });
}

void GarbageCollector::AddMonitors(bool complete, const std::vector<ApiResource>& resources) {
  complete_ = complete_ || complete;
  for (const ApiResource& resource : resources) {
    types_.emplace(TypeKey(resource.type.ApiVersion(), resource.type.kind), resource.type);
    const bool usable =
        resource.Allows("list") && resource.Allows("watch") && resource.Allows("delete");
    if (!usable || resource.type.resource == "events") continue;
    Monitor& monitor = monitors_[resource.type.Id()];
    if (monitor.informer != nullptr) continue;
    Informer& informer = context().informers.MetadataOf(resource.type);
    informer.AddIndex(kByUid, OwnUid);
    informer.AddIndex(kByOwner, OwnerUids);
    monitor.informer = &informer;
    InformerHandler handler;
    handler.on_add = [this, &informer](const ObjectPtr& object) { OnChanged(informer, object); };
    handler.on_update = [this, &informer](const ObjectPtr&, const ObjectPtr& object) {
      OnChanged(informer, object);
    };
    handler.on_delete = [this](const ObjectPtr& object) { OnGone(object); };
    monitor.registration = informer.AddHandler(std::move(handler));
  }
}

bool GarbageCollector::AllSynced() const {
  if (!complete_) return false;
  for (const auto& [id, monitor] : monitors_) {
    if (!monitor.informer->HasSynced()) return false;
  }
  return true;
}

void GarbageCollector::EnqueueAll() {
  for (const auto& [id, monitor] : monitors_) {
    for (const auto& [key, object] : monitor.informer->objects()) {
      OnChanged(*monitor.informer, object);
    }
  }
}

void GarbageCollector::Enqueue(const ResourceType& type, const Json& object) {
  queue().Add(absl::StrCat(type.Id(), " ", KeyOf(object)));
}

void GarbageCollector::OnChanged(const Informer& informer, const ObjectPtr& object) {
  if (client::Deleting(*object)) {
    const bool foreground = HasFinalizer(*object, kForegroundFinalizer);
    if (foreground) EnqueueDependents(*object);
    if (foreground || HasFinalizer(*object, kOrphanFinalizer)) Enqueue(informer.type(), *object);
    return;
  }
  for (const Json& reference : Array(*object, "metadata.ownerReferences")) {
    const Json* owner = FindOwner(reference, *object);
    if (owner == nullptr || WaitsForDependents(*owner)) {
      return Enqueue(informer.type(), *object);
    }
  }
}

void GarbageCollector::OnGone(const ObjectPtr& object) {
  EnqueueDependents(*object);
  for (const Json& reference : Array(*object, "metadata.ownerReferences")) {
    const Json* owner = FindOwner(reference, *object);
    const ResourceType* type = TypeOf(reference);
    if (owner != nullptr && type != nullptr && WaitsForDependents(*owner)) Enqueue(*type, *owner);
  }
}

void GarbageCollector::EnqueueDependents(const Json& object) {
  for (const Dependent& dependent : DependentsOf(object)) {
    Enqueue(dependent.type, *dependent.object);
  }
}

std::vector<Dependent> GarbageCollector::DependentsOf(const Json& object) const {
  std::vector<Dependent> out;
  for (const auto& [id, monitor] : monitors_) {
    for (ObjectPtr& dependent : monitor.informer->ByIndex(kByOwner, std::string(Uid(object)))) {
      out.push_back({monitor.informer->type(), std::move(dependent)});
    }
  }
  return out;
}

const ResourceType* GarbageCollector::TypeOf(const Json& reference) const {
  const auto type = types_.find(TypeKey(Str(reference, "apiVersion"), Str(reference, "kind")));
  return type == types_.end() ? nullptr : &type->second;
}

const Json* GarbageCollector::FindOwner(const Json& reference, const Json& dependent) const {
  const ResourceType* type = TypeOf(reference);
  if (type == nullptr) return nullptr;
  const auto monitor = monitors_.find(type->Id());
  if (monitor == monitors_.end() || monitor->second.informer == nullptr) return nullptr;
  const std::string_view name_space = type->namespaced ? Namespace(dependent) : std::string_view();
  const ObjectPtr owner =
      monitor->second.informer->Get(MakeKey(name_space, Str(reference, "name")));
  if (owner == nullptr || Uid(*owner) != Str(reference, "uid")) return nullptr;
  return owner.get();  // kept alive by the cache until the loop comes round
}

void GarbageCollector::SyncAsync(const std::string& key, SyncDone done) {
  if (!AllSynced()) return done({}, absl::Seconds(1));
  const size_t space = key.find(' ');
  const auto monitor = monitors_.find(key.substr(0, space));
  if (monitor == monitors_.end()) return done({}, absl::InfiniteDuration());
  const ObjectPtr object = monitor->second.informer->Get(key.substr(space + 1));
  if (object == nullptr) return done({}, absl::InfiniteDuration());
  Dependent item{monitor->second.informer->type(), object};
  if (client::Deleting(*object)) return Deleted(item, std::move(done));
  auto job = std::make_shared<Job>();
  job->references = Array(*object, "metadata.ownerReferences");
  job->item = std::move(item);
  job->done = std::move(done);
  NextOwner(std::move(job));
}

// An object on its way out with one of the two finalizers that are ours.
void GarbageCollector::Deleted(const Dependent& item, SyncDone done) {
  const std::vector<Dependent> dependents = DependentsOf(*item.object);
  if (HasFinalizer(*item.object, kOrphanFinalizer)) {
    return Finish(OrphanDependents(item, dependents), std::move(done));
  }
  if (!HasFinalizer(*item.object, kForegroundFinalizer)) {
    return done({}, absl::InfiniteDuration());
  }
  bool blocked = false;
  for (const Dependent& dependent : dependents) {
    blocked |= Blocks(*dependent.object, Uid(*item.object));
    Enqueue(dependent.type, *dependent.object);
  }
  if (blocked) return done({}, absl::InfiniteDuration());
  Finish(ReleaseFinalizer(item, kForegroundFinalizer), std::move(done));
}

void GarbageCollector::NextOwner(std::shared_ptr<Job> job) {
  const size_t next = job->owners.size();
  if (next == job->references.size()) return Decide(std::move(job));
  const Json& reference = job->references[next];
  const auto state_of = [](const Json& owner) {
    return WaitsForDependents(owner) ? OwnerState::kWaiting : OwnerState::kSolid;
  };
  if (const Json* owner = FindOwner(reference, *job->item.object)) {
    job->owners.push_back(state_of(*owner));
    return NextOwner(std::move(job));
  }
  const ResourceType* type = TypeOf(reference);
  if (type == nullptr) {  // a kind this server does not have: nothing can be known about it
    job->owners.push_back(OwnerState::kSolid);
    return NextOwner(std::move(job));
  }
  const std::string_view name_space =
      type->namespaced ? Namespace(*job->item.object) : std::string_view();
  context().client.Send(
      GetObject(*type, name_space, Str(reference, "name")), [this, job, state_of](ApiReply reply) {
        if (!reply.ok() && !reply.NotFound()) {
          return job->done({false, false, reply.message}, absl::InfiniteDuration());
        }
        const Json& wanted = job->references[job->owners.size()];
        const bool there = reply.ok() && Uid(reply.body) == Str(wanted, "uid");
        job->owners.push_back(there ? state_of(reply.body) : OwnerState::kAbsent);
        NextOwner(job);
      });
}

void GarbageCollector::Decide(std::shared_ptr<Job> job) {
  bool all_solid = true;
  for (const OwnerState state : job->owners) all_solid &= state == OwnerState::kSolid;
  if (all_solid) return job->done({}, absl::InfiniteDuration());
  const Json& cached = *job->item.object;
  context().client.Send(
      GetObject(job->item.type, Namespace(cached), Name(cached)), [this, job](ApiReply reply) {
        if (reply.NotFound()) return job->done({}, absl::InfiniteDuration());
        if (!reply.ok()) {
          return job->done({false, false, reply.message}, absl::InfiniteDuration());
        }
        if (Uid(reply.body) != Uid(*job->item.object)) {
          return job->done({}, absl::InfiniteDuration());
        }
        if (Array(reply.body, "metadata.ownerReferences") != job->references) {
          return job->done({}, absl::Seconds(1));  // decided on yesterday's references
        }
        job->item.object = std::make_shared<const Json>(std::move(reply.body));
        Finish(CollectDependent(job->item, job->owners, !DependentsOf(*job->item.object).empty()),
               std::move(job->done));
      });
}

void GarbageCollector::Finish(Plan plan, SyncDone done) {
  RunPlan(context().client, context().events, std::move(plan),
          [done = std::move(done)](PlanResult result) mutable {
            done(std::move(result), absl::InfiniteDuration());
          });
}

}  // namespace pintle::client::controllers
