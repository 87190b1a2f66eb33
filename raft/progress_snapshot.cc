// Progress, the part about snapshots.
#include <algorithm>

#include "raft/progress.h"

namespace pintle::raft {

bool Progress::HasSnapshotNeed(bool behind_log) const {
  if (snapshot_asked_ || snapshot_index_ != Index{0}) return false;
  // A follower that does not answer gets no snapshot: nobody would take it.
  return (behind_log || store_needs_snapshot_) && recently_active_;
}

bool Progress::TakeSnapshotNeed(bool behind_log) {
  if (!HasSnapshotNeed(behind_log)) return false;
  snapshot_asked_ = true;
  return true;
}

void Progress::set_store_needs_snapshot(bool needs) {
  if (store_needs_snapshot_ && !needs && state_ != ProgressState::kSnapshot) {
    snapshot_index_ = Index{0};
    snapshot_asked_ = false;
  }
  store_needs_snapshot_ = needs;
}

void Progress::SnapshotSending(Index index, bool behind_log) {
  snapshot_index_ = index;
  snapshot_asked_ = true;
  snapshot_paused_ = false;
  if (!behind_log) return;
  BecomeProbe();
  state_ = ProgressState::kSnapshot;
}

void Progress::SnapshotInstalled() {
  if (snapshot_index_ == Index{0}) return;
  const Index installed = snapshot_index_;
  snapshot_index_ = Index{0};
  snapshot_asked_ = false;
  store_needs_snapshot_ = false;
  if (state_ != ProgressState::kSnapshot) return;
  // Its log begins behind the snapshot, or holds more than that.
  BecomeProbe();
  next_index_ = std::max(next_index_, installed + 1);
}

void Progress::SnapshotFailed() {
  snapshot_index_ = Index{0};
  // Asked again only when it is heard again: else a dead follower would be sent one snapshot after
  // the other.
  snapshot_asked_ = snapshot_paused_ = true;
  if (state_ == ProgressState::kSnapshot) BecomeProbe();
}

}  // namespace pintle::raft
