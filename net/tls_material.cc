#include "net/tls_material.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "base/status_macros.h"
#include "net/concat.h"

namespace pintle::net {
namespace {

constexpr size_t kLargestCrlBytes = size_t{64} << 20;
// What Go offers by default, but for what is broken.
constexpr char kDefaultCiphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!aNULL:!eNULL";
constexpr std::string_view kAlpnOffer = "\x02h2\x08http/1.1";
constexpr std::string_view kAlpnOfferOfOld = "\x08http/1.1";

absl::Status Bad(const std::string& text) { return absl::InvalidArgumentError(text); }

int NoPassword(char*, int, int, void*) { return 0; }  // instead of asking at the terminal

template <const std::string_view& kOffer>
int SelectAlpn(SSL*, const unsigned char** out, unsigned char* out_size,
               const unsigned char* offered, unsigned offered_size, void*) {
  unsigned char* chosen = nullptr;
  const int found = SSL_select_next_proto(
      &chosen, out_size, reinterpret_cast<const unsigned char*>(kOffer.data()),
      static_cast<unsigned>(kOffer.size()), offered, offered_size);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

absl::StatusOr<int> VersionOf(std::string_view name) {
  if (name.empty()) return 0;
  if (name == "TLS1.2") return TLS1_2_VERSION;
  if (name == "TLS1.3") return TLS1_3_VERSION;
  return Bad(Concat("unexpected TLS version \"", name, "\""));
}

// Names of cipher suites that Go knows and OpenSSL, as Debian builds it, does not have any more.
bool IsBrokenInOpenssl(std::string_view name) {
  return name.find("RC4") != std::string_view::npos || name.find("3DES") != std::string_view::npos;
}

absl::Status SetCiphers(SSL_CTX* context, const std::vector<std::string>& names) {
  if (names.empty()) {
    SSL_CTX_set_cipher_list(context, kDefaultCiphers);
    return absl::OkStatus();
  }
  SSL_CTX_set_cipher_list(context, "ALL:!aNULL:!eNULL");
  std::string list;
  for (const std::string& name : names) {
    bool known = IsBrokenInOpenssl(name);
    STACK_OF(SSL_CIPHER)* ciphers = SSL_CTX_get_ciphers(context);
    for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) {
      const SSL_CIPHER* cipher = sk_SSL_CIPHER_value(ciphers, i);
      const char* standard = SSL_CIPHER_standard_name(cipher);
      // Go's older names of the ChaCha suites go without the hash.
      if (standard == nullptr || (name != standard && name + "_SHA256" != standard)) continue;
      known = true;
      if (name.starts_with("TLS_AES_") || name.starts_with("TLS_CHACHA20_")) continue;  // 1.3: all
      list += list.empty() ? "" : ":";
      list += SSL_CIPHER_get_name(cipher);
    }
    if (!known) return Bad(Concat("unexpected TLS cipher suite \"", name, "\""));
  }
  if (list.empty()) return absl::OkStatus();
  if (SSL_CTX_set_cipher_list(context, list.c_str()) != 1) return Bad(TakeTlsError());
  return absl::OkStatus();
}

absl::StatusOr<SslContextPtr> NewContext(const TlsOptions& options, const SSL_METHOD* method) {
  SslContextPtr context(SSL_CTX_new(method));
  if (context == nullptr) return absl::InternalError(TakeTlsError());
  PINTLE_ASSIGN_OR_RETURN(const int lowest, VersionOf(options.min_version));
  PINTLE_ASSIGN_OR_RETURN(const int highest, VersionOf(options.max_version));
  if (highest != 0 && lowest > highest) {
    return Bad(Concat("min version (", options.min_version, ") is greater than max version (",
                      options.max_version, ")"));
  }
  SSL_CTX_set_min_proto_version(context.get(), std::max(lowest, TLS1_2_VERSION));
  SSL_CTX_set_max_proto_version(context.get(), highest);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                         SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                         SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_default_passwd_cb(context.get(), NoPassword);
  PINTLE_RETURN_IF_ERROR(SetCiphers(context.get(), options.cipher_suites));
  return context;
}

absl::Status CheckReadable(const std::string& path) {
  const std::ifstream file(path, std::ios::binary);
  if (file) return absl::OkStatus();
  std::string why = std::strerror(errno);
  if (!why.empty()) why[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(why[0])));
  return Bad(Concat("open ", path, ": ", why));
}

absl::Status UsePair(SSL_CTX* context, const std::string& cert_file, const std::string& key_file) {
  PINTLE_RETURN_IF_ERROR(CheckReadable(cert_file));
  PINTLE_RETURN_IF_ERROR(CheckReadable(key_file));
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(context, cert_file.c_str()) != 1) {
    return Bad(Concat(cert_file, ": not a certificate in PEM: ", TakeTlsError()));
  }
  if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return Bad(Concat(key_file, ": not the private key in PEM, without a password, of ", cert_file,
                      ": ", TakeTlsError()));
  }
  return absl::OkStatus();
}

absl::Status UseAuthorities(SSL_CTX* context, const std::string& ca_file, bool tell_clients) {
  if (ca_file.empty()) {
    SSL_CTX_set_default_verify_paths(context);
    return absl::OkStatus();
  }
  PINTLE_RETURN_IF_ERROR(CheckReadable(ca_file));
  ERR_clear_error();
  if (SSL_CTX_load_verify_file(context, ca_file.c_str()) != 1) {
    return Bad(Concat(ca_file, ": no certificates of authorities in PEM: ", TakeTlsError()));
  }
  if (tell_clients) SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(ca_file.c_str()));
  return absl::OkStatus();
}

