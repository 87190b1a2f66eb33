#include "tests/sim/network.h"

#include <algorithm>

#include "server/replica/peer_frame.h"
#include "server/replica/peer_greeting.h"
#include "server/replica/raft_codec.h"
#include "tests/sim/peer_book.h"

namespace pintle::sim {

using server::replica::Hello;
using server::replica::HelloOk;
using server::replica::HelloRefused;
using server::replica::PeerQuestion;
using server::replica::PeerSelf;
using server::replica::PeerTransport;

class VirtualNetwork::Transport final : public PeerTransport {
 public:
  Transport(VirtualNetwork& net, Place at) : network(net), place(at) {}
  ~Transport() override { Stop(); }

  absl::Status Start(PeerSelf itself, PeerTransport::Callbacks its_callbacks) override {
    self = std::move(itself);
    callbacks = std::make_shared<const Callbacks>(std::move(its_callbacks));
    network.Attach(*this);
    return absl::OkStatus();
  }
  void Stop() override {
    alive.reset();
    if (std::exchange(callbacks, nullptr) != nullptr) network.Detach(*this);
  }
  void Send(std::vector<raft::Message> messages) override {
    for (raft::Message& message : messages) network.Send(*this, std::move(message));
  }
  void SetPeers(server::replica::PeerSet peers) override {
    book.Follow(std::move(peers), network.events_.now());
  }
  void Ask(raft::MemberId peer, PeerQuestion question, absl::Duration timeout,
           AskDone done) override;
  Stats stats() const override { return {}; }

