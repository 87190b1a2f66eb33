// PeerTransport: messages between members. The replica's only door to the network.
//
// Delivery is best effort: a message may be lost or late (raft copes), never altered (every frame
// is checksummed) and never delivered twice by the transport itself. Per peer, messages arrive in
// the order of sending as long as one connection lasts.
//
// Threads: Send, Ask and SetPeers from any thread, never blocking; the callbacks run on the
// transport's own thread and must only hand over. Limits: queued bytes per peer
// (PeerOptions::max_queued_bytes: beyond them the newest message is dropped and OnUnreachable is
// called once), bytes of one frame.
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
#include "net/tls_policy.h"
#include "raft/message.h"
#include "server/replica/peer_address.h"
#include "server/replica/peer_http.h"
#include "server/storage/data_dir.h"

namespace pintle::server::replica {

// Of the protocol between members (docs/formats/peers.md). Both sides speak the highest version
// that both know; none in common: refused.
inline constexpr uint32_t kLowestPeerProtocol = 1;
inline constexpr uint32_t kHighestPeerProtocol = 1;

// A question to one peer and what it is about. The bodies are the asker's and the answerer's own
// (peer_questions.h). The numbers are on the wire: never reuse one.
enum class PeerTopic : uint8_t { kLease = 1, kMemberChange = 2, kReport = 3 };
struct PeerQuestion {
  PeerTopic topic{};
  std::string body;
};

// What this member says about itself when it greets.
struct PeerSelf {
  storage::DataDirId data_dir;
  uint32_t feature_level = 0;          // the highest that it knows
  std::vector<std::string> peer_urls;  // so that who does not know it yet can answer
};

struct Peer {
  raft::MemberId id;
  std::vector<std::string> urls;  // tried in turn
  storage::DataDirId data_dir{};  // zero: not known yet
};

// Whom this member talks to.
struct PeerSet {
  std::vector<Peer> peers;  // itself is passed over
  std::vector<raft::MemberId> removed;
  uint32_t feature_level = 0;  // the cluster's: who does not know it is refused
};

// Why a peer refused our greeting, when that ends this member. The numbers are on the wire.
enum class Refusal : uint8_t {
  kOther = 0,         // tried again, for ever
  kRemoved = 1,       // we are no member any more
  kOtherDataDir = 2,  // we came back without our data
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
    // `answer` may be called later and from any thread, also after Stop; or never.
    using Answer = absl::AnyInvocable<void(std::string)>;
    std::function<void(const PeerQuestion&, Answer answer)> on_question = [](const PeerQuestion&,
                                                                             Answer) {};
    // What somebody who wants to join is told: EncodeMembersAnswer (peer_questions.h).
    std::function<std::string()> on_members_question = [] { return std::string(); };
    // What somebody who speaks HTTP is told.
    PeerPageAt on_page = [](std::string_view) { return std::nullopt; };
    // This member must stop; `text` is for its operator.
    std::function<void(Refusal, const std::string& text)> on_refused = [](Refusal,
                                                                          const std::string&) {};
  };
  // Begins to listen and to dial. Once.
  virtual absl::Status Start(PeerSelf self, Callbacks callbacks) = 0;
  // Before Start, and at any time after it, from any thread. Who is in the set no more is still
  // heard and sent to for PeerOptions::farewell: it learns so that it has been removed.
  virtual void SetPeers(PeerSet peers) = 0;
  // No callback runs after it returned.
  virtual void Stop() = 0;

  virtual void Send(std::vector<raft::Message> messages) = 0;

  // UNAVAILABLE when the peer cannot be reached or does not answer in `timeout`, or after Stop.
  // `done` is called once, on the transport's thread; after Stop at once, on the caller's.
  using AskDone = absl::AnyInvocable<void(absl::StatusOr<std::string>)>;
  virtual void Ask(raft::MemberId peer, PeerQuestion question, absl::Duration timeout,
                   AskDone done) = 0;

  struct Stats {
    std::map<uint64_t, uint64_t> sent_bytes;  // by peer id
    std::map<uint64_t, uint64_t> received_bytes;
    std::map<uint64_t, uint64_t> send_failures;
    // Frames of a peer that has greeted us, damaged or not to be understood.
    std::map<uint64_t, uint64_t> receive_failures;
  };
  virtual Stats stats() const = 0;
};

struct PeerOptions {
  uint64_t cluster_id = 0;
  raft::MemberId self;
  std::vector<PeerAddress> listen;
  std::shared_ptr<net::TlsPolicy> tls;         // may be null: then there is no peer URL with https
  size_t max_queued_bytes = size_t{64} << 20;  // per peer
  size_t max_frame_bytes = size_t{96} << 20;
  absl::Duration dial_timeout = absl::Seconds(1);
  absl::Duration redial_min = absl::Milliseconds(20);  // doubles up to redial_max, with jitter
  absl::Duration redial_max = absl::Milliseconds(500);
  absl::Duration farewell = absl::Seconds(2);
  // What this binary speaks; other numbers are for tests.
  uint32_t lowest_version = kLowestPeerProtocol;
  uint32_t highest_version = kHighestPeerProtocol;
};

std::unique_ptr<PeerTransport> MakeAsioPeerTransport(PeerOptions options);

}  // namespace pintle::server::replica
