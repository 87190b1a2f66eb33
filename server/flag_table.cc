// The rows of the flags that etcd has and that do the same here.
#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/flags.h"

namespace pintle::server {
namespace {

constexpr int64_t kAny = int64_t{1} << 40;

// A mistake in it is no matter of usage (exit 1), as with etcd, which reads it later.
absl::Status SetInitialCluster(Config& config, std::string_view value) {
  std::vector<InitialMember> members;
  for (const auto& piece : SplitList(value)) {
    const auto equals = piece.find('=');
    if (equals == std::string::npos || equals == 0) {
      return absl::FailedPreconditionError("want name=http://host:2380, comma separated");
    }
    const std::string name = piece.substr(0, equals);
    const std::string url = piece.substr(equals + 1);
    if (const absl::Status bad = ParseUrl(url).status(); !bad.ok()) {
      return absl::FailedPreconditionError(bad.message());
    }
    auto known = std::find_if(members.begin(), members.end(),
                              [&](const InitialMember& member) { return member.name == name; });
    if (known == members.end()) known = members.insert(members.end(), {name, {}});
    known->peer_urls.push_back(url);
  }
  config.initial_cluster = std::move(members);
  return absl::OkStatus();
}

absl::Status SetCors(Config& config, std::string_view value) {
  const std::vector<std::string> origins = SplitList(value);
  for (const std::string& origin : origins) {
    if (origin != "*") PINTLE_RETURN_IF_ERROR(ParseUrl(origin).status());
  }
  config.cors = origins;
  return absl::OkStatus();
}

absl::Status SetProgressInterval(Config& config, std::string_view value) {
  PINTLE_ASSIGN_OR_RETURN(absl::Duration interval, ParseGoDuration(value));
  config.watch_progress_notify_interval = std::max(interval, absl::Milliseconds(100));
  return absl::OkStatus();
}

// name=true, comma separated. Known gates of etcd's promise nothing that Pintle could do without.
absl::Status SetFeatureGates(Config& config, std::string_view value) {
  static constexpr std::string_view kGates[] = {"StopGRPCServiceOnDefrag",
                                                "InitialCorruptCheck",
                                                "CompactHashCheck",
                                                "LeaseCheckpoint",
                                                "LeaseCheckpointPersist",
                                                "TxnModeWriteWithSharedBuffer",
                                                "SetMemberLocalAddr",
                                                "FastLeaseKeepAlive",
                                                "PriorityRequest",
                                                "AllAlpha",
                                                "AllBeta"};
  for (const auto& piece : SplitList(value)) {
    const auto equals = piece.find('=');
    const std::string name = piece.substr(0, equals);
    if (equals == std::string::npos) {
      return absl::InvalidArgumentError(absl::StrCat("missing bool value for ", name));
    }
    const absl::StatusOr<bool> on = ParseGoTruth(piece.substr(equals + 1));
    if (!on.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("invalid value of ", name, "=", piece.substr(equals + 1), ", must be bool"));
    }
    if (std::ranges::count(kGates, name) == 0) {
      return absl::InvalidArgumentError("unrecognized feature gate: " + name);
    }
    config.feature_gates[name] = *on;
  }
  return absl::OkStatus();
}

FlagSetter AppendTo(std::vector<std::string> net::TlsOptions::*names,
                    net::TlsOptions Config::*tls) {
  return List([=](Config& config) -> std::vector<std::string>& { return config.*tls.*names; });
}

FlagSetter TlsText(net::TlsOptions Config::*tls, std::string net::TlsOptions::*field) {
  return Text([=](Config& config) -> std::string& { return config.*tls.*field; });
}

FlagSetter TlsTruth(net::TlsOptions Config::*tls, bool net::TlsOptions::*field) {
  return Truth([=](Config& config) -> bool& { return config.*tls.*field; });
}

}  // namespace

