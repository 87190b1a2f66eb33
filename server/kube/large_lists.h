// LargeLists: how many lists that are large are put together at once.
//
// A list grows over many turns of the event loop, and only when it is whole does the connection
// know of it. Without a bound, a hundred clients that list ten thousand pods would make us hold a
// hundred bodies. So a list that has become larger than net::Room::kSmallAnswerBytes needs one of
// kMostAtOnce turns; the others wait in the order in which they came, and hold nothing meanwhile.
//
// Owner: FaceContext. Threads: any; `go` runs on the executor that was given. Limits: kMostAtOnce,
// kMostWaiting.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>

#include "absl/functional/any_invocable.h"
#include "net/executor.h"

namespace pintle::server::kube {

class LargeLists {
 public:
  static constexpr size_t kMostAtOnce = 2;
  static constexpr size_t kMostWaiting = 1000;

  // The right to grow, until it is destroyed.
  class Turn {
   public:
    explicit Turn(LargeLists& lists) : lists_(lists) {}
    ~Turn() { lists_.Leave(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    LargeLists& lists_;
  };
  using TurnPtr = std::unique_ptr<Turn>;

  // A turn that is free at once; else null.
  TurnPtr TryEnter();
  // Runs `go` with a turn, later. False: too many wait.
  bool Enter(net::Executor& executor, absl::AnyInvocable<void(TurnPtr)> go);

 private:
  struct Waiting {
    net::Executor* executor;
    absl::AnyInvocable<void(TurnPtr)> go;
  };

  void Leave();
  void Post(Waiting next);

  std::mutex mutex_;  // lists are made on every I/O thread
  size_t under_way_ = 0;
  std::deque<Waiting> waiting_;
};

}  // namespace pintle::server::kube
