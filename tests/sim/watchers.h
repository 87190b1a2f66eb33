// Watchers: who follows all keys, and the check of every event, progress and end.
//
// Each has a start (now, a revision of the past, one of the future), and a pace: some pull so
// seldom and so little that they fall out of the window. When its member dies it goes on at another
// from the last revision it was given; now and then it begins anew. It may be told that its history
// is compacted only when it is. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "tests/history/history.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/random.h"
#include "tests/sim/settings.h"
#include "tests/sim/sim_member.h"

namespace pintle::sim {

class Watchers {
 public:
  Watchers(const Settings& settings, EventQueue& events, Members& members,
           history::History& history, std::function<void(const absl::Status&)> check);

  void Start();
  // They all keep pace from now on, and stay where they are.
  void Settle() { settled_ = true; }
  // All have been given everything that was applied.
  bool AreSynced() const;
  // Somebody has asked for this compaction.
  void CompactionAsked(int64_t revision) {
    compaction_asked_ = std::max(compaction_asked_, revision);
  }

 private:
  struct Watcher {
    SimMember* member = nullptr;
    uint64_t incarnation = 0;
    int64_t cursor = 0;  // everything up to here has been given, or is not wanted
    bool slow = false;
    bool prev_kv = false;
    std::unique_ptr<watch::Subscription> subscription;
  };

  void Turn(size_t number);
  void Resume(Watcher& watcher);
  void BeginAnew(Watcher& watcher);
  void Subscribe(Watcher& watcher, int64_t start);
  void Pull(Watcher& watcher);
  void CheckProgress(const Watcher& watcher);
  void CheckCompacted(Watcher& watcher, const watch::Batch& batch);
  void CheckPrevious(const Watcher& watcher, const watch::Batch& batch);

  const Settings& settings_;
  EventQueue& events_;
  Members& members_;
  history::History& history_;
  const std::function<void(const absl::Status&)> check_;
  SimRandom random_;
  std::vector<Watcher> watchers_;
  bool settled_ = false;
  int64_t compaction_asked_ = 0;
};

}  // namespace pintle::sim
