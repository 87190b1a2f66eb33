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
    BeginBehind(head.base);
    declared_base_ = head.base;
  }
  LogBeginsBehind(head.base);
  LogEndsWith(head.previous, gap_ ? gap_start_ : found.start);
  hard_state_ = head.hard_state;
  gap_ = false;
  if (head.members) {
    ReadMembers(bytes, found);
  } else {
    ReadEntries(bytes, found);
  }
}

void WalReader::ReadMembers(std::string_view bytes, const Found& found) {
  EntryHead head;
  const bool readable =
      DecodeEntryHead(identity_, bytes, found.start, 0, head) && head.id == found.head.base;
  const bool intact = readable && IsPayloadIntact(identity_, bytes, found.start, head);
  if (!intact) {
    Damage(found.start, found.start.offset + found.head.bytes,
           "who belongs to the cluster as of the log's beginning cannot be read");
  } else if (head.id == base_) {
    base_members_ = bytes.substr(found.start.offset + head.offset, head.length);
  }
  if (visitor_ != nullptr) visitor_->OnEntry(readable ? std::optional(head) : std::nullopt, intact);
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
  if (base.index > SlotsEnd()) return BeginBehind(base);
  // A different entry there: everything that we have is of a log that was overridden.
  const std::optional<raft::EntryId> id = At(base.index).id;
  if (id && *id != base) return BeginBehind(base);
  DropFront(base.index - base_.index);
  base_ = base;
}

// Nothing of what was read is of use.
void WalReader::BeginBehind(raft::EntryId base) {
  slots_.clear();
  base_members_.reset();
  base_ = base;
}

// A hole among them may have been a conf change.
void WalReader::DropFront(size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const Slot& slot = slots_.front();
    if (!slot.entry) {
      base_members_.reset();
    } else if (slot.entry->kind == raft::EntryKind::kConfChange) {
      base_members_ = slot.entry->bytes();
    }
    slots_.pop_front();
  }
}

// The log ended with `last` when that was written. Whether what we have leads to it is told by its
// identity: the same identity, the same log up to there (raft's log matching).
void WalReader::LogEndsWith(raft::EntryId last, WalPosition where) {
  const bool out_of_reach =
      last.index < base_.index || last.index > SlotsEnd() + kMostUnknown || !positioned_;
  if (out_of_reach) {  // FinishFront finds what is missing before it
    BeginBehind(last);
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
    BeginBehind(last);
  } else if (slots_.back().id != last) {
    slots_.back() = {.id = last, .entry = std::nullopt, .where = where};
  }
}

void WalReader::Forget(raft::Index behind, WalPosition where) {
  for (raft::Index index = behind + 1; index <= SlotsEnd(); index = index + 1) {
    At(index) = {.id = std::nullopt, .entry = std::nullopt, .where = where};
  }
}

}  // namespace pintle::server::storage
