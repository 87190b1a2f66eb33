// pintle-differential: the same stream of requests to Pintle and to a real etcd, answers compared.
//
// Both are fresh one-member clusters that the caller has started (tests/differential/run). Changes
// go one by one, reads sixteen at a time. Ends 0 when every answer was equal or is a known
// difference, 1 when not. What it prints of a difference, with the seed, is enough to see it again.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "net/server.h"
#include "tests/differential/comparison.h"
#include "tests/differential/crashes.h"
#include "tests/differential/differences.h"
#include "tests/differential/generator.h"
#include "tests/differential/names.h"
#include "tests/differential/side.h"
#include "tests/differential/snapshot.h"
#include "tests/differential/watches.h"

namespace pintle::tests {
namespace {

constexpr size_t kReadsAtOnce = 16;
constexpr int kWatchesPerStream = 40;

struct Options {
  std::string pintle;
  std::string etcd;
  std::string release = "3.5";
  uint64_t seed = 1;
  int64_t requests = 1000;
  int64_t differences = 1;
  bool trace = false;
  std::string crash;
};

class Run {
 public:
  Run(const Options& options, net::IoThreads& io)
      : options_(options),
        pintle_(io.executor(0), "pintle", options.pintle),
        etcd_(io.executor(1), "etcd", options.etcd),
        generator_(options.seed, options.release) {}

  int All();

 private:
  void Ask(const std::vector<Request>& requests);
  std::future<Answer> Call(Side& side, const Names& names, const Request& request);
  void Check(const Request& request, const Answer& ours, const Answer& theirs);
  void Learn(const Request& request, const Answer& theirs);
  void WatchSomething();
  void LetWatchesCatchUp();
  void CompareWatches();
  void EndWatches();
  void Report(const std::string& kind, const std::string& text);

