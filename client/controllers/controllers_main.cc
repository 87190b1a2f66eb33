#include "client/controllers/controllers_main.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <future>
#include <random>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "client/controllers/manager.h"
#include "net/server.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace pintle::client::controllers {
namespace {

constexpr int kUsageError = 2;
constexpr int kMaxSimulatedNodes = 1000;
constexpr const char* kNodeVersion = "v1.33.0-pintle";

constexpr const char* kAbout =
    "Runs Pintle's controllers: deployments, replica sets, scheduling, endpoints of services,\n"
    "garbage collection, namespace deletion and the life cycle of nodes. They are clients of the\n"
    "Kubernetes API and need nothing but its URLs. Several may run; only the holder of the lease\n"
    "kube-system/pintle-controllers acts.";

struct Flags {
  std::string server;
  ManagerOptions manager;
  std::string log_level = "info";
  net::ClientTlsFlags tls;
  std::vector<net::Endpoint> endpoints;
};

// Durations as Go writes them: 40s, 5m, 1m30s.
void AddDuration(CLI::App& app, const std::string& name, absl::Duration& value,
                 const std::string& help) {
  app.add_option_function<std::string>(
         name,
         [&value, name](const std::string& text) {
           absl::Duration parsed;
           if (!absl::ParseDuration(text, &parsed) || parsed <= absl::ZeroDuration()) {
             throw CLI::ValidationError(
                 name, absl::StrCat("'", text, "' is not a positive duration such as 40s or 5m"));
           }
           value = parsed;
         },
         absl::StrCat(help, " (default ", absl::FormatDuration(value), ")"))
      ->type_name("DURATION");
}

void DefineFlags(CLI::App& app, Flags& flags) {
  ManagerOptions& manager = flags.manager;
  app.add_option("--server", flags.server,
                 "API servers, comma-separated: https://10.0.0.1:6443,https://10.0.0.2:6443; all\n"
                 "members of the cluster, so that the loss of one is survived")
      ->required()
      ->type_name("URL,…");
  app.add_option(
      "--certificate-authority", flags.tls.ca_file,
      "Whom to believe about API servers' certificates, PEM (default: the machine's own\n"
      "authorities)");
  app.add_option("--client-certificate", flags.tls.cert_file, "To show to them, PEM");
  app.add_option("--client-key", flags.tls.key_file, "Its key, PEM, without a password");
  app.add_flag("--insecure-skip-tls-verify", flags.tls.skip_verify,
               "Believe any certificate (as of --auto-tls)");
  app.add_option(
         "--simulated-nodes", manager.simulated_nodes.count,
         "Nodes that this process pretends to be; pods on them run in name only (default 0)")
      ->check(CLI::Range(0, kMaxSimulatedNodes));
  app.add_option("--simulated-node-prefix", manager.simulated_nodes.name_prefix,
                 "Their names are this and a number from 1 (default simulated-node-)");
  app.add_option("--leader-elect", manager.leader_elect,
                 "Act only while holding the lease (default true)");
  AddDuration(app, "--leader-elect-lease-duration", manager.election.lease_duration,
              "How long others wait for a silent leader");
  AddDuration(app, "--leader-elect-renew-deadline", manager.election.renew_deadline,
              "How long the leader tries to renew before it stops acting");
  AddDuration(app, "--leader-elect-retry-period", manager.election.retry_period,
              "Between two attempts to take or renew the lease");
  AddDuration(app, "--node-monitor-period", manager.node_lifecycle.monitor_period,
              "Between two looks at the nodes' heartbeats");
  AddDuration(app, "--node-monitor-grace-period", manager.node_lifecycle.monitor_grace_period,
              "Silence after which a node is taken for dead");
  AddDuration(app, "--pod-eviction-timeout", manager.node_lifecycle.pod_eviction_timeout,
              "How long pods that do not say otherwise stay on a dead node");
  app.add_option("--kube-api-qps", manager.client.qps,
                 "Requests per second, sustained (default 50)")
      ->check(CLI::PositiveNumber);
  app.add_option("--kube-api-burst", manager.client.burst, "Requests at once (default 100)")
      ->check(CLI::PositiveNumber);
  app.add_option("--log-level", flags.log_level, "debug, info, warn or error (default info)")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
}

std::string Validate(Flags& flags) {
  absl::StatusOr<std::vector<net::Endpoint>> endpoints =
      net::ParseEndpoints(flags.server, flags.tls);
  if (!endpoints.ok()) return absl::StrCat("--server: ", endpoints.status().message());
  flags.endpoints = *std::move(endpoints);
  const LeaderElectionOptions& election = flags.manager.election;
  if (election.lease_duration <= election.renew_deadline) {
    return "--leader-elect-lease-duration must be longer than --leader-elect-renew-deadline";
  }
  if (election.renew_deadline <= election.retry_period * 1.2) {
    return "--leader-elect-renew-deadline must be longer than 1.2 times "
           "--leader-elect-retry-period";
  }
  if (election.lease_duration < absl::Seconds(1)) {
    return "--leader-elect-lease-duration must be at least 1s";
  }
  return {};
}

std::string Identity(std::mt19937_64& random) {
  char host[256] = "localhost";
  gethostname(host, sizeof(host) - 1);
  return absl::StrCat(host, "_", getpid(), "_", absl::Hex(random(), absl::kZeroPad16));
}

void Run(const Flags& flags, sigset_t signals) {
  net::IoThreads threads(1);
  net::Executor& executor = threads.executor(0);
  std::random_device device;
  Loop loop{executor, [] { return absl::Now(); },
            std::mt19937_64((uint64_t{device()} << 32) ^ device())};
  ManagerOptions options = flags.manager;
  options.election.identity = Identity(loop.random);
  options.client.user_agent = "pintle-controllers";
  options.simulated_nodes.version = kNodeVersion;

  std::unique_ptr<HttpTransport> transport;
  std::unique_ptr<EndpointSet> endpoints;
  std::unique_ptr<Manager> manager;
  executor.Post([&] {
    constexpr int kMaxConnections = 128;
    transport = std::make_unique<HttpTransport>(executor, flags.endpoints, kMaxConnections);
    endpoints = std::make_unique<EndpointSet>(flags.endpoints.size());
    manager = std::make_unique<Manager>(loop, *transport, *endpoints, std::move(options));
    manager->Start();
  });

  int number = 0;
  sigwait(&signals, &number);
  spdlog::info("{}: giving the lease up and stopping", strsignal(number));
  std::promise<void> stopped;
  executor.Post([&] { manager->Stop([&] { stopped.set_value(); }); });
  stopped.get_future().wait_for(std::chrono::seconds(5));
  std::promise<void> destroyed;
  executor.Post([&] {
    manager.reset();
    endpoints.reset();
    transport.reset();
    destroyed.set_value();
  });
  destroyed.get_future().wait_for(std::chrono::seconds(5));
  threads.Stop();
}

}  // namespace

int ControllersMain(int argc, char** argv) {
  Flags flags;
  CLI::App app(kAbout, "pintle controllers");
  app.get_formatter()->column_width(42);
  DefineFlags(app, flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "pintle controllers: %s (see pintle controllers --help)\n", error.what());
    return kUsageError;
  }
  if (const std::string error = Validate(flags); !error.empty()) {
    std::fprintf(stderr, "pintle controllers: %s (see pintle controllers --help)\n", error.c_str());
    return kUsageError;
  }
  spdlog::set_default_logger(spdlog::stderr_logger_mt("controllers"));
  spdlog::set_level(spdlog::level::from_str(flags.log_level));
  spdlog::flush_on(spdlog::level::info);

  // Blocked in every thread, so that sigwait below is the one to get them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  spdlog::info("controllers for {} API server(s), {} simulated node(s)", flags.endpoints.size(),
               flags.manager.simulated_nodes.count);
  Run(flags, signals);
  return 0;
}

}  // namespace pintle::client::controllers
