// What is behind net::IoThreads. Private to net/.
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "net/event_loop.h"
#include "net/server.h"

namespace pintle::net {

struct IoThreads::Impl {
  std::vector<std::unique_ptr<EventLoop>> loops;
  std::vector<std::thread> threads;
};

EventLoop& LoopOf(Executor& executor);

}  // namespace pintle::net
