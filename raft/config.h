// Config: the choices of one member. Everything that can grow has its limit here.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "raft/types.h"

namespace pintle::raft {

struct Config {
  MemberId id;  // this member; must be one of the voters to campaign

  // A tick is as long as its caller says. A follower campaigns after a random time in
  // [election_ticks, 2 * election_ticks) without a leader; a leader that has not heard a quorum for
  // election_ticks steps down.
  uint32_t election_ticks = 10;
  uint32_t heartbeat_ticks = 1;

  // One AppendEntries or ForwardedProposal message carries at most this much (Entry::cost_bytes),
  // but always at least one entry. Small enough that a heartbeat does not wait long behind it on
  // the same connection.
  size_t max_append_bytes = 1 << 20;

  // Per follower: sent and not yet acknowledged. Bounds memory in the transport and the work that a
  // loss wastes.
  size_t max_inflight_messages = 256;
  size_t max_inflight_bytes = 64 << 20;

  // In the leader's log and not yet committed, or not yet durable on its own disk (a hanging disk
  // must not fill its memory while the others commit). Beyond it Propose refuses; one proposal
  // always fits.
  size_t max_uncommitted_bytes = 256 << 20;

  // Given to apply and not yet reported by AppliedUpTo. Beyond it Ready holds committed entries
  // back.
  size_t max_unapplied_bytes = 64 << 20;

  // Reads waiting for an index, own and followers' together. Beyond it they are dropped at once.
  size_t max_pending_reads = 65536;
  // Confirmation rounds under way at once; later reads wait and share the next.
  size_t max_read_rounds = 4;
};

// InvalidArgument with a sentence for the operator.
[[nodiscard]] absl::Status Validate(const Config& config);

}  // namespace pintle::raft
