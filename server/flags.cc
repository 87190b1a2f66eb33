#include "server/flags.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"

namespace pintle::server {
namespace {

absl::Status Bad(std::string_view value, std::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("invalid value \"", std::string(value), "\": ", std::string(why)));
}

std::vector<std::string> SplitList(std::string_view value) {
  std::vector<std::string> out;
  for (auto piece : absl::StrSplit(std::string(value), ',', absl::SkipWhitespace())) {
    out.emplace_back(absl::StripAsciiWhitespace(piece));
  }
  return out;
}

using Setter = std::function<absl::Status(Config&, std::string_view)>;

Setter Text(std::string Config::*field) {
  return [field](Config& config, std::string_view value) {
    config.*field = std::string(value);
    return absl::OkStatus();
  };
}

Setter Number(int64_t Config::*field, int64_t least, int64_t most) {
  return [=](Config& config, std::string_view value) -> absl::Status {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size())
      return Bad(value, "not a whole number");
    if (number < least || number > most) {
      return Bad(value, absl::StrCat("must lie between ", least, " and ", most));
    }
    config.*field = number;
    return absl::OkStatus();
  };
}

// As Go reads it.
Setter Truth(bool Config::*field) {
  return [field](Config& config, std::string_view value) -> absl::Status {
    const bool yes = value == "true" || value == "1" || value == "t" || value == "T" ||
                     value == "TRUE" || value == "True" || value.empty();
    const bool no = value == "false" || value == "0" || value == "f" || value == "F" ||
                    value == "FALSE" || value == "False";
    if (!yes && !no) return Bad(value, "must be true or false");
    config.*field = yes;
    return absl::OkStatus();
  };
}

Setter OneOf(std::string Config::*field, std::vector<std::string> choices) {
  return [field, choices = std::move(choices)](Config& config,
                                               std::string_view value) -> absl::Status {
    if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
      std::string list;
      for (const auto& choice : choices) absl::StrAppend(&list, list.empty() ? "" : ", ", choice);
      return Bad(value, absl::StrCat("must be one of ", list));
    }
    config.*field = std::string(value);
    return absl::OkStatus();
  };
}

Setter Urls(std::vector<Url> Config::*field) {
  return [field](Config& config, std::string_view value) -> absl::Status {
    std::vector<Url> urls;
    for (const auto& piece : SplitList(value)) {
      PINTLE_ASSIGN_OR_RETURN(Url url, ParseUrl(piece));
      urls.push_back(std::move(url));
    }
    config.*field = std::move(urls);
    return absl::OkStatus();
  };
}

Setter UrlTexts(std::vector<std::string> Config::*field) {
  return [field](Config& config, std::string_view value) -> absl::Status {
    std::vector<std::string> urls = SplitList(value);
    for (const auto& url : urls) PINTLE_RETURN_IF_ERROR(ParseUrl(url).status());
    config.*field = std::move(urls);
    return absl::OkStatus();
  };
}

absl::Status SetInitialCluster(Config& config, std::string_view value) {
  std::vector<InitialMember> members;
  for (const auto& piece : SplitList(value)) {
    const auto equals = piece.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Bad(value, "want name=http://host:2380, comma separated");
    }
    const std::string name = piece.substr(0, equals);
    const std::string url = piece.substr(equals + 1);
    PINTLE_RETURN_IF_ERROR(ParseUrl(url).status());
    auto known = std::find_if(members.begin(), members.end(),
                              [&](const InitialMember& member) { return member.name == name; });
    if (known == members.end()) known = members.insert(members.end(), {name, {}});
    known->peer_urls.push_back(url);
  }
  config.initial_cluster = std::move(members);
  return absl::OkStatus();
}

absl::Status SetProgressInterval(Config& config, std::string_view value) {
  PINTLE_ASSIGN_OR_RETURN(absl::Duration interval, ParseGoDuration(value));
  config.watch_progress_notify_interval = std::max(interval, absl::Milliseconds(100));
  return absl::OkStatus();
}

absl::Status SetCorruptCheckTime(Config& config, std::string_view value) {
  PINTLE_ASSIGN_OR_RETURN(config.corrupt_check_time, ParseGoDuration(value));
  return absl::OkStatus();
}

absl::Status SetLogOutputs(Config& config, std::string_view value) {
  config.log_outputs = SplitList(value);
  return absl::OkStatus();
}

constexpr int64_t kAny = int64_t{1} << 40;

std::vector<Flag> MakeAuthFlags() {
  return {
      {"auth-token", "simple",
       "Tokens of users: 'simple', or 'jwt,sign-method=RS256,priv-key=FILE,pub-key=FILE,ttl=10m'.",
       false, Text(&Config::auth_token)},
      {"auth-token-ttl", "300", "Seconds that an unused simple token lives.", false,
       Number(&Config::auth_token_ttl_seconds, 0, kAny)},
      {"bcrypt-cost", "10", "Work of hashing a password, 4 to 31; others: 10.", false,
       Number(&Config::bcrypt_cost, -kAny, kAny)},
  };
}