std::string HexOf(const ASN1_INTEGER* serial) {
  BIGNUM* number = ASN1_INTEGER_to_BN(serial, nullptr);
  char* hex = BN_bn2hex(number);
  std::string out(hex == nullptr ? "" : hex);
  OPENSSL_free(hex);
  BN_free(number);
  return out;
}

absl::Status ReadRevoked(const std::string& path, std::set<std::string>& revoked) {
  PINTLE_RETURN_IF_ERROR(CheckReadable(path));
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = file.tellg();
  if (size < 0 || static_cast<size_t>(size) > kLargestCrlBytes) {
    return Bad(Concat(path, ": not a file of at most 64 MiB"));
  }
  std::string bytes(static_cast<size_t>(size), '\0');
  file.seekg(0);
  file.read(bytes.data(), size);
  bytes.resize(static_cast<size_t>(file.gcount()));
  BIO* bio = BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size()));
  size_t lists = 0;
  const auto take = [&](X509_CRL* list) {
    if (list == nullptr) return false;
    ++lists;
    STACK_OF(X509_REVOKED)* entries = X509_CRL_get_REVOKED(list);
    for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i) {
      revoked.insert(HexOf(X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(entries, i))));
    }
    X509_CRL_free(list);
    return true;
  };
  if (bytes.find("-----BEGIN") != std::string::npos) {
    while (take(PEM_read_bio_X509_CRL(bio, nullptr, nullptr, nullptr))) {
    }
  } else {
    take(d2i_X509_CRL_bio(bio, nullptr));
  }
  BIO_free(bio);
  ERR_clear_error();
  if (lists == 0) return Bad(Concat(path, ": no list of revoked certificates in it"));
  return absl::OkStatus();
}

absl::Status CheckTogether(const TlsOptions& options) {
  if (options.cert_file.empty() != options.key_file.empty()) {
    return Bad(Concat("KeyFile and CertFile must both be present[key: ", options.key_file,
                      ", cert: ", options.cert_file, "]"));
  }
  if (options.client_cert_file.empty() != options.client_key_file.empty()) {
    return Bad(Concat("ClientKeyFile and ClientCertFile must both be present or both absent: key: ",
                      options.client_key_file, ", cert: ", options.client_cert_file, "]"));
  }
  if (!options.allowed_common_names.empty() && !options.allowed_hostnames.empty()) {
    return Bad(Concat("AllowedCN and AllowedHostname are mutually exclusive (cn=\"",
                      options.allowed_common_names.front(), "\", hostname=\"",
                      options.allowed_hostnames.front(), "\")"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<const TlsMaterial>> LoadTlsMaterial(const TlsOptions& options,
                                                                   int (*verify)(X509_STORE_CTX*,
                                                                                 void*)) {
  PINTLE_RETURN_IF_ERROR(CheckTogether(options));
  auto material = std::make_shared<TlsMaterial>();
  material->options = options;
  if (!options.crl_file.empty()) {
    PINTLE_RETURN_IF_ERROR(ReadRevoked(options.crl_file, material->revoked));
  }
  if (!options.cert_file.empty()) {
    PINTLE_ASSIGN_OR_RETURN(material->server, NewContext(options, TLS_server_method()));
    SSL_CTX* server = material->server.get();
    PINTLE_RETURN_IF_ERROR(UsePair(server, options.cert_file, options.key_file));
    SSL_CTX_set_alpn_select_cb(
        server, options.http2 ? SelectAlpn<kAlpnOffer> : SelectAlpn<kAlpnOfferOfOld>, nullptr);
    if (options.client_cert_auth || !options.trusted_ca_file.empty()) {
      PINTLE_RETURN_IF_ERROR(UseAuthorities(server, options.trusted_ca_file, true));
      SSL_CTX_set_verify(server, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
      SSL_CTX_set_cert_verify_callback(server, verify, nullptr);
    }
  }
  PINTLE_ASSIGN_OR_RETURN(material->client, NewContext(options, TLS_client_method()));
  SSL_CTX* client = material->client.get();
  const bool own_pair = options.client_cert_file.empty();
  const std::string& cert_file = own_pair ? options.cert_file : options.client_cert_file;
  const std::string& key_file = own_pair ? options.key_file : options.client_key_file;
  if (!cert_file.empty()) PINTLE_RETURN_IF_ERROR(UsePair(client, cert_file, key_file));
  PINTLE_RETURN_IF_ERROR(UseAuthorities(client, options.trusted_ca_file, false));
  SSL_CTX_set_verify(client, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(client, verify, nullptr);
  return material;
}

std::vector<std::string> StampsOf(const TlsOptions& options) {
  std::vector<std::string> stamps;
  for (const std::string* path :
       {&options.cert_file, &options.key_file, &options.client_cert_file, &options.client_key_file,
        &options.trusted_ca_file, &options.crl_file}) {
    struct stat facts {};
    if (path->empty() || stat(path->c_str(), &facts) != 0) {
      stamps.emplace_back();
    } else {
      stamps.push_back(Concat(facts.st_dev, " ", facts.st_ino, " ", facts.st_size, " ",
                              facts.st_mtim.tv_sec, " ", facts.st_mtim.tv_nsec));
    }
  }
  return stamps;
}

}  // namespace pintle::net