std::vector<Flag> MemberFlags() {
  return {
      {"name", "default", "Human-readable name of this member.", false, Text(&Config::name)},
      {"data-dir", "${name}.etcd", "Folder of this member's log and store; made when absent.",
       false, Text(&Config::data_dir)},
      {"wal-dir", "", "Folder of the log, on a disk of its own; in the data-dir when not given.",
       false, Text(&Config::wal_dir)},
      {"listen-peer-urls", "http://localhost:2380", "Where to listen for the other members.", false,
       Urls(&Config::listen_peer_urls)},
      {"listen-client-urls", "http://localhost:2379",
       "Where to listen for clients (gRPC and HTTP): http, https, unix or unixs, comma separated.",
       false, Urls(&Config::listen_client_urls)},
      {"listen-client-http-urls", "",
       "Where to answer clients' HTTP; the client URLs then answer gRPC only.", false,
       Urls(&Config::listen_client_http_urls)},
      {"listen-metrics-urls", "", "Further places to answer /metrics, /health, /livez and /readyz.",
       false, Urls(&Config::listen_metrics_urls)},
      {"heartbeat-interval", "100", "Milliseconds between a leader's heartbeats.", false,
       Number(&Config::heartbeat_interval_ms, 0, 10000)},
      {"election-timeout", "1000",
       "Milliseconds without a leader until an election; at least 5 heartbeats.", false,
       Number(&Config::election_timeout_ms, 0, kAny)},
      {"max-request-bytes", "1572864", "Largest client request in bytes.", false,
       Number(&Config::max_request_bytes, 1024, int64_t{64} << 20)},
      {"max-txn-ops", "128", "Most operations in one transaction.", false,
       Number(&Config::max_txn_ops, 1, 100000)},
      {"snapshot-catchup-entries",
       "5000",
       "Entries of the log that are kept for members that were away; more while a member that is "
       "there needs them, within 256 MiB. Who needs older ones gets a snapshot.",
       false,
       Number(&Config::snapshot_catchup_entries, 1, kAny),
       {"experimental-snapshot-catchup-entries", "experimental-snapshot-catch-up-entries"}},
      {"watch-progress-notify-interval",
       "10m",
       "How often idle watches that asked for it are told the revision.",
       false,
       SetProgressInterval,
       {"experimental-watch-progress-notify-interval"},
       true},
  };
}

std::vector<Flag> ClusterFlags() {
  return {
      {"initial-advertise-peer-urls", "http://localhost:2380",
       "This member's peer URLs, as the others know them.", false,
       UrlTexts(&Config::initial_advertise_peer_urls)},
      {"advertise-client-urls", "http://localhost:2379",
       "This member's client URLs, as clients are told them.", false,
       UrlTexts(&Config::advertise_client_urls)},
      {"initial-cluster", "default=http://localhost:2380",
       "All members: name=peer-url, comma separated.", false, SetInitialCluster},
      {"initial-cluster-state", "new", "'new', or 'existing' when joining.", false,
       OneOf(&Config::initial_cluster_state, {"new", "existing"})},
      {"initial-cluster-token", "etcd-cluster", "Tells clusters with the same URLs apart.", false,
       Text(&Config::initial_cluster_token)},
      {"force-new-cluster", "false",
       "Go on as the only member, with the data that is there: a quorum was lost for good.", true,
       Truth(&Config::force_new_cluster)},
      {"strict-reconfig-check", "true", "Refuse changes of members that would endanger the quorum.",
       true, Truth(&Config::strict_reconfig_check)},
      {"unsafe-no-fsync", "false",
       "Sync nothing, for tests: a power failure loses what was acknowledged.", true,
       Truth(&Config::unsafe_no_fsync)},
      {"feature-gates", "", "name=true|false, comma separated; the names are etcd's.", false,
       SetFeatureGates},
  };
}

