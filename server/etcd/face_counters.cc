#include "server/etcd/face_counters.h"

namespace pintle::server::etcd {

ClientVersions::Slot& ClientVersions::Find(std::string_view version) {
  size_t known = size_.load(std::memory_order_acquire);
  for (size_t i = 0; i < known; ++i) {
    if (slots_[i].version == version) return slots_[i];
  }
  const std::lock_guard lock(mutex_);
  known = size_.load(std::memory_order_relaxed);
  for (size_t i = 0; i < known; ++i) {
    if (slots_[i].version == version) return slots_[i];
  }
  if (known == kMost) return slots_[kMost];
  slots_[known].version = version;
  size_.store(known + 1, std::memory_order_release);
  return slots_[known];
}

void ClientVersions::Count(std::string_view version, bool stream) {
  // A label is no place for a long text.
  Find(version.empty() ? "unknown" : version.substr(0, 64)).counts.Add(stream ? 1 : 0);
}

std::vector<ClientVersions::Calls> ClientVersions::Read() const {
  std::vector<Calls> counts;
  const size_t known = size_.load(std::memory_order_acquire);
  for (size_t i = 0; i < known; ++i) {
    counts.push_back({slots_[i].version, slots_[i].counts.Sum(0), slots_[i].counts.Sum(1)});
  }
  const base::Shards<2>& others = slots_[kMost].counts;
  if (others.Sum(0) + others.Sum(1) > 0) {
    counts.push_back({"other", others.Sum(0), others.Sum(1)});
  }
  return counts;
}

void ProbeCounts::Count(const std::string& type, const std::string& name, bool healthy) {
  const std::lock_guard lock(mutex_);
  Check& check = checks_[{type, name}];
  check.healthy = healthy;
  ++(healthy ? check.successes : check.failures);
}

std::map<ProbeCounts::Key, ProbeCounts::Check> ProbeCounts::Read() const {
  const std::lock_guard lock(mutex_);
  return checks_;
}

}  // namespace pintle::server::etcd
