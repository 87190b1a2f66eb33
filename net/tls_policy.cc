#include "net/tls_policy.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <chrono>
#include <utility>

#include "base/status_macros.h"
#include "net/concat.h"
#include "net/tls_checks.h"
#include "net/tls_material.h"

namespace pintle::net {
namespace {

int ConnectionIndex() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

// "127.0.0.1:50123", "[::1]:50123" → the address.
std::string WithoutPort(std::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon != std::string_view::npos) address = address.substr(0, colon);
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
  }
  return std::string(address);
}

}  // namespace

// OpenSSL's question whether a chain is good: its own answer, and then what the options ask for.
struct TlsVerifier {
  static int Verify(X509_STORE_CTX* store, void*) {
    const int ssl_index = SSL_get_ex_data_X509_STORE_CTX_idx();
    auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, ssl_index));
    auto& connection = *static_cast<TlsConnection*>(SSL_get_ex_data(ssl, ConnectionIndex()));
    const TlsMaterial& material = *connection.material_;
    if (connection.dialed_ && !material.options.verify_server) return 1;
    if (X509_verify_cert(store) != 1) {
      const int error = X509_STORE_CTX_get_error(store);
      connection.refusal_ = X509_verify_cert_error_string(error);
      return 0;
    }
    connection.refusal_ =
        ObjectionTo(X509_STORE_CTX_get0_cert(store), X509_STORE_CTX_get0_untrusted(store), material,
                    {.dialed = connection.dialed_, .other_side = connection.other_side_},
                    connection.hosts_to_look_up_);
    if (connection.refusal_.empty()) return 1;
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
  }
};

TlsConnection::~TlsConnection() { SSL_free(ssl_); }

std::string TlsConnection::common_name() const {
  if (dialed_ || SSL_get_verify_result(ssl_) != X509_V_OK) return {};
  const X509* certificate = SSL_get0_peer_certificate(ssl_);
  return certificate == nullptr ? std::string() : CommonNameOf(certificate);
}

TlsPolicy::TlsPolicy(TlsOptions options, OnEvent on_event)
    : options_(std::move(options)), on_event_(std::move(on_event)) {}

absl::StatusOr<std::shared_ptr<TlsPolicy>> TlsPolicy::Create(TlsOptions options, OnEvent on_event) {
  std::shared_ptr<TlsPolicy> policy(new TlsPolicy(std::move(options), std::move(on_event)));
  policy->stamps_ = StampsOf(policy->options_);
  PINTLE_ASSIGN_OR_RETURN(policy->material_,
                          LoadTlsMaterial(policy->options_, TlsVerifier::Verify));
  return policy;
}

std::shared_ptr<const TlsMaterial> TlsPolicy::Current() {
  std::lock_guard lock(mutex_);
  // Looked at before they are read: what changes meanwhile is seen the next time.
  std::vector<std::string> stamps = StampsOf(options_);
  if (stamps == stamps_) return material_;
  stamps_ = std::move(stamps);
  auto loaded = LoadTlsMaterial(options_, TlsVerifier::Verify);
  if (loaded.ok()) {
    material_ = *std::move(loaded);
    on_event_(Event::kReloaded, "certificates, keys or lists have changed and were read again");
  } else {
    const std::string why(loaded.status().message());
    on_event_(Event::kNotReloaded,
              "the new certificates cannot be used, the old ones stay: " + why);
  }
  return material_;
}

std::unique_ptr<TlsConnection> TlsPolicy::New(bool dialed, std::string other_side) {
  std::unique_ptr<TlsConnection> connection(new TlsConnection());
  connection->material_ = Current();
  connection->dialed_ = dialed;
  connection->other_side_ = std::move(other_side);
  SSL_CTX* context =
      dialed ? connection->material_->client.get() : connection->material_->server.get();
  if (context == nullptr) return nullptr;
  connection->ssl_ = SSL_new(context);
  if (connection->ssl_ == nullptr) return nullptr;
  SSL_set_ex_data(connection->ssl_, ConnectionIndex(), connection.get());
  return connection;
}

std::unique_ptr<TlsConnection> TlsPolicy::NewServer(std::string_view address) {
  std::unique_ptr<TlsConnection> connection = New(false, WithoutPort(address));
  if (connection != nullptr) SSL_set_accept_state(connection->ssl_);
  return connection;
}

std::unique_ptr<TlsConnection> TlsPolicy::NewClient(const std::string& host,
                                                    std::string_view protocol) {
  std::unique_ptr<TlsConnection> connection = New(true, host);
  if (connection == nullptr) return nullptr;
  SSL_set_connect_state(connection->ssl_);
  if (!IsAddress(host)) SSL_set_tlsext_host_name(connection->ssl_, host.c_str());
  if (!protocol.empty()) {
    std::string offer(1, static_cast<char>(protocol.size()));
    offer += protocol;
    SSL_set_alpn_protos(connection->ssl_, reinterpret_cast<const unsigned char*>(offer.data()),
                        static_cast<unsigned>(offer.size()));
  }
  return connection;
}

void TlsPolicy::NoteRefused(std::string_view address, std::string_view why) {
  if (refusals_.Take()) on_event_(Event::kRefused, Concat(address, ": ", why));
}

std::string TakeTlsError() {
  const unsigned long error = ERR_peek_error();
  if (error == 0) return "unknown error";
  const char* reason = ERR_reason_error_string(error);
  std::string text = reason == nullptr ? Concat("error ", error) : std::string(reason);
  ERR_clear_error();
  return text;
}

}  // namespace pintle::net
