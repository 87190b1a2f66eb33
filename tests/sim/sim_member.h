// SimMember: one place of the cluster: a disk, a clock, a door to the network, and the production
// Member that runs on them while its process is up.
//
// Time passes between the Steps of the member, never inside one. A crash may fall into the middle
// of a step (Freeze): the step runs to its end, and nothing of the rest reaches disk, network or
// clients; then the process is gone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/replica/member.h"
#include "server/storage/wal_recovery.h"
#include "tests/history/history.h"
#include "tests/sim/disk.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/network.h"
#include "tests/sim/random.h"
#include "tests/sim/settings.h"

namespace pintle::sim {

inline kv::KeyRange AllKeys() { return {std::string(1, '\0'), std::string(1, '\0')}; }

history::Pair ToPair(const kv::EncodedKeyValue& encoded);

// The pairs of a batch that a watch delivered, by revision.
struct Revisions {
  struct One {
    int64_t revision = 0;
    std::vector<history::Change> changes;
  };
  std::vector<One> list;
};
Revisions ToRevisions(const watch::Batch& batch);

class SimMember {
 public:
  using Place = VirtualNetwork::Place;

  struct Hooks {
    // What a member has applied, in order, by the name of the source.
    std::function<void(const std::string& source, int64_t revision,
                       const std::vector<history::Change>&)>
        learned;
    // The process has started, and done nothing yet.
    std::function<void(SimMember&)> booted;
    // This is durable; this is about to be applied.
    std::function<void(SimMember&, const server::replica::PersistJob&)> written;
    std::function<void(SimMember&, const std::vector<raft::Entry>&)> applying;
    // A snapshot is its store now.
    std::function<void(SimMember&, const raft::SnapshotMeta&)> restored;
    // Its store went back to there.
    std::function<void(SimMember&, raft::Index)> rewound;
    // After every turn.
    std::function<void(SimMember&)> turned;
    std::function<void(SimMember&, const std::string& what)> event;
    std::function<void(const std::string& what)> broken;
  };

  SimMember(Place place, const Settings& settings, EventQueue& events, VirtualNetwork& network,
            Hooks hooks);
  ~SimMember();

  void Boot();
  // The process ends here and now; `power`: the disk forgets what was not synced.
  void Kill(bool power);
  // In the middle of a step.
  void Freeze(const std::string& why);
  void Pause(absl::Duration how_long);
  void StallDisk(absl::Duration how_long);
  // To whoever is best, if this one leads.
  void TransferLeadership();

  bool up() const { return member_ != nullptr && !frozen_; }
  Place place() const { return place_; }
  raft::MemberId id() const { return raft::MemberId(place_ + 1); }
  // Counts boots: an answer of an earlier process means nothing.
  uint64_t incarnation() const { return incarnation_; }
  server::replica::Member& member() { return *member_; }
  VirtualDisk& disk() { return disk_; }
  const VirtualDisk& disk() const { return disk_; }
  // It can go on from what it has itself: no floor, a store that is no way behind its log. Of a
  // process that is gone: as it was.
  bool whole() const;
  // What a start now would find in the log. The process must be gone.
  server::storage::WalContents LogOnDisk();
  // An answer that a damaged disk makes right.
  bool Excuses(const absl::Status& status) const {
    return absl::IsDataLoss(status) && disk_.IsDamaged("/store-");
  }
  // After an input from outside (a client's call, a message).
  void Wake();
  // What this process does besides its turns, once it gets to it; never, if it dies before.
  void Do(std::function<void()> action) { Later(absl::ZeroDuration(), std::move(action)); }

 private:
  server::replica::MemberOptions Options();
  void Turn();
  void WakeWhenDue();
  void TickLater();
  void WriteLater();
  void ApplyLater();
  void MoveSnapshotsLater();
  void DoWrite();
  void DoApply();
  void NoteState();
  void SubscribeToTruth();
  void PullTruth();
  // Runs `step` as this member's, and buries the member if it froze in it.
  template <typename Step>
  void Run(Step step);
  // An event of this process only; waits while the process is paused.
  void Later(absl::Duration delay, std::function<void()> action);

  const Place place_;
  const Settings& settings_;
  EventQueue& events_;
  VirtualNetwork& network_;
  const Hooks hooks_;
  SimRandom random_;
  VirtualDisk disk_;
  VirtualClock clock_;
  const double rate_;

  std::unique_ptr<server::replica::PeerTransport> transport_;
  std::unique_ptr<server::replica::Member> member_;
  std::unique_ptr<watch::Subscription> truth_;
  std::string truth_source_;
  uint64_t truth_subscriptions_ = 0;
  uint64_t incarnation_ = 0;
  bool frozen_ = false;
  bool was_whole_ = true;
  kv::Sequence durable_;  // of the store, when the process went
  bool write_planned_ = false;
  bool apply_planned_ = false;
  bool snapshots_planned_ = false;
  bool turn_planned_ = false;
  bool due_planned_ = false;
  absl::Duration paused_until_ = absl::ZeroDuration();
  absl::Duration stalled_until_ = absl::ZeroDuration();
};

// The member whose step is running; fault points and fatal errors are its own. nullptr: none.
SimMember*& RunningMember();

}  // namespace pintle::sim
