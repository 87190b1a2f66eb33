// SnapshotWorker: the snapshot thread's work, one turn at a time: pieces of snapshots that are sent
// and received, so that neither apply nor raft waits for them.
//
// Thread: snapshot (the simulator's only one); queue() and busy() from any. Bound of the queue: one
// piece or answer per transfer and member is under way, a tick is pushed only while busy().
#pragma once

#include <atomic>
#include <functional>
#include <variant>
#include <vector>

#include "raft/message.h"
#include "raft/random.h"
#include "server/replica/batch_queue.h"
#include "server/replica/snapshot_receiver.h"
#include "server/replica/snapshot_sender.h"

namespace pintle::server::replica {

class SnapshotWorker {
 public:
  // A follower needs a snapshot, and this is one.
  struct Need {
    raft::MemberId peer;
    FrozenStore frozen;
  };
  struct Ticked {};
  struct LostLeadership {};
  // What is being sent is not to be believed; raft is told, and asks again.
  struct StoreInDoubt {};
  // The installation of what was received has ended.
  struct Installed {
    absl::Status result;
  };
  // An empty store instead of the present one (SnapshotReceiver::StartAnew).
  struct StartAnew {};
  // Something else that reads the disk, and can wait (content_check.h).
  using Task = std::function<void()>;
  using Event = std::variant<Need, raft::Message, Ticked, LostLeadership, StoreInDoubt, Installed,
                             StartAnew, Task>;

  struct Doors {
    SnapshotSender::Doors sender;
    SnapshotReceiver::Doors receiver;
    // Stores that counted earlier may be removed when nobody reads them any more; true: they are.
    std::function<bool()> clean_up;
  };
  // `first_transfer_id`: drawn at random, so that no two runs name the same one.
  SnapshotWorker(Doors doors, uint64_t first_transfer_id)
      : clean_up_(std::move(doors.clean_up)),
        sender_(std::move(doors.sender)),
        receiver_(std::move(doors.receiver)),
        last_transfer_id_(first_transfer_id) {}

  BatchQueue<Event>& queue() { return queue_; }
  bool busy() const { return busy_.load(std::memory_order_relaxed); }

  // Does what is queued. False: there was nothing.
  bool Step();

 private:
  void Handle(Event& event);
  void Take(const raft::Message& message);

  const std::function<bool()> clean_up_;
  SnapshotSender sender_;
  SnapshotReceiver receiver_;
  BatchQueue<Event> queue_;
  uint64_t last_transfer_id_;
  bool to_clean_up_ = false;
  std::atomic<bool> busy_{false};
};

}  // namespace pintle::server::replica