std::vector<Flag> MakeFlags() {
  return {
      {"name", "default", "Human-readable name of this member.", false, Text(&Config::name)},
      {"data-dir", "<name>.etcd", "Folder of this member's log and store; made when absent.", false,
       Text(&Config::data_dir)},
      {"listen-peer-urls", "http://localhost:2380", "Where to listen for the other members.", false,
       Urls(&Config::listen_peer_urls)},
      {"listen-client-urls", "http://localhost:2379",
       "Where to listen for clients (gRPC and HTTP).", false, Urls(&Config::listen_client_urls)},
      {"listen-metrics-urls", "", "Further places to answer /metrics, /health, /livez and /readyz.",
       false, Urls(&Config::listen_metrics_urls)},
      {"initial-advertise-peer-urls", "http://localhost:2380",
       "This member's peer URLs, as the others know them.", false,
       UrlTexts(&Config::initial_advertise_peer_urls)},
      {"advertise-client-urls", "http://localhost:2379",
       "This member's client URLs, as clients are told them.", false,
       UrlTexts(&Config::advertise_client_urls)},
      {"initial-cluster", "<name>=http://localhost:2380",
       "All members: name=peer-url, comma separated.", false, SetInitialCluster},
      {"initial-cluster-state", "new", "'new', or 'existing' when joining.", false,
       OneOf(&Config::initial_cluster_state, {"new", "existing"})},
      {"initial-cluster-token", "etcd-cluster", "Tells clusters with the same URLs apart.", false,
       Text(&Config::initial_cluster_token)},
      {"strict-reconfig-check", "true", "Refuse changes of members that would endanger the quorum.",
       true, Truth(&Config::strict_reconfig_check)},
      {"heartbeat-interval", "100", "Milliseconds between a leader's heartbeats.", false,
       Number(&Config::heartbeat_interval_ms, 1, 10000)},
      {"election-timeout", "1000",
       "Milliseconds without a leader until an election; at least 5 heartbeats.", false,
       Number(&Config::election_timeout_ms, 1, 50000)},
      {"max-request-bytes", "1572864", "Largest client request in bytes.", false,
       Number(&Config::max_request_bytes, 1024, int64_t{64} << 20)},
      {"snapshot-catchup-entries", "5000",
       "Entries of the log that are kept for members that were away; more while a member that is "
       "there needs them, within 256 MiB. Who needs older ones gets a snapshot.",
       false, Number(&Config::snapshot_catchup_entries, 1, kAny)},
      {"quota-backend-bytes", "0",
       "Bytes of the store beyond which only deleting and compacting goes on (alarm NOSPACE); 0: "
       "2147483648, negative: none.",
       false, Number(&Config::quota_backend_bytes, -1, kAny)},
      {"max-txn-ops", "128", "Most operations in one transaction.", false,
       Number(&Config::max_txn_ops, 1, 100000)},
      {"max-concurrent-streams", "10000", "Most concurrent calls on one client connection.", false,
       Number(&Config::max_concurrent_streams, 1, kAny)},
      {"enable-grpc-gateway", "true", "JSON below /v3/.", true, Truth(&Config::grpc_gateway)},
      {"metrics", "basic", "Or extensive.", false, OneOf(&Config::metrics, {"basic", "extensive"})},
      {"watch-progress-notify-interval", "10m",
       "How often idle watches that asked for it are told the revision.", false,
       SetProgressInterval},
      {"experimental-watch-progress-notify-interval", "10m", "Older spelling of the same.", false,
       SetProgressInterval},
      {"corrupt-check-time", "4h",
       "How often the leader has all members compare everything that they store; 0: never.", false,
       SetCorruptCheckTime},
      {"experimental-corrupt-check-time", "4h", "Older spelling of the same.", false,
       SetCorruptCheckTime},
      {"log-level", "info", "debug, info, warn, error, panic or fatal.", false,
       OneOf(&Config::log_level, {"debug", "info", "warn", "error", "panic", "fatal"})},
      {"log-format", "json", "json or console.", false,
       OneOf(&Config::log_format, {"json", "console"})},
      {"log-outputs", "default", "default, stderr, stdout or files.", false, SetLogOutputs},
      {"io-threads", "0", "Threads that serve clients; 0: half the cores, 1 to 4. (Pintle's own)",
       false, Number(&Config::io_threads, 0, 64)},
      {"api-listen-url", "",
       "Where to serve the Kubernetes API; loopback only for now. (Pintle's own)", false,
       Urls(&Config::api_listen_urls)},
      {"service-cluster-ip-range", "10.96.0.0/16", "Cluster IPs of services. (kube-apiserver's)",
       false, Text(&Config::service_cluster_ip_range)},
  };
}

}  // namespace

