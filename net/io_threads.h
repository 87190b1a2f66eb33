// What is behind net::IoThreads. Private to net/.
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "net/backlog.h"
#include "net/event_loop.h"
#include "net/server.h"

namespace pintle::net {

struct IoThreads::Impl {
  // Shared with the connections, which may outlive the threads by a turn.
  const std::shared_ptr<Backlogs> backlogs = std::make_shared<Backlogs>();
  std::vector<std::unique_ptr<EventLoop>> loops;
  std::vector<std::thread> threads;
};

EventLoop& LoopOf(Executor& executor);

}  // namespace pintle::net
