// pintle: a member (etcd's command line), or a verb.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <iostream>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "base/canary.h"
#include "client/controllers/controllers_main.h"
#include "server/backup/snapshot_main.h"
#include "server/config.h"
#include "server/inspect/inspect.h"
#include "server/logging.h"
#include "server/notify.h"
#include "server/server.h"
#include "server/version.h"

extern char** environ;

namespace pintle::server {
namespace {

constexpr int kExitUsage = 2;
constexpr int kExitFailure = 1;

// The signals that end a member, blocked in every thread and taken by main with sigwait.
sigset_t BlockEndSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

// `what`: as etcd's line says it.
int Fail(std::string_view what, const absl::Status& status) {
  Log(spdlog::level::critical, what, {{"error", std::string(status.message())}});
  return kExitFailure;
}

// What is wrong with a flag itself is said as Go says it, all else in the log.
int FailBeforeStart(const absl::Status& status) {
  if (absl::IsInvalidArgument(status)) {
    std::cerr << status.message() << '\n';
    PrintUsage(std::cerr);
    return kExitUsage;
  }
  Log(spdlog::level::warn, "failed to verify flags", {{"error", std::string(status.message())}});
  return kExitFailure;
}

// As etcd prints it: tools parse the first line.
void PrintVersion() {
  std::printf(
      "etcd Version: %s\nGit SHA: pintle\nGo Version: none (Pintle is C++)\nGo OS/Arch: "
      "linux/amd64\n",
      ReportedVersion().c_str());
}

// Why the member has to end for good; then main is woken by the signal that it waits for.
struct End {
  std::mutex mutex;
  std::optional<replica::Refusal> reason;
  std::string why;

  void Note(replica::Refusal refusal, const std::string& text) {
    const std::lock_guard lock(mutex);
    if (reason) return;
    reason = refusal;
    why = text;
    kill(getpid(), SIGTERM);
  }
  // Removal is what was asked for, and no failure: whoever restarts services must not try again.
  std::optional<int> ExitCode() {
    const std::lock_guard lock(mutex);
    if (!reason) return std::nullopt;
    Log(spdlog::level::critical, "the member has to end", {{"error", why}});
    return *reason == replica::Refusal::kRemoved ? 0 : kExitFailure;
  }
};

// So that the parent sees what ended us, as with etcd.
int EndBySignal(int number, const sigset_t& signals) {
  signal(number, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  std::raise(number);
  return 0;
}

// Until a signal comes. Meanwhile, once, says that the member is ready.
int WaitForSignal(const sigset_t& signals, const Server& server, const Config& config) {
  constexpr timespec kPoll = {.tv_sec = 0, .tv_nsec = 10'000'000};
  int number = -1;
  while (number < 0 && !server.Published()) number = sigtimedwait(&signals, nullptr, &kPoll);
  if (number >= 0) return number;
  server.SayReady(config);
  NotifyServiceManager("READY=1");
  sigwait(&signals, &number);
  return number;
}

void SayClosing(std::string_view message, const Config& config) {
  Log(spdlog::level::info, message,
      {{"name", config.name},
       {"data-dir", config.data_dir},
       {"advertise-peer-urls", absl::StrJoin(config.initial_advertise_peer_urls, ",")},
       {"advertise-client-urls", absl::StrJoin(config.advertise_client_urls, ",")}});
}

int Serve(const Config& config) {
  if (const absl::Status status = OpenLog(config); !status.ok()) {
    return Fail("failed to open the log", status);
  }
  if (!config.report_version.empty()) ReportedVersion() = config.report_version;
  for (const auto& warning : config.warnings) Log(spdlog::level::warn, warning);
  sigset_t signals = BlockEndSignals();
  End end;
  int number = 0;
  absl::StatusOr<std::unique_ptr<Server>> server = Server::Start(
      config, [&end](replica::Refusal refusal, const std::string& why) { end.Note(refusal, why); },
      [&signals, &number](absl::Duration limit) {
        const timespec time = absl::ToTimespec(limit);
        const int taken = sigtimedwait(&signals, nullptr, &time);
        if (taken > 0) number = taken;
        return taken <= 0;
      });
  if (number != 0) return EndBySignal(number, signals);
  if (!server.ok()) return Fail("failed to start", server.status());
  number = WaitForSignal(signals, **server, config);
  NotifyServiceManager("STOPPING=1");
  const std::optional<int> end_code = end.ExitCode();
  if (!end_code) {
    Log(spdlog::level::info, "received signal; shutting down",
        {{"signal", absl::AsciiStrToLower(strsignal(number))}});
  }
  SayClosing("closing etcd server", config);
  // Whoever asks a second time does not want to wait for clients.
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  (*server)->Stop();
  server->reset();
  SayClosing("closed etcd server", config);
  if (end_code) return *end_code;
  return EndBySignal(number, signals);
}

int Main(int argc, char** argv) {
  OpenEarlyLog();
  if constexpr (base::kHasCanaries) {
    return Fail("failed to start",
                absl::FailedPreconditionError("this build holds bugs on purpose (PINTLE_CANARIES) "
                                              "and serves the simulator only; build "
                                              "without that option"));
  }
  if (argc > 1 && std::string_view(argv[1]) == "controllers") {
    return client::controllers::ControllersMain(argc - 1, argv + 1);
  }
  if (argc > 1 && std::string_view(argv[1]) == "inspect") {
    return inspect::InspectMain(argc - 1, argv + 1);
  }
  if (argc > 1 && std::string_view(argv[1]) == "snapshot") {
    return backup::SnapshotMain(argc - 1, argv + 1);
  }
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
  const absl::StatusOr<Invocation> invocation =
      ParseCommandLine(std::vector<std::string>(argv + 1, argv + argc), environment);
  if (!invocation.ok()) return FailBeforeStart(invocation.status());
  switch (invocation->kind) {
    case Invocation::Kind::kHelp:
      PrintHelp(std::cout);
      return 0;
    case Invocation::Kind::kVersion:
      PrintVersion();
      return 0;
    case Invocation::Kind::kServe:
      return Serve(invocation->config);
  }
  return kExitFailure;
}

}  // namespace
}  // namespace pintle::server

int main(int argc, char** argv) { return pintle::server::Main(argc, argv); }
