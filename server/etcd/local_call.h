// LocalCall: a call of one of our own gRPC methods, from inside the process. The service sees a
// GrpcCall like any other, so that checks, authorization and errors are those of the wire; answers
// go to two callbacks instead of a connection.
//
// Used by the services that are made of others (Lock, Election) and by the JSON gateway. Owner: the
// one who began it, with shared_ptr; the service holds it as long as it needs it. Thread: the
// executor's, for everything. Callbacks run there, later, never inside a call of the service's or
// of Begin's, so that either side may end the call in them. Limits: what the service has sent and
// the callback has not seen counts as unsent; whether there is room for more is asked of the one
// for whom it is done (`outer`).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "net/close_callbacks.h"
#include "net/grpc.h"

namespace pintle::server::etcd {

struct LocalCallOptions {
  net::Headers metadata{};
  std::string peer{};
  std::string common_name{};
  absl::AnyInvocable<void(std::string)> on_message;
  absl::AnyInvocable<void(absl::Status)> on_end;  // once; not after Cancel()
  std::shared_ptr<net::Room> outer;  // who is told what on_message hears; null: there is room
  bool counted = false;              // among the calls of its method (net/grpc_stats.h)
};

class LocalCall final : public net::GrpcCall, public std::enable_shared_from_this<LocalCall> {
 public:
  // A path that the router does not have ends the call with UNIMPLEMENTED.
  static std::shared_ptr<LocalCall> Begin(const net::GrpcRouter& router, std::string_view path,
                                          net::Executor& executor, LocalCallOptions options);
  explicit LocalCall(net::Executor& executor, LocalCallOptions options);

  // The client's side.
  void Message(std::string message);  // a unary method takes the first, and no other
  void HalfClose();
  void Cancel();   // the service is told that the client has gone; no callback runs any more
  void Drained();  // `outer` wants more

  const net::Headers& metadata() const override { return options_.metadata; }
  std::string_view peer() const override { return options_.peer; }
  std::string_view common_name() const override { return options_.common_name; }
  bool Send(std::string message) override;
  void Finish(const absl::Status& status) override;
  void Reply(std::string message) override;
  size_t unsent_bytes() const override { return undelivered_bytes_; }
  bool HasRoom(size_t answer_bytes) const override;
  void OnRoom(size_t answer_bytes, absl::AnyInvocable<void()> work) override;
  bool WantsMore(size_t most_unsent_bytes) override;
  void OnDrain(absl::AnyInvocable<void()> callback) override { on_drain_ = std::move(callback); }
  void OnClose(absl::AnyInvocable<void()> callback) override {
    on_close_.Add(executor_, std::move(callback));
  }
  net::Executor& executor() override { return executor_; }

 private:
  void Deliver(std::string message);
  void Release();
  void ForgetUser();

  net::Executor& executor_;
  LocalCallOptions options_;
  const net::GrpcEntry<net::UnaryMethod>* unary_ = nullptr;
  net::GrpcCallStats stats_;
  std::unique_ptr<net::GrpcStreamHandler> handler_;
  absl::AnyInvocable<void()> on_drain_;
  net::CloseCallbacks on_close_;
  size_t undelivered_bytes_ = 0;
  bool stopped_ = false;    // by them
  bool ended_ = false;      // the service has no more say
  bool cancelled_ = false;  // the user wants to hear no more
};

}  // namespace pintle::server::etcd
