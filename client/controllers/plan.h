// Plan: what a controller has decided to do, as values, and the one place that carries it out.
//
// A controller's Reconcile is a pure function from a view of the world to a Plan; tests read the
// plan, RunPlan sends it. Actions run in order, or, in a parallel plan, several at a time with a
// slow start (1, 2, 4, … as successes come in). After a failure that is not tolerated nothing
// further is sent. An update of an object that an earlier action of the same plan has written goes
// out with the resourceVersion that write returned.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "client/event_recorder.h"
#include "client/kube_client.h"

namespace pintle::client::controllers {

struct Action {
  ApiRequest request;
  std::vector<int> tolerated = {};  // HTTP codes that count as success
  std::optional<EventNote> on_success = {};
  std::optional<EventNote> on_failure = {};  // the server's message is appended
  // Called once: with the answer, or with code kNotSent when an earlier failure came first.
  std::function<void(const ApiReply&)> after = {};
  // What to do next because of this answer, also a failed one; the failure then counts as dealt
  // with.
  std::function<std::optional<Action>(const ApiReply&)> follow_up = {};

  static constexpr int kNotSent = -1;
};

struct Plan {
  std::vector<Action> actions;
  absl::Duration requeue_after = absl::InfiniteDuration();
  bool parallel = false;

  void RequeueAfter(absl::Duration delay) {
    if (delay < requeue_after) requeue_after = delay;
  }
};

struct PlanResult {
  bool ok = true;
  bool quiet =
      false;  // the failure is a stale view (409) or a vanishing namespace: nothing to tell anyone
  std::string error;
};

void RunPlan(KubeClient& client, EventRecorder& events, Plan plan,
             absl::AnyInvocable<void(PlanResult)> done);

}  // namespace pintle::client::controllers
