// Core: what a member has in every role, and the outbox that all roles write to. A role's own state
// is in its class.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "raft/config.h"
#include "raft/message.h"
#include "raft/quorum.h"
#include "raft/raft_log.h"
#include "raft/random.h"
#include "raft/ready.h"
#include "raft/types.h"

namespace pintle::raft {

// What a handler wants to become of the role. The dispatcher (raft.cc) does it, so that no role
// object ends while one of its methods runs.
enum class Transition : uint8_t {
  kStay,
  kPreCampaign,  // ask whether an election could be won
  kCampaign,     // hold one: a new term
  kLead,
  kStepDown,  // follow nobody, same term
};

// Sent when?
enum class Durability : uint8_t {
  kNow,           // promises nothing
  kAfterPersist,  // promises that what the message says is on our disk
};

struct Outbox {
  std::vector<Message> now;
  std::vector<Message> after_persist;
  std::vector<ReadState> read_states;
  std::vector<ReadId> dropped_reads;

  bool empty() const {
    return now.empty() && after_persist.empty() && read_states.empty() && dropped_reads.empty();
  }
  void Drop(const std::vector<ReadId>& reads) {
    dropped_reads.insert(dropped_reads.end(), reads.begin(), reads.end());
  }
};

struct Core {
  const Config config;
  Quorum quorum;
  Random& random;
  RaftLog log;
  HardState hard_state;          // its commit_index is not kept here: log.commit_index()
  HardState durable_hard_state;  // what of it is on the disk
  Outbox outbox;
  uint64_t incarnation = 0;
  uint64_t last_request = 0;

  MemberId id() const { return config.id; }
  Term term() const { return hard_state.term; }
  bool promotable() const { return quorum.Contains(config.id); }
  RequestId NextRequest() { return {incarnation, ++last_request}; }

  // In [election_ticks, 2 * election_ticks).
  uint32_t RandomElectionTimeout() {
    return config.election_ticks + static_cast<uint32_t>(random.Next() % config.election_ticks);
  }

  // `term` is what the message speaks of, nearly always our own. No term is told to anybody before
  // it is durable: a member that forgot it in a crash would otherwise have taken part in it (thesis
  // §3.8).
  void SendInTerm(Term message_term, MemberId to, MessageBody body, Durability durability) {
    const bool now = durability == Durability::kNow && durable_hard_state.term == term();
    (now ? outbox.now : outbox.after_persist).push_back({id(), to, message_term, std::move(body)});
  }
  void Send(MemberId to, MessageBody body, Durability durability) {
    SendInTerm(term(), to, std::move(body), durability);
  }
};

}  // namespace pintle::raft