std::vector<Flag> SecurityFlags() {
  using Tls = net::TlsOptions;
  constexpr auto kClient = &Config::client_tls;
  constexpr auto kPeer = &Config::peer_tls;
  return {
      {"cert-file", "", "The certificate that clients see, in PEM; read again when it changes.",
       false, TlsText(kClient, &Tls::cert_file)},
      {"key-file", "", "Its private key.", false, TlsText(kClient, &Tls::key_file)},
      {"client-cert-auth", "false", "Clients must show a certificate.", true,
       TlsTruth(kClient, &Tls::client_cert_auth)},
      {"trusted-ca-file",
       "",
       "Whose certificates clients must have.",
       false,
       TlsText(kClient, &Tls::trusted_ca_file),
       {"ca-file"}},
      {"client-crl-file", "", "Revoked certificates of clients (PEM or DER).", false,
       TlsText(kClient, &Tls::crl_file)},
      {"client-cert-allowed-hostname", "", "A name that every client's certificate must be for.",
       false, AppendTo(&Tls::allowed_hostnames, kClient)},
      {"client-cert-file", "", "The certificate for this member's own client connections.", false,
       TlsText(kClient, &Tls::client_cert_file)},
      {"client-key-file", "", "Its private key.", false, TlsText(kClient, &Tls::client_key_file)},
      {"auto-tls", "false", "Serve clients by TLS with a certificate made here.", true,
       Truth(&Config::client_auto_tls)},
      {"peer-cert-file", "", "The certificate that members show each other.", false,
       TlsText(kPeer, &Tls::cert_file)},
      {"peer-key-file", "", "Its private key.", false, TlsText(kPeer, &Tls::key_file)},
      {"peer-client-cert-auth", "false", "Members must show a certificate.", true,
       TlsTruth(kPeer, &Tls::client_cert_auth)},
      {"peer-trusted-ca-file",
       "",
       "Whose certificates members must have.",
       false,
       TlsText(kPeer, &Tls::trusted_ca_file),
       {"peer-ca-file"}},
      {"peer-crl-file", "", "Revoked certificates of members (PEM or DER).", false,
       TlsText(kPeer, &Tls::crl_file)},
      {"peer-cert-allowed-cn", "", "Common names that members may have.", false,
       AppendTo(&Tls::allowed_common_names, kPeer)},
      {"peer-cert-allowed-hostname", "", "Names, one of which a member's certificate must be for.",
       false, AppendTo(&Tls::allowed_hostnames, kPeer)},
      {"peer-client-cert-file", "", "The certificate for dialing other members.", false,
       TlsText(kPeer, &Tls::client_cert_file)},
      {"peer-client-key-file", "", "Its private key.", false,
       TlsText(kPeer, &Tls::client_key_file)},
      {"peer-skip-client-san-verification",
       "false",
       "Do not check that a member's certificate fits where it connects from.",
       true,
       Truth(&Config::peer_skip_client_san_verification),
       {"experimental-peer-skip-client-san-verification"}},
      {"peer-auto-tls", "false", "Members talk by TLS with certificates made by themselves.", true,
       Truth(&Config::peer_auto_tls)},
      {"auth-token", "simple",
       "Tokens of users: 'simple', or 'jwt,sign-method=RS256,priv-key=FILE,pub-key=FILE,ttl=10m'.",
       false, Text(&Config::auth_token)},
      {"auth-token-ttl", "300", "Seconds that an unused simple token lives.", false,
       Number(&Config::auth_token_ttl_seconds, 0, kAny)},
      {"bcrypt-cost", "10", "Work of hashing a password, 4 to 31; others: 10.", false,
       Number(&Config::bcrypt_cost, 0, kAny)},
      {"self-signed-cert-validity", "1", "Years that a certificate made here is good for.", false,
       Number(&Config::self_signed_cert_validity, 0, 100)},
      {"cipher-suites", "", "Cipher suites of TLS 1.2, by their names in Go.", false,
       List(&Config::cipher_suites)},
      {"tls-min-version", "TLS1.2", "TLS1.2 or TLS1.3.", false, Text(&Config::tls_min_version)},
      {"tls-max-version", "", "TLS1.2, TLS1.3, or empty: the highest.", false,
       Text(&Config::tls_max_version)},
  };
}

