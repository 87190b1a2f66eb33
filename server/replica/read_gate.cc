#include "server/replica/read_gate.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/canary.h"

namespace pintle::server::replica {

ReadGate::AddResult ReadGate::Add(absl::Time deadline, Done& done, bool applied) {
  const std::lock_guard lock(mutex_);
  if (size_ >= limit_) return AddResult::kFull;
  ++size_;
  waiting_.push_back({deadline, std::move(done), applied});
  return waiting_.size() == 1 ? AddResult::kFirst : AddResult::kJoined;
}

bool ReadGate::Begin(raft::ReadId id) {
  const std::lock_guard lock(mutex_);
  if (waiting_.empty()) return false;
  if (PINTLE_CANARY("read_index_across_retries") && !rounds_.empty()) {
    std::ranges::move(std::exchange(waiting_, {}), std::back_inserter(rounds_.begin()->second));
    return false;
  }
  rounds_[id] = std::exchange(waiting_, {});
  return true;
}

std::vector<ReadGate::Done> ReadGate::Release(Readers readers) {
  std::vector<Done> free;
  free.reserve(readers.size());
  for (Reader& reader : readers) free.push_back(std::move(reader.done));
  size_ -= free.size();
  return free;
}

std::vector<ReadGate::Done> ReadGate::Confirmed(raft::ReadId id, raft::Index index) {
  const std::lock_guard lock(mutex_);
  const auto round = rounds_.extract(id);
  if (round.empty()) return {};
  if (index <= applied_index_) return Release(std::move(round.mapped()));
  Readers& readers = round.mapped();
  const auto waits = std::stable_partition(readers.begin(), readers.end(),
                                           [](const Reader& reader) { return !reader.applied; });
  if (waits != readers.end()) {
    std::ranges::move(waits, readers.end(), std::back_inserter(confirmed_[index]));
    readers.erase(waits, readers.end());
  }
  return Release(std::move(readers));
}

void ReadGate::Dropped(raft::ReadId id) {
  const std::lock_guard lock(mutex_);
  const auto round = rounds_.extract(id);
  if (!round.empty()) std::ranges::move(round.mapped(), std::back_inserter(waiting_));
}

std::vector<ReadGate::Done> ReadGate::Applied(raft::Index index) {
  const std::lock_guard lock(mutex_);
  applied_index_ = index;
  std::vector<Done> free;
  while (!confirmed_.empty() && confirmed_.begin()->first <= index) {
    std::ranges::move(Release(std::move(confirmed_.begin()->second)), std::back_inserter(free));
    confirmed_.erase(confirmed_.begin());
  }
  return free;
}

void ReadGate::Rewound(raft::Index index) {
  const std::lock_guard lock(mutex_);
  applied_index_ = index;
}

void ReadGate::DropExpired(Readers& readers, absl::Time now, std::vector<Done>& expired) {
  const auto late =
      std::stable_partition(readers.begin(), readers.end(),
                            [now](const Reader& reader) { return reader.deadline > now; });
  std::ranges::move(
      Release(Readers(std::make_move_iterator(late), std::make_move_iterator(readers.end()))),
      std::back_inserter(expired));
  readers.erase(late, readers.end());
}

std::vector<ReadGate::Done> ReadGate::TakeExpired(absl::Time now) {
  const std::lock_guard lock(mutex_);
  std::vector<Done> expired;
  DropExpired(waiting_, now, expired);
  for (auto& [id, readers] : rounds_) DropExpired(readers, now, expired);
  for (auto& [index, readers] : confirmed_) DropExpired(readers, now, expired);
  return expired;
}

size_t ReadGate::size() const {
  const std::lock_guard lock(mutex_);
  return size_;
}

std::vector<ReadGate::Done> ReadGate::TakeAll() { return TakeExpired(absl::InfiniteFuture()); }

}  // namespace pintle::server::replica
