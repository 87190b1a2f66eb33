// pintle-sim: simulates whole clusters, one per seed, and looks for a broken promise.
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "tests/sim/simulation.h"

namespace {

using pintle::sim::Draw;
using pintle::sim::Outcome;
using pintle::sim::Plan;
using pintle::sim::Settings;
using pintle::sim::Simulation;

constexpr uint64_t kTwiceOneIn = 20;

struct Arguments {
  uint64_t seeds = 100;
  uint64_t from = 1;
  size_t members = 0;
  double minutes = 0;
  double seconds = 20;
  bool trace = false;
  bool first = false;
  bool crash_points = false;
  bool everything = false;
  std::vector<std::string> crash_at;  // NAME#N
  bool crash_at_every_operation = false;
  uint64_t crash_at_operation = 0;
};

struct Totals {
  uint64_t seeds = 0;
  uint64_t violations = 0;
  uint64_t calls = 0;
  uint64_t answered = 0;
  absl::Duration simulated;
  uint64_t hash = 0;
  std::map<std::string, uint64_t> faults;
  std::map<std::string, uint64_t> fault_points;
  std::map<std::string, uint64_t> crashes_at;
};

char replay[1024];  // for the signal handler

// What has to be asked for to see this run again, and nothing else.
void NoteReplay(const Arguments& arguments, uint64_t seed, const Plan& plan) {
  std::string command = absl::StrCat("pintle-sim --seeds 1 --from ", seed);
  if (arguments.members != 0) absl::StrAppend(&command, " --members ", arguments.members);
  if (arguments.seconds != 20) absl::StrAppend(&command, " --seconds ", arguments.seconds);
  if (arguments.everything || arguments.crash_points) absl::StrAppend(&command, " --everything");
  for (const auto& [name, passing] : plan.crash_at)
    absl::StrAppend(&command, " --crash-at ", name, "#", passing);
  if (plan.crash_at_operation != 0)
    absl::StrAppend(&command, " --crash-at-op ", plan.crash_at_operation);
  std::snprintf(replay, sizeof replay, "%s", command.c_str());
}

void OnCrash(int signal) {
  const char text[] = "\npintle-sim: the process broke down; replay with: ";
  (void)!write(STDERR_FILENO, text, sizeof text - 1);
  (void)!write(STDERR_FILENO, replay, strlen(replay));
  (void)!write(STDERR_FILENO, " --trace\n", 9);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

Outcome RunSeed(const Arguments& arguments, const Settings& settings, Plan plan) {
  NoteReplay(arguments, settings.seed, plan);
  Simulation simulation(settings, std::move(plan));
  return simulation.Run();
}

void Add(Totals& totals, const Outcome& outcome) {
  totals.calls += outcome.calls;
  totals.answered += outcome.answered;
  totals.simulated += outcome.simulated;
  totals.hash = (totals.hash ^ outcome.hash) * 0x100000001b3;
  for (const auto& [kind, count] : outcome.faults) totals.faults[kind] += count;
  for (const auto& [name, count] : outcome.fault_points) totals.fault_points[name] += count;
  for (const auto& [name, count] : outcome.crashes_at) totals.crashes_at[name] += count;
}

void Report(Totals& totals, const std::string& what, const Outcome& outcome) {
  if (outcome.violation.ok()) return;
  ++totals.violations;
  std::printf("\nVIOLATION in %s after %s:\n  %s\n  replay: %s --trace\n", what.c_str(),
              absl::FormatDuration(outcome.simulated).c_str(),
              std::string(outcome.violation.message()).c_str(), replay);
  std::fflush(stdout);
}

Plan PlanOf(const Arguments& arguments) {
  Plan plan;
  if (arguments.trace) {
    plan.tell = [](const std::string& line) { std::printf("%s\n", line.c_str()); };
  }
  for (const std::string& at : arguments.crash_at) {
    const std::pair<std::string, std::string> named = absl::StrSplit(at, absl::MaxSplits('#', 1));
    uint64_t passing = 1;
    if (!absl::SimpleAtoi(named.second, &passing)) passing = 1;
    plan.crash_at[named.first] = passing;
  }
  plan.crash_at_operation = arguments.crash_at_operation;
  return plan;
}

Settings SettingsOf(const Arguments& arguments, uint64_t seed) {
  Settings settings = Draw(seed, arguments.members);
  settings.duration = absl::Seconds(arguments.seconds);
  if (arguments.crash_points || arguments.everything) HaveEverything(settings);
  const bool planned = arguments.crash_points || !arguments.crash_at.empty() ||
                       arguments.crash_at_every_operation || arguments.crash_at_operation != 0;
  if (planned) settings.crash_at_fault_point = 0;
  return settings;
}

void RunOne(const Arguments& arguments, uint64_t seed, Totals& totals) {
  const Settings settings = SettingsOf(arguments, seed);
  const Outcome outcome = RunSeed(arguments, settings, PlanOf(arguments));
  Report(totals, absl::StrCat("seed ", seed), outcome);
  Add(totals, outcome);
  ++totals.seeds;
  if (seed % kTwiceOneIn != 0) return;
  Plan silent = PlanOf(arguments);
  silent.tell = nullptr;
  Outcome again = RunSeed(arguments, settings, std::move(silent));
  if (again.hash != outcome.hash) {
    again.violation = absl::InternalError(absl::StrFormat(
        "the same seed gave two histories (hashes %016x and %016x)", outcome.hash, again.hash));
    Report(totals, absl::StrCat("seed ", seed), again);
  }
}

// A short run crashes once at each point that a run passes: the first time, and some later one.
// Where a crash leads to points that no run had passed before, they are crashed at after it.
void SweepCrashPoints(const Arguments& arguments, uint64_t seed, Totals& totals) {
  const Settings settings = SettingsOf(arguments, seed);
  std::set<std::string> known;
  std::deque<Plan> plans{{}};
  while (!plans.empty()) {
    const Plan plan = std::move(plans.front());
    plans.pop_front();
    const Outcome outcome = RunSeed(arguments, settings, plan);
    Report(totals, absl::StrCat("seed ", seed), outcome);
    Add(totals, outcome);
    ++totals.seeds;
    for (const auto& [name, passed] : outcome.fault_points) {
      if (!known.insert(name).second) continue;
      for (const uint64_t at : {uint64_t{1}, passed / 2 + 1}) {
        Plan next = plan;
        next.crash_at[name] = at;
        plans.push_back(std::move(next));
      }
    }
  }
}

void SweepOperations(const Arguments& arguments, uint64_t seed, Totals& totals) {
  const Settings settings = SettingsOf(arguments, seed);
  for (uint64_t at = 1;; ++at) {
    const Outcome outcome = RunSeed(arguments, settings, {.crash_at_operation = at});
    Report(totals, absl::StrCat("seed ", seed), outcome);
    Add(totals, outcome);
    ++totals.seeds;
    if (!outcome.faults.contains("crash-at-operation")) return;  // there are no more
  }
}

// Of all threads of this process.
double CpuSeconds() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

int Finish(const Arguments& arguments, const Totals& totals, double real_seconds) {
  if (arguments.crash_points) {
    for (const auto& [name, count] : totals.fault_points) {
      const auto crashes = totals.crashes_at.find(name);
      std::printf(
          "  %-36s passed %lu, crashed %lu\n", name.c_str(), static_cast<unsigned long>(count),
          static_cast<unsigned long>(crashes == totals.crashes_at.end() ? 0 : crashes->second));
    }
  }
  std::string faults;
  for (const auto& [kind, count] : totals.faults) absl::StrAppend(&faults, " ", kind, "=", count);
  const double simulated = absl::ToDoubleSeconds(totals.simulated);
  std::printf(
      "%s: %lu seeds, %s simulated, %.0f x real time (%.0f x per core), %.0f calls per simulated "
      "second (%.0f%% answered), hash %016lx, violations %lu, faults:%s\n",
      totals.violations == 0 ? "OK" : "BROKEN", static_cast<unsigned long>(totals.seeds),
      absl::FormatDuration(absl::Trunc(totals.simulated, absl::Seconds(1))).c_str(),
      simulated / real_seconds, simulated / CpuSeconds(),
      static_cast<double>(totals.calls) / simulated,
      100.0 * static_cast<double>(totals.answered) / static_cast<double>(totals.calls + 1),
      static_cast<unsigned long>(totals.hash), static_cast<unsigned long>(totals.violations),
      faults.c_str());
  return totals.violations == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app{
      "Simulates whole Pintle clusters in virtual time, one per seed: production code on virtual "
      "disks, network and clocks that fail, with every promise checked.\n"
      "Exit status 0: nothing was broken."};
  app.add_option("--seeds", arguments.seeds, "how many seeds to run")->check(CLI::PositiveNumber);
  app.add_option("--from", arguments.from, "the first seed");
  app.add_option("--members", arguments.members, "members per cluster; by default drawn by seed")
      ->check(CLI::IsMember({1, 3, 5, 7}));
  app.add_option("--minutes", arguments.minutes,
                 "stop after so many minutes of real time, whatever --seeds says");
  app.add_option("--seconds", arguments.seconds, "simulated seconds with faults, per seed")
      ->check(CLI::Range(0.1, 100000.0));
  app.add_flag("--first", arguments.first, "stop at the first violation");
  app.add_flag("--trace", arguments.trace, "tell the story of each seed");
  app.add_flag(
      "--crash-points", arguments.crash_points,
      "for each seed: crash once at every named point; then list how often each was passed");
  app.add_option("--crash-at", arguments.crash_at,
                 "NAME#N: crash at the N-th passing of that point");
  app.add_flag("--everything", arguments.everything,
               "every fault, each about once, as --crash-points has them");
  app.add_option("--crash-at-op", arguments.crash_at_operation,
                 "crash member 0 at its N-th write or sync");
  app.add_flag("--crash-at-every-op", arguments.crash_at_every_operation,
               "for each seed: crash member 0 at its 1st, 2nd, 3rd … write or sync");
  CLI11_PARSE(app, argc, argv);
  spdlog::set_level(arguments.trace ? spdlog::level::info : spdlog::level::off);
  std::signal(SIGABRT, OnCrash);
  std::signal(SIGSEGV, OnCrash);

  Totals totals;
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&start] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  double told = 0;
  for (uint64_t seed = arguments.from; seed < arguments.from + arguments.seeds; ++seed) {
    if (arguments.crash_points) {
      SweepCrashPoints(arguments, seed, totals);
    } else if (arguments.crash_at_every_operation) {
      SweepOperations(arguments, seed, totals);
    } else {
      RunOne(arguments, seed, totals);
    }
    if (elapsed() - told >= 10) {
      told = elapsed();
      std::printf("seed %lu, %.0f s, %lu violations\n", static_cast<unsigned long>(seed), told,
                  static_cast<unsigned long>(totals.violations));
      std::fflush(stdout);
    }
    if (arguments.minutes > 0 && elapsed() > arguments.minutes * 60) break;
    if (arguments.first && totals.violations > 0) break;
  }
  return Finish(arguments, totals, elapsed());
}
