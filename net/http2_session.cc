#include "net/http2_session.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "net/grpc_framing.h"
#include "net/http2_fields.h"
#include "net/http_text.h"

namespace pintle::net {
namespace {

constexpr size_t kFrameBytes = 16 << 10;  // a client's largest
constexpr int32_t kStreamWindowBytes = 1 << 20;
constexpr int32_t kConnectionWindowBytes = 4 << 20;
constexpr uint32_t kMostStreamIds = 1u << 30;
// A client that lets this much of its answers wait gets no more window for its requests on that
// stream.
constexpr size_t kHoldReceivedAboveUnsentBytes = size_t{256} << 10;
// Frames that wait to leave (resets, acknowledgements) before we stop reading.
constexpr size_t kMaxOutboundFrames = 10000;
// Requests of one connection that are unfinished or wait for room, together. The stream whose own
// goes over it is reset.
constexpr size_t kMaxHeldBytes = 64 << 20;

// RFC 9113 §8.2.1 and §8.3, but for the characters of :authority.
bool FieldIsValid(const Http2Request& request, std::string_view name, std::string_view value) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(value.data());
  if (nghttp2_check_header_value(bytes, value.size()) == 0) return false;
  if (!name.starts_with(':')) {
    return nghttp2_check_header_name(reinterpret_cast<const uint8_t*>(name.data()), name.size()) !=
           0;
  }
  // Pseudo fields come first, and each once.
  if (request.has_regular_field) return false;
  if (name == ":method") {
    return request.method.empty() && nghttp2_check_method(bytes, value.size()) != 0;
  }
  if (name == ":path") return request.path.empty() && nghttp2_check_path(bytes, value.size()) != 0;
  if (name == ":authority") return !request.headers.Has("host");
  return name == ":scheme";
}

bool HeadIsComplete(const Http2Request& request) {
  return !request.malformed && !request.method.empty() && !request.path.empty();
}

std::string_view View(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace

struct Http2Callbacks {
  static Http2Session& Self(void* user) { return *static_cast<Http2Session*>(user); }

  static int BeginHeaders(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    return Self(user).OnBeginHeaders(*frame);
  }
  static int Header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                    size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                    void* user) {
    return Self(user).OnHeader(*frame, View(name, name_size), View(value, value_size));
  }
  static int FrameReceived(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Self(user).OnFrame(*frame);
    return 0;
  }
  static int Data(nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size,
                  void* user) {
    Self(user).OnData(id, View(data, size));
    return 0;
  }
  static int FrameSent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Self(user).OnFrameSent(*frame);
    return 0;
  }
  static int StreamClose(nghttp2_session*, int32_t id, uint32_t, void* user) {
    Self(user).OnStreamClose(id);
    return 0;
  }

  static nghttp2_session_callbacks* All() {
    static nghttp2_session_callbacks* const callbacks = [] {
      nghttp2_session_callbacks* made = nullptr;
      PINTLE_CHECK(nghttp2_session_callbacks_new(&made) == 0, "out of memory");
      nghttp2_session_callbacks_set_on_begin_headers_callback(made, BeginHeaders);
      nghttp2_session_callbacks_set_on_header_callback(made, Header);
      nghttp2_session_callbacks_set_on_frame_recv_callback(made, FrameReceived);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, Data);
      nghttp2_session_callbacks_set_on_frame_send_callback(made, FrameSent);
      nghttp2_session_callbacks_set_on_stream_close_callback(made, StreamClose);
      return made;
    }();
    return callbacks;
  }

  static nghttp2_option* Options() {
    static nghttp2_option* const option = [] {
      nghttp2_option* made = nullptr;
      PINTLE_CHECK(nghttp2_option_new(&made) == 0, "out of memory");
      nghttp2_option_set_no_auto_window_update(made, 1);
      nghttp2_option_set_no_closed_streams(made, 1);
      nghttp2_option_set_server_fallback_rfc7540_priorities(made, 0);
      nghttp2_option_set_max_outbound_ack(made, 1000);
      // The default (1000 at once, 33 per second) is reached by honest cancels of a busy client.
      nghttp2_option_set_stream_reset_rate_limit(made, 10000, 1000);
      nghttp2_option_set_max_continuations(made, kMostHeadBytes / kFrameBytes + 1);
      // nghttp2's own rules refuse what grpc-go sends as :authority when its target is a URL
      // ("http://127.0.0.1:2379"), as etcdctl's "endpoint status" does. FieldIsValid has ours.
      nghttp2_option_set_no_http_messaging(made, 1);
      return made;
    }();
    return option;
  }
};

