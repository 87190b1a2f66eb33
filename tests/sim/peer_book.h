// PeerBook: whom one process talks to, and where, by the rules of AsioPeerTransport: everybody in
// the set, at the URLs there and where they say themselves that they listen; and for a while
// (PeerOptions::farewell) who has greeted us as a stranger, or has left the set.
//
// One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/replica/peer_transport.h"

namespace pintle::sim {

class PeerBook {
 public:
  struct Contact {
    raft::MemberId id;
    std::vector<std::string> urls;  // as the set says
    std::vector<std::string> told_urls{};
    absl::Duration until = absl::InfiniteDuration();  // then it is forgotten
    // The network's: where its URLs lead, as of a state of the network.
    uint64_t looked_up_in = 0;
    size_t place = 0;
    bool listens = false;
    bool said_unreachable = false;
  };

  void Follow(server::replica::PeerSet set, absl::Duration now);
  // It has connected to us.
  void Greeted(raft::MemberId peer, const std::vector<std::string>& told_urls, absl::Duration now);
  // nullptr: it is not talked to.
  Contact* Find(raft::MemberId peer, absl::Duration now);
  // Something has come from it: its connection stands. Who was removed is let go all the same.
  void Heard(Contact& contact, absl::Duration now) const;
  const server::replica::PeerSet& set() const { return set_; }

 private:
  bool InSet(raft::MemberId peer) const;

  server::replica::PeerSet set_;
  std::vector<Contact> contacts_;  // few
};

}  // namespace pintle::sim
