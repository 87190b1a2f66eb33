// PeerTransport: messages between members. The replica's only door to the network.
//
// Delivery is best effort: a message may be lost or late (raft copes), never altered (every frame
// is checksummed) and never delivered twice by the transport itself. Per peer, messages arrive in
// the order of sending as long as one connection lasts.
//
// Threads: Send and SendLease from any thread, never blocking; the callbacks run on the transport's
// own thread and must only hand over. Limits: queued bytes per peer (PeerOptions::max_queued_bytes:
// beyond them the newest message is dropped and OnUnreachable is called once), bytes of one frame.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "raft/message.h"

namespace pintle::server::replica {

// What a follower asks its leader about a lease; answered by the leader's lessor.
struct LeaseQuestion {
  enum class Kind : uint8_t { kKeepAlive = 1, kTimeToLive = 2 };
  Kind kind = Kind::kKeepAlive;
  int64_t lease_id = 0;
};
struct LeaseAnswer {
  bool is_leader = false;  // false: ask somebody else
  int64_t ttl_seconds = 0;
  int64_t granted_ttl_seconds = 0;
};

class PeerTransport {
 public:
  virtual ~PeerTransport() = default;

  struct Callbacks {
    std::function<void(raft::Message)> on_message;
    std::function<void(raft::MemberId)>
        on_unreachable;  // connection lost, refused, or its queue full
    // Its process is gone: the connection was closed, and a new one refused.
    std::function<void(raft::MemberId)> on_gone = [](raft::MemberId) {};
    std::function<LeaseAnswer(const LeaseQuestion&)> on_lease_question;
  };
  // Begins to listen and to dial. Once.
  virtual absl::Status Start(Callbacks callbacks) = 0;
  // No callback runs after it returned.
  virtual void Stop() = 0;

  virtual void Send(std::vector<raft::Message> messages) = 0;

  // UNAVAILABLE when the peer cannot be reached or does not answer in `timeout`. `done` runs on the
  // transport's thread.
  using LeaseDone = absl::AnyInvocable<void(absl::StatusOr<LeaseAnswer>)>;
  virtual void AskLease(raft::MemberId peer, LeaseQuestion question, absl::Duration timeout,
                        LeaseDone done) = 0;

  struct Stats {
    std::map<uint64_t, uint64_t> sent_bytes;  // by peer id
    std::map<uint64_t, uint64_t> received_bytes;
    std::map<uint64_t, uint64_t> send_failures;
  };
  virtual Stats stats() const = 0;
};

struct PeerAddress {
  std::string host;  // name or address; resolved at every dial
  uint16_t port = 0;
};

struct PeerOptions {
  uint64_t cluster_id = 0;
  raft::MemberId self;
  std::vector<PeerAddress> listen;
  std::map<raft::MemberId, PeerAddress> peers;  // without self
  size_t max_queued_bytes = size_t{64} << 20;   // per peer
  size_t max_frame_bytes = size_t{96} << 20;
  absl::Duration dial_timeout = absl::Seconds(1);
  absl::Duration redial_min = absl::Milliseconds(20);  // doubles up to redial_max, with jitter
  absl::Duration redial_max = absl::Milliseconds(500);
};

std::unique_ptr<PeerTransport> MakeAsioPeerTransport(PeerOptions options);

}  // namespace pintle::server::replica
