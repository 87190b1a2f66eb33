#include "server/storage/wal_members.h"

#include <algorithm>

namespace pintle::server::storage {

void WalMembers::Restart(raft::Index base, std::optional<std::string> record) {
  records_.clear();
  if (record) records_.emplace_back(base, *std::move(record));
}

void WalMembers::Note(std::span<const raft::Entry> entries) {
  if (entries.empty()) return;
  while (!records_.empty() && records_.back().first >= entries.front().id.index)
    records_.pop_back();
  for (const raft::Entry& entry : entries) {
    if (entry.kind == raft::EntryKind::kConfChange)
      records_.emplace_back(entry.id.index, entry.bytes());
  }
}

std::optional<std::string> WalMembers::AsOf(raft::Index index) const {
  const auto newer =
      std::ranges::find_if(records_, [&](const auto& record) { return record.first > index; });
  if (newer == records_.begin()) return std::nullopt;
  return std::prev(newer)->second;
}

void WalMembers::ForgetBefore(raft::Index index) {
  while (records_.size() > 1 && records_[1].first <= index) records_.pop_front();
}

}  // namespace pintle::server::storage
