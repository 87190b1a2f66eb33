// ReplicaNode: this member as production runs it: a Member, its threads, the real disk, clock and
// chance.
//
// Owner: server/server.cc. Start() opens the member (its errors are member.h's) and starts the
// threads. Destroying it stops: requests that still wait are answered "etcdserver: server stopped".
#pragma once

#include <functional>
#include <memory>
#include <random>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/replica/member.h"
#include "server/replica/replica_loop.h"

namespace pintle::server::replica {

struct ReplicaOptions {
  MemberOptions member;
  storage::Syncs syncs = storage::Syncs::kAsAsked;
  std::unique_ptr<PeerTransport> transport;
  // Without room on its disk a member cannot start: it is tried again whenever this, which waits
  // that long, returns true. False: the error is returned.
  std::function<bool(absl::Duration)> wait_for_room = [](absl::Duration) { return false; };
};

// Raft's randomness in production.
class SystemRandom final : public raft::Random {
 public:
  uint64_t Next() override { return engine_(); }

 private:
  std::mt19937_64 engine_{std::random_device{}()};
};

class ReplicaNode {
 public:
  static absl::StatusOr<std::unique_ptr<ReplicaNode>> Start(ReplicaOptions options);
  ~ReplicaNode() { Stop(); }

  // If we lead: hands over to the member that is most up to date, and waits until another leads or
  // `limit` has passed. Proposals that come meanwhile wait for the next leader.
  void HandOver(absl::Duration limit);

  // Until no proposal and no read waits for its answer, or `limit` has passed.
  void WaitUntilAnswered(absl::Duration limit);

  // Asks `target` to take leadership over. `done`, on the replica thread, says whether that has
  // begun; who leads then is in the status. FailedPrecondition: we do not lead, or it may not.
  void MoveLeader(uint64_t target, absl::AnyInvocable<void(absl::Status)> done);

  // Ends threads and answers everybody. The faces must not call any more afterwards.
  void Stop();

  Member& member() { return *member_; }
  const Member& member() const { return *member_; }

 private:
  explicit ReplicaNode(storage::Syncs syncs) : files_(storage::MakePosixFileSystem(syncs)) {}
  absl::Status OpenMember(const ReplicaOptions& options);

  const std::unique_ptr<storage::FileSystem> files_;
  SteadyClock clock_;
  SystemRandom random_;
  std::unique_ptr<PeerTransport> transport_;
  std::unique_ptr<Member> member_;
  std::unique_ptr<ReplicaLoop> loop_;
};

}  // namespace pintle::server::replica
