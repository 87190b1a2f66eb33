// The rows of Pintle's own flags, and of those that etcd has and that do nothing here, or that
// promise what does not exist.
#include <algorithm>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "server/flags.h"

namespace pintle::server {
namespace {

// Checks what a flag is given that does nothing here: what etcd cannot read stays a mistake. What
// kind of value it is can be seen from the default.
FlagSetter ShapeOf(std::string_view fallback, bool boolean) {
  return [=](Config&, std::string_view value) -> absl::Status {
    if (boolean) return ParseGoTruth(value).status();
    if (ParseGoNumber(fallback).ok()) {
      const absl::StatusOr<int64_t> number = ParseGoNumber(value);
      if (number.ok() && *number < 0 && fallback != "0") {
        return absl::InvalidArgumentError("parse error");
      }
      return number.status();
    }
    if (ParseGoDuration(fallback).ok()) return ParseGoDuration(value).status();
    return absl::OkStatus();
  };
}

Flag WithoutEffect(std::string_view name, std::string_view fallback, std::string_view why,
                   bool boolean = false, std::vector<std::string_view> older = {}) {
  return {.name = name,
          .fallback = fallback,
          .help = why,
          .boolean = boolean,
          .set = ShapeOf(fallback, boolean),
          .older = std::move(older),
          .standing = FlagStanding::kNoEffect};
}

Flag NotBuilt(std::string_view name, std::string_view fallback, std::string_view instead,
              bool boolean = false, std::vector<std::string_view> older = {}) {
  return {.name = name,
          .fallback = fallback,
          .help = instead,
          .boolean = boolean,
          .set = ShapeOf(fallback, boolean),
          .older = std::move(older),
          .standing = FlagStanding::kNotBuilt};
}

Flag Obsolete(std::string_view name, std::string_view fallback, FlagSetter shape) {
  return {.name = name,
          .fallback = fallback,
          .help = "Obsolete, and ignored.",
          .set = std::move(shape),
          .standing = FlagStanding::kObsolete};
}

// One that etcd itself ignores, whatever its value, also without one.
Flag Ignored(std::string_view name) {
  return {.name = name, .boolean = true, .standing = FlagStanding::kObsolete};
}

FlagSetter OneOfThese(std::vector<std::string> choices) {
  return [choices = std::move(choices)](Config&, std::string_view value) -> absl::Status {
    if (std::ranges::count(choices, value) > 0) return absl::OkStatus();
    return absl::InvalidArgumentError("invalid value");
  };
}

// Three numbers.
absl::Status SetReportVersion(Config& config, std::string_view value) {
  int dots = 0;
  bool digit = false;
  for (const char c : value) {
    const bool dot = c == '.';
    if ((dot && !digit) || (!dot && (c < '0' || c > '9'))) dots = 3;
    dots += dot ? 1 : 0;
    digit = !dot;
  }
  if (dots != 2 || !digit) return absl::InvalidArgumentError("want three numbers, as in 3.6.4");
  config.report_version = std::string(value);
  return absl::OkStatus();
}

void Add(std::vector<Flag>& rows, std::vector<Flag> more) {
  for (Flag& row : more) rows.push_back(std::move(row));
}

std::vector<Flag> RowsWithoutEffect() {
  constexpr std::string_view kBbolt = "it tunes bbolt, which is not used";
  constexpr std::string_view kAlways = "that is always done";
  constexpr std::string_view kLog = "the log is cut by size (see --snapshot-catchup-entries)";
  Flag interval = WithoutEffect("backend-batch-interval", "", kBbolt);
  interval.set = ShapeOf("0s", false);
  return {
      WithoutEffect("snapshot-count", "100000", kLog),
      WithoutEffect("compaction-sleep-interval", "10ms",
                    "compaction takes turns with everything else", false,
                    {"experimental-compaction-sleep-interval"}),
      WithoutEffect("max-snapshots", "5", kLog),
      WithoutEffect("max-wals", "5", kLog),
      interval,
      WithoutEffect("backend-batch-limit", "0", kBbolt),
      WithoutEffect("backend-bbolt-freelist-type", "map", kBbolt, false,
                    {"experimental-backend-bbolt-freelist-type"}),
      WithoutEffect("bootstrap-defrag-threshold-megabytes", "0", "there is nothing to defragment",
                    false, {"experimental-bootstrap-defrag-threshold-megabytes"}),
      WithoutEffect("stop-grpc-service-on-defrag", "false", "there is nothing to defragment", true,
                    {"experimental-stop-grpc-service-on-defrag"}),
      WithoutEffect("experimental-txn-mode-write-with-shared-buffer", "true", kBbolt, true),
      WithoutEffect("initial-election-tick-advance", "true", "elections are fast either way", true),
      WithoutEffect("pre-vote", "true", kAlways, true),
      WithoutEffect("experimental-initial-corrupt-check", "true", kAlways, true),
      WithoutEffect("compact-hash-check-enabled", "true", kAlways, true,
                    {"experimental-compact-hash-check-enabled"}),
      WithoutEffect("compact-hash-check-time", "1m", "hashes are compared every 1024 entries",
                    false, {"experimental-compact-hash-check-time"}),
      WithoutEffect("experimental-enable-lease-checkpoint", "true", kAlways, true),
      WithoutEffect("experimental-enable-lease-checkpoint-persist", "true", kAlways, true),
      WithoutEffect("downgrade-check-time", "5s", "versions are compared all the time", false,
                    {"experimental-downgrade-check-time"}),
      WithoutEffect("raft-read-timeout", "5s", "members notice a lost peer by themselves"),
      WithoutEffect("raft-write-timeout", "5s", "members notice a lost peer by themselves"),
      WithoutEffect("warning-apply-duration", "100ms", "slow applies have a metric", false,
                    {"experimental-warning-apply-duration"}),
      WithoutEffect("warning-unary-request-duration", "300ms", "slow requests have a metric", false,
                    {"experimental-warning-unary-request-duration"}),
  };
}

std::vector<Flag> RowsNotBuilt() {
  constexpr std::string_view kDiscovery = "name the members with --initial-cluster";
  constexpr std::string_view kTracing = "leave it out";
  std::vector<Flag> rows = {
      NotBuilt("max-learners", "1", "leave it out", false, {"experimental-max-learners"}),
      NotBuilt("memory-mlock", "false", "leave it out", true, {"experimental-memory-mlock"}),
      NotBuilt("enable-distributed-tracing", "false", kTracing, true,
               {"experimental-enable-distributed-tracing"}),
      NotBuilt("distributed-tracing-address", "localhost:4317", kTracing, false,
               {"experimental-distributed-tracing-address"}),
      NotBuilt("distributed-tracing-service-name", "etcd", kTracing, false,
               {"experimental-distributed-tracing-service-name"}),
      NotBuilt("distributed-tracing-instance-id", "", kTracing, false,
               {"experimental-distributed-tracing-instance-id"}),
      NotBuilt("distributed-tracing-sampling-rate", "0", kTracing, false,
               {"experimental-distributed-tracing-sampling-rate"}),
  };
  for (const std::string_view name :
       {"discovery", "discovery-srv", "discovery-srv-name", "discovery-token",
        "discovery-endpoints", "discovery-cert", "discovery-key", "discovery-cacert",
        "discovery-user", "discovery-password"}) {
    rows.push_back(NotBuilt(name, "", kDiscovery));
  }
  return rows;
}

std::vector<Flag> ObsoleteRows() {
  std::vector<Flag> rows = {
      Obsolete("proxy", "off", OneOfThese({"off", "readonly", "on"})),
      Obsolete("discovery-fallback", "proxy", OneOfThese({"exit", "proxy"})),
      Obsolete("v2-deprecation", "not-yet",
               OneOfThese({"not-yet", "write-only", "write-only-drop-data", "gone"})),
  };
  for (const auto& [name, fallback] : std::initializer_list<std::pair<const char*, const char*>>{
           {"enable-v2", "false"},
           {"debug", "false"},
           {"experimental-enable-v2v3", ""},
           {"proxy-failure-wait", "5000"},
           {"proxy-refresh-interval", "30000"},
           {"proxy-dial-timeout", "1000"},
           {"proxy-write-timeout", "5000"},
           {"proxy-read-timeout", "0"},
           {"discovery-proxy", ""},
           {"discovery-insecure-transport", "true"},
           {"discovery-insecure-skip-tls-verify", "false"},
           {"discovery-dial-timeout", "2s"},
           {"discovery-request-timeout", "5s"},
           {"discovery-keepalive-time", "2s"},
           {"discovery-keepalive-timeout", "6s"},
           {"log-package-levels", ""}}) {
    const bool boolean =
        std::string_view(fallback) == "false" || std::string_view(fallback) == "true";
    rows.push_back(Obsolete(name, fallback, ShapeOf(fallback, boolean)));
    rows.back().boolean = boolean;
  }
  for (const std::string_view name :
       {"cluster-active-size", "cluster-remove-delay", "cluster-sync-interval", "config", "force",
        "max-result-buffer", "max-retry-attempts", "peer-heartbeat-interval",
        "peer-election-timeout", "retry-interval", "snapshot", "v", "vv", "test.coverprofile",
        "test.outputdir"}) {
    rows.push_back(Ignored(name));
  }
  return rows;
}

}  // namespace

std::vector<Flag> OwnFlags() {
  return {
      {"io-threads", "0", "Threads that serve clients; 0: half the cores, 1 to 4.", false,
       Number(&Config::io_threads, 0, 64)},
      {"api-listen-url", "",
       "Where to serve the Kubernetes API; loopback only for now. https takes --cert-file.", false,
       Urls(&Config::api_listen_urls)},
      {"report-version", "", "The etcd version that clients are told, for tests.", false,
       SetReportVersion},
      {"service-cluster-ip-range", "10.96.0.0/16", "Cluster IPs of services. (kube-apiserver's)",
       false, Text(&Config::service_cluster_ip_range)},
  };
}

std::vector<Flag> OtherFlags() {
  std::vector<Flag> rows = RowsWithoutEffect();
  Add(rows, RowsNotBuilt());
  Add(rows, ObsoleteRows());
  return rows;
}

}  // namespace pintle::server
