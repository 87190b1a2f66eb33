#include "raft/core.h"

#include <algorithm>

#include "base/canary.h"
#include "base/fault_point.h"

namespace pintle::raft {
namespace {

Quorum QuorumOf(const Core& core) {
  if (!PINTLE_CANARY("conf_in_force_when_committed")) return Quorum(core.configurations.in_force());
  Configurations committed = core.configurations;
  committed.TruncateSuffix(core.log.commit_index());
  return Quorum(committed.in_force());
}

}  // namespace

void Core::Append(Entry entry) {
  const bool conf_change = entry.kind == EntryKind::kConfChange;
  if (conf_change) configurations.Append(std::span(&entry, 1));
  log.Append(std::move(entry));
  if (!conf_change) return;
  quorum = QuorumOf(*this);
  base::FaultPoint("raft.conf_appended");
}

void Core::Merge(EntryId previous, std::span<const Entry> entries) {
  const std::span<const Entry> news = log.Merge(previous, entries);
  if (news.empty()) return;
  const Index before = configurations.index();
  const bool undone = configurations.TruncateSuffix(news.front().id.index - 1);
  configurations.Append(news);
  if (undone || configurations.index() != before) quorum = QuorumOf(*this);
}

void Core::CommitTo(Index index) {
  log.CommitTo(std::min(index, log.last().index));
  configurations.CommitTo(log.commit_index());
  if (PINTLE_CANARY("conf_in_force_when_committed")) quorum = QuorumOf(*this);
}

void Core::Restore(const SnapshotMeta& meta) {
  const Index base = meta.last_entry.index;
  const bool reset = log.Restore(meta.last_entry);
  outbox.log_base = LogBase{meta.last_entry, reset || (outbox.log_base && outbox.log_base->reset),
                            meta.conf_state};
  given_to_apply_index = base;
  lost_conf_index.reset();
  if (PINTLE_CANARY("snapshot_keeps_old_conf")) return;
  if (!reset && configurations.index() > base) return;  // the log knows better
  std::vector<Entry> later;
  const Index first = std::max(base + 1, log.first_index());
  log.Read({first, log.last().index}, SIZE_MAX, later);
  configurations.Reset(meta.conf_state, base);
  configurations.Append(later);
  configurations.CommitTo(log.commit_index());
  quorum = QuorumOf(*this);
}

void Core::Persisted(ReadyNumber number) {
  log.Persisted(number);
  if (hard_state.vote_floor == EntryId{}) return;
  const Index durable = log.persisted_index();
  const EntryId last{log.TermAt(durable).value_or(Term{0}), durable};
  if (last >= hard_state.vote_floor) hard_state.vote_floor = {};
}

bool Core::doubtful() const {
  const bool alone = conf_known() && quorum.IsOnly(config.id);
  return hard_state.vote_floor > log.last() && !alone;
}

}  // namespace pintle::raft
