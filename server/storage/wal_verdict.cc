// WalReader, the end of it: what is still missing after all segments were read, and what that means
// for a member.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/canary.h"
#include "server/storage/wal_recovery.h"

namespace pintle::server::storage {
namespace {

std::string Text(const raft::EntryId& id) {
  return absl::StrCat(id.index.value(), " of term ", id.term.value());
}

}  // namespace

std::string WalReader::Describe(size_t first_hole, size_t last_hole) const {
  const uint64_t first = base_.index.value() + 1 + first_hole;
  const uint64_t last = base_.index.value() + 1 + last_hole;
  const std::optional<raft::EntryId>& id = slots_[last_hole].id;
  return absl::StrCat("entries ", first, " to ", last, id ? " (" + Text(*id) + ")" : "",
                      ", written at ", Text(slots_[first_hole].where));
}

// Entries that should be before the first one that was found.
void WalReader::FinishFront(raft::EntryId applied, WalContents& contents) {
  if (declared_base_.index >= base_.index) return;
  const std::string what = absl::StrCat("entries ", declared_base_.index.value() + 1, " to ",
                                        base_.index.value(), " are missing, and their segments");
  clean_end_ = false;
  if (applied.index >= base_.index) {
    contents.findings.push_back(what + "; the store has them");
    return;
  }
  const raft::EntryId end =
      slots_.empty() ? base_
                     : slots_.back().id.value_or(raft::EntryId{hard_state_.term, raft::kMaxIndex});
  hard_state_.vote_floor = std::max(hard_state_.vote_floor, end);
  contents.damaged = true;
  base_ = std::max(declared_base_, applied);
  contents.findings.push_back(absl::StrCat(
      "DAMAGED: ", what, "; the log ends with entry ", base_.index.value(), ", ", slots_.size(),
      " entries behind the damage are left out, the last ", Text(hard_state_.vote_floor)));
  BeginBehind(base_);
}

// Holes that the store fills: the log begins behind them.
void WalReader::FinishCovered(raft::EntryId applied, WalContents& contents) {
  size_t holes_end = 0;
  size_t first_hole = slots_.size();
  for (size_t i = 0; i < slots_.size() && base_.index + 1 + i <= applied.index; ++i) {
    if (slots_[i].entry) continue;
    first_hole = std::min(first_hole, i);
    holes_end = i + 1;
  }
  if (holes_end == 0) return;
  contents.findings.push_back(
      absl::StrCat("unreadable, but the store has them: ", Describe(first_hole, holes_end - 1),
                   "; the log begins behind"));
  clean_end_ = false;
  LogBeginsBehind(slots_[holes_end - 1].id.value_or(applied));
}

void WalReader::FinishHoles(WalContents& contents) {
  const auto is_hole = [](const Slot& slot) { return !slot.entry.has_value(); };
  const auto first = std::find_if(slots_.begin(), slots_.end(), is_hole);
  if (first == slots_.end()) return;
  const auto last = std::find_if(slots_.rbegin(), slots_.rend(), is_hole);
  const size_t first_hole = static_cast<size_t>(first - slots_.begin());
  const size_t last_hole = static_cast<size_t>(slots_.rend() - last) - 1;
  clean_end_ = false;
  const bool synced = first->where < durable_end_;
  const raft::EntryId end =
      slots_.back().id.value_or(raft::EntryId{hard_state_.term, raft::kMaxIndex});
  if (!PINTLE_CANARY("truncate_on_damage")) {
    hard_state_.vote_floor = std::max(hard_state_.vote_floor, end);
    contents.damaged = contents.damaged || synced;
  }
  contents.findings.push_back(
      absl::StrCat(synced ? "DAMAGED, and it had been synced: " : "torn last write: ",
                   Describe(first_hole, last_hole), "; the log ends with entry ",
                   base_.index.value() + first_hole, ", ", slots_.size() - first_hole,
                   " entries behind it are left out, the last ", Text(end)));
  slots_.resize(first_hole);
}

// A term that this member may have been in, by the witness: it never goes back, and nobody gets a
// vote in it, because there may have been one for somebody else.
void WalReader::FinishTerm(raft::Term term) {
  if (term <= hard_state_.term) return;
  hard_state_.term = term;
  hard_state_.vote = raft::MemberId(identity_.member_id);
}

// Segments that the witness knows of, and that are not there.
void WalReader::FinishEnd(uint64_t newest, WalContents& contents) {
  const uint64_t found = segments_.empty() ? 0 : segments_.back().number;
  if (found >= newest) return;
  clean_end_ = false;
  contents.damaged = true;
  if (hard_state_.vote == raft::kNoMember) hard_state_.vote = raft::MemberId(identity_.member_id);
  hard_state_.vote_floor =
      std::max(hard_state_.vote_floor, raft::EntryId{hard_state_.term, raft::kMaxIndex});
  contents.findings.push_back(
      absl::StrCat("DAMAGED: segments ", found + 1, " to ", newest,
                   " are missing at the end of the log; it ends with entry ", SlotsEnd().value(),
                   ", and entries behind that, up to term ", hard_state_.term.value(),
                   ", and votes that this member has given, may be lost"));
}

WalContents WalReader::Finish(raft::EntryId applied, const std::optional<WalMark>& mark) {
  WalContents contents;
  contents.findings = std::move(findings_);
  if (more_findings_ > 0)
    contents.findings.push_back(absl::StrCat("and ", more_findings_, " more"));
  contents.created = segments_.empty();
  if (contents.created && applied.index > raft::Index()) {
    contents.findings.push_back(absl::StrCat(
        "the log is gone, and with it this member's votes; the store is at entry ", Text(applied)));
    contents.damaged = true;
    hard_state_.term = applied.term;
    hard_state_.vote_floor = {applied.term, raft::kMaxIndex};
    BeginBehind(applied);
    declared_base_ = applied;
  }
  if (mark) FinishTerm(mark->term);
  FinishFront(applied, contents);
  FinishCovered(applied, contents);
  FinishHoles(contents);
  if (torn_ && !PINTLE_CANARY("truncate_on_damage")) {
    hard_state_.vote_floor =
        std::max(hard_state_.vote_floor, raft::EntryId{hard_state_.term, raft::kMaxIndex});
  }
  if (mark) FinishEnd(mark->segment, contents);
  contents.hard_state = hard_state_;
  contents.base = base_;
  contents.base_members = std::move(base_members_);
  contents.entries.reserve(slots_.size());
  for (Slot& slot : slots_) contents.entries.push_back(*std::move(slot.entry));
  return contents;
}

}  // namespace pintle::server::storage
