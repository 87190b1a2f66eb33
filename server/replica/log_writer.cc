#include "server/replica/log_writer.h"

#include <iterator>
#include <utility>
#include <vector>

#include "base/fault_point.h"
#include "server/storage/fatal.h"

namespace pintle::server::replica {
namespace {

// One write of the log takes about this much at most.
constexpr size_t kWriteBytes = size_t{32} << 20;

size_t CostOf(const PersistJob& job) {
  size_t bytes = 0;
  for (const auto& entry : job.entries) bytes += entry.cost_bytes();
  return bytes;
}

void Join(PersistJob& write, PersistJob&& job) {
  write.number = job.number;
  if (job.hard_state) write.hard_state = job.hard_state;
  write.entries.insert(write.entries.end(), std::make_move_iterator(job.entries.begin()),
                       std::make_move_iterator(job.entries.end()));
}

}  // namespace

bool LogWriter::Step() {
  std::vector<PersistJob> jobs = queue_.TakeAll();
  for (size_t next = 0; next < jobs.size();) {
    PersistJob write = std::move(jobs[next++]);
    size_t bytes = CostOf(write);
    for (; next < jobs.size() && bytes < kWriteBytes && !jobs[next].log_base; ++next) {
      bytes += CostOf(jobs[next]);
      Join(write, std::move(jobs[next]));
    }
    base::FaultPoint("log.before_write");
    if (!storage::DieUnlessOk(wal_.Append(write.hard_state, write.entries, /*sync=*/true),
                              "writing the log")) {
      return true;
    }
    base::FaultPoint("log.after_sync");
    if (observer_) observer_(write);
    durable_(write.number);
  }
  return !jobs.empty();
}

}  // namespace pintle::server::replica
