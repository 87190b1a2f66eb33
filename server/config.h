// Config: what a member is told at its start: etcd's flags, ETCD_* variables and YAML keys
// (etcd-api §5), and a few of our own for the façade.
//
// Precedence is etcd's: a flag and its variable exclude each other; with --config-file both are
// ignored but for that one. Limits and contradictions are checked here, before anything is opened.
// Errors are one line and say what to do.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "net/tls_policy.h"

namespace pintle::server {

// "http://host:port", "https://…"; "unix://…" and "unixs://…" (TLS inside) with a file's name as
// host.
struct Url {
  std::string scheme = "http";
  std::string host;
  uint16_t port = 0;
  std::string text;  // as given

  bool tls() const { return scheme == "https" || scheme == "unixs"; }
  bool local() const { return scheme == "unix" || scheme == "unixs"; }
};

struct InitialMember {
  std::string name;
  std::vector<std::string> peer_urls;
};

struct Config {
  std::string name = "default";
  std::string data_dir;  // default: <name>.etcd
  std::string wal_dir;   // empty: in the data-dir
  std::vector<Url> listen_peer_urls;
  std::vector<Url> listen_client_urls;
  std::vector<Url> listen_client_http_urls;  // empty: HTTP is answered where gRPC is
  std::vector<Url> listen_metrics_urls;
  std::vector<std::string> initial_advertise_peer_urls;
  std::vector<std::string> advertise_client_urls;
  std::vector<InitialMember> initial_cluster;
  bool initial_cluster_given = false;
  std::string initial_cluster_state = "new";
  std::string initial_cluster_token = "etcd-cluster";
  bool strict_reconfig_check = true;
  bool unsafe_no_fsync = false;
  bool enable_pprof = false;
  bool force_new_cluster = false;
  int64_t heartbeat_interval_ms = 100;
  int64_t election_timeout_ms = 1000;
  int64_t max_request_bytes = 1572864;
  int64_t quota_backend_bytes = 0;  // 0: etcd's default; negative: none
  int64_t snapshot_catchup_entries = 5000;
  int64_t max_txn_ops = 128;
  int64_t max_concurrent_streams = UINT32_MAX;  // so, and 0: any number
  bool grpc_gateway = true;
  std::string metrics = "basic";
  std::string auth_token = "simple";  // or "jwt,…"
  int64_t auth_token_ttl_seconds = 300;
  int64_t bcrypt_cost = 10;
  absl::Duration watch_progress_notify_interval = absl::Minutes(10);
  absl::Duration corrupt_check_time = absl::Hours(4);  // 0: never
  std::map<std::string, bool> feature_gates;

  // Under TLS. The files are read by tls_policies.h.
  net::TlsOptions client_tls;
  net::TlsOptions peer_tls;
  bool client_auto_tls = false;
  bool peer_auto_tls = false;
  bool peer_skip_client_san_verification = false;
  int64_t self_signed_cert_validity = 1;  // years
  std::vector<std::string> cipher_suites;
  std::string tls_min_version = "TLS1.2";
  std::string tls_max_version;

  absl::Duration grpc_keepalive_min_time = absl::Seconds(5);
  absl::Duration grpc_keepalive_interval = absl::Hours(2);  // 0: never
  absl::Duration grpc_keepalive_timeout = absl::Seconds(20);
  bool socket_reuse_port = false;
  bool socket_reuse_address = false;
  std::vector<std::string> cors = {"*"};
  std::vector<std::string> host_whitelist = {"*"};

  std::string logger = "zap";
  std::string log_level = "info";
  std::string log_format;  // empty: json, or console on a terminal
  std::vector<std::string> log_outputs = {"default"};
  bool enable_log_rotation = false;
  std::string log_rotation_config_json;
  int64_t io_threads = 0;  // 0: min(4, cores / 2), at least 1

  // The façade. Empty: not served.
  std::vector<Url> api_listen_urls;
  // --auto-compaction-*; the retention as given: a number means hours, or revisions.
  std::string auto_compaction_mode = "periodic";
  std::string auto_compaction_retention = "0";
  int64_t compaction_batch_limit = 1000;

  std::string service_cluster_ip_range = "10.96.0.0/16";

  std::string report_version;  // empty: kEtcdVersion

  std::vector<std::string> warnings;  // to be logged once the log is open
};

// What the command line asks for.
struct Invocation {
  enum class Kind { kServe, kHelp, kVersion };
  Kind kind = Kind::kServe;
  Config config;
};

// `environment`: "NAME=value" strings. Errors: INVALID_ARGUMENT for a flag that is unknown or
// malformed (exit 2); FAILED_PRECONDITION for a variable or a config file that is, and for settings
// that contradict each other, UNIMPLEMENTED for etcd's flags that are not built yet (exit 1).
absl::StatusOr<Invocation> ParseCommandLine(const std::vector<std::string>& arguments,
                                            const std::vector<std::string>& environment);

// What --initial-cluster has to be for a member that begins, or joins; nobody asks it of one that
// has data already. FAILED_PRECONDITION: a contradiction, in etcd's words.
absl::Status CheckInitialCluster(const Config& config);

// What follows a command line that cannot be used, and the whole text behind --help.
void PrintUsage(std::ostream& out);
void PrintHelp(std::ostream& out);

}  // namespace pintle::server