std::span<const Flag> Flags() {
  static const std::vector<Flag>& flags = *[] {
    auto* all = new std::vector<Flag>(MakeFlags());
    const std::vector<Flag> auth = MakeAuthFlags();
    all->insert(all->end(), auth.begin(), auth.end());
    return all;
  }();
  return flags;
}

const Flag* FindFlag(std::string_view name) {
  for (const Flag& flag : Flags()) {
    if (flag.name == name) return &flag;
  }
  return nullptr;
}

bool IsAcceptedWithoutEffect(std::string_view name) {
  static constexpr auto kNames = std::to_array<std::string_view>(
      {"backend-batch-interval", "backend-batch-limit", "backend-bbolt-freelist-type",
       "experimental-backend-bbolt-freelist-type", "bootstrap-defrag-threshold-megabytes",
       "cluster-active-size", "enable-v2", "initial-election-tick-advance", "logger",
       "max-snapshots", "max-wals", "pre-vote", "proxy", "snapshot-count", "socket-reuse-address",
       "v2-deprecation", "warning-apply-duration", "experimental-warning-apply-duration"});
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

bool IsNotBuiltYet(std::string_view name) {
  static constexpr auto kNames =
      std::to_array<std::string_view>({"wal-dir",
                                       "auto-compaction-mode",
                                       "auto-compaction-retention",
                                       "force-new-cluster",
                                       "cert-file",
                                       "key-file",
                                       "trusted-ca-file",
                                       "client-cert-auth",
                                       "client-crl-file",
                                       "client-cert-allowed-hostname",
                                       "auto-tls",
                                       "peer-cert-file",
                                       "peer-key-file",
                                       "peer-trusted-ca-file",
                                       "peer-client-cert-auth",
                                       "peer-auto-tls",
                                       "peer-crl-file",
                                       "peer-cert-allowed-cn",
                                       "peer-cert-allowed-hostname",
                                       "cipher-suites",
                                       "tls-min-version",
                                       "tls-max-version",
                                       "self-signed-cert-validity",
                                       "discovery",
                                       "discovery-srv",
                                       "discovery-token",
                                       "discovery-endpoints",
                                       "enable-pprof",
                                       "experimental-initial-corrupt-check",
                                       "compact-hash-check-time",
                                       "feature-gates",
                                       "compaction-batch-limit",
                                       "compaction-sleep-interval",
                                       "unsafe-no-fsync",
                                       "cors",
                                       "host-whitelist",
                                       "listen-client-http-urls",
                                       "grpc-keepalive-min-time",
                                       "grpc-keepalive-interval",
                                       "grpc-keepalive-timeout",
                                       "max-learners",
                                       "socket-reuse-port",
                                       "enable-log-rotation",
                                       "log-rotation-config-json"});
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

std::string EnvironmentName(std::string_view flag) {
  std::string out = "ETCD_";
  for (const char c : flag)
    out.push_back(c == '-' ? '_' : absl::ascii_toupper(static_cast<unsigned char>(c)));
  return out;
}

absl::StatusOr<Url> ParseUrl(std::string_view text) {
  const auto scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos)
    return Bad(text, "want a URL such as http://127.0.0.1:2379");
  const std::string_view scheme = text.substr(0, scheme_end);
  if (scheme == "https" || scheme == "unix" || scheme == "unixs") {
    return absl::UnimplementedError(absl::StrCat(std::string(text), ": ", std::string(scheme),
                                                 " URLs are not built yet: use http://"));
  }
  if (scheme != "http") return Bad(text, "the scheme must be http");
  std::string_view rest = text.substr(scheme_end + 3);
  while (!rest.empty() && rest.back() == '/') rest.remove_suffix(1);
  if (rest.find('/') != std::string_view::npos) return Bad(text, "a URL here has no path");
  const auto colon = rest.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == rest.size()) {
    return Bad(text, "the port is missing, as in http://127.0.0.1:2379");
  }
  Url url{.host = std::string(rest.substr(0, colon)), .text = std::string(text)};
  if (url.host.size() > 2 && url.host.front() == '[' && url.host.back() == ']') {
    url.host = url.host.substr(1, url.host.size() - 2);
  }
  uint32_t port = 0;
  const std::string_view digits = rest.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size() || port > 65535) {
    return Bad(text, "the port must be a number up to 65535");
  }
  if (url.host.empty()) return Bad(text, "the host is missing");
  url.port = static_cast<uint16_t>(port);
  return url;
}

absl::StatusOr<absl::Duration> ParseGoDuration(std::string_view text) {
  absl::Duration duration;
  if (text.empty() || !absl::ParseDuration(std::string(text), &duration)) {
    return Bad(text, "want a duration such as 10m, 1h30m or 500ms");
  }
  return duration;
}

}  // namespace pintle::server
