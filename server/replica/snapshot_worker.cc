#include "server/replica/snapshot_worker.h"

#include <utility>

namespace pintle::server::replica {

bool SnapshotWorker::Step() {
  std::vector<Event> events = queue_.TakeAll();
  for (Event& event : events) Handle(event);
  busy_.store(sender_.busy() || receiver_.busy() || to_clean_up_, std::memory_order_relaxed);
  return !events.empty();
}

void SnapshotWorker::Handle(Event& event) {
  struct Visitor {
    SnapshotWorker& self;
    void operator()(Need& need) const {
      self.sender_.Begin(need.peer, std::move(need.frozen), ++self.last_transfer_id_);
    }
    void operator()(const raft::Message& message) const { self.Take(message); }
    void operator()(Ticked) const {
      self.sender_.Tick();
      self.receiver_.Tick();
      if (self.to_clean_up_) self.to_clean_up_ = !self.clean_up_();
    }
    void operator()(LostLeadership) const { self.sender_.DropAll(); }
    void operator()(StoreInDoubt) const { self.sender_.FailAll(); }
    void operator()(const Installed& installed) const {
      self.receiver_.Installed(installed.result);
      self.to_clean_up_ = true;
    }
    void operator()(StartAnew) const { self.receiver_.StartAnew(); }
    void operator()(const Task& task) const { task(); }
  };
  std::visit(Visitor{*this}, event);
}

void SnapshotWorker::Take(const raft::Message& message) {
  if (const auto* piece = std::get_if<raft::InstallSnapshot>(&message.body)) {
    receiver_.Take(message.from, *piece);
  } else if (const auto* answer = std::get_if<raft::InstallSnapshotResponse>(&message.body)) {
    sender_.Answer(message.from, *answer);
  }
}

}  // namespace pintle::server::replica
