#include "client/controllers/plan.h"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"

namespace pintle::client::controllers {
namespace {

class Runner : public std::enable_shared_from_this<Runner> {
 public:
  Runner(KubeClient& client, EventRecorder& events, Plan plan,
         absl::AnyInvocable<void(PlanResult)> done)
      : client_(client),
        events_(events),
        parallel_(plan.parallel),
        waiting_(std::make_move_iterator(plan.actions.begin()),
                 std::make_move_iterator(plan.actions.end())),
        done_(std::move(done)) {}

  void Continue() {
    while (result_.ok && in_flight_ < window_ && !waiting_.empty()) {
      Action action = std::move(waiting_.front());
      waiting_.pop_front();
      Start(std::move(action));
    }
    if (in_flight_ > 0 || finished_) return;
    finished_ = true;
    ApiReply not_sent;
    not_sent.code = Action::kNotSent;
    for (Action& action : waiting_) {
      if (action.after) action.after(not_sent);
    }
    done_(std::move(result_));
  }

 private:
  static constexpr size_t kMaxWindow = 32;

  void Start(Action action) {
    ++in_flight_;
    if (action.request.method == "PUT") {
      const auto newer = versions_.find(std::string(Uid(action.request.body)));
      if (newer != versions_.end()) {
        Set(action.request.body, "metadata.resourceVersion", newer->second);
      }
    }
    ApiRequest request = std::move(action.request);
    client_.Send(std::move(request),
                 [self = shared_from_this(), action = std::move(action)](ApiReply reply) mutable {
                   self->Finished(std::move(action), reply);
                 });
  }

  void Finished(Action action, const ApiReply& reply) {
    --in_flight_;
    // Made by an earlier attempt of the same request, whose answer was lost.
    const bool made_before = reply.AlreadyExists() && reply.retried;
    const bool ok = reply.ok() || made_before ||
                    std::count(action.tolerated.begin(), action.tolerated.end(), reply.code) > 0;
    if (reply.ok() && !Uid(reply.body).empty()) {
      versions_[std::string(Uid(reply.body))] =
          std::string(Str(reply.body, "metadata.resourceVersion"));
    }
    if (action.after) action.after(reply);
    std::optional<Action> next;
    if (action.follow_up) next = action.follow_up(reply);
    if (ok && action.on_success) events_.Record(*action.on_success);
    if (next) {
      waiting_.push_front(*std::move(next));
    } else if (!ok) {
      Fail(action, reply);
    }
    if (ok && parallel_) window_ = std::min(window_ * 2, kMaxWindow);
    Continue();
  }

  void Fail(const Action& action, const ApiReply& reply) {
    const bool quiet = reply.Conflict() || reply.NamespaceTerminating();
    if (action.on_failure && !quiet) {
      EventNote note = *action.on_failure;
      absl::StrAppend(&note.message, reply.message);
      events_.Record(note);
    }
    if (!result_.ok) return;
    result_.ok = false;
    result_.quiet = quiet;
    result_.error = reply.message;
  }

  KubeClient& client_;
  EventRecorder& events_;
  const bool parallel_;
  std::deque<Action> waiting_;
  absl::AnyInvocable<void(PlanResult)> done_;
  std::map<std::string, std::string> versions_;  // by uid
  size_t in_flight_ = 0;
  size_t window_ = 1;
  bool finished_ = false;
  PlanResult result_;
};

}  // namespace

void RunPlan(KubeClient& client, EventRecorder& events, Plan plan,
             absl::AnyInvocable<void(PlanResult)> done) {
  std::make_shared<Runner>(client, events, std::move(plan), std::move(done))->Continue();
}

}  // namespace pintle::client::controllers
