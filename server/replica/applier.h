// Applier: from committed entries to the store, the watchers, and those who wait. The only place
// that sees raft, kv and watch together.
//
// Order within one batch, which every guarantee rests on:
//   1. store.Apply of each entry, in log order
//   2. store.Write: the changes and the raft index in one atomic backend batch
//   3. hub.Publish: watchers have the events
//   4. store.Publish: the revision becomes readable
//   5. answers: proposals by request id, then reads that waited for this index
// Thread: apply. Errors: a batch that could not be written has not happened for anybody
// (store_repair.h says what follows); the store takes nothing more.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "kv/store.h"
#include "raft/entry.h"
#include "server/replica/checkpoint.h"
#include "server/replica/clock.h"
#include "server/replica/cluster.h"
#include "server/replica/counters.h"
#include "server/replica/feature_level.h"
#include "server/replica/lessor.h"
#include "server/replica/proposal_codec.h"
#include "server/replica/proposals.h"
#include "server/replica/read_gate.h"
#include "server/replica/simple_tokens.h"
#include "watch/hub.h"

namespace pintle::server::replica {

class Applier {
 public:
  struct Parts {
    kv::Store& store;
    watch::Hub& hub;
    Cluster& cluster;
    Lessor& lessor;
    SimpleTokens& tokens;
    Proposals& proposals;
    ReadGate& reads;
    const Clock& clock;
    // What raft lost goes to it again.
    std::function<void(uint64_t request_id, raft::Payload payload)> propose_again;
    uint32_t feature_level = kFeatureLevel;  // the highest that this member knows
    std::shared_ptr<MemberCounters> counters = std::make_shared<MemberCounters>();
    // Entries up to here were there when this member started: their tokens have been lost.
    raft::Index tokens_after = raft::Index();
    // This alarm is raised now, though not readable yet.
    std::function<void(const kv::Alarm&)> on_alarm = [](const kv::Alarm&) {};
    // The store, written, is there.
    std::function<void(const Checkpoint&)> on_checkpoint = [](const Checkpoint&) {};
    // The view is that of a compaction, of which nothing is deleted yet.
    std::function<void(const kv::ReadView&, kv::KvHash::Span)> on_compaction =
        [](const kv::ReadView&, kv::KvHash::Span) {};
    // Everything below this revision is deleted.
    std::function<void(int64_t revision, absl::Duration took)> on_compacted = [](int64_t,
                                                                                 absl::Duration) {};
  };
  explicit Applier(Parts parts);

  // `entries`: not empty, following on what was applied before.
  absl::Status Apply(std::span<const raft::Entry> entries);

  // One slice of compaction's physical side; true while there is more. At its end, who asked for a
  // physical compaction is answered.
  absl::StatusOr<bool> CompactSlice();

  // The newest term whose leader's no-op is applied here: nothing of an older term comes any more.
  // Any thread.
  raft::Term no_op_term() const {
    return raft::Term(applied_no_op_term_.load(std::memory_order_acquire));
  }

  // The newest published state. Any thread.
  std::shared_ptr<const kv::ReadView> view() const { return parts_.store.view(); }

 private:
  struct Answer {
    uint64_t request_id = 0;
    absl::StatusOr<Applied> result = absl::InternalError("not applied");
  };
  void ApplyOne(const raft::Entry& entry);
  void FinishMemberChange(const raft::EntryId& id);
  absl::StatusOr<Applied> ApplyTimed(const DecodedProposal& proposal, raft::Index index);
  absl::Status WriteTimed(raft::EntryId last);
  bool ApplyToCluster(RequestKind kind, std::string_view body);
  void EndEntry(raft::EntryId id);
  absl::StatusOr<Applied> ApplyCommand(const DecodedProposal& proposal, raft::Index index);
  void FollowLeases(RequestKind kind, const kv::CommandResult& result, const kv::Command& command);
  void FollowAuth(const kv::auth::Request& request, raft::Index index);
  void AnswerAll(raft::Index applied_index);
  void ProposeLostAgain(raft::Term no_op_term);

  Parts parts_;
  // Of the batch under way.
  std::vector<kv::Event> events_;
  std::vector<Answer> answers_;
  std::vector<Checkpoint> checkpoints_;
  std::vector<kv::KvHash::Span> compacted_;
  raft::Term no_op_term_;  // the newest leader whose no-op was in it
  // Physical compactions whose records are not all deleted yet. Who waits does so among the
  // proposals, and times out like them.
  std::vector<Answer> compactions_;
  std::optional<absl::Time> compacting_since_;  // records are being deleted
  std::atomic<uint64_t> applied_no_op_term_{0};
};

}  // namespace pintle::server::replica
