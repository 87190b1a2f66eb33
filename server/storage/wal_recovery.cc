#include "server/storage/wal_recovery.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/canary.h"

namespace pintle::server::storage {
namespace {

// More entries than a few lost segments can hold: then all before is given up.
constexpr uint64_t kMostUnknown = uint64_t{1} << 24;
constexpr size_t kMostFindings = 200;

bool IsZero(std::string_view bytes) {
  return bytes.empty() ||
         (bytes[0] == '\0' && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

std::string Text(WalPosition position) {
  return absl::StrCat("segment ", position.segment, ", byte ", position.offset);
}

std::string Text(const raft::EntryId& id) {
  return absl::StrCat(id.index.value(), " of term ", id.term.value());
}

}  // namespace

WalReader::WalReader(WalIdentity identity, bool check_identity, WalVisitor* visitor)
    : identity_(identity),
      check_identity_(check_identity),
      identity_known_(check_identity),
      visitor_(visitor) {}

void WalReader::Damage(WalPosition from, uint64_t to_offset, std::string_view what) {
  if (findings_.size() < kMostFindings) {
    findings_.push_back(absl::StrCat(Text(from), ": ", std::string(what)));
  } else {
    ++more_findings_;
  }
  clean_end_ = false;
  if (visitor_ != nullptr) visitor_->OnDamage(from, to_offset, what);
}

absl::Status WalReader::Read(uint64_t number, const std::string& path, std::string_view bytes,
                             bool last) {
  if (!segments_.empty() && number != segments_.back().number + 1) {
    Damage(
        {segments_.back().number + 1, 0}, 0,
        absl::StrCat("segments ", segments_.back().number + 1, " to ", number - 1, " are missing"));
    gap_ = true;
    gap_start_ = {segments_.back().number + 1, 0};
  }
  segments_.push_back({number, bytes.size(), SlotsEnd()});
  if (absl::Status status = ReadHead(path, bytes); !status.ok()) return status;
  // A segment is synced before the next one gets its name.
  durable_end_ = std::max(durable_end_, WalPosition{number, kSegmentHeadBytes});
  WalPosition position{number, kSegmentHeadBytes};
  while (const std::optional<Found> found = FindBatch(bytes, position)) {
    // Zeros before a write that follows on: whoever wrote it left the rest of a sector alone.
    const std::string_view between =
        bytes.substr(position.offset, found->start.offset - position.offset);
    const bool follows_on = anything_ && !gap_ && found->head.sequence == last_sequence_ + 1;
    if (!IsZero(between) || (!between.empty() && !follows_on)) {
      Damage(position, found->start.offset, "what was written here cannot be read");
      gap_ = true;
      gap_start_ = position;
    }
    ReadBatch(bytes, *found);
    position = {number, found->start.offset + found->head.bytes};
  }
  end_ = position;
  if (IsZero(bytes.substr(std::min<size_t>(position.offset, bytes.size()))))
    return absl::OkStatus();
  Damage(position, bytes.size(), "behind the last write that can be read lie remnants of another");
  gap_ = true;
  gap_start_ = position;
  if (last) torn_ = position;
  return absl::OkStatus();
}

absl::Status WalReader::ReadHead(const std::string& path, std::string_view bytes) {
  const uint64_t number = segments_.back().number;
  SegmentHead head;
  uint32_t version = 0;
  const HeadCheck check = DecodeSegmentHead(bytes, number, head, version);
  if (check == HeadCheck::kOtherVersion) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "%s has format %d of the log, this version reads %d: start a version that knows it", path,
        version, kWalFormatVersion));
  }
  const bool good = check == HeadCheck::kGood;
  if (visitor_ != nullptr) {
    visitor_->OnSegment(number, bytes.size(), good ? std::optional(head) : std::nullopt);
  }
  if (!good) {
    Damage({number, 0}, kSegmentHeadBytes, "the head of the segment is damaged");
    gap_ = true;
    gap_start_ = {number, 0};
    return absl::OkStatus();
  }
  if (check_identity_ && head.identity != identity_) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "%s belongs to member %x of cluster %x, not to member %x of cluster %x%s: wrong data-dir, "
        "--initial-cluster or --initial-cluster-token",
        path, head.identity.member_id, head.identity.cluster_id, identity_.member_id,
        identity_.cluster_id,
        head.identity.data_dir != identity_.data_dir ? ", or to another data-dir of its" : ""));
  }
  if (!identity_known_) identity_ = head.identity;
  identity_known_ = true;
  if (anything_ && head.sequence != last_sequence_ && !gap_) {
    Damage({number, 0}, 0,
           absl::StrCat("the writes ", last_sequence_ + 1, " to ", head.sequence,
                        " before it cannot be read"));
    gap_ = true;
    gap_start_ = {number, 0};
  }
  anything_ = true;
  last_sequence_ = std::max(last_sequence_, head.sequence);
  LogBeginsBehind(head.base);
  LogEndsWith(head.last, {number, 0});
  hard_state_ = head.hard_state;
  gap_ = false;
  segments_.back().largest_index = std::max(segments_.back().largest_index, head.last.index);
  return absl::OkStatus();
}

