#include "net/http1_session.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "absl/strings/ascii.h"
#include "net/concat.h"
#include "net/http1_exchange.h"
#include "net/http_text.h"
#include "net/parser_calls.h"

namespace pintle::net {
namespace {

constexpr size_t kDrainBytes = size_t{64} << 10;
constexpr size_t kMaxStashBytes = size_t{64} << 10;
constexpr size_t kMaxUnsentToParse =
    size_t{256} << 10;  // a client that pipelines but does not read is not served on
constexpr size_t kHeaderOverheadBytes = 32;

// "content-type" → "Content-Type", as Go's servers and most eyes expect.
std::string CanonicalName(std::string_view name) {
  std::string out(name);
  bool upper = true;
  for (char& c : out) {
    if (upper) c = absl::ascii_toupper(static_cast<unsigned char>(c));
    upper = c == '-';
  }
  return out;
}

bool HasNoVisibleText(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c == ' ' || c == '\t'; });
}

}  // namespace

struct Http1Callbacks : ParserCalls<Http1Session> {
  static const llhttp_settings_t* Settings() {
    static const llhttp_settings_t* const settings = [] {
      auto* made = new llhttp_settings_t;  // for the life of the process
      llhttp_settings_init(made);
      made->on_message_begin = [](llhttp_t* parser) {
        Self(parser).OnMessageBegin();
        return 0;
      };
      made->on_url = Data<&Http1Session::OnUrl>;
      made->on_header_field = Data<&Http1Session::OnField>;
      made->on_header_value = Data<&Http1Session::OnValue>;
      made->on_header_value_complete = Event<&Http1Session::OnValueComplete>;
      made->on_headers_complete = Event<&Http1Session::OnHeadersComplete>;
      made->on_body = Data<&Http1Session::OnBody>;
      made->on_message_complete = Event<&Http1Session::OnMessageComplete>;
      return made;
    }();
    return settings;
  }
};

Http1Session::Http1Session(SessionHost& host, HttpHandler& handler, Backlogs& backlogs,
                           Options options)
    : host_(host),
      handler_(handler),
      options_(std::move(options)),
      answers_(backlogs.answers, &host),
      requests_(backlogs.requests, &host) {
  llhttp_init(&parser_, HTTP_REQUEST, Http1Callbacks::Settings());
  parser_.data = this;
}

Http1Session::~Http1Session() = default;

// ---- parsing ----

int Http1Session::RefuseWith(int status) {
  refuse_status_ = status;
  return -1;
}

void Http1Session::OnMessageBegin() {
  phase_ = Phase::kHead;
  request_ = HttpRequest();
  target_.clear();
  field_.clear();
  value_.clear();
  header_bytes_ = 0;
}

// 0, or what the parser is told.
int Http1Session::CountHeader(size_t bytes) {
  header_bytes_ += bytes;
  if (header_bytes_ <= options_.max_header_bytes) return 0;
  if (options_.on_refused) options_.on_refused(HeadTooLarge(options_.max_header_bytes));
  return RefuseWith(431);
}

int Http1Session::OnUrl(std::string_view piece) {
  if (const int refused = CountHeader(piece.size()); refused != 0) return refused;
  target_.append(piece);
  return 0;
}

int Http1Session::OnField(std::string_view piece) {
  const size_t overhead = field_.empty() ? kHeaderOverheadBytes : 0;
  if (const int refused = CountHeader(piece.size() + overhead); refused != 0) return refused;
  field_.append(piece);
  return 0;
}

int Http1Session::OnValue(std::string_view piece) {
  if (const int refused = CountHeader(piece.size()); refused != 0) return refused;
  value_.append(piece);
  return 0;
}

int Http1Session::OnValueComplete() {
  if (phase_ == Phase::kHead) {  // later ones are trailers, which mean nothing to us
    absl::AsciiStrToLower(&field_);
    absl::StripAsciiWhitespace(&value_);
    request_.headers.Add(std::move(field_), std::move(value_));
  }
  field_.clear();
  value_.clear();
  return 0;
}

int Http1Session::OnHeadersComplete() {
  if (const int refused = CheckHead(); refused != 0) return refused;
  phase_ = Phase::kBody;
  const bool has_body = parser_.content_length > 0 || (parser_.flags & F_CHUNKED) != 0;
  const std::string_view expect = request_.headers.Get("expect");
  if (!expect.empty() && !http_1_0_) {
    if (!(absl::AsciiStrToLower(absl::string_view(expect.data(), expect.size())) == "100-continue"))
      return RefuseWith(417);
    if (has_body) Queue("HTTP/1.1 100 Continue\r\n\r\n");
  }
  parser_.upgrade = 0;  // an offer to upgrade may be ignored, and is
  return 0;
}

