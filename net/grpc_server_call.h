// GrpcServerCall: a GrpcCall on an HTTP/2 stream. Private to net/.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "net/close_callbacks.h"
#include "net/grpc.h"
#include "net/grpc_framing.h"
#include "net/http2_session.h"

namespace pintle::net {

// A router, which may be null, and the wording of its refusals. Lives as long as the server.
struct GrpcMethods {
  // UNIMPLEMENTED as grpc-go words it.
  absl::Status Unknown(std::string_view path) const;

  const GrpcRouter* router = nullptr;
};

class GrpcServerCall final : public GrpcCall,
                             public Http2StreamUser,
                             public std::enable_shared_from_this<GrpcServerCall> {
 public:
  GrpcServerCall(Http2Stream& stream, SessionHost& host, const GrpcMethods& methods,
                 size_t max_message_bytes);

  // Finds the method, or refuses. Once, right after construction.
  void Begin(bool over_limit);

  const Headers& metadata() const override { return metadata_; }
  std::string_view peer() const override { return peer_->address; }
  std::string_view common_name() const override { return peer_->common_name; }
  bool Send(std::string message) override;
  void Finish(const absl::Status& status) override;
  void Reply(std::string message) override;
  size_t unsent_bytes() const override { return stream_ == nullptr ? 0 : stream_->unsent_bytes(); }
  void OnDrain(absl::AnyInvocable<void()> callback) override { on_drain_ = std::move(callback); }
  void OnClose(absl::AnyInvocable<void()> callback) override;
  bool HasRoom(size_t answer_bytes) const override {
    return unary_ == nullptr || stream_ == nullptr || stream_->HasRoom(answer_bytes);
  }
  void OnRoom(size_t answer_bytes, absl::AnyInvocable<void()> work) override;
  bool WantsMore(size_t most_unsent_bytes) override {
    return stream_ != nullptr && stream_->WantsMore(most_unsent_bytes);
  }
  Executor& executor() override { return executor_; }

  void OnStreamData(std::string_view bytes) override;
  void OnStreamEnd() override;
  void OnStreamDrain() override;
  void OnStreamRoom() override;
  void OnStreamClose() override;
  size_t held_bytes() const override {
    return ended_ ? 0 : deframer_.buffered_bytes() + waiting_bytes_;
  }

 private:
  absl::Status FindMethod(const std::string& path);
  absl::Status ReadHead();
  void OnMessage(std::string message);
  void CallUnary(std::string message);
  void OnDeadline();
  void StartDeadline();
  void Queue(std::string message);
  void SendHead();
  void Release();

  Http2Stream* stream_;  // null once the stream is gone
  Executor& executor_;
  std::shared_ptr<const PeerIdentity> peer_;
  const GrpcMethods& methods_;
  Headers metadata_;
  GrpcDeframer deframer_;
  const GrpcEntry<UnaryMethod>* unary_ = nullptr;
  GrpcCallStats stats_;
  std::unique_ptr<GrpcStreamHandler> handler_;
  absl::Duration timeout_ = absl::InfiniteDuration();
  std::unique_ptr<Executor::Timer> deadline_;
  absl::AnyInvocable<void()> on_drain_;
  absl::AnyInvocable<void()> on_room_;
  size_t waiting_bytes_ = 0;  // the request, before it is handed over
  CloseCallbacks on_close_;
  bool ended_ = false;        // Finish, deadline or cancel: the service has no more say
  bool unary_begun_ = false;  // the one request message is here
};

}  // namespace pintle::net
