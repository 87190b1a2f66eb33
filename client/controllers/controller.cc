#include "client/controllers/controller.h"

#include <algorithm>
#include <utility>

#include "spdlog/spdlog.h"

namespace pintle::client::controllers {

Controller::Controller(Context context, std::string name, int workers)
    : context_(context),
      name_(std::move(name)),
      workers_(workers),
      queue_(
          context.loop, {}, [this] { Work(); }, [this] { EnqueueAll(); }) {}

Controller::~Controller() = default;

Informer& Controller::Read(Informer& informer, InformerHandler handler) {
  needs_.push_back(&informer);
  registrations_.push_back(informer.AddHandler(std::move(handler)));
  return informer;
}

InformerHandler Controller::Each(std::function<void(const ObjectPtr&)> enqueue) {
  InformerHandler handler;
  handler.on_add = enqueue;
  handler.on_update = [enqueue](const ObjectPtr& old_object, const ObjectPtr& new_object) {
    enqueue(old_object);
    enqueue(new_object);
  };
  handler.on_delete = enqueue;
  return handler;
}

void Controller::Start() { WaitForCaches(); }

void Controller::WaitForCaches() {
  const bool synced = std::all_of(needs_.begin(), needs_.end(),
                                  [](const Informer* informer) { return informer->HasSynced(); });
  if (!synced) {
    timer_ = context_.loop.After(absl::Milliseconds(50), [this] { WaitForCaches(); });
    return;
  }
  started_ = true;
  OnStarted();
  Work();
}

void Controller::Work() {
  while (started_ && busy_ < workers_) {
    std::optional<std::string> key = queue_.Get();
    if (!key) return;
    ++busy_;
    SyncAsync(*key, [this, key = *key](PlanResult result, absl::Duration requeue_after) {
      Finished(key, result, requeue_after);
    });
  }
}

Plan Controller::Sync(const std::string&) { return {}; }

void Controller::SyncAsync(const std::string& key, SyncDone done) {
  Plan plan = Sync(key);
  const absl::Duration requeue_after = plan.requeue_after;
  RunPlan(context_.client, context_.events, std::move(plan),
          [requeue_after, done = std::move(done)](PlanResult result) mutable {
            done(std::move(result), requeue_after);
          });
}

void Controller::Finished(const std::string& key, const PlanResult& result,
                          absl::Duration requeue_after) {
  --busy_;
  queue_.Done(key);
  if (!result.ok) {
    if (!result.quiet) spdlog::warn("{}: {}: {}", name_, key, result.error);
    queue_.AddRateLimited(key);
  } else {
    queue_.Forget(key);
    if (requeue_after != absl::InfiniteDuration()) queue_.AddAfter(key, requeue_after);
  }
  // Through the loop, so that many keys with nothing to do cannot nest.
  if (work_posted_ || queue_.size() == 0) return;
  work_posted_ = true;
  std::weak_ptr<bool> alive = alive_;
  context_.loop.executor.Post([this, alive] {
    if (alive.expired()) return;
    work_posted_ = false;
    Work();
  });
}

}  // namespace pintle::client::controllers