  VirtualNetwork& network;
  const Place place;
  PeerSelf self;
  std::shared_ptr<const Callbacks> callbacks;  // null: not started, or stopped
  PeerBook book;
  std::set<Place> heard;  // whose connection to us stands
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

std::unique_ptr<PeerTransport> VirtualNetwork::MakeTransport(Place place) {
  frozen_.erase(place);
  return std::make_unique<Transport>(*this, place);
}

VirtualNetwork::Transport* VirtualNetwork::ProcessAt(Place place) const {
  const auto found = attached_.find(place);
  return found == attached_.end() || frozen_.contains(place) ? nullptr : found->second;
}

void VirtualNetwork::Attach(Transport& transport) {
  attached_[transport.place] = &transport;
  for (const std::string& url : transport.self.peer_urls) listeners_[url] = transport.place;
  ++state_;
  // Connections of an earlier process are not its own.
  for (const auto& [place, other] : attached_) other->heard.erase(transport.place);
}

// The process is gone: its peers' connections break.
void VirtualNetwork::Detach(Transport& transport) {
  const Place gone = transport.place;
  attached_.erase(gone);
  std::erase_if(listeners_, [&](const auto& listener) { return listener.second == gone; });
  ++state_;
  for (const auto& [other, process] : attached_) {
    if (process->book.Find(IdOf(gone), events_.now()) == nullptr) continue;
    events_.After(random_.Latency(faults_.usual_delay), [this, from = other, gone] {
      Unreachable(from, gone);
      Gone(from, gone);
    });
  }
}

// Connections are refused now, if they get there at all.
void VirtualNetwork::Gone(Place from, Place to) {
  const Transport* const process = ProcessAt(from);
  if (process == nullptr || attached_.contains(to)) return;
  if (IsCut(from, to) || IsCut(to, from)) return;
  const std::shared_ptr<const Callbacks> callbacks = process->callbacks;
  callbacks->on_gone(IdOf(to));
  on_arrived(from);
}

void VirtualNetwork::Unreachable(Place from, Place to) {
  const Transport* const process = ProcessAt(from);
  if (process == nullptr) return;
  const std::shared_ptr<const Callbacks> callbacks = process->callbacks;
  callbacks->on_unreachable(IdOf(to));
  on_arrived(from);
}

// Each URL in turn, until it is that member that answers.
VirtualNetwork::Transport* VirtualNetwork::Dial(Transport& from, raft::MemberId peer) {
  PeerBook::Contact* const contact = from.book.Find(peer, events_.now());
  if (contact == nullptr) return nullptr;
  if (contact->looked_up_in != state_) {
    contact->looked_up_in = state_;
    contact->listens = false;
    for (const auto* urls : {&contact->urls, &contact->told_urls}) {
      for (const std::string& url : *urls) {
        const auto listener = listeners_.find(url);
        contact->listens |= listener != listeners_.end() && listener->second == PlaceOf(peer);
      }
    }
    if (!contact->listens && !std::exchange(contact->said_unreachable, true)) {
      events_.After(random_.Latency(faults_.usual_delay),
                    [this, place = from.place, peer] { Unreachable(place, PlaceOf(peer)); });
    }
    if (contact->listens) contact->said_unreachable = false;
  }
  return contact->listens ? attached_.at(PlaceOf(peer)) : nullptr;
}

// What that process sends is taken: its connection stands, or is made now.
bool VirtualNetwork::IsHeard(Place from, Transport& to) {
  PeerBook::Contact* const contact = to.book.Find(IdOf(from), events_.now());
  if (to.heard.contains(from)) {
    if (contact != nullptr) {
      to.book.Heard(*contact, events_.now());
      return true;
    }
    to.heard.erase(from);
  }
  Transport* const process = ProcessAt(from);
  return process != nullptr && Greet(*process, to);
}

bool VirtualNetwork::Greet(Transport& from, Transport& to) {
  const Hello hello{.from = IdOf(from.place), .to = IdOf(to.place), .self = from.self};
  if (const auto refused = ObjectionTo(hello, to.book.set())) {
    if (IsCut(to.place, from.place)) return false;
    const std::weak_ptr<bool> asker = from.alive;
    events_.After(DelayOf(to.place, from.place),
                  [this, asker, refused = *refused, from = from.place, to = to.place] {
                    const Transport* const process = ProcessAt(from);
                    if (asker.expired() || process == nullptr) return;
                    const std::shared_ptr<const Callbacks> callbacks = process->callbacks;
                    if (refused.reason != server::replica::Refusal::kOther)
                      callbacks->on_refused(refused.reason, refused.text);
                    Unreachable(from, to);
                  });
    return false;
  }
  const HelloOk answer{.member = hello.to, .data_dir = to.self.data_dir};
  if (!ObjectionTo(answer, from.book.set()).empty()) {
    Unreachable(from.place, to.place);
    return false;
  }
  to.heard.insert(from.place);
  to.book.Greeted(hello.from, from.self.peer_urls, events_.now());
  on_greeted(from.place, to.place);
  return true;
}

std::string VirtualNetwork::AskMembers(Place place, const std::string& url) {
  const auto listener = listeners_.find(url);
  if (listener == listeners_.end()) return "";
  const Transport* const process = ProcessAt(listener->second);
  if (process == nullptr || IsCut(place, process->place) || IsCut(process->place, place)) return "";
  return process->callbacks->on_members_question();
}

void VirtualNetwork::GreetPeers(Place place) {
  Transport* const process = ProcessAt(place);
  if (process == nullptr) return;
  for (const server::replica::Peer& peer : std::vector(process->book.set().peers)) {
    const Place to = PlaceOf(peer.id);
    if (to == place || IsCut(place, to) || IsCut(to, place) || ProcessAt(to) == nullptr) continue;
    if (Transport* const other = Dial(*process, peer.id)) (void)IsHeard(place, *other);
  }
}

absl::Duration VirtualNetwork::DelayOf(Place from, Place to) {
  const absl::Duration delay = random_.Latency(faults_.usual_delay);
  if (faults_.reorders) return delay;
  absl::Duration& last = last_arrival_[{from, to}];
  last = std::max(last, events_.now() + delay);
  return last - events_.now();
}

void VirtualNetwork::Send(Transport& sender, raft::Message message) {
  const Place from = sender.place;
  const Place to = PlaceOf(message.to);
  if (frozen_.contains(from)) return;
  ++counts_.sent;
  on_sent(message);
  if (Dial(sender, message.to) == nullptr) return;
  if (cut_.contains({from, to})) {
    ++counts_.cut;
    return;
  }
  if (random_.Chance(faults_.loss)) {
    ++counts_.lost;
    return;
  }
  if (random_.Chance(faults_.damage)) {
    ++counts_.damaged;
    if (SurvivesDamage(message)) on_broken("a damaged frame was taken for a whole one");
    events_.After(random_.Latency(faults_.usual_delay),
                  [this, from, to] { Unreachable(from, to); });
    return;
  }
  if (random_.Chance(faults_.duplicates)) {
    ++counts_.doubled;
    Deliver(message, DelayOf(from, to));
  }
  Deliver(message, DelayOf(from, to));
}

bool VirtualNetwork::SurvivesDamage(const raft::Message& message) {
  using server::replica::FrameKind;
  std::string bytes;
  const size_t begun = server::replica::BeginFrame(bytes, FrameKind::kMessage);
  server::replica::EncodeMessage(message, bytes);
  server::replica::FinishFrame(bytes, begun);
  const size_t at = random_.Below(bytes.size());
  bytes[at] = static_cast<char>(bytes[at] ^ static_cast<char>(1 << random_.Below(8)));
  server::replica::Frame frame;
  return server::replica::TakeFrame(bytes, size_t{96} << 20, frame) ==
         server::replica::FrameCheck::kWhole;
}

void VirtualNetwork::Deliver(const raft::Message& message, absl::Duration delay) {
  events_.After(delay, [this, message] {
    const Place from = PlaceOf(message.from);
    Transport* const process = ProcessAt(PlaceOf(message.to));
    if (process == nullptr || cut_.contains({from, process->place})) return;
    if (!IsHeard(from, *process)) return;
    const std::shared_ptr<const Callbacks> callbacks = process->callbacks;
    callbacks->on_message(message);
    on_arrived(process->place);
  });
}

void VirtualNetwork::Transport::Ask(raft::MemberId peer, PeerQuestion question,
                                    absl::Duration timeout, AskDone done) {
  VirtualNetwork& net = network;
  const Place to = PlaceOf(peer);
  // Answered once: by the peer, or when the time is up; not when the asker's process is gone.
  const auto shared = std::make_shared<AskDone>(std::move(done));
  const auto finish = [shared, asker = std::weak_ptr(alive)](absl::StatusOr<std::string> answer) {
    if (!asker.expired() && *shared) std::exchange(*shared, nullptr)(std::move(answer));
  };
  net.events_.After(timeout, [finish] { finish(absl::UnavailableError("no answer")); });
  if (net.Dial(*this, peer) == nullptr || net.cut_.contains({place, to}) ||
      net.random_.Chance(net.faults_.loss)) {
    return;
  }
  net.events_.After(net.DelayOf(place, to), [&net, from = place, to, question, finish] {
    Transport* const process = net.ProcessAt(to);
    if (process == nullptr || net.IsCut(to, from) || !net.IsHeard(from, *process)) {
      return finish(absl::UnavailableError("connection lost"));
    }
    net.run_at(to, [&net, from, to, question, finish, its = process->callbacks] {
      its->on_question(question, [&net, from, to, finish](std::string answer) {
        if (net.frozen_.contains(to) || net.IsCut(to, from)) return;
        net.events_.After(net.DelayOf(to, from),
                          [finish, answer = std::move(answer)] { finish(answer); });
      });
    });
  });
}

}  // namespace pintle::sim