std::vector<Flag> TransportFlags() {
  return {
      {"max-concurrent-streams", "4294967295", "Most concurrent calls on one client connection.",
       false, Number(&Config::max_concurrent_streams, 0, UINT32_MAX)},
      {"grpc-keepalive-min-time",
       "5s",
       "A client that pings more often than this is sent away (GOAWAY too_many_pings).",
       false,
       GoDuration(&Config::grpc_keepalive_min_time),
       {},
       true},
      {"grpc-keepalive-interval",
       "2h",
       "A client that was silent for so long is pinged.",
       false,
       GoDuration(&Config::grpc_keepalive_interval),
       {},
       true},
      {"grpc-keepalive-timeout",
       "20s",
       "How long it has to answer.",
       false,
       GoDuration(&Config::grpc_keepalive_timeout),
       {},
       true},
      {"socket-reuse-port", "false", "Set SO_REUSEPORT on listeners.", true,
       Truth(&Config::socket_reuse_port)},
      {"socket-reuse-address", "false", "Set SO_REUSEADDR on listeners; Pintle always does.", true,
       Truth(&Config::socket_reuse_address)},
      {"metrics", "basic", "extensive: durations of calls too; all else is basic.", false,
       Text(&Config::metrics)},
      {"enable-grpc-gateway", "true", "JSON below /v3/.", true, Truth(&Config::grpc_gateway)},
      {"enable-pprof", "false",
       "CPU profiles below /debug/pprof/, for whoever reaches the client port.", true,
       Truth(&Config::enable_pprof)},
      {"cors", "*", "Origins that browsers may ask from (URLs), comma separated.", false, SetCors},
      {"host-whitelist", "*",
       "Host names that HTTP requests without TLS may be for, comma separated.", false,
       List(&Config::host_whitelist)},
  };
}

std::vector<Flag> LoggingFlags() {
  return {
      {"log-level", "info", "debug, info, warn, error, panic or fatal.", false,
       OneOf(&Config::log_level, {"debug", "info", "warn", "error", "dpanic", "panic", "fatal"})},
      {"log-format", "json",
       "json or console. When it is not given and stderr is a terminal: console.", false,
       OneOf(&Config::log_format, {"json", "console"})},
      {"log-outputs",
       "default",
       "default, stderr, stdout or files, comma separated.",
       false,
       List(&Config::log_outputs),
       {"log-output"}},
      {"enable-log-rotation", "false", "Rotate the one file of --log-outputs.", true,
       Truth(&Config::enable_log_rotation)},
      {"log-rotation-config-json",
       "{\"maxsize\": 100, \"maxage\": 0, \"maxbackups\": 0, \"localtime\": false, \"compress\": "
       "false}",
       "Megabytes of one file, days and files to keep (0: all).", false,
       Text(&Config::log_rotation_config_json)},
      {"logger", "zap", "zap, for etcd's sake.", false, Text(&Config::logger)},
  };
}

// Which of them it is depends on the mode (AutoCompactionOf). To etcd this is no matter of usage,
// and neither is the mode.
absl::Status SetRetention(Config& config, std::string_view value) {
  const std::string text(value);
  int64_t number = 0;
  if (text.find_first_not_of("0123456789") != std::string::npos ||
      (!text.empty() && !absl::SimpleAtoi(text, &number))) {
    if (!ParseGoDuration(value).ok()) {
      return absl::FailedPreconditionError(
          absl::StrCat("error parsing CompactionRetention: time: invalid duration \"", text, "\""));
    }
  }
  config.auto_compaction_retention = text.empty() ? "0" : text;
  return absl::OkStatus();
}

absl::Status SetCompactionMode(Config& config, std::string_view value) {
  if (value != "periodic" && value != "revision") {
    return absl::FailedPreconditionError(
        absl::StrCat("unknown auto-compaction-mode \"", std::string(value), "\""));
  }
  config.auto_compaction_mode = std::string(value);
  return absl::OkStatus();
}

std::vector<Flag> UpkeepFlags() {
  return {
      {"quota-backend-bytes", "0",
       "Bytes of the store beyond which only deleting and compacting goes on (alarm NOSPACE); 0: "
       "2147483648, negative: none.",
       false, Number(&Config::quota_backend_bytes, -kAny, kAny)},
      {"auto-compaction-mode", "periodic", "periodic or revision: what the retention counts.",
       false, SetCompactionMode},
      {"auto-compaction-retention", "0",
       "How much history is kept, as a duration, a number of hours, or in mode revision a number "
       "of revisions; 0: all.",
       false, SetRetention},
      {"compaction-batch-limit",
       "1000",
       "Most revisions that a compaction deletes at once.",
       false,
       Number(&Config::compaction_batch_limit, 1, 1000000),
       {"experimental-compaction-batch-limit"}},
      {"corrupt-check-time",
       "4h",
       "How often the leader has all members compare everything that they store; 0: never.",
       false,
       GoDuration(&Config::corrupt_check_time),
       {"experimental-corrupt-check-time"},
       true},
  };
}

}  // namespace pintle::server