int Http1Session::CheckHead() {
  if (parser_.http_major != 1 || parser_.http_minor > 1) return RefuseWith(505);
  http_1_0_ = parser_.http_minor == 0;
  if (parser_.method == HTTP_CONNECT) return RefuseWith(405);
  request_.method = llhttp_method_name(static_cast<llhttp_method_t>(parser_.method));
  if (!SetTarget()) return RefuseWith(400);
  int hosts = 0;
  for (const auto& [name, value] : request_.headers.fields()) hosts += name == "host" ? 1 : 0;
  if (hosts > 1 || (hosts == 0 && !http_1_0_)) return RefuseWith(400);
  // Whoever is in front of us may have believed the other one: request smuggling.
  const bool coded = (parser_.flags & F_TRANSFER_ENCODING) != 0;
  if (coded && (parser_.flags & F_CONTENT_LENGTH) != 0) return RefuseWith(400);
  if (coded && ((parser_.flags & F_CHUNKED) == 0 || http_1_0_)) return RefuseWith(400);
  if (!coded && parser_.content_length > options_.max_body_bytes) return RefuseWith(413);
  return 0;
}

// Origin form "/path?query", absolute form "http://host/path?query", and "*".
bool Http1Session::SetTarget() {
  std::string_view target = target_;
  if (target == "*") {
    request_.path = target;
    return parser_.method == HTTP_OPTIONS;
  }
  if (!target.starts_with('/')) {
    const size_t scheme_end = target.find("://");
    if (scheme_end == std::string_view::npos) return false;
    target.remove_prefix(scheme_end + 3);
    target.remove_prefix(std::min(target.find_first_of("/?"), target.size()));
  }
  SplitTarget(target, request_.path, request_.query);
  if (request_.path.empty()) request_.path = "/";
  return true;
}

int Http1Session::OnBody(std::string_view piece) {
  if (request_.body.size() + piece.size() > options_.max_body_bytes) return RefuseWith(413);
  request_.body.append(piece);
  requests_.ReportGrowth(request_.body.size());
  return requests_.MayGrow(request_.body.size(), 0) ? 0 : RefuseWith(503);
}

int Http1Session::OnMessageComplete() {
  phase_ = Phase::kIdle;
  received_bytes_ += request_.body.size();
  keep_alive_ = llhttp_should_keep_alive(&parser_) != 0 && !shutdown_;
  return HPE_PAUSED;
}

bool Http1Session::CanParse() const {
  return exchange_ == nullptr && !closing_ && unsent_.size() < kMaxUnsentToParse;
}

void Http1Session::Parse(std::string_view bytes) {
  while (!bytes.empty()) {
    if (websocket_ != nullptr) return ReadWebSocket(bytes);
    if (!CanParse()) {
      if (!closing_) stash_.append(bytes);
      return;
    }
    const llhttp_errno_t error = llhttp_execute(&parser_, bytes.data(), bytes.size());
    if (error == HPE_OK) break;
    if (error != HPE_PAUSED) return Refuse(refuse_status_ != 0 ? refuse_status_ : 400);
    bytes.remove_prefix(static_cast<size_t>(llhttp_get_error_pos(&parser_) - bytes.data()));
    llhttp_resume(&parser_);
    Dispatch();
  }
  WatchTime();
}

void Http1Session::ParseStash() {
  if (stash_.empty() || (websocket_ == nullptr && !CanParse())) return;
  const std::string bytes = std::exchange(stash_, std::string());
  Parse(bytes);
}

void Http1Session::Dispatch() {
  timer_.reset();
  timed_phase_ = Phase::kIdle;
  request_.peer = host_.peer()->address;
  request_.secure = host_.peer()->secure;
  const auto exchange = std::make_shared<Http1Exchange>(*this, host_.executor(),
                                                        request_.method == "HEAD", http_1_0_);
  exchange_ = exchange;
  accept_.reset();
  if (!http_1_0_ && OffersWebSocket(request_)) accept_ = WebSocketAccept(request_.headers);
  handler_.Handle(std::move(request_), exchange);
}

// A request that is not whole yet has a deadline, so that slow senders cannot hold connections for
// ever.
void Http1Session::WatchTime() {
  if (phase_ == timed_phase_) return;
  timed_phase_ = phase_;
  timer_.reset();
  if (phase_ == Phase::kIdle) return;
  const absl::Duration limit =
      phase_ == Phase::kHead ? options_.head_timeout : options_.body_timeout;
  timer_ = host_.executor().After(limit, [this] { Refuse(408); });
}

void Http1Session::Refuse(int status) {
  keep_alive_ = false;
  Headers headers;
  headers.Add("content-type", "text/plain; charset=utf-8");
  std::string body = PlainErrorBody(status);
  SendHead(status, headers, Concat("Content-Length: ", body.size(), "\r\n"));
  Queue(std::move(body));
  closing_ = true;
  timer_.reset();
}

// ---- the session ----

void Http1Session::Receive(std::string_view bytes) {
  if (closing_) return;
  if (stash_.empty()) {
    Parse(bytes);
  } else {
    stash_.append(bytes);
  }
  Report();
}

void Http1Session::ReceiveEnd() {
  end_received_ = true;
  if (exchange_ == nullptr && stash_.empty()) closing_ = true;
  if (exchange_ == nullptr) return;
  timer_ = host_.executor().After(options_.half_closed_wait, [this] {
    if (exchange_ == nullptr) return;
    DropExchange();
    host_.RequestFlush();
  });
}

