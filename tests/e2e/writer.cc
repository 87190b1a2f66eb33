// The client of the failure tests: one put after another, each to a new key, and a watch on all of
// them.
//
// Prints, as it happens, a line for each acknowledged put and each event:
//     ack <key> <revision>
//     event <key> <revision>
// A put that failed is never tried again: nobody knows whether it was applied. Ends on SIGTERM,
// once the watch has seen the last acknowledged revision (or after ten seconds).
#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "base/byte_codec.h"
#include "bench/load/messages.h"
#include "net/grpc_client.h"
#include "net/server.h"

namespace pintle::tests {
namespace {

std::unique_ptr<net::GrpcChannel> Dial(net::Executor& executor, std::string endpoint) {
  const std::vector<std::string> parts =
      absl::StrSplit(absl::StripPrefix(endpoint, "http://"), absl::MaxSplits(':', 1));
  uint32_t port = 0;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[1], &port)) {
    std::fprintf(stderr, "e2e_writer: bad endpoint %s\n", endpoint.c_str());
    std::exit(2);
  }
  return std::make_unique<net::GrpcChannel>(executor, parts[0], static_cast<uint16_t>(port));
}

void PrintLine(const char* word, std::string_view key, int64_t revision) {
  std::printf("%s %.*s %ld\n", word, static_cast<int>(key.size()), key.data(),
              static_cast<long>(revision));
  std::fflush(stdout);
}

class Writer {
 public:
  Writer(net::Executor& executor, const std::vector<std::string>& endpoints, std::string prefix)
      : executor_(executor), prefix_(std::move(prefix)) {
    for (const auto& endpoint : endpoints) channels_.push_back(Dial(executor, endpoint));
  }

  void Next() {
    if (stopped_) return;
    const std::string key = absl::StrCat(prefix_, absl::Dec(++count_, absl::kZeroPad8));
    channels_[current_]->Unary(
        "/etcdserverpb.KV/Put", bench::PutMessage(key, "value"), absl::Seconds(3),
        [this, key](absl::StatusOr<std::string> reply) { OnReply(key, reply); });
  }
  void Stop() {
    stopped_ = true;
    retry_.reset();
    channels_.clear();
  }
  int64_t last_acknowledged() const { return last_; }

 private:
  void OnReply(const std::string& key, const absl::StatusOr<std::string>& reply) {
    if (stopped_) return;
    if (reply.ok()) {
      last_ = bench::HeaderRevision(*reply);
      PrintLine("ack", key, last_);
      Next();
      return;
    }
    current_ = (current_ + 1) % channels_.size();
    retry_ = executor_.After(absl::Milliseconds(20), [this] { Next(); });
  }

  net::Executor& executor_;
  std::string prefix_;
  std::vector<std::unique_ptr<net::GrpcChannel>> channels_;
  std::unique_ptr<net::Executor::Timer> retry_;
  size_t current_ = 0;
  int64_t count_ = 0;
  std::atomic<int64_t> last_ = 0;
  bool stopped_ = false;
};

class Watcher {
 public:
  Watcher(net::Executor& executor, const std::string& endpoint, const std::string& prefix,
          absl::AnyInvocable<void()> on_created)
      : channel_(Dial(executor, endpoint)), on_created_(std::move(on_created)) {
    std::string end = prefix;
    ++end.back();
    stream_ = channel_->Open(
        "/etcdserverpb.Watch/Watch",
        {.on_message = [this](const std::string& message) { OnMessage(message); },
         .on_end =
             [](const absl::Status& status) {
               std::fprintf(stderr, "e2e_writer: the watch ended: %s\n", status.ToString().c_str());
             }});
    stream_->Send(bench::WatchCreateMessage(prefix, end, 1));
  }
  int64_t seen() const { return seen_; }

 private:
  void OnMessage(std::string_view message) {
    if (bench::ReadWatchResponse(message).created) on_created_();
    base::ByteReader reader(message);
    base::WireField field;
    while (base::NextField(reader, field)) {
      if (field.number == 11) OnEvent(field.bytes);
    }
  }
  void OnEvent(std::string_view event) {
    std::string_view key;
    int64_t revision = 0;
    base::ByteReader reader(event);
    base::WireField field;
    while (base::NextField(reader, field)) {
      if (field.number != 2) continue;  // kv
      base::ByteReader pair(field.bytes);
      base::WireField part;
      while (base::NextField(pair, part)) {
        if (part.number == 1) key = part.bytes;
        if (part.number == 3) revision = static_cast<int64_t>(part.integer);
      }
    }
    PrintLine("event", key, revision);
    seen_ = revision;
  }

  std::unique_ptr<net::GrpcChannel> channel_;
  std::unique_ptr<net::GrpcChannel::Stream> stream_;
  absl::AnyInvocable<void()> on_created_;
  std::atomic<int64_t> seen_ = 0;
};

int Main(int argc, char** argv) {
  std::string endpoints;
  std::string prefix = "e2e/";
  std::string watch_endpoint;
  CLI::App app("Writes and watches until SIGTERM; see the head of tests/e2e/writer.cc",
               "e2e_writer");
  app.add_option("--endpoints", endpoints)->required();
  app.add_option("--prefix", prefix);
  app.add_option("--watch-endpoint", watch_endpoint, "watch through this member; none: no watch");
  CLI11_PARSE(app, argc, argv);

  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  net::IoThreads threads(1);
  net::Executor& executor = threads.executor(0);
  Writer writer(executor, absl::StrSplit(endpoints, ','), prefix);
  std::unique_ptr<Watcher> watcher;
  executor.Post([&] {
    if (watch_endpoint.empty()) {
      writer.Next();
    } else {
      watcher = std::make_unique<Watcher>(executor, watch_endpoint, prefix, [&] { writer.Next(); });
    }
  });

  int number = 0;
  sigwait(&signals, &number);
  std::atomic<bool> stopped = false;
  executor.Post([&] {
    writer.Stop();
    stopped = true;
  });
  const absl::Time deadline = absl::Now() + absl::Seconds(10);
  while (absl::Now() < deadline &&
         (!stopped || (watcher && watcher->seen() < writer.last_acknowledged()))) {
    absl::SleepFor(absl::Milliseconds(20));
  }
  executor.Post([&] {
    watcher.reset();
    stopped = false;
  });
  while (stopped) absl::SleepFor(absl::Milliseconds(5));
  threads.Stop();
  return 0;
}

}  // namespace
}  // namespace pintle::tests

int main(int argc, char** argv) { return pintle::tests::Main(argc, argv); }
