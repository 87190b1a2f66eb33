#include "server/etcd/local_call.h"

#include <utility>

namespace pintle::server::etcd {
namespace {

// As net calls it (net/grpc.h).
constexpr size_t kDrainBytes = size_t{64} << 10;

}  // namespace

std::shared_ptr<LocalCall> LocalCall::Begin(const net::GrpcRouter& router, std::string_view path,
                                            net::Executor& executor, LocalCallOptions options) {
  auto call = std::make_shared<LocalCall>(executor, std::move(options));
  if (const auto unary = router.unary().find(path); unary != router.unary().end()) {
    call->unary_ = &unary->second;
    return call;
  }
  const auto stream = router.stream().find(path);
  if (stream == router.stream().end()) {
    call->Finish(absl::UnimplementedError("unknown method " + std::string(path)));
    return call;
  }
  if (call->options_.counted) call->stats_.Begin(*stream->second.stats);
  auto handler = stream->second(call);
  if (!call->ended_) call->handler_ = std::move(handler);
  return call;
}

LocalCall::LocalCall(net::Executor& executor, LocalCallOptions options)
    : executor_(executor), options_(std::move(options)) {}

void LocalCall::Message(std::string message) {
  if (ended_) return;
  if (unary_ == nullptr) {
    stats_.Received();
    if (handler_ != nullptr) handler_->OnMessage(std::move(message));
  } else if (const auto* method = std::exchange(unary_, nullptr); method != nullptr) {
    if (options_.counted) stats_.Begin(*method->stats);
    stats_.Received();
    (*method)(std::move(message), shared_from_this());
  }
}

void LocalCall::HalfClose() {
  if (!ended_ && handler_ != nullptr) handler_->OnHalfClose();
}

void LocalCall::Cancel() {
  if (std::exchange(cancelled_, true)) return;
  ended_ = true;
  stats_.End(absl::StatusCode::kCancelled);
  Release();
  // Later: this may be inside one of the two.
  executor_.Post([self = shared_from_this()] { self->ForgetUser(); });
}

void LocalCall::Drained() {
  if (!ended_ && on_drain_) on_drain_();
}

bool LocalCall::Send(std::string message) {
  if (ended_) return false;
  undelivered_bytes_ += message.size();
  stats_.Sent();
  executor_.Post([self = shared_from_this(), message = std::move(message)]() mutable {
    self->Deliver(std::move(message));
  });
  return true;
}

void LocalCall::Deliver(std::string message) {
  const size_t size = message.size();
  if (!cancelled_) options_.on_message(std::move(message));
  undelivered_bytes_ -= size;
  if (undelivered_bytes_ < kDrainBytes && std::exchange(stopped_, false)) Drained();
}

void LocalCall::Finish(const absl::Status& status) {
  if (std::exchange(ended_, true)) return;
  stats_.End(status.code());
  executor_.Post([self = shared_from_this(), status] {
    self->Release();
    if (self->cancelled_) return;
    self->options_.on_end(status);
    self->ForgetUser();
  });
}

void LocalCall::Reply(std::string message) {
  Send(std::move(message));
  Finish(absl::OkStatus());
}

bool LocalCall::HasRoom(size_t answer_bytes) const {
  return options_.outer == nullptr || options_.outer->HasRoom(answer_bytes);
}

void LocalCall::OnRoom(size_t answer_bytes, absl::AnyInvocable<void()> work) {
  if (ended_) return;
  if (options_.outer == nullptr) return work();
  options_.outer->OnRoom(answer_bytes, std::move(work));
}

bool LocalCall::WantsMore(size_t most_unsent_bytes) {
  stopped_ = undelivered_bytes_ >= most_unsent_bytes;
  return !stopped_ && (options_.outer == nullptr || options_.outer->WantsMore(most_unsent_bytes));
}

// Lets go of the service's side: callbacks and handler hold this call, and would keep it for ever.
void LocalCall::Release() {
  on_close_.Run();
  on_drain_ = nullptr;
  handler_.reset();
}

// The same for the user's side.
void LocalCall::ForgetUser() {
  options_.on_message = nullptr;
  options_.on_end = nullptr;
  options_.outer = nullptr;
}

}  // namespace pintle::server::etcd
