// StoreRepair: what becomes of a store that cannot be used as it is. It decides; its doors do.
//
//   kSound     ── a write found no room ──────────▶ kNoRoom
//   kNoRoom    ── there is some ──────────────────▶ kSound, opened again at an older position: the
//                                                   log catches it up
//   any        ── damage, or not what the others have ──▶ kUnsound
//   kUnsound   ── an empty store counts ──────────▶ kFilling, by the log if it begins at 1, else by
//                                                   a snapshot of the leader's
//   kFilling   ── caught up with what was committed ──▶ kSound
//
// While it is not sound nothing is applied to it; unsound or filling, nothing is read from it
// either (usable()). Raft goes on voting and acknowledging: the log is sound. What can be neither
// read nor filled again ends the process.
//
// Threads: usable(), short_of_room() and Unsound() from any, the rest from apply. Owner: Member.
#pragma once

#include <atomic>
#include <functional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "raft/types.h"

namespace pintle::server::replica {

class StoreRepair {
 public:
  struct Doors {
    // Runs `task` on the apply thread, between two batches.
    std::function<void(std::function<void()> task)> on_apply_thread;
    // What is committed is passed over until the store has another content.
    std::function<void()> stop_applying;
    // The same files again. RESOURCE_EXHAUSTED: there is still no room.
    std::function<absl::Status()> reopen;
    // Whether a log or a peer can fill an empty store.
    std::function<bool()> can_start_anew;
    // Asks for an empty store; Emptied() when it counts. Asked again now and then.
    std::function<void()> start_anew;
    std::function<raft::Index()> commit_index;
  };
  explicit StoreRepair(Doors doors) : doors_(std::move(doors)) {}

  bool usable() const { return state_ == State::kSound || state_ == State::kNoRoom; }
  bool short_of_room() const { return state_ == State::kNoRoom; }

  // Its content is not to be believed.
  void Unsound(const absl::Status& why);

  // A write, or the deletion of what was compacted, has failed.
  void WriteFailed(const absl::Status& why);
  // Now and then, while it is not sound.
  void Tick();
  bool sound() const { return state_ == State::kSound; }

  bool unsound() const { return state_ == State::kUnsound; }
  // It is empty now.
  void Emptied();
  // At the start, before any other thread: it is empty, and sound from `index` on.
  void StartsEmpty(raft::Index index);
  // A snapshot was installed.
  void Restored() { state_ = State::kSound; }
  void AppliedUpTo(raft::Index index);

 private:
  enum class State { kSound, kNoRoom, kUnsound, kFilling };

  void Distrust(const absl::Status& why);

  const Doors doors_;
  std::atomic<State> state_ = State::kSound;
  raft::Index filled_at_;       // kFilling ends there
  std::set<std::string> said_;  // of damage that stays
};

}  // namespace pintle::server::replica
