// Expectations: how many creations and deletions a controller has asked for and its cache has not
// shown yet.
//
// Until they are met the cache is known to be stale and the controller must not create or delete
// again. An expectation not met for five minutes is dropped: the event was lost, and acting is
// better than waiting for ever. Source: kube-controller-manager, ControllerExpectations. Thread:
// its controller's.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "absl/time/time.h"

namespace pintle::client::controllers {

class Expectations {
 public:
  static constexpr absl::Duration kTimeout = absl::Minutes(5);

  void ExpectCreation(const std::string& owner, const std::string& pod_key, absl::Time now) {
    Entry& entry = entries_[owner];
    entry.creations.insert(pod_key);
    entry.since = now;
  }
  void ExpectDeletion(const std::string& owner, const std::string& pod_uid, absl::Time now) {
    Entry& entry = entries_[owner];
    entry.deletions.insert(pod_uid);
    entry.since = now;
  }
  void Created(const std::string& owner, const std::string& pod_key) {
    if (const auto at = entries_.find(owner); at != entries_.end()) {
      at->second.creations.erase(pod_key);
    }
  }
  void Deleted(const std::string& owner, const std::string& pod_uid) {
    if (const auto at = entries_.find(owner); at != entries_.end()) {
      at->second.deletions.erase(pod_uid);
    }
  }
  void Forget(const std::string& owner) { entries_.erase(owner); }

  bool Satisfied(const std::string& owner, absl::Time now) const {
    const auto at = entries_.find(owner);
    if (at == entries_.end()) return true;
    const Entry& entry = at->second;
    return (entry.creations.empty() && entry.deletions.empty()) || now - entry.since > kTimeout;
  }

 private:
  struct Entry {
    std::set<std::string> creations;  // namespace/name
    std::set<std::string> deletions;  // uid
    absl::Time since;
  };
  std::map<std::string, Entry> entries_;
};

}  // namespace pintle::client::controllers
