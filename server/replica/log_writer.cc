#include "server/replica/log_writer.h"

#include <spdlog/spdlog.h>

#include <iterator>
#include <utility>
#include <vector>

#include "base/canary.h"
#include "base/fault_point.h"
#include "base/status_macros.h"
#include "raft/membership.h"
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

void LogWriter::TakeNextWrite() {
  write_ = std::move(jobs_.front());
  jobs_.pop_front();
  size_t bytes = CostOf(*write_);
  while (!jobs_.empty() && bytes < kWriteBytes && !jobs_.front().log_base) {
    bytes += CostOf(jobs_.front());
    Join(*write_, std::move(jobs_.front()));
    jobs_.pop_front();
  }
}

void LogWriter::NoteRoom(bool room) {
  if (waits_for_room_ == !room) return;
  waits_for_room_ = !room;
  if (room) {
    spdlog::info("the disk has room again: the log goes on");
  } else {
    spdlog::error("no space left for the log: nothing is acknowledged until there is");
  }
}

absl::Status LogWriter::Write() {
  if (write_->log_base && write_->log_base->reset) {
    const raft::LogBase& base = *write_->log_base;
    PINTLE_RETURN_IF_ERROR(
        wal_.ResetTo(base.id, raft::EncodeConfChange(base.conf_state, {}), write_->hard_state));
    base::FaultPoint("log.after_reset");
  }
  return wal_.Append(write_->hard_state, write_->entries, /*sync=*/true);
}

// What cannot be dropped for want of room is dropped later.
absl::Status LogWriter::DropOld() {
  const raft::Index first_kept(first_kept_.load(std::memory_order_relaxed));
  if (first_kept > wal_.last().index) return absl::OkStatus();
  const absl::Status dropped = wal_.TruncateBefore(first_kept);
  return absl::IsResourceExhausted(dropped) ? absl::OkStatus() : dropped;
}

bool LogWriter::Step() {
  for (PersistJob& job : queue_.TakeAll()) jobs_.push_back(std::move(job));
  if (!write_ && jobs_.empty()) return false;
  while (write_ || !jobs_.empty()) {
    if (!write_) TakeNextWrite();
    if (PINTLE_CANARY("reply_before_sync")) durable_(write_->number);
    base::FaultPoint("log.before_write");
    const absl::Status written = Write();
    NoteRoom(!absl::IsResourceExhausted(written));
    if (waits_for_room_) return true;
    if (!storage::DieUnlessOk(written, "writing the log")) return true;
    base::FaultPoint("log.after_sync");
    if (observer_) observer_(*write_);
    if (!PINTLE_CANARY("reply_before_sync")) durable_(write_->number);
    write_.reset();
    if (!storage::DieUnlessOk(DropOld(), "dropping old segments of the log")) return true;
  }
  return true;
}

}  // namespace pintle::server::replica
