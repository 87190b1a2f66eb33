// Http2Session: the server's end of one HTTP/2 connection, on nghttp2. Bytes in, bytes out. Private
// to net/.
//
// Rules it keeps (each has a test in tests/net):
//  - nghttp2 is never entered twice: answers only queue frames, Produce sends them, and OnDrain /
//  OnClose run after it.
//  - Received data: the stream's window opens as its answers drain, so a client that does not read
//  cannot make us keep
//    its requests' answers without bound. The connection's window opens at once, so that streams do
//    not stop each other.
//  - Whole answers wait for room (net/room.h): at most kMaxUnsentAnswerBytes of them are unsent,
//  beside the largest, which holds up nobody. Requests that are whole by then wait in the order of
//  their streams; watches, keep-alives, PING, WINDOW_UPDATE and RST_STREAM go on.
//  - Streams share kMaxUnsentStreamBytes. One that has nothing unsent may have one piece more, so
//  that those which nobody reads do not hold up the others.
//  - While all connections together keep too much (net/backlog.h), this one keeps no more than a
//  share: answers and streams wait, requests that would need more are reset.
//  - RST_STREAM on an idle stream is dropped (Options::drop_idle_rst_stream; frame_filter.h says
//  why), more than
//    10 000 resets at once or 1000 per second end the connection, 1000 in ten seconds that we are
//    made to send do (CVE-2025-8671), and so do floods that nghttp2
//    knows (PING, SETTINGS, CONTINUATION). Header blocks are counted as they are decoded.
//  - nghttp2 answers a client that opens more streams than advertised by closing the connection. So
//  twice the limit is
//    advertised (nothing, above 2^30), and OnRequest is told `over_limit` in between, to refuse
//    softly. So is what opens streams until their heads fill kMaxHeadBytes, however many were
//    allowed.
//  - After an answer that ended before the request did: RST_STREAM(NO_ERROR).
// Source: RFC 9113; nghttp2 1.52.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "net/backlog.h"
#include "net/byte_queue.h"
#include "net/frame_filter.h"
#include "net/http.h"
#include "net/keepalive.h"
#include "net/session.h"

namespace pintle::net {

class Http2Session;

// Whoever answers one stream. Called outside nghttp2's sending; told of the end exactly once, by
// OnStreamClose.
class Http2StreamUser {
 public:
  virtual ~Http2StreamUser() = default;
  virtual void OnStreamData(std::string_view bytes) = 0;
  virtual void OnStreamEnd() = 0;    // the client's half is complete
  virtual void OnStreamDrain() = 0;  // unsent_bytes fell below kDrainBytes, or it was stopped
  virtual void OnStreamRoom() = 0;   // after WaitForRoom
  virtual void OnStreamClose() = 0;  // the stream is gone: forget it
  // Received bytes that wait for the rest of their request, or for room; the session bounds their
  // sum.
  virtual size_t held_bytes() const = 0;
};

struct Http2Request {
  std::string method;
  std::string path;  // with query
  std::string content_type;
  Headers headers;  // without pseudo headers, te and content-type; ":authority" is "host"
  bool grpc = false;
  bool has_regular_field = false;
  bool malformed = false;
};

// Trailers: names are literals.
using Http2Trailers = absl::InlinedVector<std::pair<std::string_view, std::string>, 2>;

class Http2Stream {
 public:
  static constexpr size_t kDrainBytes = size_t{64} << 10;

  Http2Stream(Http2Session& session, int32_t id) : session_(session), id_(id) {}

  Http2Request& request() { return request_; }

  // The head of the answer, with more to follow, or without (`last`).
  void SendHead(const nghttp2_nv* fields, size_t count, bool last);
  void Write(std::string bytes);
  // What is written from here on is a whole answer: it takes room until it has left.
  void BeginAnswer();
  void End(
      Http2Trailers trailers);  // after what was written; empty: END_STREAM on the last DATA frame
  void Reset(uint32_t error_code);

  bool head_sent() const { return head_sent_; }
  size_t unsent_bytes() const { return unsent_.size(); }
  bool HasRoom(size_t answer_bytes) const;
  void WaitForRoom(size_t answer_bytes);
  bool WantsMore(size_t most_unsent_bytes);
  bool closed() const { return closed_; }

 private:
  friend class Http2Session;
  static ssize_t ReadData(nghttp2_session* nghttp2, int32_t id, uint8_t* out, size_t limit,
                          uint32_t* flags, nghttp2_data_source* source, void* session);
  void SubmitTrailers(uint32_t* flags);
  void Resume();

