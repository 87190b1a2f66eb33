// LeaderElection: one process of several acts, as client-go elects it: through a
// coordination.k8s.io Lease.
//
// A candidate takes the lease when it is free, unheld, or has not *changed* for its duration by
// this process's own clock (the times written in it are never compared with ours, so that skewed
// clocks do no harm). The holder renews every retry_period and, when it could not for
// renew_deadline, tells on_lost. Writes carry the resourceVersion that was read: of two who try,
// one gets 409. Release() gives the lease up at once, so that a successor need not wait.
// Figures: lease 15 s, deadline 10 s, retry 2 s (jitter 1.2 on acquiring), as
// kube-controller-manager's. Thread: the Loop's. The client given should be one that nothing else
// can crowd.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "client/kube_client.h"

namespace pintle::client {

struct LeaderElectionOptions {
  std::string name_space = "kube-system";
  std::string name = "pintle-controllers";
  std::string identity;  // must differ between candidates: "<host>_<uuid>"
  absl::Duration lease_duration = absl::Seconds(15);
  absl::Duration renew_deadline = absl::Seconds(10);
  absl::Duration retry_period = absl::Seconds(2);
};

class LeaderElection {
 public:
  struct Callbacks {
    std::function<void()> on_acquired;
    std::function<void()>
        on_lost;  // stop acting before it returns; the election goes on as a candidate
    std::function<void(const std::string& identity)> on_new_leader;
  };
  LeaderElection(Loop& loop, KubeClient& client, LeaderElectionOptions options,
                 Callbacks callbacks);

  void Start();
  bool leading() const { return leading_; }
  // Stops, giving the lease up if it is held; `done` is called once, on success or not.
  void Release(std::function<void()> done);

 private:
  void Try();
  void OnRead(ApiReply reply);
  void Write(Json lease, bool create);
  void OnWritten(ApiReply reply);
  void Observe(const Json& lease);
  void Again();
  void CheckDeadline();
  Json Record(const Json& previous) const;

  Loop& loop_;
  KubeClient& client_;
  const LeaderElectionOptions options_;
  const Callbacks callbacks_;

  bool leading_ = false;
  bool stopped_ = false;
  Json observed_spec_;
  Json observed_;  // the whole lease
  absl::Time observed_at_ = absl::InfinitePast();
  absl::Time renewed_at_ = absl::InfinitePast();
  absl::Time attempt_at_ = absl::InfinitePast();
  std::string reported_leader_;
  Loop::Timer timer_;
  Loop::Timer deadline_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace pintle::client
