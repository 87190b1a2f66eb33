// EventLoop: one thread's Asio loop, with what connections share on it. Private to net/.
//
// Post is cheap: work collects in a vector and the loop is woken once per burst. Connections that
// want to send are noted and flushed once, when the turn that made them want it ends, so that
// replies made in one turn leave in one write. Owner: IoThreads. Everything but Post, After and
// OnThread belongs to the loop's thread.
#pragma once

#include <array>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "net/executor.h"

namespace pintle::net {

// Something to flush at the end of the turn.
class Flushable {
 public:
  virtual ~Flushable() = default;
  virtual void Flush() = 0;
};

class EventLoop final : public Executor {
 public:
  static constexpr size_t kReadBufferBytes = size_t{64} << 10;

  EventLoop() = default;
  ~EventLoop() override;
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  void Post(absl::AnyInvocable<void()> work) override;
  [[nodiscard]] std::unique_ptr<Timer> After(absl::Duration delay,
                                             absl::AnyInvocable<void()> work) override;
  bool OnThread() const override { return std::this_thread::get_id() == thread_id_.load(); }

  void Run();   // on the loop's thread, until Stop
  void Stop();  // any thread; Run returns soon
  bool stopped() const { return stopped_.load(); }
  void DropWork();  // after Run has returned: destroys what was posted

  asio::io_context& io() { return io_; }
  std::array<char, kReadBufferBytes>& read_buffer() { return read_buffer_; }
  std::string& write_buffer() { return write_buffer_; }
  void RequestFlush(std::shared_ptr<Flushable> flushable);

  // One turn of the loop: whatever wanted flushing is flushed when the outermost ends.
  class Turn {
   public:
    explicit Turn(EventLoop& loop) : loop_(loop) { ++loop_.turn_depth_; }
    ~Turn() {
      if (--loop_.turn_depth_ == 0) loop_.FlushAll();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    EventLoop& loop_;
  };

 private:
  using Clock = std::chrono::steady_clock;
  class LoopTimer;
  struct TimerEntry {
    absl::AnyInvocable<void()> work;
    LoopTimer* owner = nullptr;
  };
  using TimerMap = std::multimap<Clock::time_point, TimerEntry>;
  // Our own queue before one Asio timer: a deadline per call must not cost a kernel timer, and most
  // are cancelled.
  struct TimerQueue {
    std::mutex mutex;
    TimerMap entries;
  };

  void RunPosted();
  void FlushAll();
  void ArmTimer(Clock::time_point at);
  void OnTimer();

  // std::mutex, not Abseil's: ThreadSanitizer cannot see into the packaged Abseil.
  std::mutex mutex_;  // guards posted_
  std::vector<absl::AnyInvocable<void()>> posted_;
  std::atomic<bool> stopped_ = false;
  std::atomic<std::thread::id> thread_id_;

  std::shared_ptr<TimerQueue> timers_ = std::make_shared<TimerQueue>();
  Clock::time_point armed_for_ = Clock::time_point::max();

  int turn_depth_ = 0;
  bool flush_posted_ = false;
  std::vector<std::shared_ptr<Flushable>> to_flush_;
  std::array<char, kReadBufferBytes> read_buffer_;
  std::string write_buffer_;

  asio::io_context io_{
      1};  // destroyed first but for the timer: its handlers may still touch the members above
  asio::steady_timer timer_{io_};
};

}  // namespace pintle::net
