#include "server/replica/replica.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pintle::server::replica {
namespace {

template <typename T>
void MoveTo(std::vector<T>& target, std::vector<T>&& source) {
  if (target.empty()) {
    target = std::move(source);
  } else {
    target.insert(target.end(), std::make_move_iterator(source.begin()),
                  std::make_move_iterator(source.end()));
  }
}

}  // namespace

Replica::Replica(const raft::Config& config, const raft::RestoredState& restored,
                 std::unique_ptr<raft::MemoryLog> log, raft::Random& random)
    : log_(std::move(log)), node_(config, restored, *log_, random) {}

void Replica::Persisted(raft::ReadyNumber number) {
  while (!held_.empty() && held_.front().number <= number) {
    MoveTo(released_, std::move(held_.front().messages));
    held_.pop_front();
  }
  node_.Persisted(number);
}

// Not beyond what is durable in our own log: raft reads the rest from here until it is.
void Replica::DropOldEntries(raft::Index durable, const LogRetention& retention) {
  replica::DropOldEntries(*log_, std::min(durable, node_.persisted_index()),
                          FirstNeeded(node_.GetStatus()), retention);
}

Work Replica::TakeWork() {
  Work work;
  work.send = std::exchange(released_, {});
  while (node_.HasReady()) TakeReady(work);
  return work;
}

void Replica::TakeReady(Work& work) {
  raft::Ready ready = node_.TakeReady();
  MoveTo(work.send, std::move(ready.messages_now));
  if (ready.log_base && ready.log_base->reset) log_->Reset(ready.log_base->id);
  if (!ready.entries.empty()) log_->Append(ready.entries);
  if (ready.hard_state) lazy_hard_state_ = ready.hard_state;
  if (ready.must_sync) {
    work.persist.push_back({ready.number, std::exchange(lazy_hard_state_, std::nullopt),
                            ready.log_base, std::move(ready.entries)});
    held_.push_back({ready.number, std::move(ready.messages_after_persist)});
  } else if (held_.empty()) {
    MoveTo(work.send, std::move(ready.messages_after_persist));
  } else {
    MoveTo(held_.back().messages, std::move(ready.messages_after_persist));
  }
  MoveTo(work.apply, std::move(ready.committed_entries));
  MoveTo(work.read_states, std::move(ready.read_states));
  MoveTo(work.dropped_reads, std::move(ready.dropped_reads));
  MoveTo(work.snapshot_messages, std::move(ready.snapshot_messages));
  MoveTo(work.peers_need_snapshot, std::move(ready.peers_need_snapshot));
  if (ready.soft_state) work.soft_state = ready.soft_state;
}

}  // namespace pintle::server::replica
