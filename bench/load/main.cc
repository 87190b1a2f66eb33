// pintle-bench: load against any server of etcd's v3 API, and what it cost that server.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/load/runner.h"

namespace pintle::bench {
namespace {

constexpr char kDescription[] =
    "pintle-bench: closed-loop load against a server of etcd's v3 API (Pintle or etcd).\n"
    "\n"
    "  pintle-bench put   --endpoints 127.0.0.1:2379 --clients 64\n"
    "  pintle-bench range --endpoints … --keys 100000 [--serializable] [--limit 500]\n"
    "  pintle-bench txn   --endpoints …      kube-apiserver's guarded updates\n"
    "  pintle-bench watch --endpoints … --watchers 1000 --watch-connections 1 --clients 1\n"
    "  pintle-bench keepalive --endpoints … --leases 100000\n"
    "  pintle-bench put --endpoints … --leases 50000 --lease-ttl 20   while so many expire\n"
    "\n"
    "With --server-pids it also reports the servers' CPU per operation and their largest RSS.\n"
    "bench/compare runs it against Pintle and etcd in turn.";

void Print(const Options& options, const Result& result) {
  const double rate = static_cast<double>(result.operations) / result.seconds;
  const double cpu = result.operations > 0
                         ? result.server_cpu_seconds * 1e6 / static_cast<double>(result.operations)
                         : 0;
  if (options.json) {
    std::printf(
        "{\"workload\":\"%s\",\"clients\":%d,\"operations\":%ld,\"errors\":%ld,\"seconds\":%.3f,"
        "\"per_second\":%.1f,"
        "\"p50_us\":%.0f,\"p99_us\":%.0f,\"max_us\":%.0f,\"server_cpu_us_per_op\":%.3f,\"server_"
        "rss_bytes\":%ld}\n",
        options.workload.c_str(), options.clients, static_cast<long>(result.operations),
        static_cast<long>(result.errors), result.seconds, rate, result.latency.Percentile(0.5),
        result.latency.Percentile(0.99), result.latency.max(), cpu,
        static_cast<long>(result.server_rss_bytes));
    return;
  }
  std::printf("%s: %ld %s in %.1f s = %.0f/s, %ld errors%s%s\n", options.workload.c_str(),
              static_cast<long>(result.operations),
              options.workload == "watch" ? "events" : "operations", result.seconds, rate,
              static_cast<long>(result.errors), result.errors > 0 ? "; first: " : "",
              result.first_error.c_str());
  std::printf("latency: p50 %.0f us, p99 %.0f us, max %.0f us\n", result.latency.Percentile(0.5),
              result.latency.Percentile(0.99), result.latency.max());
  if (!options.server_pids.empty()) {
    std::printf("servers: %.1f us CPU per operation, largest RSS %.0f MB\n", cpu,
                static_cast<double>(result.server_rss_bytes) / 1e6);
  }
}

int Main(int argc, char** argv) {
  Options options;
  std::string endpoints = "127.0.0.1:2379";
  net::ClientTlsFlags tls;
  double seconds = 10;
  double warmup = 1;
  CLI::App app(kDescription, "pintle-bench");
  app.add_option("workload", options.workload, "put, range, txn, watch or keepalive")
      ->required()
      ->check(CLI::IsMember({"put", "range", "txn", "watch", "keepalive"}));
  app.add_option("--endpoints", endpoints, "host:port or URLs, comma separated")
      ->envname("ETCDCTL_ENDPOINTS")
      ->capture_default_str();
  app.add_option("--cacert", tls.ca_file, "whom to believe under TLS, PEM")
      ->envname("ETCDCTL_CACERT");
  app.add_option("--cert", tls.cert_file, "to show under TLS, PEM")->envname("ETCDCTL_CERT");
  app.add_option("--key", tls.key_file, "its key, PEM")->envname("ETCDCTL_KEY");
  app.add_flag("--insecure-skip-tls-verify", tls.skip_verify, "believe any server")
      ->envname("ETCDCTL_INSECURE_SKIP_TLS_VERIFY");
  app.add_option("--clients", options.clients, "calls in flight (watch: writers)")
      ->capture_default_str();
  app.add_option("--connections", options.connections, "TCP connections for them")
      ->capture_default_str();
  app.add_option("--seconds", seconds, "measured time")->capture_default_str();
  app.add_option("--warmup", warmup, "seconds before it")->capture_default_str();
  app.add_option("--keys", options.keys, "size of the key space")->capture_default_str();
  app.add_option("--value-bytes", options.value_bytes, "random bytes per value")
      ->capture_default_str();
  app.add_flag("--serializable", options.serializable, "range: read locally");
  app.add_option("--limit", options.range_limit, "range: keys per answer")->capture_default_str();
  app.add_option("--watchers", options.watchers, "watch: how many")->capture_default_str();
  app.add_option("--watch-connections", options.watch_connections, "watch: streams")
      ->capture_default_str();
  app.add_option("--leases", options.leases, "granted before the run (keepalive renews them)")
      ->capture_default_str();
  app.add_option("--lease-ttl", options.lease_ttl_seconds, "their TTL in seconds")
      ->capture_default_str();
  app.add_flag("--lease-keys", options.lease_keys, "each with a key attached");
  app.add_option("--seed", options.seed)->capture_default_str();
  app.add_option("--server-pids", options.server_pids, "processes whose CPU to count")
      ->delimiter(',');
  app.add_flag("--json", options.json, "one line of JSON");
  CLI11_PARSE(app, argc, argv);
  const bool sane = options.clients > 0 && options.connections > 0 && options.keys > 0 &&
                    seconds > 0 && options.watchers > 0 && options.value_bytes <= size_t{1} << 20 &&
                    options.leases >= 0 && (options.leases > 0 || options.workload != "keepalive");
  if (!sane) {
    std::fprintf(stderr, "pintle-bench: want positive numbers; see --help\n");
    return 2;
  }
  absl::StatusOr<std::vector<net::Endpoint>> parsed = net::ParseEndpoints(endpoints, tls);
  if (!parsed.ok()) {
    std::fprintf(stderr, "pintle-bench: %s\n", std::string(parsed.status().message()).c_str());
    return 2;
  }
  options.endpoints = *std::move(parsed);
  options.connections = std::min(options.connections, options.clients);
  options.duration = absl::Seconds(seconds);
  options.warmup = absl::Seconds(warmup);

  const absl::StatusOr<Result> result = Runner(options).Run();
  if (!result.ok()) {
    std::fprintf(stderr, "pintle-bench: %s\n", result.status().ToString().c_str());
    return 1;
  }
  Print(options, *result);
  return result->operations > 0 ? 0 : 1;
}

}  // namespace
}  // namespace pintle::bench

int main(int argc, char** argv) { return pintle::bench::Main(argc, argv); }