// ---- Http2Stream ----

void Http2Stream::SendHead(const nghttp2_nv* fields, size_t count, bool last) {
  if (closed_ || head_sent_) return;
  head_sent_ = true;
  ending_ = last;
  nghttp2_data_provider provider;
  provider.source.ptr = this;
  provider.read_callback = &Http2Stream::ReadData;
  nghttp2_submit_response(session_.nghttp2_, id_, fields, count, last ? nullptr : &provider);
  session_.host_.RequestFlush();
}

void Http2Stream::Write(std::string bytes) {
  if (closed_ || ending_) return;
  if (whole_answer_) session_.unsent_answer_bytes_ += bytes.size();
  session_.unsent_bytes_ += bytes.size();
  session_.answers_.ReportGrowth(session_.unsent_bytes_);
  unsent_.Append(std::move(bytes));
  if (unsent_.size() >= kDrainBytes) above_drain_mark_ = true;
  if (whole_answer_) session_.NoteLargest(*this);
  Resume();
}

void Http2Stream::End(Http2Trailers trailers) {
  if (closed_ || ending_) return;
  trailers_ = std::move(trailers);
  ending_ = true;
  Resume();
}

void Http2Stream::Reset(uint32_t error_code) {
  if (closed_) return;
  nghttp2_submit_rst_stream(session_.nghttp2_, NGHTTP2_FLAG_NONE, id_, error_code);
  session_.host_.RequestFlush();
}

void Http2Stream::BeginAnswer() {
  if (closed_ || whole_answer_) return;
  whole_answer_ = true;
  session_.unsent_answer_bytes_ += unsent_.size();
}

bool Http2Stream::HasRoom(size_t answer_bytes) const { return session_.HasRoom(answer_bytes); }

void Http2Stream::WaitForRoom(size_t answer_bytes) {
  const bool small = answer_bytes <= Room::kSmallAnswerBytes;
  (small ? session_.waiting_ : session_.waiting_large_).insert(id_);
  session_.LookAgain();
}

bool Http2Stream::WantsMore(size_t most_unsent_bytes) {
  if (unsent_.size() >= most_unsent_bytes) return false;
  if (session_.StreamMayGrow(*this)) return true;
  session_.stopped_.insert(id_);
  session_.LookAgain();
  return false;
}

void Http2Stream::Resume() {
  if (deferred_) {
    deferred_ = false;
    nghttp2_session_resume_data(session_.nghttp2_, id_);
  }
  session_.host_.RequestFlush();
}

