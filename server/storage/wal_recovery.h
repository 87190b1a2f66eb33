// WalReader: what a log's segments say, whatever has happened to them.
//
// It reads the segments in order and keeps, for every index, what is known of it: an intact entry,
// only its identity, or nothing. A batch whose front is damaged is found by the copy of its head at
// its end. Later batches and segment heads repeat where the log begins and ends and the hard state,
// so that damage of what was overridden, dropped or superseded later costs nothing. What is left
// over at the end is a hole; Finish says what that means for a member (docs/formats/wal.md,
// "Recovery").
//
// Owner: Wal::Open, and `pintle inspect`, which also watches (WalVisitor). One thread; no I/O: the
// bytes are handed in. Memory: the log's entries. Errors: FAILED_PRECONDITION only, for a log that
// is another member's or of another format; damage is no error.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "raft/entry.h"
#include "raft/types.h"
#include "server/storage/wal_format.h"
#include "server/storage/wal_witness.h"

namespace pintle::server::storage {

// What Open found.
struct WalContents {
  raft::HardState hard_state;  // vote_floor is set when acknowledged entries may be missing
  raft::EntryId base;          // the log begins behind it
  // Who belongs to the cluster as of there: the bytes of a conf change. nullopt: not known, or the
  // founding members (base is 0).
  std::optional<std::string> base_members;
  std::vector<raft::Entry> entries;   // intact, from base.index + 1 on, without gaps
  std::vector<std::string> findings;  // lines for the operator: what was damaged, torn or dropped
  // Something that had been synced cannot be read, and is not in the store either: entries up to
  // hard_state.vote_floor may be missing that were acknowledged. A torn last write is not that.
  bool damaged = false;
  bool created = false;  // there was no log
};

// Told of everything as it is read, in the order of the files.
class WalVisitor {
 public:
  virtual ~WalVisitor() = default;
  virtual void OnSegment(uint64_t number, uint64_t bytes,
                         const std::optional<SegmentHead>& head) = 0;
  // `head_damaged`: the copy at the end was used.
  virtual void OnBatch(WalPosition start, const BatchHead& head, bool head_damaged) = 0;
  // In the order of the batch. nullopt: its identity cannot be read.
  virtual void OnEntry(const std::optional<EntryHead>& head, bool intact) = 0;
  virtual void OnDamage(WalPosition from, uint64_t to_offset, std::string_view what) = 0;
};

class WalReader {
 public:
  // `identity` is checked only when `check_identity`; else that of the first readable head is used.
  WalReader(WalIdentity identity, bool check_identity, WalVisitor* visitor);

  struct Segment {
    uint64_t number = 0;
    uint64_t bytes = 0;
    raft::Index largest_index;  // that any entry in it has, or that it was begun with
  };

  // Segments in the order of their numbers.
  absl::Status Read(uint64_t number, const std::string& path, std::string_view bytes, bool last);
  // `applied`: what the store holds durably (zero: nothing is known of it). `mark`: what the log
  // must have got to (nullopt: that is not known either).
  WalContents Finish(raft::EntryId applied, const std::optional<WalMark>& mark);

  // Valid after Finish. Where the next batch goes, when the last segment's end is clean.
  WalPosition end() const { return end_; }
  bool clean_end() const { return clean_end_; }
  uint64_t last_sequence() const { return last_sequence_; }
  const std::deque<Segment>& segments() const { return segments_; }

 private:
  struct Slot {
    std::optional<raft::EntryId> id;
    std::optional<raft::Entry> entry;
    WalPosition where;  // of the batch that wrote it, or should have
  };
  struct Found {
    WalPosition start;
    BatchHead head;
    bool head_damaged = false;
  };

  absl::Status ReadHead(const std::string& path, std::string_view bytes);
  std::optional<Found> FindBatch(std::string_view bytes, WalPosition from) const;
  void ReadBatch(std::string_view bytes, const Found& found);
  void ReadEntries(std::string_view bytes, const Found& found);
  void ReadMembers(std::string_view bytes, const Found& found);
  void Damage(WalPosition from, uint64_t to_offset, std::string_view what);
  void LogBeginsBehind(raft::EntryId base);
  void BeginBehind(raft::EntryId base);
  void DropFront(size_t count);
  void LogEndsWith(raft::EntryId last, WalPosition where);
  void Forget(raft::Index behind, WalPosition where);
  raft::Index SlotsEnd() const { return base_.index + slots_.size(); }
  Slot& At(raft::Index index) { return slots_[index - (base_.index + 1)]; }
  void FinishFront(raft::EntryId applied, WalContents& contents);
  void FinishCovered(raft::EntryId applied, WalContents& contents);
  void FinishHoles(WalContents& contents);
  void FinishTerm(raft::Term term);
  void FinishEnd(uint64_t newest, WalContents& contents);
  std::string Describe(size_t first_hole, size_t last_hole) const;

  WalIdentity identity_;
  const bool check_identity_;
  bool identity_known_ = false;
  WalVisitor* const visitor_;

  std::deque<Segment> segments_;
  std::vector<std::string> findings_;
  size_t more_findings_ = 0;     // that did not fit
  raft::EntryId declared_base_;  // where the log should begin
  bool positioned_ = false;      // base_ is set by what was read first
  raft::EntryId base_;           // slots_ begin behind it
  std::deque<Slot> slots_;
  std::optional<std::string> base_members_;  // as of base_
  raft::HardState hard_state_;
  uint64_t last_sequence_ = 0;
  bool anything_ = false;  // a head of any kind was read
  // A batch may have been lost since the last head: what it overrode is not known.
  bool gap_ = false;
  WalPosition gap_start_;
  WalPosition durable_end_;          // the largest that any head knows
  std::optional<WalPosition> torn_;  // remnants without a head, at the very end
  WalPosition end_;
  bool clean_end_ = true;
};

}  // namespace pintle::server::storage
