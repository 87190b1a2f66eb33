#include "net/io_threads.h"

#include <algorithm>

#include "base/check.h"

namespace pintle::net {

IoThreads::IoThreads(int count) : impl_(std::make_unique<Impl>()) {
  for (int i = 0; i < std::max(count, 1); ++i) {
    impl_->loops.push_back(std::make_unique<EventLoop>());
  }
  for (const std::unique_ptr<EventLoop>& loop : impl_->loops) {
    impl_->threads.emplace_back([loop = loop.get()] { loop->Run(); });
  }
}

IoThreads::~IoThreads() { Stop(); }

int IoThreads::count() const { return static_cast<int>(impl_->loops.size()); }

Executor& IoThreads::executor(int i) { return *impl_->loops.at(static_cast<size_t>(i)); }

void IoThreads::Stop() {
  for (const std::unique_ptr<EventLoop>& loop : impl_->loops) loop->Stop();
  for (std::thread& thread : impl_->threads) thread.join();
  impl_->threads.clear();
  for (const std::unique_ptr<EventLoop>& loop : impl_->loops) loop->DropWork();
}

EventLoop& LoopOf(Executor& executor) {
  auto* loop = dynamic_cast<EventLoop*>(&executor);
  PINTLE_CHECK(loop != nullptr, "clients and servers run on an executor of IoThreads");
  return *loop;
}

}  // namespace pintle::net
