// pintle-differential: the same stream of requests to Pintle and to a real etcd, answers compared.
//
// Both are fresh one-member clusters that the caller has started (tests/differential/run). Changes
// go one by one, reads sixteen at a time. Ends 0 when every answer was equal or is a known
// difference, 1 when not, 2 when it could not be tried. What it prints of a difference, with the
// seed, is enough to see it again.
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
#include "tests/differential/differences.h"
#include "tests/differential/generator.h"
#include "tests/differential/names.h"
#include "tests/differential/side.h"
#include "tests/differential/watches.h"

namespace pintle::tests {
namespace {

constexpr size_t kReadsAtOnce = 16;
constexpr int64_t kMostDifferences = 2000;
constexpr int kWatchesPerStream = 40;

struct Options {
  std::string pintle;
  std::string etcd;
  std::string release = "3.5";
  uint64_t seed = 1;
  int64_t requests = 1000;
  bool trace = false;
};

// Nobody answers any more; what comes after says nothing.
bool IsGone(const Answer& answer) {
  return answer.status().code() == absl::StatusCode::kUnavailable &&
         (absl::StrContains(answer.status().message(), "error reading from server") ||
          absl::StrContains(answer.status().message(), "connection error"));
}

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
  void Introduce();
  std::future<Answer> Call(Side& side, const Names& names, const Request& request);
  void Check(const Request& request, const Answer& ours, const Answer& theirs);
  void Learn(const Request& request, const Answer& theirs);
  void WatchSomething();
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
  std::printf("DIFFERENCE after %lld requests of seed %llu\n%s\n", static_cast<long long>(done_),
              static_cast<unsigned long long>(options_.seed), text.c_str());
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
             absl::StrCat(side->name(), " ended at ", DescribeRequest(request)));
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

void Run::Introduce() {
  const std::string path = "/etcdserverpb.Cluster/MemberList";
  pintle_names_.LearnItself(pintle_.Call(path, "").get());
  etcd_names_.LearnItself(etcd_.Call(path, "").get());
}

std::future<Answer> Run::Call(Side& side, const Names& names, const Request& request) {
  if (!MethodOf(request.path).streams) {
    return side.Call(request.path, names.Bytes(request), names.Token(request));
  }
  std::promise<Answer> answer;
  answer.set_value(side.FirstOf(request.path, names.Bytes(request), names.Token(request)));
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
  watches_->Create(generator_);
  if (rounds_ % 3 == 0) watches_->Cancel(watches_->created() / 2);
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
  Introduce();
  absl::Time told = absl::Now();
  std::vector<Request> reads;
  while (done_ < options_.requests && differences_ < kMostDifferences && !gone_) {
    ++rounds_;
    Request request = generator_.Next();
    // A watch that has not caught up loses its past to a compaction.
    if (request.path == "/etcdserverpb.KV/Compact") {
      if (watches_ != nullptr) watches_->LetCatchUp();
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

}  // namespace
}  // namespace pintle::tests

int main(int argc, char** argv) {
  pintle::tests::Options options;
  CLI::App app("The same requests to Pintle and to etcd, and where the answers differ");
  app.add_option("--pintle", options.pintle, "host:port")->required();
  app.add_option("--etcd", options.etcd, "host:port")->required();
  app.add_option("--release", options.release, "of that etcd")
      ->check(CLI::IsMember({"3.4", "3.5"}));
  app.add_option("--seed", options.seed, "of the requests");
  app.add_option("--requests", options.requests, "how many");
  app.add_flag("--trace", options.trace, "print every request with etcd's answer");
  CLI11_PARSE(app, argc, argv);
  pintle::net::IoThreads io(2);
  return pintle::tests::Run(options, io).All();
}
