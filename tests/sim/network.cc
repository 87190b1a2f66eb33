#include "tests/sim/network.h"

#include <algorithm>

#include "server/replica/peer_frame.h"
#include "server/replica/raft_codec.h"

namespace pintle::sim {

using server::replica::PeerQuestion;
using server::replica::PeerTransport;

class VirtualNetwork::Transport final : public PeerTransport {
 public:
  Transport(VirtualNetwork& network, Place place) : network_(network), place_(place) {}
  ~Transport() override { Stop(); }

  absl::Status Start(server::replica::PeerSelf, PeerTransport::Callbacks callbacks) override {
    network_.Attach(place_, std::move(callbacks));
    started_ = true;
    return absl::OkStatus();
  }
  void Stop() override {
    alive_.reset();
    if (std::exchange(started_, false)) network_.Detach(place_);
  }
  void Send(std::vector<raft::Message> messages) override {
    for (raft::Message& message : messages) network_.Send(std::move(message));
  }
  // Whoever is there can be reached.
  void SetPeers(server::replica::PeerSet) override {}
  void Ask(raft::MemberId peer, PeerQuestion question, absl::Duration timeout,
           AskDone done) override;
  Stats stats() const override { return {}; }

 private:
  VirtualNetwork& network_;
  const Place place_;
  bool started_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

std::unique_ptr<PeerTransport> VirtualNetwork::MakeTransport(Place place) {
  return std::make_unique<Transport>(*this, place);
}

void VirtualNetwork::Attach(Place place, Callbacks callbacks) {
  frozen_.erase(place);
  attached_[place] = std::make_shared<const Callbacks>(std::move(callbacks));
}

// The process is gone: its peers' connections break.
void VirtualNetwork::Detach(Place place) {
  attached_.erase(place);
  for (const auto& [other, callbacks] : attached_) {
    events_.After(random_.Latency(faults_.usual_delay), [this, from = other, place] {
      Unreachable(from, place);
      Gone(from, place);
    });
  }
}

// Connections are refused now, if they get there at all.
void VirtualNetwork::Gone(Place from, Place to) {
  const auto found = attached_.find(from);
  if (found == attached_.end() || frozen_.contains(from) || attached_.contains(to)) return;
  if (IsCut(from, to) || IsCut(to, from)) return;
  const std::shared_ptr<const Callbacks> callbacks = found->second;
  callbacks->on_gone(raft::MemberId(to + 1));
  on_arrived(from);
}

void VirtualNetwork::Unreachable(Place from, Place to) {
  const auto found = attached_.find(from);
  if (found == attached_.end() || frozen_.contains(from)) return;
  const std::shared_ptr<const Callbacks> callbacks = found->second;
  callbacks->on_unreachable(raft::MemberId(to + 1));
  on_arrived(from);
}

absl::Duration VirtualNetwork::DelayOf(Place from, Place to) {
  const absl::Duration delay = random_.Latency(faults_.usual_delay);
  if (faults_.reorders) return delay;
  absl::Duration& last = last_arrival_[{from, to}];
  last = std::max(last, events_.now() + delay);
  return last - events_.now();
}

void VirtualNetwork::Send(raft::Message message) {
  const Place from = PlaceOf(message.from);
  const Place to = PlaceOf(message.to);
  if (frozen_.contains(from)) return;
  ++counts_.sent;
  on_sent(message);
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
    const Place to = PlaceOf(message.to);
    const auto found = attached_.find(to);
    if (found == attached_.end() || frozen_.contains(to)) return;
    if (cut_.contains({PlaceOf(message.from), to})) return;
    const std::shared_ptr<const Callbacks> callbacks = found->second;
    callbacks->on_message(message);
    on_arrived(to);
  });
}

void VirtualNetwork::Transport::Ask(raft::MemberId peer, PeerQuestion question,
                                    absl::Duration timeout, AskDone done) {
  VirtualNetwork& net = network_;
  const Place to = PlaceOf(peer);
  // Answered once: by the peer, or when the time is up; not when the asker's process is gone.
  const auto shared = std::make_shared<AskDone>(std::move(done));
  const auto finish = [shared, asker = std::weak_ptr(alive_)](absl::StatusOr<std::string> answer) {
    if (!asker.expired() && *shared) std::exchange(*shared, nullptr)(std::move(answer));
  };
  net.events_.After(timeout, [finish] { finish(absl::UnavailableError("no answer")); });
  if (net.cut_.contains({place_, to}) || net.random_.Chance(net.faults_.loss)) return;
  net.events_.After(net.DelayOf(place_, to), [&net, from = place_, to, question, finish] {
    const auto found = net.attached_.find(to);
    if (found == net.attached_.end() || net.frozen_.contains(to) || net.IsCut(to, from)) {
      return finish(absl::UnavailableError("connection lost"));
    }
    const std::shared_ptr<const Callbacks> callbacks = found->second;
    net.run_at(to, [&net, from, to, question, finish, callbacks] {
      callbacks->on_question(question, [&net, from, to, finish](std::string answer) {
        if (net.frozen_.contains(to) || net.IsCut(to, from)) return;
        net.events_.After(net.DelayOf(to, from),
                          [finish, answer = std::move(answer)] { finish(answer); });
      });
    });
  });
}

}  // namespace pintle::sim
