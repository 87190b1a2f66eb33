#include "server/replica/auto_compactor.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <string>

#include "kv/errors.h"

namespace pintle::server::replica {
namespace {

constexpr absl::Duration kLongestInterval = absl::Hours(1);
constexpr int64_t kNotesPerInterval = 10;
constexpr absl::Duration kRevisionInterval = absl::Minutes(5);

}  // namespace

void AutoCompactor::Tick(absl::Time now, bool is_leader) {
  if (options_.period > absl::ZeroDuration()) return TickPeriodic(now, is_leader);
  if (options_.revisions > 0) TickByRevision(now, is_leader);
}

void AutoCompactor::TickPeriodic(absl::Time now, bool is_leader) {
  const absl::Duration interval = std::min(options_.period, kLongestInterval);
  const absl::Duration between_notes = interval / kNotesPerInterval;
  int64_t revision = 0;
  {
    const std::lock_guard lock(mutex_);
    if (now < next_) return;
    const bool begins = next_ == absl::InfinitePast();
    next_ = now + between_notes;
    if (begins) last_success_ = now;
    if (!begins && is_leader && !under_way_ && !noted_.empty()) {
      const absl::Duration wait = first_ ? options_.period : interval;
      const int64_t oldest = noted_.front();
      if (now - last_success_ >= wait && oldest != last_revision_) {
        first_ = false;
        under_way_ = true;
        revision = oldest;
      }
    }
    noted_.push_back(doors_.revision());
    const auto most = static_cast<size_t>(options_.period / between_notes) + 1;
    if (noted_.size() > most) noted_.pop_front();
  }
  if (revision > 0) Compact(revision, now);
}

void AutoCompactor::TickByRevision(absl::Time now, bool is_leader) {
  int64_t revision = 0;
  {
    const std::lock_guard lock(mutex_);
    if (now < next_) return;
    const bool begins = next_ == absl::InfinitePast();
    next_ = now + kRevisionInterval;
    const int64_t wanted = doors_.revision() - options_.revisions;
    if (begins || !is_leader || under_way_ || wanted <= 0 || wanted == last_revision_) return;
    under_way_ = true;
    revision = wanted;
  }
  Compact(revision, now);
}

void AutoCompactor::Compact(int64_t revision, absl::Time now) {
  spdlog::info("starting auto compaction to revision {}", revision);
  doors_.compact(revision, [this, revision, now](const absl::Status& status) {
    const std::lock_guard lock(mutex_);
    under_way_ = false;
    if (status.ok() || kv::IsCompacted(status)) {
      last_revision_ = revision;
      last_success_ = now;
    } else {
      spdlog::warn("auto compaction to revision {}: {}; it is tried again", revision,
                   std::string(status.message()));
    }
  });
}

}  // namespace pintle::server::replica