void Http1Session::Produce(std::string& out, size_t limit_bytes) {
  // A client may end its half and wait for one answer, but an endless one has lost its reader.
  if (end_received_ && exchange_ != nullptr && exchange_->started()) DropExchange();
  ParseStash();
  while (out.size() < limit_bytes && !unsent_.empty()) {
    sent_bytes_ += unsent_.Take(out, limit_bytes - out.size());
    ParseStash();
  }
  if (end_received_ && exchange_ == nullptr && stash_.empty()) closing_ = true;
  if (above_drain_mark_ && unsent_.size() < kDrainBytes) {
    above_drain_mark_ = false;
    if (exchange_ != nullptr) std::shared_ptr(exchange_)->Drained();
  }
  Report();
}

bool Http1Session::WantsRead() const {
  if (websocket_ != nullptr) return !closing_ && unsent_.size() < kMaxUnsentToParse;
  return !closing_ && stash_.size() < kMaxStashBytes && (exchange_ != nullptr || CanParse());
}

bool Http1Session::done() const { return closing_ && exchange_ == nullptr && unsent_.empty(); }

void Http1Session::Shutdown() {
  shutdown_ = true;
  keep_alive_ = false;
  if (exchange_ == nullptr && phase_ == Phase::kIdle && stash_.empty()) closing_ = true;
}

void Http1Session::Closed() {
  timer_.reset();
  look_again_.reset();
  DropExchange();
  answers_.End();
  requests_.End();
}

void Http1Session::Report() {
  answers_.Report(unsent_.size(), std::exchange(sent_bytes_, 0));
  const size_t body_bytes = phase_ == Phase::kBody ? request_.body.size() : 0;
  requests_.Report(body_bytes + stash_.size(), std::exchange(received_bytes_, 0));
}

void Http1Session::LookAgain() {
  if (look_again_ != nullptr) return;
  look_again_ = host_.executor().After(BacklogPart::kLookAgain, [this] {
    look_again_.reset();
    if (exchange_ != nullptr) std::shared_ptr(exchange_)->LookAgain();
  });
}

void Http1Session::DropExchange() {
  closing_ = true;
  unsent_.Clear();
  stash_.clear();
  const std::shared_ptr<Http1Exchange> exchange = std::move(exchange_);
  exchange_ = nullptr;
  if (exchange != nullptr) exchange->Detach();
}

void Http1Session::SendHead(int status, const Headers& headers, std::string_view framing) {
  std::string head = Concat("HTTP/1.1 ", status, " ", ReasonPhrase(status), "\r\n");
  for (const auto& [name, value] : headers.fields()) {
    if (IsSessionHeader(name) || HasNoVisibleText(name)) continue;
    head += Concat(CanonicalName(name), ": ", SafeHeaderValue(value), "\r\n");
  }
  const std::string_view date = HttpDate();
  head += Concat("Date: ", date, "\r\n", framing);
  if (!keep_alive_) {
    head += "Connection: close\r\n";
  } else if (http_1_0_) {
    head += "Connection: keep-alive\r\n";
  }
  head += "\r\n";
  Queue(std::move(head));
}

void Http1Session::Queue(std::string bytes) {
  unsent_.Append(std::move(bytes));
  if (unsent_.size() >= kDrainBytes) above_drain_mark_ = true;
  answers_.ReportGrowth(unsent_.size());
  host_.RequestFlush();
}

bool Http1Session::BeginWebSocket(const Headers& headers) {
  if (!accept_ || shutdown_) return false;
  keep_alive_ = true;  // what it would say in the head
  SendHead(101, headers,
           Concat("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ",
                  std::string_view(*accept_), "\r\n"));
  websocket_ = std::make_unique<WebSocketReader>(options_.max_body_bytes);
  return true;
}

void Http1Session::EndWebSocket(uint16_t code) {
  Queue(WebSocketCloseFrame(code));
  keep_alive_ = false;
  ExchangeDone();
}

void Http1Session::ReadWebSocket(std::string_view bytes) {
  // What a message leads to may end it.
  while (exchange_ != nullptr) {
    switch (websocket_->Next(bytes)) {
      case WebSocketReader::Event::kNothing:
        return;
      case WebSocketReader::Event::kMessage:
        std::shared_ptr(exchange_)->Received(std::move(websocket_->payload()));
        break;
      case WebSocketReader::Event::kPing:
        Queue(WebSocketFrame(WebSocketOpcode::kPong, websocket_->payload()));
        break;
      case WebSocketReader::Event::kClose:
        EndWebSocket(kWebSocketNormalClosure);
        break;
      case WebSocketReader::Event::kBroken:
        EndWebSocket(websocket_->close_code());
        break;
    }
  }
}

void Http1Session::ExchangeDone() {
  if (!keep_alive_) closing_ = true;
  const std::shared_ptr<Http1Exchange> exchange = std::move(exchange_);
  exchange_ = nullptr;
  exchange->Detach();
  host_.RequestFlush();
}

}  // namespace pintle::net