// The next batch at `from` or behind, by the head in front or by the copy.
std::optional<WalReader::Found> WalReader::FindBatch(std::string_view bytes,
                                                     WalPosition from) const {
  if (from.offset >= bytes.size() || IsZero(bytes.substr(from.offset))) return std::nullopt;
  for (WalPosition at = from; at.offset + kWalAlign <= bytes.size(); at.offset += kWalAlign) {
    Found found;
    found.start = at;
    // The last bytes of the sector, if this is the last one of its batch.
    const WalPosition copy{at.segment, at.offset + kWalAlign - kBatchHeadBytes};
    bool is_copy = false;
    if (!DecodeBatchHead(identity_, bytes, at, found.head, is_copy) || is_copy) {
      if (!DecodeBatchHead(identity_, bytes, copy, found.head, is_copy) || !is_copy) continue;
      found.head_damaged = true;
      found.start.offset = at.offset + kWalAlign - found.head.bytes;
    }
    const bool stale = anything_ && found.head.sequence <= last_sequence_;
    if (found.start < from || (stale && !PINTLE_CANARY("position_not_checked"))) continue;
    return found;
  }
  return std::nullopt;
}

void WalReader::ReadBatch(std::string_view bytes, const Found& found) {
  const BatchHead& head = found.head;
  if (visitor_ != nullptr) visitor_->OnBatch(found.start, head, found.head_damaged);
  if (found.head_damaged) {
    Damage(found.start, found.start.offset + kBatchHeadBytes,
           "the head of a write is damaged, its copy was read");
  }
  BatchHead copy;
  bool is_copy = false;
  const WalPosition end{found.start.segment, found.start.offset + head.bytes - kBatchHeadBytes};
  if (!DecodeBatchHead(identity_, bytes, end, copy, is_copy) || copy != head) {
    Damage(end, end.offset + kBatchHeadBytes, "the copy of a write's head is damaged");
  }
  if (anything_ && head.sequence != last_sequence_ + 1 && !gap_) {
    Damage(found.start, found.start.offset,
           absl::StrCat("the writes ", last_sequence_ + 1, " to ", head.sequence - 1,
                        " before it cannot be read"));
    gap_ = true;
    gap_start_ = found.start;
  }
  anything_ = true;
  last_sequence_ = head.sequence;
  durable_end_ = std::max(durable_end_, head.durable_end);
  if (head.reset) {
    slots_.clear();
    base_ = declared_base_ = head.base;
  }
  LogBeginsBehind(head.base);
  LogEndsWith(head.previous, gap_ ? gap_start_ : found.start);
  hard_state_ = head.hard_state;
  gap_ = false;
  ReadEntries(bytes, found);
}

