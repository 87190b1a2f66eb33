// Integrity: members compare what they hold, and tell each other when they have no room.
//
// Once a second, and at once when its disk has become full or has room again, each member sends
// every other one a report: the hash chain at the last multiples of
// kCheckpointEvery, the content hashes of the last checks, and whether its disk is full. Each
// judges itself by what it has heard (hash_votes.h): the odd one of a majority does not trust its
// store any more; without a majority the leader raises CORRUPT, and nobody is wiped. The leader
// raises NOSPACE for a member whose disk is full and takes it back when that member has room, or is
// silent. (For its quota each member raises it itself; that, too, is taken back by the leader.)
// Every check interval the leader proposes a check of the content (content_check.h). Each member
// counts it from the last check that it saw, or from its start: a new leader goes on counting.
//
// A snapshot could give what is wrong with the leader's store to others, and make it the
// majority's: so one that is sent is followed by a check, unless there was one lately, and who has
// got it is no witness in the next one. While there is a CORRUPT alarm nobody throws its store
// away.
//
// Threads: any; one mutex, never held across a door. Owner: Member. Source: DESIGN §8.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "kv/command.h"
#include "raft/types.h"
#include "server/replica/checkpoint.h"
#include "server/replica/hash_votes.h"

namespace pintle::server::replica {

class Integrity {
 public:
  static constexpr absl::Duration kReportEvery = absl::Seconds(1);
  // A member that says nothing for so long is taken for gone: its full disk stops nobody.
  static constexpr absl::Duration kSilentAfter = absl::Seconds(5);

  struct Doors {
    std::function<std::vector<raft::MemberId>()> voters;
    // To every other member; may be lost.
    std::function<void(const std::string& report)> send;
    std::function<bool()> short_of_room;
    std::function<bool()> keeps_alarm;
    std::function<void(const absl::Status& why)> distrust_store;
    std::function<void(const kv::Alarm&)> raise;
    std::function<void(const kv::Alarm&)> clear;
    std::function<std::vector<kv::Alarm>()> alarms;
    std::function<void()> propose_check;
  };
  // `check_interval`: infinite: never.
  Integrity(raft::MemberId self, absl::Duration check_interval, Doors doors)
      : self_(self), check_interval_(check_interval), doors_(std::move(doors)) {}

  // Our store, there.
  void Reached(const Checkpoint& checkpoint);
  // It has another content: what we reached is reached again, or not.
  void ContentReplaced();
  // With another member's.
  void Installed();
  // Ours goes to another member; the leader's.
  void SnapshotSent();
  // No content hash could be made this time: the leader asks again soon.
  void CheckSkipped();
  // By whomever. Whoever disarms it, however soon, knows of what was seen before.
  void Raised(const kv::Alarm& alarm);

  void Heard(std::string_view report);
  // From one thread.
  void Tick(absl::Time now, bool is_leader);

 private:
  struct Said {
    absl::Time at;
    bool short_of_room = false;
    bool keeps_alarm = false;
  };

  void NoteRoom(raft::MemberId member, const MemberReport& report);
  void LookAtHashes(bool is_leader);
  bool IsCorrupt() const;
  void LookAtRoom(absl::Time now);
  void TakeBackAlarms(absl::Time now, const std::map<raft::MemberId, Said>& said, bool heard_all);
  void LookAtTime(absl::Time now);

  const raft::MemberId self_;
  const absl::Duration check_interval_;
  const Doors doors_;

  // Alarms that the leader may take back, and since when it knows them (Tick's).
  std::map<kv::Alarm, absl::Time> alarms_since_;

  std::mutex mutex_;
  HashVotes votes_;
  std::map<raft::MemberId, Said> said_;  // with our own
  bool room_changed_ = false;            // somebody has said something else than before
  bool split_ = false;                   // seen, and there was no CORRUPT since
  absl::Time now_ = absl::InfinitePast();
  absl::Time next_report_ = absl::InfinitePast();
  absl::Time leader_since_ = absl::InfiniteFuture();
  absl::Time next_check_ = absl::InfiniteFuture();
  absl::Time last_check_ = absl::InfinitePast();  // seen here
  bool borrowed_ = false;  // our content is another member's, and no check has been since
};

}  // namespace pintle::server::replica
