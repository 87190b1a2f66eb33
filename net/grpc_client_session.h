// GrpcClientSession: the client's end of one HTTP/2 connection that carries gRPC calls. Private to
// net/.
//
// As in Http2Session, nghttp2 is never entered twice: calls are ended after it has returned.
// Messages of streams are handed out from inside its receiving, where queueing further frames is
// allowed.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "net/byte_queue.h"
#include "net/grpc_client.h"
#include "net/grpc_framing.h"
#include "net/session.h"

namespace pintle::net {

class GrpcClientSession;

// One call, from the moment the caller asked for it.
class GrpcClientCall : public std::enable_shared_from_this<GrpcClientCall> {
 public:
  GrpcClientCall(std::string call_path, absl::Duration call_timeout, std::string call_token = {});

  void Send(std::string message);
  void HalfClose();
  // Ends the call for the caller, once; resets the stream if the server still works on it.
  void End(absl::Status status);
  void Cancel();  // as End, without telling the caller
  bool ended() const { return ended_; }

  // One of the two is set.
  GrpcChannel::Done done;
  GrpcChannel::StreamCallbacks callbacks;

  std::unique_ptr<Executor::Timer> deadline;

 private:
  friend class GrpcClientSession;

  void OnMessage(std::string message);
  absl::Status Outcome(uint32_t error_code) const;
  void Detach();

  const std::string path_;
  const std::string timeout_;  // empty: none
  const std::string token_;    // empty: none
  bool ended_ = false;

  GrpcClientSession* session_ = nullptr;  // while a stream carries the call
  int32_t stream_id_ = 0;
  ByteQueue unsent_;
  bool half_closed_ = false;
  bool deferred_ = false;

  GrpcDeframer deframer_;
  std::string reply_;
  bool has_reply_ = false;
  int http_status_ = 0;
  int grpc_status_ = -1;  // not seen
  std::string grpc_message_;
  uint32_t error_code_ = 0;
};

class GrpcClientSession final : public Session {
 public:
  // `authority` lives as long as the session is flushed.
  GrpcClientSession(SessionHost& host, const std::string& authority);
  ~GrpcClientSession() override;
  GrpcClientSession(const GrpcClientSession&) = delete;
  GrpcClientSession& operator=(const GrpcClientSession&) = delete;

  void Submit(std::shared_ptr<GrpcClientCall> call);
  void EndAll(const absl::Status& status);  // every call under way
  bool accepts_calls() const { return !failed_ && !draining_; }

  void Receive(std::string_view bytes) override;
  void ReceiveEnd() override { failed_ = true; }
  void Produce(std::string& out, size_t limit_bytes) override;
  bool WantsRead() const override { return true; }
  bool done() const override;
  void Shutdown() override;
  void Broken(std::string_view why) override;
  void Closed() override;

 private:
  friend class GrpcClientCall;
  friend struct GrpcClientCallbacks;

  static ssize_t ReadData(nghttp2_session* nghttp2, int32_t id, uint8_t* out, size_t limit,
                          uint32_t* flags, nghttp2_data_source* source, void* session);
  GrpcClientCall* FindCall(int32_t id);
  void OnHeader(int32_t id, std::string_view name, std::string_view value);
  void OnData(int32_t id, std::string_view bytes);
  void OnStreamClose(int32_t id, uint32_t error_code);
  void Reset(int32_t id, uint32_t error_code);
  void EndClosedCalls();

  SessionHost& host_;
  const std::string& authority_;
  nghttp2_session* nghttp2_ = nullptr;
  absl::flat_hash_map<int32_t, std::shared_ptr<GrpcClientCall>> calls_;
  std::vector<std::shared_ptr<GrpcClientCall>> closed_calls_;
  bool failed_ = false;
  bool draining_ = false;  // the server said GOAWAY
};

}  // namespace pintle::net