void WalReader::ReadEntries(std::string_view bytes, const Found& found) {
  for (uint32_t i = 0; i < found.head.entries; ++i) {
    Slot slot{.id = std::nullopt, .entry = std::nullopt, .where = found.start};
    EntryHead head;
    const raft::Index expected = SlotsEnd() + 1;
    const bool readable =
        DecodeEntryHead(identity_, bytes, found.start, i, head) && head.id.index == expected;
    const bool intact = readable && IsPayloadIntact(identity_, bytes, found.start, head);
    if (readable) slot.id = head.id;
    if (i + 1 == found.head.entries) slot.id = found.head.last;
    if (intact) {
      const std::string_view payload = bytes.substr(found.start.offset + head.offset, head.length);
      slot.entry = raft::Entry{head.id, head.kind, std::make_shared<const std::string>(payload)};
    } else {
      Damage(found.start, found.start.offset + found.head.bytes,
             absl::StrCat(readable ? "the bytes" : "the identity", " of entry ", expected.value(),
                          " cannot be read"));
    }
    if (visitor_ != nullptr)
      visitor_->OnEntry(readable ? std::optional(head) : std::nullopt, intact);
    slots_.push_back(std::move(slot));
  }
  segments_.back().largest_index = std::max(segments_.back().largest_index, SlotsEnd());
}

void WalReader::LogBeginsBehind(raft::EntryId base) {
  if (base.index > declared_base_.index) declared_base_ = base;
  if (base.index <= base_.index) return;
  if (base.index > SlotsEnd()) {
    slots_.clear();
  } else {
    // A different entry there: everything that we have is of a log that was overridden.
    const std::optional<raft::EntryId> id = At(base.index).id;
    if (id && *id != base) slots_.clear();
    const size_t dropped = std::min<size_t>(slots_.size(), base.index - base_.index);
    slots_.erase(slots_.begin(), slots_.begin() + static_cast<ptrdiff_t>(dropped));
  }
  base_ = base;
}

// The log ended with `last` when that was written. Whether what we have leads to it is told by its
// identity: the same identity, the same log up to there (raft's log matching).
void WalReader::LogEndsWith(raft::EntryId last, WalPosition where) {
  const bool out_of_reach =
      last.index < base_.index || last.index > SlotsEnd() + kMostUnknown || !positioned_;
  if (out_of_reach) {  // FinishFront finds what is missing before it
    slots_.clear();
    base_ = last;
    positioned_ = true;
    return;
  }
  if (last.index < SlotsEnd()) slots_.resize(last.index - base_.index);
  const std::optional<raft::EntryId> end = slots_.empty() ? base_ : slots_.back().id;
  if (SlotsEnd() == last.index && end && *end == last) return;
  // Writes were lost. What is committed they did not override, nor what is of the same term as what
  // came later; about the rest nothing is known.
  if (!end || end->term != last.term)
    Forget(std::max(hard_state_.commit_index, base_.index), where);
  while (SlotsEnd() < last.index) {
    slots_.push_back({.id = std::nullopt, .entry = std::nullopt, .where = where});
  }
  if (slots_.empty()) {
    base_ = last;
  } else if (slots_.back().id != last) {
    slots_.back() = {.id = last, .entry = std::nullopt, .where = where};
  }
}

void WalReader::Forget(raft::Index behind, WalPosition where) {
  for (raft::Index index = behind + 1; index <= SlotsEnd(); index = index + 1) {
    At(index) = {.id = std::nullopt, .entry = std::nullopt, .where = where};
  }
}

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
  slots_.clear();
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
    base_ = declared_base_ = applied;
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
  contents.entries.reserve(slots_.size());
  for (Slot& slot : slots_) contents.entries.push_back(*std::move(slot.entry));
  return contents;
}

}  // namespace pintle::server::storage
