// AsioPeerTransport, the part about whom it talks to. All on the transport's thread but SetPeers,
// set and LinkTo.
#include <algorithm>
#include <asio/post.hpp>
#include <utility>

#include "base/fault_point.h"
#include "server/replica/asio_peer_transport.h"
#include "server/replica/peer_greeting.h"

namespace pintle::server::replica {

void AsioPeerTransport::SetPeers(PeerSet peers) {
  {
    const std::lock_guard lock(mutex_);
    set_ = std::make_shared<const PeerSet>(std::move(peers));
  }
  asio::post(io_, [this] { FollowSet(); });
}

std::shared_ptr<const PeerSet> AsioPeerTransport::set() const {
  const std::lock_guard lock(mutex_);
  return set_;
}

std::shared_ptr<PeerLink> AsioPeerTransport::LinkTo(raft::MemberId peer) const {
  const std::lock_guard lock(mutex_);
  const auto found = contacts_.find(peer);
  return found == contacts_.end() ? nullptr : found->second.link;
}

bool AsioPeerTransport::HasSession(raft::MemberId peer) const {
  return std::ranges::any_of(sessions_,
                             [&](const auto& session) { return session->peer() == peer; });
}

void AsioPeerTransport::FollowSet() {
  base::FaultPoint("peers.set_changed");
  const std::shared_ptr<const PeerSet> now = set();
  for (const Peer& peer : now->peers) {
    if (peer.id == options_.self) continue;
    const auto known = contacts_.find(peer.id);
    if (known == contacts_.end() || known->second.urls != peer.urls) {
      Meet(peer.id, peer.urls,
           known == contacts_.end() ? peer.urls : std::vector(known->second.told_urls));
    } else {
      known->second.farewell.reset();
    }
  }
  std::vector<raft::MemberId> others;
  for (const auto& [peer, contact] : contacts_) {
    const bool in_set = std::ranges::count(now->peers, peer, &Peer::id) > 0;
    if (!in_set && contact.farewell == nullptr) others.push_back(peer);
  }
  for (const raft::MemberId peer : others) SayFarewell(peer);
}

// A stranger is talked to for a while; one that listens elsewhere than we know there, too.
void AsioPeerTransport::Greeted(raft::MemberId peer, const std::vector<std::string>& told_urls) {
  const auto known = contacts_.find(peer);
  if (known == contacts_.end()) {
    Meet(peer, told_urls, told_urls);
    return SayFarewell(peer);
  }
  const std::vector<std::string> urls = known->second.urls;
  const bool is_new = std::ranges::any_of(told_urls, [&](const std::string& url) {
    return std::ranges::count(urls, url) == 0 &&
           std::ranges::count(known->second.told_urls, url) == 0;
  });
  if (!is_new) return;
  const bool leaves = known->second.farewell != nullptr;
  Meet(peer, urls, told_urls);
  if (leaves) SayFarewell(peer);
}

void AsioPeerTransport::Meet(raft::MemberId peer, const std::vector<std::string>& urls,
                             const std::vector<std::string>& told_urls) {
  const auto known = contacts_.find(peer);
  if (known != contacts_.end()) {
    known->second.link->Stop();
    FailQuestions(peer);
  }
  std::vector<std::string> dialed = urls;
  for (const std::string& url : told_urls) {
    if (std::ranges::count(dialed, url) == 0) dialed.push_back(url);
  }
  Contact contact{.urls = urls,
                  .told_urls = told_urls,
                  .counters = known == contacts_.end() ? std::make_shared<PeerCounters>()
                                                       : known->second.counters};
  contact.link = std::make_shared<PeerLink>(
      io_, options_, PeerLink::Target{peer, PeerAddressesOf(dialed)},
      Hello{options_.lowest_version, options_.highest_version, options_.cluster_id, options_.self,
            peer, self_},
      contact.counters,
      PeerLink::Callbacks{
          .on_unreachable = [this, peer] { OnUnreachable(peer); },
          .on_gone = [this, peer] { callbacks_.on_gone(peer); },
          .on_refused = [this](const HelloRefused& refused) { OnRefused(refused); },
          .objection = [this](const HelloOk& hello) { return ObjectionTo(hello, *set()); }});
  const std::shared_ptr<PeerLink> link = contact.link;
  {
    const std::lock_guard lock(mutex_);
    contacts_.insert_or_assign(peer, std::move(contact));
  }
  link->Start();
}

// Not at once: who was removed learns it from what is still under way to it, and a stranger that
// has greeted us may be in the next set.
void AsioPeerTransport::SayFarewell(raft::MemberId peer) {
  auto timer = std::make_unique<asio::steady_timer>(io_);
  timer->expires_after(absl::ToChronoNanoseconds(options_.farewell));
  timer->async_wait([this, peer](const asio::error_code& error) {
    if (error || !contacts_.contains(peer)) return;
    const std::shared_ptr<const PeerSet> now = set();
    if (std::ranges::count(now->peers, peer, &Peer::id) > 0) return;
    const bool removed = std::ranges::count(now->removed, peer) > 0;
    if (HasSession(peer) && !removed) return SayFarewell(peer);
    Forget(peer);
  });
  contacts_.at(peer).farewell = std::move(timer);
}

void AsioPeerTransport::Forget(raft::MemberId peer) {
  std::vector<std::shared_ptr<PeerSession>> its_own;
  for (const auto& session : sessions_) {
    if (session->peer() == peer) its_own.push_back(session);
  }
  for (const auto& session : its_own) session->Close();
  contacts_.at(peer).link->Stop();
  FailQuestions(peer);
  const std::lock_guard lock(mutex_);
  contacts_.erase(peer);
}

}  // namespace pintle::server::replica
