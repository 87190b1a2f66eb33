// Controller: a work queue of keys, a few workers, and a Sync that each controller gives.
//
// Sync looks at the caches and returns a Plan; the base carries it out and brings the key back:
// rate-limited after a failure, after plan.requeue_after if that is given. A key is never worked on
// twice at the same time. Work starts when every informer the controller reads has synced. Thread:
// the Loop's. Owner: ControllerSet, which drops the client (and so all answers under way) before
// controllers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "client/controllers/plan.h"
#include "client/informer_set.h"
#include "client/work_queue.h"

namespace pintle::client::controllers {

struct Context {
  Loop& loop;
  KubeClient& client;
  EventRecorder& events;
  InformerSet& informers;
};

class Controller {
 public:
  Controller(Context context, std::string name, int workers);
  virtual ~Controller();
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  void Start();
  const std::string& name() const { return name_; }
  size_t queued() const { return queue_.size(); }

 protected:
  virtual Plan Sync(const std::string& key);
  // For controllers that must ask the server before they can decide; `done` exactly once. The
  // default runs Sync's plan.
  using SyncDone = absl::AnyInvocable<void(PlanResult, absl::Duration requeue_after)>;
  virtual void SyncAsync(const std::string& key, SyncDone done);
  virtual void EnqueueAll() = 0;  // everything the caches hold, after an overflow
  virtual void OnStarted() {}

  // Reads an informer: work waits for it, and the handler lives as long as the controller.
  Informer& Read(Informer& informer, InformerHandler handler);
  // A handler that calls `enqueue` for each object that came, changed or went.
  static InformerHandler Each(std::function<void(const ObjectPtr&)> enqueue);

  WorkQueue& queue() { return queue_; }
  Context& context() { return context_; }
  bool started() const { return started_; }

 private:
  void WaitForCaches();
  void Work();
  void Finished(const std::string& key, const PlanResult& result, absl::Duration requeue_after);

  Context context_;
  const std::string name_;
  const int workers_;
  int busy_ = 0;
  bool started_ = false;
  bool work_posted_ = false;
  WorkQueue queue_;
  std::vector<Informer*> needs_;
  std::vector<std::unique_ptr<Informer::Registration>> registrations_;
  Loop::Timer timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace pintle::client::controllers
