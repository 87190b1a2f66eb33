// SimMember: one place of the cluster: a disk, a clock, a door to the network, and the production
// Member that runs on them while its process is up. A place is one member's for ever: the next one
// that is added gets a place of its own.
//
// A member that joins asks the others who it is, as the server does (server/membership.cc), before
// its first start. One whose data is wiped comes back as its operator's service file says: with an
// empty data-dir, and with the members that the cluster began with if it was one of them.
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
#include "server/replica/peer_greeting.h"
#include "server/storage/wal_recovery.h"
#include "tests/history/history.h"
#include "tests/sim/changed_values.h"
#include "tests/sim/disk.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/network.h"
#include "tests/sim/random.h"
#include "tests/sim/settings.h"

namespace pintle::sim {

inline kv::KeyRange AllKeys() { return {std::string(1, '\0'), std::string(1, '\0')}; }

// The pairs of a batch that a watch delivered, by revision.
struct Revisions {
  struct One {
    int64_t revision = 0;
    std::vector<history::Change> changes;
  };
  std::vector<One> list;
};

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
    // It was told that it must stop, and has.
    std::function<void(SimMember&, server::replica::Refusal)> refused;
    // Where the others listen, for who wants to join them.
    std::function<std::vector<std::string>()> urls;
  };
  // How it comes to be there.
  struct Start {
    std::string url;     // where it listens
    bool joins = false;  // a cluster that runs; else it begins one, with the others
  };

  SimMember(Place place, const Settings& settings, EventQueue& events, VirtualNetwork& network,
            Hooks hooks, Start start);
  ~SimMember();

  // May end without a process: the disk fails, or nobody says yet who this member is.
  void Boot();
  // The process ends here and now; `power`: the disk forgets what was not synced.
  void Kill(bool power);
  // In the middle of a step.
  void Freeze(const std::string& why);
  void Pause(absl::Duration how_long);
  void StallDisk(absl::Duration how_long);
  // To whoever is best, if this one leads.
  void TransferLeadership();
  // Nothing of its data-dir is left; nothing of its store.
  void Wipe();
  void DropStore();
  // From the next start on it listens there.
  void MoveTo(std::string url) { start_.url = std::move(url); }

  bool up() const { return member_ != nullptr && !frozen_; }
  bool running() const { return member_ != nullptr; }  // or about to be gone
  const std::string& url() const { return start_.url; }
  // It was wiped: what runs here is not the member that it was.
  bool wiped() const { return wiped_; }
  // It has been started, and its data-dir is there.
  bool has_data();
  Place place() const { return place_; }
  raft::MemberId id() const { return raft::MemberId(place_ + 1); }
  // Counts boots: an answer of an earlier process means nothing.
  uint64_t incarnation() const { return incarnation_; }
  server::replica::Member& member() const { return *member_; }
  VirtualDisk& disk() { return disk_; }
  const VirtualDisk& disk() const { return disk_; }
  // It can go on from what it has itself: no floor, a store that is no way behind its log. Of a
  // process that is gone: as it was.
  bool whole() const;
  // Its log has been kept from the first entry on, and its process has it.
  bool has_whole_log() const {
    return up() && member_->replica().log().FirstIndex() == raft::Index(1);
  }
  ChangedValues& changed_values() { return changed_values_; }
  const ChangedValues& changed_values() const { return changed_values_; }
  // What it says, as it would have said it without changed values.
  history::Pair Told(const kv::EncodedKeyValue& encoded) const;
  Revisions Told(const watch::Batch& batch) const;
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
  server::replica::JoinAnswers AskMembers();
  bool KnowsWhoItIs();
  void MustStop(server::replica::Refusal refusal);
  void Turn();
  void WakeWhenDue();
  void TickLater();
  void WriteLater();
  void ApplyLater();
  void MoveSnapshotsLater();
  void DoWrite();
  void DoApply();
  void NoteState();
  void LookForChangedValues();
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
  Start start_;
  SimRandom random_;
  VirtualDisk disk_;
  ChangedValues changed_values_;
  VirtualClock clock_;
  const double rate_;

  std::unique_ptr<server::replica::PeerTransport> transport_;
  std::unique_ptr<server::replica::Member> member_;
  std::unique_ptr<watch::Subscription> truth_;
  std::string truth_source_;
  uint64_t truth_subscriptions_ = 0;
  uint64_t incarnation_ = 0;
  bool frozen_ = false;
  bool wiped_ = false;
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

// Those that are there; in the order in which they came.
using Members = std::vector<SimMember*>;

// Where the members that the cluster begins with listen at first.
std::string UrlOf(SimMember::Place place);

// The member whose step is running; fault points and fatal errors are its own. nullptr: none.
SimMember*& RunningMember();

}  // namespace pintle::sim
