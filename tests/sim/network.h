// VirtualNetwork: the links between members. Each direction of each pair loses, delays, reorders,
// doubles and damages as the seed says, and can be cut by itself.
//
// A process listens at the URLs that it gives for itself, and reaches others at theirs
// (peer_book.h). Before the first message between two processes one greets the other, and is judged
// by production's rules (peer_greeting.h): who was removed, or came back without its data, is
// refused and hears so.
//
// A damaged frame is really encoded, damaged and decoded: the checksum must refuse it; then the
// message is lost and the sender hears that its connection broke, as TCP would have it. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/replica/peer_transport.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/random.h"

namespace pintle::sim {

struct NetworkFaults {
  absl::Duration usual_delay = absl::Microseconds(200);
  double loss = 0;
  double duplicates = 0;
  double damage = 0;
  bool reorders = false;
};

class VirtualNetwork {
 public:
  using Place = size_t;

  struct Counts {
    uint64_t sent = 0, lost = 0, doubled = 0, damaged = 0, cut = 0;
  };

  VirtualNetwork(EventQueue& events, uint64_t seed) : events_(events), random_(seed) {}

  // Called with every message that a member sends, before anything happens to it.
  std::function<void(const raft::Message&)> on_sent;
  // Called when something has reached the process at that place: it has to take a turn.
  std::function<void(Place)> on_arrived = [](Place) {};
  // Runs what the process at that place has to do itself, once it gets to it.
  std::function<void(Place, std::function<void()>)> run_at = [](Place, auto action) { action(); };
  // A damaged frame was taken for a whole one.
  std::function<void(const std::string&)> on_broken;
  // Both sides agree to talk.
  std::function<void(Place from, Place to)> on_greeted = [](Place, Place) {};

  // The door of the member at `place`, whose id is one more; for one process.
  std::unique_ptr<server::replica::PeerTransport> MakeTransport(Place place);
  // What whoever listens at `url` tells somebody at `place` who wants to join; empty: nothing.
  std::string AskMembers(Place place, const std::string& url);
  // Real links are dialed though nobody has anything to say: that of whoever waits to be reached.
  void GreetPeers(Place place);

  void SetFaults(const NetworkFaults& faults) { faults_ = faults; }
  void Cut(Place from, Place to) { cut_.insert({from, to}); }
  void Heal() { cut_.clear(); }
  void HealAll() {
    Heal();
    faults_ = {};
  }
  bool IsCut(Place from, Place to) const { return cut_.contains({from, to}); }
  // Nothing that the process at this place does reaches anybody any more.
  void Freeze(Place place) { frozen_.insert(place); }

  const Counts& counts() const { return counts_; }

 private:
  class Transport;
  friend class Transport;
  using Callbacks = server::replica::PeerTransport::Callbacks;

  static Place PlaceOf(raft::MemberId id) { return id.value() - 1; }
  static raft::MemberId IdOf(Place place) { return raft::MemberId(place + 1); }

  void Attach(Transport& transport);
  void Detach(Transport& transport);
  // nullptr: no process is there, or it is about to be gone.
  Transport* ProcessAt(Place place) const;
  // Where that peer listens for a process that knows it; nullptr: nowhere.
  Transport* Dial(Transport& from, raft::MemberId peer);
  bool IsHeard(Place from, Transport& to);
  bool Greet(Transport& from, Transport& to);
  void Send(Transport& from, raft::Message message);
  void Deliver(const raft::Message& message, absl::Duration delay);
  bool SurvivesDamage(const raft::Message& message);
  void Unreachable(Place from, Place to);
  void Gone(Place from, Place to);
  absl::Duration DelayOf(Place from, Place to);

  EventQueue& events_;
  SimRandom random_;
  NetworkFaults faults_;
  std::map<Place, Transport*> attached_;
  std::map<std::string, Place> listeners_;  // by URL
  uint64_t state_ = 1;                      // counts who begins and ends to listen
  std::set<std::pair<Place, Place>> cut_;
  std::set<Place> frozen_;
  std::map<std::pair<Place, Place>, absl::Duration> last_arrival_;
  Counts counts_;
};

}  // namespace pintle::sim
