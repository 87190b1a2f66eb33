// Backlog: what all connections of a process keep for their clients, against many that each keep to
// the limits of one.
//
// Each connection reports its part, when that is worth it, once per batch of what it reads or
// writes. While the sum is below the limit nothing else happens. While it is not, the backlog is
// full: a connection goes on as long as its own part is small (kShareBytes), so that small clients
// notice nothing; what would make it larger waits until others have taken theirs (net/room.h), or
// is refused where waiting would keep what was received. Whoever has more than that and takes next
// to nothing for kPatience is closed, so that the sum falls again. What is kept is at most the
// limit, and a share and one small answer, or one piece of a stream, for each connection, and one
// large answer for each I/O thread.
//
// Owner: net::IoThreads, so that all listeners of a process share one; sessions borrow it. Threads:
// Backlog any, BacklogPart its connection's. Reason: docs/decisions/0013-backlog.md.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/time/time.h"
#include "net/room.h"
#include "net/session.h"

namespace pintle::net {

class Backlog {
 public:
  static constexpr size_t kLimitBytes = size_t{256} << 20;

  explicit Backlog(size_t limit_bytes) : limit_bytes_(static_cast<int64_t>(limit_bytes)) {}

  bool full() const { return bytes_.load(std::memory_order_relaxed) >= limit_bytes_; }

 private:
  friend class BacklogPart;
  void Add(int64_t bytes);

  const int64_t limit_bytes_;
  std::atomic<bool> was_full_ = false;
  std::atomic<int64_t> bytes_ = 0;  // signed: parts are added in any order
};

// Kept apart, so that a flood of requests holds up no answer.
struct Backlogs {
  explicit Backlogs(size_t limit_bytes = Backlog::kLimitBytes)
      : answers(limit_bytes), requests(limit_bytes), heads(limit_bytes) {}

  Backlog answers;   // unsent
  Backlog requests;  // not yet whole, or waiting for room
  Backlog heads;     // of open streams: nobody is closed for them
};

// One connection's part of one backlog.
class BacklogPart {
 public:
  static constexpr size_t kShareBytes = Room::kSmallAnswerBytes;
  static constexpr size_t kWorthReporting = 4096;  // less is counted as nothing
  static constexpr absl::Duration kPatience = absl::Seconds(5);
  static constexpr size_t kLeastTakenBytes = size_t{128} << 10;  // in kPatience
  // Who waits for the others looks so often whether there is room: nobody tells it.
  static constexpr absl::Duration kLookAgain = absl::Milliseconds(50);

  // `host`: is closed when it takes nothing; null: is not.
  BacklogPart(Backlog& backlog, SessionHost* host) : backlog_(backlog), host_(host) {}
  ~BacklogPart() { End(); }
  BacklogPart(const BacklogPart&) = delete;
  BacklogPart& operator=(const BacklogPart&) = delete;

  // So much is kept now, after `taken_bytes` have gone.
  void Report(size_t bytes, size_t taken_bytes);
  // The same, of what has grown since: only when it is worth a word before the batch ends.
  void ReportGrowth(size_t bytes) {
    if (bytes >= reported_bytes_ + kShareBytes) Report(bytes, 0);
  }
  // Whether a connection that keeps so much may keep `more_bytes` beside it.
  bool MayGrow(size_t bytes, size_t more_bytes) const {
    return (bytes <= kShareBytes && more_bytes <= kShareBytes) || !backlog_.full();
  }
  bool full() const { return backlog_.full(); }
  void End();  // the connection keeps nothing any more

 private:
  void WatchTaking();

  Backlog& backlog_;
  SessionHost* const host_;
  size_t reported_bytes_ = 0;
  size_t taken_bytes_ = 0;                  // since timer_ began
  std::unique_ptr<Executor::Timer> timer_;  // while more than a share is kept
};

}  // namespace pintle::net
