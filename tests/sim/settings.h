// Settings of one simulation, drawn from its seed: which faults there are and how often, how large
// everything is. Each seed has a subset of its own (swarm testing), so that rare faults are not
// always drowned by frequent ones. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "absl/time/time.h"
#include "server/replica/log_retention.h"
#include "tests/sim/disk.h"
#include "tests/sim/network.h"

namespace pintle::sim {

struct Settings {
  uint64_t seed = 0;
  size_t members = 3;
  size_t clients = 8;
  absl::Duration duration = absl::Seconds(20);          // with faults; the liveness phase follows
  absl::Duration think_time = absl::Milliseconds(200);  // per client, between two calls
  size_t keys = 20;
  size_t lease_users = 0;
  bool compacts = false;

  NetworkFaults network;
  // Mean time between two of a kind, over the whole cluster; infinite: never.
  absl::Duration cut_every = absl::InfiniteDuration();
  absl::Duration crash_every = absl::InfiniteDuration();
  absl::Duration power_loss_every = absl::InfiniteDuration();
  absl::Duration pause_every = absl::InfiniteDuration();
  absl::Duration stall_every = absl::InfiniteDuration();  // of a disk
  absl::Duration failed_sync_every = absl::InfiniteDuration();
  absl::Duration failed_write_every = absl::InfiniteDuration();
  absl::Duration rot_every = absl::InfiniteDuration();  // of a running member's store
  // One stored value becomes another, with a right checksum; where the whole log is kept.
  absl::Duration change_value_every = absl::InfiniteDuration();
  absl::Duration content_check_interval = absl::Seconds(4);
  absl::Duration full_disk_every = absl::InfiniteDuration();
  absl::Duration transfer_every = absl::InfiniteDuration();
  // An operator changes the members so often, and never leaves fewer than that.
  absl::Duration change_every = absl::InfiniteDuration();
  size_t fewest_members = 1;
  double crash_at_fault_point = 0;  // at each point that is passed
  // Of what the crashed member has on its disk, at each crash; as far as the atlas lets it happen.
  std::map<DiskDamage, double> damage = NoDamage();
  absl::Duration usual_sync = absl::Microseconds(500);
  absl::Duration usual_apply = absl::Microseconds(50);
  double clock_drift = 0;

  size_t first_segment_bytes = 16384;
  size_t largest_segment_bytes = 65536;
  size_t write_buffer_bytes = 65536;
  size_t value_cache_bytes = 65536;
  size_t watch_window_bytes = 65536;
  size_t value_bytes = 40;
  int compaction_slice = 100;
  server::replica::LogRetention retention;
  // Nothing of it is ever dropped: an empty store can be filled by the log alone.
  bool keeps_whole_log = false;

  static std::map<DiskDamage, double> NoDamage();
  bool damages() const;

  // One line for a person.
  std::string Describe() const;
};

// `members` 0: drawn too.
Settings Draw(uint64_t seed, size_t members);
// Everything that can happen does, most of it about once.
void HaveEverything(Settings& settings);

}  // namespace pintle::sim
