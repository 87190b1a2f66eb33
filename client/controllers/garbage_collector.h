// GarbageCollector: deletes what belongs to owners that are gone, and carries out foreground and
// orphan deletion.
//
// Watches the metadata of every collection that discovery says can be listed, watched and deleted
// (Events aside). An owner missing in the caches is looked for with a live GET before anything is
// deleted because of it, and so is the object itself: caches of different collections are never of
// the same moment. Decisions are in garbage_reconcile.h. Nothing is collected until every
// collection of a complete discovery has synced.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "client/controllers/controller.h"
#include "client/controllers/discovery.h"
#include "client/controllers/garbage_reconcile.h"

namespace pintle::client::controllers {

class GarbageCollector final : public Controller {
 public:
  explicit GarbageCollector(Context context);
  ~GarbageCollector() override;

 protected:
  // Keys: "<resource id> <namespace/name>".
  void SyncAsync(const std::string& key, SyncDone done) override;
  void EnqueueAll() override;
  void OnStarted() override;

 private:
  struct Monitor {
    Informer* informer = nullptr;
    std::unique_ptr<Informer::Registration> registration;
  };
  struct Job;

  void AddMonitors(bool complete, const std::vector<ApiResource>& resources);
  bool AllSynced() const;
  void OnChanged(const Informer& informer, const ObjectPtr& object);
  void OnGone(const ObjectPtr& object);
  void Enqueue(const ResourceType& type, const Json& object);
  void EnqueueDependents(const Json& object);
  std::vector<Dependent> DependentsOf(const Json& object) const;
  // The cached object of that uid, which must also be where the reference says.
  const Json* FindOwner(const Json& reference, const Json& dependent) const;
  const ResourceType* TypeOf(const Json& reference) const;

  void Deleted(const Dependent& item, SyncDone done);
  void NextOwner(std::shared_ptr<Job> job);
  void Decide(std::shared_ptr<Job> job);
  void Finish(Plan plan, SyncDone done);

  std::map<std::string, Monitor> monitors_;    // by resource id
  std::map<std::string, ResourceType> types_;  // by "apiVersion kind"
  bool complete_ = false;
  Loop::Timer timer_;
};

}  // namespace pintle::client::controllers
