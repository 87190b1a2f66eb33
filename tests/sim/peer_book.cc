#include "tests/sim/peer_book.h"

#include <algorithm>
#include <utility>

namespace pintle::sim {
namespace {

constexpr absl::Duration kFarewell = absl::Seconds(2);  // PeerOptions::farewell

}  // namespace

bool PeerBook::InSet(raft::MemberId peer) const {
  return std::ranges::count(set_.peers, peer, &server::replica::Peer::id) > 0;
}

void PeerBook::Follow(server::replica::PeerSet set, absl::Duration now) {
  set_ = std::move(set);
  for (const server::replica::Peer& peer : set_.peers) {
    const auto known = std::ranges::find(contacts_, peer.id, &Contact::id);
    if (known == contacts_.end()) {
      contacts_.push_back({.id = peer.id, .urls = peer.urls});
      continue;
    }
    known->until = absl::InfiniteDuration();
    if (known->urls == peer.urls) continue;
    known->urls = peer.urls;
    known->looked_up_in = 0;
  }
  for (Contact& contact : contacts_) {
    if (!InSet(contact.id)) contact.until = std::min(contact.until, now + kFarewell);
  }
}

void PeerBook::Greeted(raft::MemberId peer, const std::vector<std::string>& told_urls,
                       absl::Duration now) {
  Contact* contact = Find(peer, now);
  if (contact == nullptr) {
    contact = &contacts_.emplace_back(Contact{.id = peer, .until = now + kFarewell});
  }
  if (contact->told_urls == told_urls) return;
  contact->told_urls = told_urls;
  contact->looked_up_in = 0;
}

PeerBook::Contact* PeerBook::Find(raft::MemberId peer, absl::Duration now) {
  const auto known = std::ranges::find(contacts_, peer, &Contact::id);
  if (known == contacts_.end()) return nullptr;
  if (known->until > now) return &*known;
  contacts_.erase(known);
  return nullptr;
}

void PeerBook::Heard(Contact& contact, absl::Duration now) const {
  if (contact.until == absl::InfiniteDuration()) return;
  if (std::ranges::count(set_.removed, contact.id) == 0) contact.until = now + kFarewell;
}

}  // namespace pintle::sim
