// TlsPolicy: what one kind of listener, and whoever dials to its like, demands and shows under TLS:
// certificate and key, whom to believe, what else must be true of the other side.
//
// One object serves all listeners of its kind (clients, metrics and the API share one, the members
// have another). The files are looked at (stat) at every handshake and read again when one of them
// has changed, so that certificates, keys, authorities and revocation lists are replaced without a
// restart; files that do not fit together (half of a new pair) leave the old ones in force, and
// `on_event` is told. Established connections go on. Sessions are never resumed: each handshake is
// judged by the files of its moment.
//
// Threads: any; NewServer and NewClient hold a lock for as long as reading the files takes. What
// they return belongs to one connection's thread. Errors: INVALID_ARGUMENT, one line, in etcd's
// words where it has some.
// Source: etcd's client/pkg/transport (TLSInfo, its listener's checks); etcd-api.md §5.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "net/few_per_second.h"

struct ssl_st;

namespace pintle::net {

// The address of who came over a Unix socket, as Go writes it: such have none to be checked.
inline constexpr std::string_view kNoAddress = "@";

struct TlsOptions {
  std::string cert_file;  // PEM; the chain may follow
  std::string key_file;
  std::string client_cert_file;  // shown when dialing; empty: cert_file
  std::string client_key_file;
  std::string trusted_ca_file;    // empty: the machine's own authorities
  bool client_cert_auth = false;  // clients must show a certificate; so with any trusted_ca_file
  std::string crl_file;           // PEM or DER; checked by serial number only, as etcd does
  // One of them must be the common name, or a name in the certificate; empty: any.
  std::vector<std::string> allowed_common_names;
  std::vector<std::string> allowed_hostnames;
  // A client's certificate with addresses or names in it must fit where it connects from.
  bool check_client_address = false;
  bool verify_server = true;               // when dialing; false: the certificate made itself
  std::vector<std::string> cipher_suites;  // of TLS 1.2, by their names in Go; empty: good ones
  std::string min_version = "TLS1.2";      // or TLS1.3
  std::string max_version;                 // empty: the highest
  bool http2 = true;                       // is what a client gets that offers it
};

struct TlsMaterial;  // what the files held when they were read; private to net/

// One connection's end. Lives as long as its ssl_st is used.
class TlsConnection {
 public:
  ~TlsConnection();
  TlsConnection(const TlsConnection&) = delete;
  TlsConnection& operator=(const TlsConnection&) = delete;

  ssl_st* ssl() const { return ssl_; }
  // Of the other side's certificate, when it was verified; else empty.
  std::string common_name() const;
  // Why the other side's certificate was not taken; empty: it was, or it is something else.
  const std::string& refusal() const { return refusal_; }
  // After the handshake, with check_client_address: the certificate has names and no fitting
  // address, so it is good only if one of these resolves to where the client is ("*.x": if the
  // client's address has such a name, which resolves back). A look-up takes its time and is
  // therefore not made here. Empty: nothing is left to check.
  const std::vector<std::string>& hosts_to_look_up() const { return hosts_to_look_up_; }

 private:
  friend class TlsPolicy;
  friend struct TlsVerifier;
  TlsConnection() = default;

  ssl_st* ssl_ = nullptr;
  std::shared_ptr<const TlsMaterial> material_;
  bool dialed_ = false;
  std::string other_side_;  // the host that was dialed, or the client's address without its port
  std::string refusal_;
  std::vector<std::string> hosts_to_look_up_;
};

class TlsPolicy {
 public:
  enum class Event { kReloaded, kNotReloaded, kRefused };
  // `text`: for the log.
  using OnEvent = std::function<void(Event, std::string_view text)>;

  // Reads the files.
  static absl::StatusOr<std::shared_ptr<TlsPolicy>> Create(TlsOptions options, OnEvent on_event);

  // `address`: the client's, "127.0.0.1:50123". Null: out of memory.
  std::unique_ptr<TlsConnection> NewServer(std::string_view address);
  // `host`: a name or an address, that the certificate must be for. `protocol`: what is to be
  // spoken (ALPN), "h2" say; empty: nothing is said about it.
  std::unique_ptr<TlsConnection> NewClient(const std::string& host, std::string_view protocol = {});

  // A handshake failed. Reported through on_event, a few per second at most.
  void NoteRefused(std::string_view address, std::string_view why);

  const TlsOptions& options() const { return options_; }

 private:
  TlsPolicy(TlsOptions options, OnEvent on_event);
  std::shared_ptr<const TlsMaterial> Current();
  std::unique_ptr<TlsConnection> New(bool dialed, std::string other_side);

  const TlsOptions options_;
  const OnEvent on_event_;
  FewPerSecond refusals_;
  std::mutex mutex_;  // guards the rest
  std::shared_ptr<const TlsMaterial> material_;
  std::vector<std::string> stamps_;  // of the files that were last looked at
};

// Why the last call of OpenSSL's on this thread failed; empties its list of errors.
std::string TakeTlsError();

}  // namespace pintle::net
