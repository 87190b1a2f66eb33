#include "raft/config.h"

namespace pintle::raft {

absl::Status Validate(const Config& config) {
  if (config.id == kNoMember) return absl::InvalidArgumentError("member id must not be 0");
  if (config.heartbeat_ticks == 0) {
    return absl::InvalidArgumentError("heartbeat_ticks must be at least 1");
  }
  // With fewer than two ticks more, one late heartbeat costs a leader its place.
  if (config.election_ticks <= config.heartbeat_ticks) {
    return absl::InvalidArgumentError("election_ticks must be greater than heartbeat_ticks");
  }
  if (config.election_ticks > 1'000'000) {
    return absl::InvalidArgumentError("election_ticks must be at most 1000000");
  }
  if (config.max_append_bytes == 0 || config.max_inflight_messages == 0 ||
      config.max_inflight_bytes < config.max_append_bytes || config.max_uncommitted_bytes == 0 ||
      config.max_unapplied_bytes == 0 || config.max_pending_reads == 0 ||
      config.max_read_rounds == 0) {
    return absl::InvalidArgumentError(
        "raft limits must be at least 1, and max_inflight_bytes at least max_append_bytes");
  }
  return absl::OkStatus();
}

}  // namespace pintle::raft
