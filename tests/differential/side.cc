#include "tests/differential/side.h"

#include <condition_variable>
#include <mutex>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace pintle::tests {
namespace {

// Runs on the executor's thread and waits for it.
template <typename Work>
void OnThread(net::Executor& executor, Work work) {
  std::promise<void> done;
  executor.Post([&] {
    work();
    done.set_value();
  });
  done.get_future().wait();
}

struct Inbox {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> messages;
  bool ended = false;
};

class OpenStream final : public Side::Stream {
 public:
  OpenStream(net::Executor& executor, net::GrpcChannel& channel, const std::string& path)
      : executor_(executor), inbox_(std::make_shared<Inbox>()) {
    OnThread(executor_, [&] {
      stream_ = channel.Open(path, {.on_message =
                                        [inbox = inbox_](std::string message) {
                                          const std::scoped_lock lock(inbox->mutex);
                                          inbox->messages.push_back(std::move(message));
                                          inbox->changed.notify_all();
                                        },
                                    .on_end =
                                        [inbox = inbox_](const absl::Status&) {
                                          const std::scoped_lock lock(inbox->mutex);
                                          inbox->ended = true;
                                          inbox->changed.notify_all();
                                        }});
    });
  }
  ~OpenStream() override {
    OnThread(executor_, [this] { stream_.reset(); });
  }
  void Send(std::string message) override {
    OnThread(executor_, [&] { stream_->Send(std::move(message)); });
  }
  std::vector<std::string> Take(absl::Duration limit) override {
    std::unique_lock lock(inbox_->mutex);
    inbox_->changed.wait_for(lock, absl::ToChronoMilliseconds(limit),
                             [&] { return !inbox_->messages.empty() || inbox_->ended; });
    return std::exchange(inbox_->messages, {});
  }

 private:
  net::Executor& executor_;
  std::shared_ptr<Inbox> inbox_;
  std::unique_ptr<net::GrpcChannel::Stream> stream_;
};

}  // namespace

Side::Side(net::Executor& executor, std::string name, const std::string& endpoint)
    : executor_(executor), name_(std::move(name)) {
  const std::vector<std::string> parts = absl::StrSplit(endpoint, absl::MaxSplits(':', 1));
  uint32_t port = 0;
  if (parts.size() == 2) (void)absl::SimpleAtoi(parts[1], &port);
  OnThread(executor_, [&] {
    channel_ = std::make_unique<net::GrpcChannel>(executor_, parts[0], static_cast<uint16_t>(port));
  });
}

Side::~Side() {
  OnThread(executor_, [this] { channel_.reset(); });
}

std::future<Answer> Side::Call(const std::string& path, std::string request) {
  auto promise = std::make_shared<std::promise<Answer>>();
  std::future<Answer> future = promise->get_future();
  executor_.Post([this, path, request = std::move(request), promise]() mutable {
    channel_->Unary(path, std::move(request), kCallTimeout,
                    [promise](Answer answer) { promise->set_value(std::move(answer)); });
  });
  return future;
}

std::unique_ptr<Side::Stream> Side::Open(const std::string& path) {
  return std::make_unique<OpenStream>(executor_, *channel_, path);
}

}  // namespace pintle::tests
