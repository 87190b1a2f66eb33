#include "tests/differential/side.h"

#include <algorithm>
#include <condition_variable>
#include <iterator>
#include <mutex>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "tests/differential/method.h"

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
  void HalfClose() override {
    OnThread(executor_, [&] { stream_->HalfClose(); });
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

bool IsGone(const Answer& answer) {
  if (absl::IsDeadlineExceeded(answer.status())) return true;
  return absl::IsUnavailable(answer.status()) &&
         (absl::StrContains(answer.status().message(), "error reading from server") ||
          absl::StrContains(answer.status().message(), "connection error"));
}

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
  stream_.reset();
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
  stream_ = Open(path, std::move(token));
  arrived_.clear();
  stream_->Send(std::move(request));
  if (!MethodOf(path).client_streams) stream_->HalfClose();
  return Next();
}

Answer Side::Next() {
  if (stream_ == nullptr) return absl::FailedPreconditionError("no stream is open");
  if (arrived_.empty()) {
    for (std::string& message : stream_->Take(kCallTimeout)) arrived_.push_back(std::move(message));
  }
  if (arrived_.empty()) {
    const absl::Status end =
        stream_->end().value_or(absl::DeadlineExceededError("nothing came on the stream"));
    if (end.ok()) return absl::OutOfRangeError("the stream has ended well");
    return end;
  }
  Answer next = std::move(arrived_.front());
  arrived_.pop_front();
  return next;
}

absl::StatusOr<std::vector<std::string>> Side::AllOf(const std::string& path, std::string request,
                                                     std::string token) {
  const std::unique_ptr<Stream> stream = Open(path, std::move(token));
  stream->Send(std::move(request));
  stream->HalfClose();
  std::vector<std::string> all;
  while (true) {
    const std::optional<absl::Status> end = stream->end();  // what came before it is there
    std::vector<std::string> some = stream->Take(kCallTimeout);
    std::move(some.begin(), some.end(), std::back_inserter(all));
    if (!some.empty()) continue;
    if (!end.has_value() && stream->end().has_value()) continue;
    if (!end.has_value()) return absl::DeadlineExceededError("nothing more came on the stream");
    if (!end->ok()) return *end;
    return all;
  }
}

}  // namespace pintle::tests
