#include "server/tls_policies.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "net/tls_self_signed.h"
#include "server/logging.h"

namespace pintle::server {
namespace {

bool AnyTls(const std::vector<Url>& urls) {
  return std::ranges::any_of(urls, [](const Url& url) { return url.tls(); });
}

bool HasPair(const net::TlsOptions& options) {
  return !options.cert_file.empty() && !options.key_file.empty();
}

net::TlsPolicy::OnEvent LogEvents(std::string_view endpoint) {
  return [refused = absl::StrCat("rejected connection on ", std::string(endpoint), " endpoint"),
          where = std::string(endpoint)](net::TlsPolicy::Event event, std::string_view text) {
    switch (event) {
      case net::TlsPolicy::Event::kReloaded:
        return Log(spdlog::level::info, text, {{"endpoint", where}});
      case net::TlsPolicy::Event::kNotReloaded:
        return Log(spdlog::level::err, text, {{"endpoint", where}});
      case net::TlsPolicy::Event::kRefused:
        return Log(spdlog::level::warn, refused, {{"error", std::string(text)}});
    }
  };
}

// The same for both: what --cipher-suites and the versions say.
net::TlsOptions WithShared(const Config& config, net::TlsOptions options) {
  options.cipher_suites = config.cipher_suites;
  options.min_version = config.tls_min_version;
  options.max_version = config.tls_max_version;
  return options;
}

// What is said and not done, since the URL says http.
void WarnOfPlainUrls(const std::vector<Url>& urls, const net::TlsOptions& options) {
  for (const Url& url : urls) {
    if (url.tls()) continue;
    if (HasPair(options)) {
      Log(spdlog::level::warn,
          "scheme is HTTP while key and cert files are present; ignoring key and cert files",
          {{"url", url.text}});
    }
    if (options.client_cert_auth) {
      Log(spdlog::level::warn,
          "scheme is HTTP while client cert auth is enabled; ignoring client cert auth for this "
          "URL",
          {{"url", url.text}});
    }
  }
}

absl::Status UseSelfSigned(const Config& config, std::string_view kind,
                           const std::vector<Url>& urls, net::TlsOptions& options) {
  if (HasPair(options)) {
    Log(spdlog::level::warn, "ignoring auto TLS since certs given", {{"for", std::string(kind)}});
    return absl::OkStatus();
  }
  if (config.self_signed_cert_validity <= 0) {
    return absl::FailedPreconditionError(
        "selfSignedCertValidity is invalid,it should be greater than 0");
  }
  std::vector<std::string> hosts;
  for (const Url& url : urls) {
    if (url.tls() && !url.local()) hosts.push_back(url.host);
  }
  const std::string folder = absl::StrCat(config.data_dir, "/fixtures/", std::string(kind));
  PINTLE_RETURN_IF_ERROR(net::MakeSelfSignedPair(folder, hosts, config.self_signed_cert_validity));
  options.cert_file = folder + "/cert.pem";
  options.key_file = folder + "/key.pem";
  options.verify_server = false;
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<net::TlsPolicy>> ForClients(const Config& config) {
  net::TlsOptions options = WithShared(config, config.client_tls);
  std::vector<Url> urls;
  for (const auto* list : {&config.listen_client_urls, &config.listen_client_http_urls,
                           &config.listen_metrics_urls, &config.api_listen_urls}) {
    urls.insert(urls.end(), list->begin(), list->end());
  }
  WarnOfPlainUrls(config.listen_client_urls, options);
  if (config.client_auto_tls) {
    PINTLE_RETURN_IF_ERROR(UseSelfSigned(config, "client", urls, options));
  }
  if (!AnyTls(urls) && options.cert_file.empty() && options.key_file.empty()) return nullptr;
  if (AnyTls(urls) && options.cert_file.empty() && options.key_file.empty()) {
    const auto first = std::ranges::find_if(urls, [](const Url& url) { return url.tls(); });
    return absl::FailedPreconditionError(
        absl::StrCat("TLS key/cert (--cert-file, --key-file) must be provided for client url ",
                     first->text, " with HTTPS scheme"));
  }
  return net::TlsPolicy::Create(std::move(options), LogEvents("client"));
}

absl::StatusOr<std::shared_ptr<net::TlsPolicy>> ForPeers(const Config& config) {
  net::TlsOptions options = WithShared(config, config.peer_tls);
  WarnOfPlainUrls(config.listen_peer_urls, options);
  if (config.peer_auto_tls) {
    PINTLE_RETURN_IF_ERROR(UseSelfSigned(config, "peer", config.listen_peer_urls, options));
  }
  options.check_client_address = !config.peer_skip_client_san_verification;
  options.http2 = false;  // members speak frames, and whoever looks at a page HTTP/1
  for (const Url& url : config.listen_peer_urls) {
    if (!url.tls() || !options.cert_file.empty() || !options.key_file.empty()) continue;
    return absl::FailedPreconditionError(absl::StrCat("cannot listen on TLS for ", url.host, ":",
                                                      url.port,
                                                      ": KeyFile and CertFile are not presented"));
  }
  // Also without a pair of our own: other members' URLs may be https.
  return net::TlsPolicy::Create(std::move(options), LogEvents("peer"));
}

}  // namespace

absl::StatusOr<TlsPolicies> MakeTlsPolicies(const Config& config) {
  TlsPolicies policies;
  PINTLE_ASSIGN_OR_RETURN(policies.clients, ForClients(config));
  PINTLE_ASSIGN_OR_RETURN(policies.peers, ForPeers(config));
  return policies;
}

}  // namespace pintle::server