ssize_t Http2Stream::ReadData(nghttp2_session*, int32_t, uint8_t* out, size_t limit,
                              uint32_t* flags, nghttp2_data_source* source, void*) {
  auto& stream = *static_cast<Http2Stream*>(source->ptr);
  const size_t count = stream.unsent_.Take(reinterpret_cast<char*>(out), limit);
  Http2Session& session = stream.session_;
  if (stream.whole_answer_) session.unsent_answer_bytes_ -= count;
  session.unsent_bytes_ -= count;
  session.sent_bytes_ += count;
  if (stream.above_drain_mark_ && stream.unsent_.size() < kDrainBytes) {
    stream.above_drain_mark_ = false;
    session.drained_.push_back(stream.id_);
  }
  if (stream.unsent_.empty() && stream.ending_) {
    stream.SubmitTrailers(flags);
  } else if (count == 0) {
    stream.deferred_ = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  return static_cast<ssize_t>(count);
}

void Http2Stream::SubmitTrailers(uint32_t* flags) {
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  if (trailers_.empty()) return;
  *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
  absl::InlinedVector<nghttp2_nv, 2> fields;
  for (const auto& [name, value] : trailers_) {
    fields.push_back(MakeField(name, value));
  }
  nghttp2_submit_trailer(session_.nghttp2_, id_, fields.data(), fields.size());
}

// ---- Http2Session ----

Http2Session::Http2Session(SessionHost& host, Http2Application& application, Backlogs& backlogs,
                           Options options)
    : host_(host),
      application_(application),
      options_(std::move(options)),
      answers_(backlogs.answers, &host),
      requests_(backlogs.requests, &host),
      heads_(backlogs.heads, nullptr) {
  PINTLE_CHECK(nghttp2_session_server_new2(&nghttp2_, Http2Callbacks::All(), this,
                                           Http2Callbacks::Options()) == 0,
               "out of memory");
  absl::InlinedVector<nghttp2_settings_entry, 4> settings = {
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindowBytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(options_.max_header_bytes)},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  };
  // More than a connection has ids for is no limit, and is not spoken of.
  if (const uint32_t most = options_.max_concurrent_streams; most <= kMostStreamIds) {
    settings.push_back({NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, most * 2});
  }
  nghttp2_submit_settings(nghttp2_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(nghttp2_, NGHTTP2_FLAG_NONE, 0, kConnectionWindowBytes);
  if (options_.keepalive.silence > absl::ZeroDuration()) WatchSilence();
}

Http2Session::~Http2Session() { nghttp2_session_del(nghttp2_); }

void Http2Session::Receive(std::string_view bytes) {
  if (failed_ || leaving_) return;
  heard_ = true;
  const auto feed = [this](std::string_view run) {
    const ssize_t used = nghttp2_session_mem_recv(
        nghttp2_, reinterpret_cast<const uint8_t*>(run.data()), run.size());
    return used >= 0;
  };
  failed_ = options_.drop_idle_rst_stream ? !filter_.Feed(bytes, feed) : !feed(bytes);
  TellUsers();
}

void Http2Session::ReceiveEnd() {
  failed_ = true;  // HTTP/2 knows no half-closed connection
}

void Http2Session::Produce(std::string& out, size_t limit_bytes) {
  while (!failed_ && out.size() < limit_bytes) {
    const uint8_t* data = nullptr;
    const ssize_t count = nghttp2_session_mem_send(nghttp2_, &data);
    if (count < 0) failed_ = true;
    if (count <= 0) break;
    out.append(reinterpret_cast<const char*>(data), static_cast<size_t>(count));
  }
  TellUsers();
}

bool Http2Session::WantsRead() const {
  return nghttp2_session_get_outbound_queue_size(nghttp2_) < kMaxOutboundFrames;
}

bool Http2Session::done() const {
  return failed_ || (leaving_ && nghttp2_session_want_write(nghttp2_) == 0) ||
         (nghttp2_session_want_read(nghttp2_) == 0 && nghttp2_session_want_write(nghttp2_) == 0);
}

void Http2Session::Shutdown() {
  nghttp2_submit_goaway(nghttp2_, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(nghttp2_), NGHTTP2_NO_ERROR,
                        nullptr, 0);
}

void Http2Session::Closed() {
  failed_ = true;
  busy_gate_.reset();
  idle_gate_.reset();
  resets_timer_.reset();
  silence_timer_.reset();
  look_again_.reset();
  for (auto& [id, stream] : streams_) {
    Forget(*stream);
    closed_streams_.push_back(std::move(stream));
  }
  streams_.clear();
  TellUsers();
  answers_.End();
  requests_.End();
  heads_.End();
}

Http2Stream* Http2Session::FindStream(int32_t id) {
  return static_cast<Http2Stream*>(nghttp2_session_get_stream_user_data(nghttp2_, id));
}

int Http2Session::OnBeginHeaders(const nghttp2_frame& frame) {
  if (frame.hd.type != NGHTTP2_HEADERS || frame.headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
  auto stream = std::make_unique<Http2Stream>(*this, frame.hd.stream_id);
  nghttp2_session_set_stream_user_data(nghttp2_, frame.hd.stream_id, stream.get());
  streams_[frame.hd.stream_id] = std::move(stream);
  return 0;
}

int Http2Session::OnHeader(const nghttp2_frame& frame, std::string_view name,
                           std::string_view value) {
  Http2Stream* stream = FindStream(frame.hd.stream_id);
  if (stream == nullptr) return 0;
  // SETTINGS_MAX_HEADER_LIST_SIZE only advises the client: a few bytes of HPACK can name a great
  // many.
  stream->header_bytes_ += name.size() + value.size() + 32;
  if (stream->header_bytes_ > options_.max_header_bytes) {
    NoteRefused(HeadTooLarge(options_.max_header_bytes));
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
  if (frame.headers.cat != NGHTTP2_HCAT_REQUEST)
    return 0;  // a request's trailers mean nothing to us
  Http2Request& request = stream->request_;
  if (!FieldIsValid(request, name, value)) {
    request.malformed = true;
    return 0;
  }
  if (!name.starts_with(':')) request.has_regular_field = true;
  if (name == ":method") {
    request.method = value;
  } else if (name == ":path") {
    request.path = value;
  } else if (name == ":authority") {
    request.headers.Add("host", std::string(value));
  } else if (name == "content-type") {
    request.grpc = IsGrpcContentType(value);
    if (!request.grpc) request.content_type = value;
  } else if (name != ":scheme" && name != "te") {
    request.headers.Add(std::string(name), std::string(value));
  }
  return 0;
}

void Http2Session::NoteRefused(const std::string& why) const {
  if (options_.on_refused) options_.on_refused(why);
}

void Http2Session::OnPing() {
  constexpr int kMostStrikes = 2;
  constexpr absl::Duration kWithoutCalls = absl::Hours(2);
  constexpr std::string_view kReason = "too_many_pings";
  const absl::Duration least = options_.keepalive.least_between_pings;
  if (least == absl::ZeroDuration() || leaving_) return;
  const bool too_soon = streams_.empty() ? idle_gate_ != nullptr : busy_gate_ != nullptr;
  busy_gate_ = host_.executor().After(least, [this] { busy_gate_.reset(); });
  idle_gate_ = host_.executor().After(kWithoutCalls, [this] { idle_gate_.reset(); });
  if (std::exchange(sent_since_ping_, false)) {
    ping_strikes_ = 0;
    return;
  }
  if (!too_soon || ++ping_strikes_ <= kMostStrikes) return;
  nghttp2_submit_goaway(
      nghttp2_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(nghttp2_),
      NGHTTP2_ENHANCE_YOUR_CALM, reinterpret_cast<const uint8_t*>(kReason.data()), kReason.size());
  leaving_ = true;
  host_.RequestFlush();
}

void Http2Session::WatchSilence() {
  constexpr int kQuarters = 4;
  silence_timer_ = host_.executor().After(options_.keepalive.silence / kQuarters, [this] {
    silent_quarters_ = std::exchange(heard_, false) ? 0 : silent_quarters_ + 1;
    if (silent_quarters_ < kQuarters) return WatchSilence();
    nghttp2_submit_ping(nghttp2_, NGHTTP2_FLAG_NONE, nullptr);
    host_.RequestFlush();
    silence_timer_ = host_.executor().After(options_.keepalive.answer, [this] {
      silent_quarters_ = 0;
      if (heard_) return WatchSilence();
      failed_ = true;
      host_.Abort();  // it may not even take what we have begun to write
    });
  });
}

void Http2Session::OnFrame(const nghttp2_frame& frame) {
  if (frame.hd.type == NGHTTP2_PING && (frame.hd.flags & NGHTTP2_FLAG_ACK) == 0) return OnPing();
  if (frame.hd.type != NGHTTP2_HEADERS && frame.hd.type != NGHTTP2_DATA) return;
  Http2Stream* stream = FindStream(frame.hd.stream_id);
  if (stream == nullptr) return;
  if (frame.hd.type == NGHTTP2_HEADERS && frame.headers.cat == NGHTTP2_HCAT_REQUEST) {
    if (!HeadIsComplete(stream->request_)) return stream->Reset(NGHTTP2_PROTOCOL_ERROR);
    CountHead(*stream, kStreamBytes + stream->header_bytes_);
    const bool over_limit = streams_.size() > options_.max_concurrent_streams ||
                            head_bytes_ > (heads_.full() ? kMaxHeadBytesWhenFull : kMaxHeadBytes);
    stream->user_ = application_.OnRequest(*stream, host_, over_limit);
  }
  if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 && stream->user_ != nullptr) {
    stream->user_->OnStreamEnd();
    CountHeld(*stream, stream->user_->held_bytes());
  }
}

void Http2Session::OnData(int32_t id, std::string_view bytes) {
  nghttp2_session_consume_connection(nghttp2_, bytes.size());
  Http2Stream* stream = FindStream(id);
  if (stream == nullptr || stream->user_ == nullptr) return;
  stream->unconsumed_bytes_ += bytes.size();
  stream->user_->OnStreamData(bytes);
  CountHeld(*stream, stream->user_->held_bytes());
  const bool too_much = held_bytes_ > kMaxHeldBytes || !requests_.MayGrow(held_bytes_, 0);
  if (too_much && stream->held_bytes_ > 0) stream->Reset(NGHTTP2_ENHANCE_YOUR_CALM);
  if (stream->unsent_.size() < kHoldReceivedAboveUnsentBytes) ConsumeReceived(*stream);
}

void Http2Session::CountHeld(Http2Stream& stream, size_t held_bytes) {
  if (held_bytes < stream.held_bytes_) released_bytes_ += stream.held_bytes_ - held_bytes;
  held_bytes_ += held_bytes - stream.held_bytes_;
  stream.held_bytes_ = held_bytes;
  requests_.ReportGrowth(held_bytes_);
}

void Http2Session::CountHead(Http2Stream& stream, size_t head_bytes) {
  head_bytes_ += head_bytes - stream.head_bytes_;
  stream.head_bytes_ = head_bytes;
  heads_.ReportGrowth(head_bytes_);
}

bool Http2Session::HasOwnRoom() const {
  const size_t aside = largest_answer_ == nullptr ? 0 : largest_answer_->unsent_.size();
  return unsent_answer_bytes_ - aside < kMaxUnsentAnswerBytes;
}

bool Http2Session::HasRoom(size_t answer_bytes) const {
  return HasOwnRoom() && answers_.MayGrow(unsent_bytes_, answer_bytes);
}

bool Http2Session::StreamMayGrow(const Http2Stream& stream) const {
  return (stream.unsent_.empty() || unsent_stream_bytes() < kMaxUnsentStreamBytes) &&
         answers_.MayGrow(unsent_bytes_, 0);
}

void Http2Session::NoteLargest(Http2Stream& stream) {
  if (largest_answer_ == nullptr || stream.unsent_.size() > largest_answer_->unsent_.size()) {
    largest_answer_ = &stream;
  }
}

void Http2Session::ConsumeReceived(Http2Stream& stream) {
  if (stream.unconsumed_bytes_ == 0) return;
  nghttp2_session_consume_stream(nghttp2_, stream.id_, stream.unconsumed_bytes_);
  stream.unconsumed_bytes_ = 0;
  host_.RequestFlush();
}

void Http2Session::OnResetSent(uint32_t error_code) {
  constexpr int kMostResets = 1000;
  constexpr absl::Duration kWithin = absl::Seconds(10);
  if (error_code == NGHTTP2_NO_ERROR || error_code == NGHTTP2_CANCEL) return;  // our own wish
  if (resets_timer_ == nullptr) {
    resets_sent_ = 0;
    resets_timer_ = host_.executor().After(kWithin, [this] { resets_timer_.reset(); });
  }
  if (++resets_sent_ > kMostResets) failed_ = true;
}

void Http2Session::OnFrameSent(const nghttp2_frame& frame) {
  if (frame.hd.type == NGHTTP2_RST_STREAM) OnResetSent(frame.rst_stream.error_code);
  if (frame.hd.type == NGHTTP2_GOAWAY && frame.goaway.error_code == NGHTTP2_COMPRESSION_ERROR) {
    NoteRefused("a header field cannot be read, or is larger than 64 KiB");
  }
  if (frame.hd.type != NGHTTP2_HEADERS && frame.hd.type != NGHTTP2_DATA) return;
  sent_since_ping_ = true;
  if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return;
  if (nghttp2_session_get_stream_remote_close(nghttp2_, frame.hd.stream_id) == 0) {
    nghttp2_submit_rst_stream(nghttp2_, NGHTTP2_FLAG_NONE, frame.hd.stream_id, NGHTTP2_NO_ERROR);
  }
}

void Http2Session::OnStreamClose(int32_t id) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  Forget(*found->second);
  closed_streams_.push_back(std::move(found->second));
  streams_.erase(found);
}

void Http2Session::Forget(Http2Stream& stream) {
  stream.closed_ = true;
  CountHeld(stream, 0);
  CountHead(stream, 0);
  if (stream.whole_answer_) unsent_answer_bytes_ -= stream.unsent_.size();
  unsent_bytes_ -= stream.unsent_.size();
  if (largest_answer_ == &stream) largest_answer_ = nullptr;
  for (std::set<int32_t>* ids : {&waiting_, &waiting_large_, &stopped_}) {
    if (!ids->empty()) ids->erase(stream.id_);
  }
}

void Http2Session::TellUsers() {
  Report();
  TellDrained();
  // Indexes, not iterators: a callback may close or drain further streams.
  for (size_t i = 0; i < closed_streams_.size(); ++i) {
    const std::shared_ptr<Http2StreamUser> user = std::move(closed_streams_[i]->user_);
    if (user != nullptr) user->OnStreamClose();
  }
  closed_streams_.clear();
  AdmitWaiting(waiting_, 0);
  AdmitWaiting(waiting_large_, Room::kSmallAnswerBytes + 1);
  GoOnWithStopped();
  LookAgain();
}

void Http2Session::TellDrained() {
  for (size_t i = 0; i < drained_.size(); ++i) {
    const auto found = streams_.find(drained_[i]);
    if (found == streams_.end()) continue;
    stopped_.erase(drained_[i]);
    ConsumeReceived(*found->second);
    const std::shared_ptr<Http2StreamUser> user = found->second->user_;
    if (user != nullptr) user->OnStreamDrain();
  }
  drained_.clear();
}

// In the order in which the client asked. What answers at once takes room at once, and what does
// not asks for room again when it has something to say.
void Http2Session::AdmitWaiting(std::set<int32_t>& waiting, size_t answer_bytes) {
  while (!waiting.empty() && HasRoom(answer_bytes)) {
    const auto found = streams_.find(*waiting.begin());
    waiting.erase(waiting.begin());
    if (found == streams_.end() || found->second->user_ == nullptr) continue;
    Http2Stream& stream = *found->second;
    const std::shared_ptr<Http2StreamUser> user = stream.user_;
    user->OnStreamRoom();
    CountHeld(stream, user->held_bytes());
  }
}

// Each asks again whether it may.
void Http2Session::GoOnWithStopped() {
  if (stopped_.empty() || !answers_.MayGrow(unsent_bytes_, 0)) return;
  for (const int32_t id : std::exchange(stopped_, {})) {
    const auto found = streams_.find(id);
    if (found == streams_.end() || found->second->user_ == nullptr) continue;
    if (!StreamMayGrow(*found->second)) {
      stopped_.insert(id);
      continue;
    }
    const std::shared_ptr<Http2StreamUser> user = found->second->user_;
    user->OnStreamDrain();
  }
}

void Http2Session::Report() {
  answers_.Report(unsent_bytes_, std::exchange(sent_bytes_, 0));
  requests_.Report(held_bytes_, std::exchange(released_bytes_, 0));
  heads_.Report(head_bytes_, 0);
}

// And not only for what this connection's own client takes, which is seen as it goes.
bool Http2Session::WaitsForOthers() const {
  return !stopped_.empty() || ((!waiting_.empty() || !waiting_large_.empty()) && HasOwnRoom());
}

void Http2Session::LookAgain() {
  if (look_again_ != nullptr || failed_ || !WaitsForOthers()) return;
  look_again_ = host_.executor().After(BacklogPart::kLookAgain, [this] {
    look_again_.reset();
    TellUsers();
  });
}

}  // namespace pintle::net
