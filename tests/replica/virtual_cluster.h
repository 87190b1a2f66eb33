// VirtualCluster: three VirtualMembers, a network that does what the test says, and clients whose
// every answer is checked at once:
//
//   a write    comes with a revision above that of every write acknowledged before it was asked for
//   a read     sees every write that was acknowledged before it was asked for
//   no write fails while its member runs: what raft loses is proposed again
// CheckAgreement, at the end: all members hold the same, each acknowledged write once, no write
// twice.
//
// A failed check is a GoogleTest failure with the seed in it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/replica/virtual_member.h"

namespace pintle::server::replica {

class VirtualCluster {
 public:
  static constexpr size_t kMembers = 3;

  explicit VirtualCluster(uint64_t seed, LogRetention retention = {});

  VirtualMember& member(size_t place) { return *members_[place]; }

  // One write of a key of its own. The place in writes() is its name.
  struct Write {
    // kCrashed: with who waited for it; kRefused: for want of room.
    enum class State { kWaiting, kAcknowledged, kCrashed, kRefused };
    State state = State::kWaiting;
    size_t place = 0;
    std::string key;
    int64_t revision = 0;
  };
  size_t Put(size_t place);
  const std::vector<Write>& writes() const { return writes_; }

  struct Read {
    bool answered = false;
    int64_t revision = 0;
  };
  size_t Get(size_t place);
  const std::vector<Read>& reads() const { return reads_; }

  void Cut(size_t a, size_t b);
  void CutOff(size_t place);
  void Heal() { cut_.clear(); }
  // A disk that hangs: nothing of that member's log is written until it is let go.
  void HangDisk(size_t place) { hung_disks_.insert(place); }
  void FreeDisks() { hung_disks_.clear(); }
  void Crash(size_t place);
  // The leader hands over, to whom it likes.
  void HandOver(size_t leader);

  // Everything that can be done is done, in order, a tick everywhere, again: `ticks` times.
  void Run(int ticks);
  // The same, with clocks that go on.
  void RunFor(absl::Duration time);
  // Until exactly one member says that it leads and the others agree; its place.
  size_t RunUntilLeader();
  // One thing at random: a delivery (out of order, sometimes lost or doubled), a write of a log, an
  // apply, a tick.
  void RandomStep();
  // A few deliveries in order, a write of a log or an apply at random places.
  void DeliverSome();

  void CheckAgreement();

 private:
  void Collect();
  bool Deliver(size_t at);
  bool WorkOnce();
  size_t PlaceOf(raft::MemberId id) const { return id.value() - 1; }
  // False: it was added, and is never started.
  bool HasPlace(raft::MemberId id) const { return PlaceOf(id) < kMembers; }

  const uint64_t seed_;
  SeededRandom random_;
  std::vector<std::unique_ptr<VirtualMember>> members_;
  std::vector<raft::Message> network_;
  std::set<std::pair<size_t, size_t>> cut_;
  std::set<size_t> hung_disks_;
  std::vector<Write> writes_;
  std::vector<Read> reads_;
  int64_t highest_acknowledged_ = 0;
};

}  // namespace pintle::server::replica