  Options options_;
  Side pintle_;
  Side etcd_;
  Names pintle_names_;
  Names etcd_names_;
  Generator generator_;
  std::unique_ptr<Watches> watches_;
  std::map<std::string, int64_t> asked_;  // by method
  std::map<std::string, int64_t> known_;
  std::map<std::string, int64_t> kinds_;  // of differences
  bool gone_ = false;
  int64_t done_ = 0;
  int64_t refused_ = 0;
  int64_t events_ = 0;
  int64_t differences_ = 0;
  int64_t revision_ = 1;
  int64_t compacted_ = -1;
  int64_t rounds_ = 0;
};

void Run::Report(const std::string& kind, const std::string& text) {
  ++differences_;
  if (++kinds_[kind] > 1) return;  // the first of its kind says it
  const auto done = static_cast<long long>(done_);
  const auto seed = static_cast<unsigned long long>(options_.seed);
  std::printf(
      "DIFFERENCE after %lld requests of seed %llu\n%s\n"
      "Again: tests/differential/run --release %s --seed %llu --requests %lld --trace\n",
      done, seed, text.c_str(), options_.release.c_str(), seed, done);
}

void Run::Learn(const Request& request, const Answer& theirs) {
  if (!theirs.ok()) return;
  // Any answer's header has the same place and number.
  etcdserverpb::PutResponse headed;
  if (headed.ParseFromString(*theirs) && headed.header().revision() > 0) {
    revision_ = headed.header().revision();
  }
  etcdserverpb::CompactionRequest compaction;
  if (request.path == "/etcdserverpb.KV/Compact" && compaction.ParseFromString(request.bytes)) {
    compacted_ = compaction.revision();
  }
  generator_.Learn(revision_, compacted_);
  v3electionpb::CampaignResponse campaign;
  if (request.path == "/v3electionpb.Election/Campaign" && campaign.ParseFromString(*theirs)) {
    generator_.Learn(campaign.leader());
  }
}

void Run::Check(const Request& request, const Answer& ours, const Answer& theirs) {
  ++done_;
  ++asked_[request.path];
  if (!theirs.ok()) ++refused_;
  Learn(request, theirs);
  pintle_names_.Learn(request, ours);
  etcd_names_.Learn(request, theirs);
  const std::string a = Describe(request, ours, pintle_names_);
  const std::string b = Describe(request, theirs, etcd_names_);
  if (options_.trace) std::printf("%s\n  %s\n", DescribeRequest(request).c_str(), b.c_str());
  for (const auto& [answer, side] : {std::pair(&ours, &pintle_), std::pair(&theirs, &etcd_)}) {
    if (IsGone(*answer)) {
      gone_ = true;
      Report(side->name() + " ended",
             absl::StrCat(side->name(), " ended at ", DescribeRequest(request), ": ",
                          answer->status().message()));
      return;
    }
  }
  if (a == b) return;
  for (const Difference& difference : KnownDifferences()) {
    if (difference.releases.find(options_.release) == std::string_view::npos) continue;
    if (!difference.is(request, {ours, a}, {theirs, b})) continue;
    ++known_[std::string(difference.name)];
    return;
  }
  const auto kind = [](const Answer& answer) {
    return answer.ok() ? "OK" : std::string(answer.status().message());
  };
  Report(absl::StrCat(request.path, ": ", kind(ours), ", etcd: ", kind(theirs)),
         absl::StrCat(DescribeRequest(request), "\n  pintle: ", a, "\n  etcd:   ", b));
}

// Observe of etcd says nothing at all once in some thousand times, while the machine is busy. Who
// asks anew hears who leads now, which is what would have come.
Answer ObserveEtcd(Side& etcd, const Names& names, const Request& request) {
  const auto anew = [&] {
    return etcd.FirstOf(request.path, names.Bytes(request), names.Token(request));
  };
  const Answer answer = request.goes_on ? etcd.Next() : anew();
  return absl::IsDeadlineExceeded(answer.status()) ? anew() : answer;
}

Answer CallStream(Side& side, const Names& names, const Request& request) {
  if (request.goes_on) return side.Next();
  if (!absl::EndsWith(request.path, "/Snapshot")) {
    return side.FirstOf(request.path, names.Bytes(request), names.Token(request));
  }
  const auto all = side.AllOf(request.path, names.Bytes(request), names.Token(request));
  if (!all.ok()) return all.status();
  const auto text = DescribeSnapshot(*all);
  if (!text.ok()) return text.status();
  etcdserverpb::SnapshotResponse whole;
  whole.set_blob(*text);
  return whole.SerializeAsString();
}

std::future<Answer> Run::Call(Side& side, const Names& names, const Request& request) {
  if (!MethodOf(request.path).server_streams) {
    return side.Call(request.path, names.Bytes(request), names.Token(request));
  }
  std::promise<Answer> answer;
  const bool observed = &side == &etcd_ && absl::EndsWith(request.path, "/Observe");
  answer.set_value((observed ? ObserveEtcd : CallStream)(side, names, request));
  return answer.get_future();
}

void Run::Ask(const std::vector<Request>& requests) {
  std::vector<std::future<Answer>> ours;
  std::vector<std::future<Answer>> theirs;
  for (const Request& request : requests) {
    ours.push_back(Call(pintle_, pintle_names_, request));
    theirs.push_back(Call(etcd_, etcd_names_, request));
  }
  for (size_t i = 0; i < requests.size() && !gone_; ++i) {
    const Answer a = ours[i].get();
    const Answer b = theirs[i].get();
    Check(requests[i], a, b);
  }
}

void Run::WatchSomething() {
  if (generator_.in_script()) return;
  if (watches_ == nullptr) {
    const Request somebody{.path = "", .bytes = "", .user = generator_.AnyUser()};
    watches_ = std::make_unique<Watches>(pintle_, pintle_names_.Token(somebody), etcd_,
                                         etcd_names_.Token(somebody));
  }
  watches_->Create(generator_.WatchCreate(watches_->created() + 1));
  if (rounds_ % 3 != 0) return;
  LetWatchesCatchUp();
  if (watches_ != nullptr) watches_->Cancel(watches_->created() / 2);
}

// Once one that begins in the past is told of a change, all that were there before it have been
// looked after: in etcd in the same round, hence twice.
void Run::LetWatchesCatchUp() {
  if (watches_ == nullptr || !watches_->behind()) return;
  for (int i = 0; i < 2; ++i) {
    const int64_t before = revision_;
    Ask({generator_.Change()});
    if (revision_ > before && watches_->Sees(kChangedKey, revision_)) continue;
    CompareWatches();
    EndWatches();
    return;
  }
  watches_->CaughtUp();
}

void Run::CompareWatches() {
  if (watches_ == nullptr) return;
  const auto difference = watches_->Compare();
  if (difference.has_value()) Report("watch", *difference);
  if (!difference.has_value() && !watches_->ended() && watches_->created() < kWatchesPerStream)
    return;
  EndWatches();
}

void Run::EndWatches() {
  if (watches_ != nullptr) events_ += watches_->events();
  watches_.reset();
}

int Run::All() {
  pintle_names_.LearnItself(pintle_);
  etcd_names_.LearnItself(etcd_);
  absl::Time told = absl::Now();
  std::vector<Request> reads;
  while (done_ < options_.requests && differences_ < options_.differences && !gone_) {
    ++rounds_;
    Request request = generator_.Next();
    // A watch that has not caught up loses its past to a compaction.
    if (request.path == "/etcdserverpb.KV/Compact") {
      LetWatchesCatchUp();
      CompareWatches();
    }
    if (request.reads) {
      reads.push_back(std::move(request));
      if (reads.size() < kReadsAtOnce) continue;
    }
    Ask(reads);
    reads.clear();
    if (gone_) break;
    if (absl::EndsWith(request.path, "/AuthEnable") ||
        absl::EndsWith(request.path, "/AuthDisable")) {
      CompareWatches();  // in 3.4 the token of a stream outlives auth
      EndWatches();
    }
    if (!request.path.empty()) Ask({request});
    if (rounds_ % 60 == 0) WatchSomething();
    if (rounds_ % 600 == 0) CompareWatches();
    if (absl::Now() - told > absl::Seconds(5)) {
      told = absl::Now();
      std::printf("%lld of %lld requests, revision %lld\n", static_cast<long long>(done_),
                  static_cast<long long>(options_.requests), static_cast<long long>(revision_));
      std::fflush(stdout);
    }
  }
  CompareWatches();
  EndWatches();
  for (const auto& [path, count] : asked_)
    std::printf("%8lld %s\n", static_cast<long long>(count), path.c_str());
  for (const auto& [kind, count] : kinds_) {
    std::printf("%8lld DIFFERENCES %s\n", static_cast<long long>(count), kind.c_str());
  }
  for (const auto& [name, count] : known_) {
    std::printf("%8lld known difference: %s\n", static_cast<long long>(count), name.c_str());
  }
  std::printf("%lld requests (%lld refused), %lld watch events, seed %llu: %lld differences\n",
              static_cast<long long>(done_), static_cast<long long>(refused_),
              static_cast<long long>(events_), static_cast<unsigned long long>(options_.seed),
              static_cast<long long>(differences_));
  return differences_ == 0 ? 0 : 1;
}

int AskForCrash(const Options& options, net::IoThreads& io) {
  Side pintle(io.executor(0), "pintle", options.pintle);
  Side etcd(io.executor(1), "etcd", options.etcd);
  for (const Crash& crash : KnownCrashes()) {
    if (crash.name == options.crash) return Holds(crash, pintle, etcd) ? 0 : 1;
  }
  std::printf("there is no crash of that name\n");
  return 1;
}

void ListCrashes(const std::string& release) {
  for (const Crash& crash : KnownCrashes()) {
    if (crash.releases.find(release) != std::string_view::npos) {
      std::printf("%s\n", std::string(crash.name).c_str());
    }
  }
}

}  // namespace
}  // namespace pintle::tests

int main(int argc, char** argv) {
  pintle::tests::Options options;
  CLI::App app("The same requests to Pintle and to etcd, and where the answers differ");
  app.add_option("--pintle", options.pintle, "host:port");
  app.add_option("--etcd", options.etcd, "host:port");
  app.add_option("--release", options.release, "of that etcd")
      ->check(CLI::IsMember({"3.4", "3.5"}));
  app.add_option("--seed", options.seed, "of the requests");
  app.add_option("--requests", options.requests, "how many");
  app.add_option("--differences", options.differences, "how many end it");
  app.add_flag("--trace", options.trace, "print every request with etcd's answer");
  bool list_crashes = false;
  app.add_option("--crash", options.crash, "ask what ends etcd, of this name, and nothing else");
  app.add_flag("--list-crashes", list_crashes, "print the names of that release");
  CLI11_PARSE(app, argc, argv);
  if (list_crashes) {
    pintle::tests::ListCrashes(options.release);
    return 0;
  }
  pintle::net::IoThreads io(2);
  if (!options.crash.empty()) return pintle::tests::AskForCrash(options, io);
  return pintle::tests::Run(options, io).All();
}
