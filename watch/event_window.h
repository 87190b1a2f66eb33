// EventWindow: the recent events, by revision, bounded in bytes.
//
// A ring: the oldest whole revisions leave when there are more than `max_bytes`. What arrived with
// the last Append never leaves before the next one, so that whatever has left is readable in the
// store (which publishes after us). Not synchronised: Hub keeps it behind a kv::Guarded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "kv/types.h"
#include "watch/logged_event.h"

namespace pintle::watch {

class EventWindow {
 public:
  // Events are numbered from 0 in the order of Append: an index that stays valid while others
  // leave.
  using Position = uint64_t;

  explicit EventWindow(size_t max_bytes) : max_bytes_(max_bytes) {}

  // Says where the store stands: of use before the first Append. (Were the store ever ahead, what
  // is here would have a hole behind it: it is forgotten.)
  void StartAt(int64_t revision);

  // Everything here is forgotten, and the store stands at `revision`, be it lower or higher.
  void Reset(int64_t revision);

  // Whole revisions, in order, newer than everything here, without a gap. Returns the position of
  // the first event.
  Position Append(std::span<const kv::Event> events, int64_t revision);

  // Everything in [first_revision(), revision()] is here. -1 before StartAt and Append.
  int64_t first_revision() const { return first_revision_; }
  int64_t revision() const { return revision_; }
  size_t bytes() const { return bytes_; }

  EventRef At(Position position) const;  // null when it has left

  // Events of revisions >= `from`, whole revisions, up to the one that reaches `max_events`.
  // `from` >= first_revision(). `next` is the first revision not looked at.
  struct Slice {
    std::vector<EventRef> events;
    int64_t next = 0;
  };
  Slice From(int64_t from, size_t max_events) const;

  // The pair written at exactly that revision, when that change is here; else null.
  kv::EncodedKeyValue Record(kv::Revision revision) const;

 private:
  void Evict();

  const size_t max_bytes_;
  std::deque<EventRef> events_;
  Position first_position_ = 0;
  int64_t first_revision_ = -1;
  int64_t revision_ = -1;
  size_t bytes_ = 0;
};

}  // namespace pintle::watch
