#include "net/tls_session.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "net/concat.h"

namespace pintle::net {
namespace {

constexpr absl::Duration kHandshakeTimeout = absl::Seconds(10);
constexpr unsigned char kHandshakeRecord = 22;
constexpr size_t kRecordBytes = size_t{16} << 10;
// As Go's server says it to who forgot the "s".
constexpr std::string_view kPlainAnswer =
    "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

}  // namespace

// A BIO without buffers of its own: reads come from what was just received, writes go where they
// are wanted.
struct TlsSession::Wire {
  std::string_view in;
  std::string* out = nullptr;

  static int Read(BIO* bio, char* data, int size) {
    auto& wire = *static_cast<Wire*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const size_t count = std::min(wire.in.size(), static_cast<size_t>(std::max(size, 0)));
    if (count == 0) {
      BIO_set_retry_read(bio);
      return -1;
    }
    std::memcpy(data, wire.in.data(), count);
    wire.in.remove_prefix(count);
    return static_cast<int>(count);
  }
  static int Write(BIO* bio, const char* data, int size) {
    auto& wire = *static_cast<Wire*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    wire.out->append(data, static_cast<size_t>(size));
    return size;
  }
  static long Control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  BIO* NewBio() {
    static BIO_METHOD* const method = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "connection");
      PINTLE_CHECK(made != nullptr, "out of memory");
      BIO_meth_set_read(made, Read);
      BIO_meth_set_write(made, Write);
      BIO_meth_set_ctrl(made, Control);
      return made;
    }();
    BIO* bio = BIO_new(method);
    PINTLE_CHECK(bio != nullptr, "out of memory");
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    return bio;
  }
};

TlsSession::TlsSession(SessionHost& host, std::shared_ptr<TlsPolicy> policy, bool plain_too,
                       MakeInner make_inner)
    : host_(host),
      policy_(std::move(policy)),
      plain_too_(plain_too),
      make_inner_(std::move(make_inner)),
      peer_(host.peer()),
      timer_(host.executor().After(kHandshakeTimeout, [this] { Fail("handshake: i/o timeout"); })) {
}

TlsSession::TlsSession(SessionHost& host, std::unique_ptr<TlsConnection> dialed,
                       MakeInner make_inner)
    : host_(host),
      peer_(std::make_shared<const PeerIdentity>(
          PeerIdentity{.address = host.peer()->address, .secure = true})),
      tls_(std::move(dialed)),
      inner_(make_inner(*this)),
      timer_(host.executor().After(kHandshakeTimeout, [this] { Fail("handshake: i/o timeout"); })) {
  UseWire();
  Handshake();
}

TlsSession::~TlsSession() = default;

void TlsSession::Begin(std::string_view bytes) {
  const bool tls = static_cast<unsigned char>(bytes.front()) == kHandshakeRecord;
  if (!tls && plain_too_) {
    timer_.reset();
    plain_only_ = true;
    inner_ = make_inner_(*this);
    return;
  }
  if (!tls) {
    unsent_ = kPlainAnswer;
    return Fail("tls: first record does not look like a TLS handshake");
  }
  tls_ = policy_->NewServer(peer_->address);
  if (tls_ == nullptr) return Fail("tls: out of memory");
  UseWire();
}

void TlsSession::UseWire() {
  wire_ = std::make_unique<Wire>();
  wire_->out = &unsent_;
  BIO* bio = wire_->NewBio();
  SSL_set_bio(tls_->ssl(), bio, bio);
}

void TlsSession::Receive(std::string_view bytes) {
  if (over_ || bytes.empty()) return;
  if (tls_ == nullptr && inner_ == nullptr) Begin(bytes);
  if (over_) return;
  if (plain_only_) return inner_->Receive(bytes);
  wire_->in = bytes;
  if (!handshaken_) Handshake();
  if (handshaken_) ReadPlain();
  wire_->in = {};
}

void TlsSession::Handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(tls_->ssl());
  host_.RequestFlush();
  if (result == 1) return OnHandshaken();
  const int error = SSL_get_error(tls_->ssl(), result);
  if (error == SSL_ERROR_WANT_READ) return;
  Fail(tls_->refusal().empty() ? TakeTlsError() : tls_->refusal());
}

void TlsSession::OnHandshaken() {
  timer_.reset();
  handshaken_ = true;
  if (inner_ != nullptr) return;
  peer_ = std::make_shared<const PeerIdentity>(
      PeerIdentity{.address = peer_->address, .common_name = tls_->common_name(), .secure = true});
  inner_ = make_inner_(*this);
}

void TlsSession::ReadPlain() {
  std::array<char, kRecordBytes> plain;  // NOLINT(*-member-init): written before it is read
  while (!over_) {
    ERR_clear_error();
    const int count = SSL_read(tls_->ssl(), plain.data(), static_cast<int>(plain.size()));
    if (count > 0) {
      inner_->Receive(std::string_view(plain.data(), static_cast<size_t>(count)));
      continue;
    }
    const int error = SSL_get_error(tls_->ssl(), count);
    if (error == SSL_ERROR_ZERO_RETURN) {
      inner_->ReceiveEnd();
    } else if (error != SSL_ERROR_WANT_READ && policy_ == nullptr) {
      Fail(TakeTlsError());  // with TLS 1.3, a certificate that the server does not take
    } else if (error != SSL_ERROR_WANT_READ) {
      over_ = true;
    }
    break;
  }
  host_.RequestFlush();
}

void TlsSession::Fail(std::string_view why) {
  if (over_) return;
  over_ = true;
  timer_.reset();
  if (policy_ != nullptr) {
    policy_->NoteRefused(peer_->address, why);
  } else {
    inner_->Broken(why);
  }
  host_.RequestFlush();
}

void TlsSession::ReceiveEnd() {
  if (speaks()) return inner_->ReceiveEnd();
  if (tls_ != nullptr) return Fail("handshake: EOF");
  over_ = true;
}

void TlsSession::Produce(std::string& out, size_t limit_bytes) {
  if (plain_only_) return inner_->Produce(out, limit_bytes);
  out.append(unsent_);
  std::string().swap(unsent_);
  if (over_ || !handshaken_) return;
  WritePlain(out, limit_bytes);
}

void TlsSession::WritePlain(std::string& out, size_t limit_bytes) {
  if (out.size() >= limit_bytes || close_sent_) return;
  thread_local std::string plain;  // not one per idle connection
  plain.clear();
  inner_->Produce(plain, limit_bytes - out.size());
  wire_->out = &out;
  ERR_clear_error();
  if (!plain.empty() && SSL_write(tls_->ssl(), plain.data(), static_cast<int>(plain.size())) <= 0) {
    over_ = true;
  } else if (plain.empty() && inner_->done()) {
    close_sent_ = true;
    SSL_shutdown(tls_->ssl());
  }
  wire_->out = &unsent_;
}

bool TlsSession::done() const {
  if (plain_only_) return inner_->done();
  if (!unsent_.empty()) return false;
  return over_ || close_sent_;
}

void TlsSession::Shutdown() {
  if (speaks()) return inner_->Shutdown();
  over_ = true;
}

void TlsSession::Closed() {
  timer_.reset();
  if (inner_ != nullptr) inner_->Closed();
  over_ = true;
}

}  // namespace pintle::net
