#include "raft/observed_history.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "raft/membership.h"

namespace pintle::raft {

std::string Text(EntryId id) {
  return absl::StrCat("(term ", id.term.value(), ", index ", id.index.value(), ")");
}

const ObservedHistory::Origin* ObservedHistory::Find(EntryId id) const {
  if (id.index <= forgotten_ || id.index > forgotten_ + origins_.size()) return nullptr;
  const std::vector<Origin>& slot = origins_[id.index - forgotten_ - 1];
  const auto found = std::ranges::find_if(slot, [&](const Origin& o) { return o.entry.id == id; });
  return found == slot.end() ? nullptr : &*found;
}

absl::Status ObservedHistory::Saw(const Entry& entry, EntryId previous) {
  const Index index = entry.id.index;
  if (index <= forgotten_) return absl::OkStatus();
  if (const Origin* origin = Find(entry.id)) {
    const bool same = origin->entry.payload == entry.payload || origin->entry == entry;
    if (!same || origin->entry.kind != entry.kind) {
      return absl::InternalError(absl::StrCat("two different entries ", Text(entry.id)));
    }
    if (origin->previous == previous) return absl::OkStatus();
    return absl::InternalError(absl::StrCat("entry ", Text(entry.id), " follows ", Text(previous),
                                            " and ", Text(origin->previous)));
  }
  if (index > forgotten_ + origins_.size()) origins_.resize(index - forgotten_);
  origins_[index - forgotten_ - 1].push_back({previous, entry});
  return absl::OkStatus();
}

void ObservedHistory::Commit(EntryId id, Term in_term) {
  committed_.push_back({id, in_term});
  if (std::optional<ConfState> conf = ConfOf(id)) confs_[id.index] = *std::move(conf);
}

std::optional<ConfState> ObservedHistory::ConfOf(EntryId id) const {
  const Origin* origin = Find(id);
  if (origin == nullptr || origin->entry.kind != EntryKind::kConfChange) return std::nullopt;
  ConfChange change;
  if (!DecodeConfChange(origin->entry.bytes(), change)) return std::nullopt;
  return std::move(change.conf_state);
}

bool ObservedHistory::IsCommitted(EntryId id) const {
  if (id.index <= forgotten_) return true;
  return Remembers(id.index) && CommittedAt(id.index) == id;
}

EntryId ObservedHistory::LastCommittedBefore(Term term) const {
  for (auto entry = committed_.rbegin(); entry != committed_.rend(); ++entry) {
    if (entry->in_term < term) return entry->id;
  }
  return {};
}

void ObservedHistory::Forget(Index index) {
  index = std::min(index, committed_index());
  while (forgotten_ < index) {
    ++forgotten_;
    committed_.pop_front();
    if (!origins_.empty()) origins_.pop_front();
  }
  while (confs_.size() > 1 && std::next(confs_.begin())->first <= forgotten_) {
    confs_.erase(confs_.begin());
  }
}

}  // namespace pintle::raft
