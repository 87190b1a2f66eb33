// WriteTxn: one changing request. Everything it changes has the same main revision; reads see its
// earlier changes.
//
// Lives on the stack of the apply thread. Finish() moves the store to the new revision if anything
// changed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kv/command.h"
#include "kv/types.h"
#include "kv/working_state.h"

namespace pintle::kv {

class WriteTxn {
 public:
  explicit WriteTxn(WorkingState& state) : state_(state), begin_revision_(state.revision) {}

  // Revision that readers inside see: the one at the start, one more once something has changed.
  int64_t revision() const { return begin_revision_ + (events_.empty() ? 0 : 1); }

  // Depend on state and so may refuse a put: its lease exists; the key whose value or lease is to
  // be kept exists. etcd looks first at the lease in a put of its own, last in a transaction.
  absl::Status CheckLease(const PutRequest& request) const;
  absl::Status CheckPrevious(const PutRequest& request) const;

  // The checks have passed.
  PutResult Put(const PutRequest& request);
  DeleteRangeResult DeleteRange(const DeleteRangeRequest& request);
  absl::StatusOr<RangeResult> Range(const RangeRequest& request) const;
  void Delete(std::string_view key);  // which is live

  std::vector<Event> Finish();

 private:
  Revision NextRevision() const {
    return {begin_revision_ + 1, static_cast<int64_t>(events_.size())};
  }
  EncodedKeyValue Load(const KeyEntry& entry);
  void Store(Event event, const KeyEntry* current, const KeyIndex::NewVersion& version);

  WorkingState& state_;
  const int64_t begin_revision_;
  std::vector<Event> events_;
};

}  // namespace pintle::kv
