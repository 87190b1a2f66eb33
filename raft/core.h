// Core: what a member has in every role, and the outbox that all roles write to. A role's own state
// is in its class.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "raft/config.h"
#include "raft/configurations.h"
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
  kPreCampaign,        // ask whether an election could be won
  kCampaign,           // hold one: a new term
  kCampaignForLeader,  // the same, because the leader has asked for it
  kSurveyForLeader,    // it has, but what is missing here has to be found out first (vote_floor.h)
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
  std::vector<Message> snapshot_messages;
  std::optional<LogBase> log_base;

  bool empty() const {
    return now.empty() && after_persist.empty() && read_states.empty() && dropped_reads.empty() &&
           snapshot_messages.empty() && !log_base.has_value();
  }
  void Drop(const std::vector<ReadId>& reads) {
    dropped_reads.insert(dropped_reads.end(), reads.begin(), reads.end());
  }
};

struct Core {
  const Config config;
  Configurations configurations;
  Quorum quorum;  // of the configuration in force
  Random& random;
  RaftLog log;  // changed only by the functions below, which keep the configuration in step
  HardState hard_state;          // its commit_index is not kept here: log.commit_index()
  HardState durable_hard_state;  // what of it is on the disk
  Outbox outbox;
  uint64_t incarnation = 0;
  uint64_t last_request = 0;
  Index given_to_apply_index;
  // Set at the start of a member whose store does not reach up to its log: up to here the log holds
  // no conf change, and what was compacted away is not known.
  std::optional<Index> lost_conf_index;
  // The commit index that the disk knew at the start: less log than that was lost.
  Index restored_commit_index;

  MemberId id() const { return config.id; }
  Term term() const { return hard_state.term; }
  // May campaign. A member that its latest configuration leaves out still may, until that one is
  // known to be committed: it may be the only one that holds it (thesis §4.2.2).
  bool promotable() const { return conf_known() && configurations.MayVote(config.id); }
  // False: the store that knew the configuration is lost, and the log does not tell: the one that
  // we were started with may be any old one, and its quorum must elect nobody.
  bool conf_known() const {
    return !lost_conf_index.has_value() || configurations.index() > *lost_conf_index;
  }
  RequestId NextRequest() { return {incarnation, ++last_request}; }

  void Append(Entry entry);
  void Merge(EntryId previous, std::span<const Entry> entries);
  void CommitTo(Index index);
  // The owner's store holds everything up to `meta.last_entry`.
  void Restore(const SnapshotMeta& meta);
  // The durable log has grown.
  void Persisted(ReadyNumber number);

  // May have acknowledged more than it holds (vote_floor.h).
  bool doubtful() const;
  // A leader may believe that we hold more than we do.
  bool lost() const { return doubtful() || log.last().index < restored_commit_index; }
  // Apply needs entries that the log no longer holds: only a snapshot helps.
  bool store_behind_log() const { return given_to_apply_index + 1 < log.first_index(); }
  // A leader may only go by the commit index once it lies in its own term (thesis §6.4): before
  // that, it does not know all that was committed.
  bool knows_commit_index() const { return log.TermAt(log.commit_index()) == term(); }

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
