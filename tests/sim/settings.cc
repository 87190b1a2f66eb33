#include "tests/sim/settings.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "tests/sim/random.h"

namespace pintle::sim {
namespace {

// Half of the seeds have this fault at all.
absl::Duration Every(SimRandom& random, absl::Duration shortest, absl::Duration longest) {
  if (random.Below(2) == 0) return absl::InfiniteDuration();
  const double part = static_cast<double>(random.Below(1000)) / 1000;
  return shortest + (longest - shortest) * part;
}

double Rate(SimRandom& random, double most) {
  if (random.Below(2) == 0) return 0;
  return most * static_cast<double>(random.Below(1000)) / 1000;
}

template <size_t N>
size_t OneOf(SimRandom& random, const std::array<size_t, N>& choices) {
  return choices[random.Below(N)];
}

void DrawNetwork(SimRandom& random, NetworkFaults& network) {
  network.usual_delay = absl::Microseconds(static_cast<int64_t>(random.Between(50, 5000)));
  network.loss = Rate(random, 0.1);
  network.duplicates = Rate(random, 0.1);
  network.damage = Rate(random, 0.01);
  network.reorders = random.Below(2) == 0;
}

// One voter alone has nobody to compare with; of three members one may be a learner.
void ChangeValues(Settings& settings, absl::Duration every) {
  settings.change_value_every = every;
  if (every != absl::InfiniteDuration()) {
    settings.fewest_members = std::max<size_t>(settings.fewest_members, 3);
    settings.keys = 300;  // so that they are compared before they are overwritten
    settings.content_check_interval = absl::Seconds(1);
  }
}

}  // namespace

Settings Draw(uint64_t seed, size_t members) {
  SimRandom random(seed ^ 0x5e771465);
  Settings settings;
  settings.seed = seed;
  settings.members =
      members != 0 ? members : OneOf(random, std::array<size_t, 8>{1, 3, 3, 3, 3, 5, 5, 7});
  settings.clients = random.Between(40, 80);
  settings.keys = OneOf(random, std::array<size_t, 3>{1, 10, 100});
  DrawNetwork(random, settings.network);
  settings.cut_every = Every(random, absl::Seconds(1), absl::Seconds(20));
  settings.crash_every = Every(random, absl::Seconds(1), absl::Seconds(20));
  settings.power_loss_every = Every(random, absl::Seconds(5), absl::Seconds(40));
  settings.pause_every = Every(random, absl::Seconds(2), absl::Seconds(20));
  settings.stall_every = Every(random, absl::Seconds(2), absl::Seconds(20));
  settings.failed_sync_every = Every(random, absl::Seconds(5), absl::Seconds(40));
  settings.full_disk_every = Every(random, absl::Seconds(5), absl::Seconds(40));
  settings.compacts = random.Below(2) == 0;
  settings.lease_users = OneOf(random, std::array<size_t, 3>{0, 2, 8});
  settings.crash_at_fault_point = Rate(random, 0.001);
  settings.usual_sync = absl::Microseconds(static_cast<int64_t>(random.Between(50, 5000)));
  settings.usual_apply = absl::Microseconds(static_cast<int64_t>(random.Between(10, 1000)));
  for (auto& [kind, chance] : settings.damage) chance = Rate(random, 0.3);
  settings.failed_write_every = Every(random, absl::Seconds(5), absl::Seconds(40));
  settings.rot_every = Every(random, absl::Seconds(2), absl::Seconds(20));
  settings.clock_drift = Rate(random, 0.1);
  settings.first_segment_bytes = OneOf(random, std::array<size_t, 3>{4096, 16384, 65536});
  settings.largest_segment_bytes = settings.first_segment_bytes * random.Between(1, 4);
  settings.value_cache_bytes = OneOf(random, std::array<size_t, 3>{1, 4096, 1 << 20});
  settings.watch_window_bytes = OneOf(random, std::array<size_t, 3>{1, 4096, 1 << 20});
  settings.value_bytes = OneOf(random, std::array<size_t, 3>{20, 100, 2000});
  settings.compaction_slice = static_cast<int>(OneOf(random, std::array<size_t, 3>{1, 10, 1000}));
  settings.transfer_every = Every(random, absl::Seconds(2), absl::Seconds(20));
  settings.retention.entries = OneOf(random, std::array<size_t, 3>{5, 100, 5000});
  settings.retention.bytes = OneOf(random, std::array<size_t, 3>{1, 65536, 32 << 20});
  settings.keeps_whole_log = random.Below(4) == 0;
  if (settings.keeps_whole_log) settings.retention = {1 << 30, 1 << 30};
  settings.retention.most_bytes = settings.retention.bytes * random.Between(1, 8);
  settings.change_every = Every(random, absl::Seconds(1), absl::Seconds(10));
  settings.fewest_members = random.Between(1, settings.members);
  const absl::Duration change_value_every = Every(random, absl::Seconds(2), absl::Seconds(10));
  if (settings.keeps_whole_log && settings.members > 1) {
    ChangeValues(settings, change_value_every);
  }
  return settings;
}

std::map<DiskDamage, double> Settings::NoDamage() {
  std::map<DiskDamage, double> none;
  for (const DiskDamage kind : kAllDiskDamage) none[kind] = 0;
  return none;
}

bool Settings::damages() const {
  return std::ranges::any_of(damage, [](const auto& item) { return item.second > 0; });
}

void HaveEverything(Settings& settings) {
  settings.crash_at_fault_point = 0;  // whoever wants that names the point
  const absl::Duration often = settings.duration;
  settings.cut_every = settings.crash_every = settings.power_loss_every = often;
  settings.pause_every = settings.stall_every = settings.failed_sync_every = often;
  settings.full_disk_every = settings.failed_write_every = settings.rot_every = often;
  if (settings.keeps_whole_log && settings.members > 1) ChangeValues(settings, often / 10);
  settings.compacts = true;
  settings.lease_users = 4;
  settings.transfer_every = often / 4;
  settings.change_every = often / 8;
  for (auto& [kind, chance] : settings.damage) chance = 0.1;
  settings.first_segment_bytes = settings.largest_segment_bytes = 4096;
}

std::string Settings::Describe() const {
  const auto every = [](const char* name, absl::Duration mean) {
    return mean == absl::InfiniteDuration()
               ? std::string()
               : absl::StrCat(" ", name, "~", absl::FormatDuration(mean));
  };
  return absl::StrCat(
      "seed ", seed, ": ", members, " members, ", clients, " clients, ", lease_users, " leases, ",
      keys, " keys, delay ", absl::FormatDuration(network.usual_delay), ", loss ", network.loss,
      ", doubled ", network.duplicates, ", damaged ", network.damage,
      network.reorders ? ", reordered" : "", ", sync ", absl::FormatDuration(usual_sync),
      ", log kept ", retention.entries, "/", retention.bytes, ", fault points ",
      crash_at_fault_point, every("cut", cut_every), every("crash", crash_every),
      every("power", power_loss_every), every("pause", pause_every), every("stall", stall_every),
      every("failed-sync", failed_sync_every), every("failed-write", failed_write_every),
      every("rot", rot_every), every("change-value", change_value_every),
      damages() ? " damage" : "", every("full-disk", full_disk_every),
      every("transfer", transfer_every), every("members change", change_every),
      compacts ? " compacts" : "");
}

}  // namespace pintle::sim