  Http2Session& session_;
  const int32_t id_;
  Http2Request request_;
  std::shared_ptr<Http2StreamUser> user_;
  ByteQueue unsent_;
  Http2Trailers trailers_;
  size_t header_bytes_ = 0;
  size_t unconsumed_bytes_ = 0;  // received, its window not yet given back
  size_t held_bytes_ = 0;        // its part of the session's
  size_t head_bytes_ = 0;        // likewise
  bool head_sent_ = false;
  bool whole_answer_ = false;
  bool ending_ = false;
  bool deferred_ = false;  // nghttp2 waits for Resume
  bool above_drain_mark_ = false;
  bool closed_ = false;
};

class Http2Application {
 public:
  virtual ~Http2Application() = default;
  // A request's head is complete. `over_limit`: more streams are open than allowed, refuse it.
  virtual std::shared_ptr<Http2StreamUser> OnRequest(Http2Stream& stream, SessionHost& host,
                                                     bool over_limit) = 0;
};

class Http2Session final : public Session {
 public:
  // Whole answers that may be unsent, beside the largest, before another one is made.
  static constexpr size_t kMaxUnsentAnswerBytes = 1 << 20;
  // The same of all streamed answers together.
  static constexpr size_t kMaxUnsentStreamBytes = 4 << 20;
  // Open streams, at what each costs beside its fields.
  static constexpr size_t kMaxHeadBytes = 64 << 20;
  static constexpr size_t kMaxHeadBytesWhenFull = 1 << 20;  // those of all connections together
  static constexpr size_t kStreamBytes = 1024;

  struct Options {
    size_t max_header_bytes = kMostHeadBytes;
    uint32_t max_concurrent_streams = 10000;
    bool drop_idle_rst_stream = true;
    Keepalive keepalive;
    std::function<void(const std::string& why)> on_refused;  // a head, for its size
  };

  // `backlogs` outlive the session.
  Http2Session(SessionHost& host, Http2Application& application, Backlogs& backlogs,
               Options options);
  ~Http2Session() override;
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;

  void Receive(std::string_view bytes) override;
  void ReceiveEnd() override;
  void Produce(std::string& out, size_t limit_bytes) override;
  bool WantsRead() const override;
  bool done() const override;
  void Shutdown() override;
  void Closed() override;

 private:
  friend class Http2Stream;
  friend struct Http2Callbacks;

  Http2Stream* FindStream(int32_t id);
  void ConsumeReceived(Http2Stream& stream);
  void CountHeld(Http2Stream& stream, size_t held_bytes);
  void CountHead(Http2Stream& stream, size_t head_bytes);
  void NoteLargest(Http2Stream& stream);
  bool HasOwnRoom() const;
  bool HasRoom(size_t answer_bytes) const;
  size_t unsent_stream_bytes() const { return unsent_bytes_ - unsent_answer_bytes_; }
  bool StreamMayGrow(const Http2Stream& stream) const;
  int OnBeginHeaders(const nghttp2_frame& frame);
  void NoteRefused(const std::string& why) const;
  int OnHeader(const nghttp2_frame& frame, std::string_view name, std::string_view value);
  void OnFrame(const nghttp2_frame& frame);
  void OnData(int32_t id, std::string_view bytes);
  void OnFrameSent(const nghttp2_frame& frame);
  void OnStreamClose(int32_t id);
  void Forget(Http2Stream& stream);
  void OnPing();
  void OnResetSent(uint32_t error_code);
  void WatchSilence();
  void TellUsers();  // OnStreamDrain, OnStreamClose and OnStreamRoom, outside nghttp2
  void TellDrained();
  void AdmitWaiting(std::set<int32_t>& waiting, size_t answer_bytes);
  void GoOnWithStopped();
  void Report();
  bool WaitsForOthers() const;
  void LookAgain();

  SessionHost& host_;
  Http2Application& application_;
  const Options options_;
  FrameFilter filter_;
  nghttp2_session* nghttp2_ = nullptr;
  absl::flat_hash_map<int32_t, std::unique_ptr<Http2Stream>> streams_;
  std::vector<int32_t> drained_;
  std::vector<std::unique_ptr<Http2Stream>> closed_streams_;
  size_t held_bytes_ = 0;           // of all streams: requests not yet whole, or waiting for room
  size_t head_bytes_ = 0;           // of all streams
  size_t unsent_bytes_ = 0;         // of all streams
  size_t unsent_answer_bytes_ = 0;  // of those with whole answers
  size_t sent_bytes_ = 0;           // since the last Report
  size_t released_bytes_ = 0;       // of held_bytes_, likewise
  BacklogPart answers_;
  BacklogPart requests_;
  BacklogPart heads_;
  Http2Stream* largest_answer_ = nullptr;  // of those written since the last largest one went
  std::set<int32_t> waiting_;              // for room
  std::set<int32_t> waiting_large_;        // likewise, with an answer that is not small
  std::set<int32_t> stopped_;  // told that they want no more, and not by their own bytes
  std::unique_ptr<Executor::Timer> look_again_;
  bool failed_ = false;
  bool leaving_ = false;  // what is queued is sent, nothing is read any more
  // Pings: exist for as long as one more would come too soon, with and without calls.
  std::unique_ptr<Executor::Timer> busy_gate_;
  std::unique_ptr<Executor::Timer> idle_gate_;
  int ping_strikes_ = 0;
  bool sent_since_ping_ = false;
  int resets_sent_ = 0;  // for cause, since resets_timer_ began
  std::unique_ptr<Executor::Timer> resets_timer_;
  // Silence.
  std::unique_ptr<Executor::Timer> silence_timer_;
  int silent_quarters_ = 0;
  bool heard_ = false;
};

}  // namespace pintle::net
