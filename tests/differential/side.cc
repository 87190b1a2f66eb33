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
  std::optional<absl::Status> end;
};

class OpenStream final : public Side::Stream {
 public:
  OpenStream(net::Executor& executor, net::GrpcChannel& channel, const std::string& path,
             std::string token)
      : executor_(executor), inbox_(std::make_shared<Inbox>()) {
    OnThread(executor_, [&] {
      stream_ = channel.Open(path,
                             {.on_message =
                                  [inbox = inbox_](std::string message) {
                                    const std::scoped_lock lock(inbox->mutex);
                                    inbox->messages.push_back(std::move(message));
                                    inbox->changed.notify_all();
                                  },
                              .on_end =
                                  [inbox = inbox_](absl::Status status) {
                                    const std::scoped_lock lock(inbox->mutex);
                                    inbox->end = std::move(status);
                                    inbox->changed.notify_all();
                                  }},
                             std::move(token));
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
                             [&] { return !inbox_->messages.empty() || inbox_->end.has_value(); });
    return std::exchange(inbox_->messages, {});
  }
  std::optional<absl::Status> end() const override {
    const std::scoped_lock lock(inbox_->mutex);
    return inbox_->end;
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

std::future<Answer> Side::Call(const std::string& path, std::string request, std::string token) {
  auto promise = std::make_shared<std::promise<Answer>>();
  std::future<Answer> future = promise->get_future();
  executor_.Post(
      [this, path, request = std::move(request), token = std::move(token), promise]() mutable {
        channel_->Unary(
            path, std::move(request), kCallTimeout,
            [promise](Answer answer) { promise->set_value(std::move(answer)); }, std::move(token));
      });
  return future;
}

std::unique_ptr<Side::Stream> Side::Open(const std::string& path, std::string token) {
  return std::make_unique<OpenStream>(executor_, *channel_, path, std::move(token));
}

Answer Side::FirstOf(const std::string& path, std::string request, std::string token) {
  const std::unique_ptr<Stream> stream = Open(path, std::move(token));
  stream->Send(std::move(request));
  std::vector<std::string> messages = stream->Take(kCallTimeout);
  if (!messages.empty()) return std::move(messages.front());
  return stream->end().value_or(absl::DeadlineExceededError("nothing came on the stream"));
}

}  // namespace pintle::tests
