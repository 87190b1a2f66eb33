#include "bench/load/runner.h"

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "bench/load/messages.h"
#include "bench/load/process_stats.h"
#include "bench/load/scripts.h"

namespace pintle::bench {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(30);
constexpr absl::Duration kSetUpTimeout = absl::Minutes(5);
constexpr absl::Duration kRetryDelay = absl::Milliseconds(10);
constexpr int kPrefillInFlight = 256;

}  // namespace

struct Runner::Client {
  net::GrpcChannel* channel = nullptr;
  std::unique_ptr<ClientScript> script;
  std::unique_ptr<net::Executor::Timer> retry;
};

// One stream of keep-alives; a share of the leases, renewed in turn, one at a time.
struct Runner::KeepAlives {
  std::unique_ptr<net::GrpcChannel::Stream> stream;
  int64_t next = 0;
  absl::Time sent;
};

Runner::Runner(Options options) : options_(std::move(options)), threads_(1) {
  for (int i = 0; i < options_.connections; ++i) {
    channels_.push_back(Dial(i));
  }
}

std::unique_ptr<net::GrpcChannel> Runner::Dial(int connection) {
  const net::Endpoint& endpoint =
      options_.endpoints[static_cast<size_t>(connection) % options_.endpoints.size()];
  return std::make_unique<net::GrpcChannel>(threads_.executor(0), endpoint.host, endpoint.port,
                                            endpoint.tls);
}

Runner::~Runner() {
  BlockOnThread([this] {
    stopping_ = true;
    keep_alives_.clear();
    watch_streams_.clear();
    watch_channels_.clear();
    channels_.clear();
    clients_.clear();
  });
  threads_.Stop();
}

void Runner::BlockOnThread(absl::AnyInvocable<void()> work) {
  std::mutex mutex;
  std::condition_variable done;
  bool finished = false;
  threads_.executor(0).Post([&, work = std::move(work)]() mutable {
    work();
    const std::lock_guard lock(mutex);
    finished = true;
    done.notify_one();
  });
  std::unique_lock lock(mutex);
  done.wait(lock, [&] { return finished; });
}

absl::StatusOr<Result> Runner::Run() {
  if (options_.workload == "range") PINTLE_RETURN_IF_ERROR(Prefill());
  if (options_.workload == "watch") PINTLE_RETURN_IF_ERROR(OpenWatches());
  if (options_.leases > 0) PINTLE_RETURN_IF_ERROR(GrantLeases());
  BlockOnThread([this] { options_.workload == "keepalive" ? StartKeepAlives() : StartClients(); });
  absl::SleepFor(options_.warmup);
  Result result;
  Measure(result);
  return result;
}

void Runner::Measure(Result& result) {
  const ProcessStats before = ReadProcessStats(options_.server_pids);
  const absl::Time start = absl::Now();
  BlockOnThread([this] { measuring_ = true; });
  absl::SleepFor(options_.duration);
  BlockOnThread([this, &result] {
    measuring_ = false;
    stopping_ = true;
    result = std::move(result_);
  });
  result.seconds = absl::ToDoubleSeconds(absl::Now() - start);
  const ProcessStats after = ReadProcessStats(options_.server_pids);
  result.server_cpu_seconds = after.cpu_seconds - before.cpu_seconds;
  result.server_rss_bytes = after.rss_bytes;
}

// Writes every key once, so that reads find something.
absl::Status Runner::Prefill() {
  Values values(options_.value_bytes, options_.seed);
  return CallAll("keys", options_.keys, "/etcdserverpb.KV/Put",
                 [&](int64_t i) { return PutMessage(KeyName(i), values.Next()); });
}

// Ids count up from 1: a run begins with a fresh cluster, or one whose leases are gone.
absl::Status Runner::GrantLeases() {
  PINTLE_RETURN_IF_ERROR(
      CallAll("leases", options_.leases, "/etcdserverpb.Lease/LeaseGrant",
              [&](int64_t i) { return LeaseGrantMessage(i + 1, options_.lease_ttl_seconds); }));
  if (!options_.lease_keys) return absl::OkStatus();
  Values values(options_.value_bytes, options_.seed);
  return CallAll("keys of leases", options_.leases, "/etcdserverpb.KV/Put", [&](int64_t i) {
    return LeasePutMessage(absl::StrCat("/leased/", i), values.Next(), i + 1);
  });
}

absl::Status Runner::CallAll(const char* what, int64_t count, const std::string& path,
                             const std::function<std::string(int64_t)>& request) {
  int64_t next = 0;
  int64_t done = 0;
  absl::Status failure;
  std::function<void(size_t)> call = [&](size_t channel) {
    if (next >= count || !failure.ok()) return;
    channels_[channel]->Unary(path, request(next++), kCallTimeout,
                              [&, channel](const absl::StatusOr<std::string>& reply) {
                                if (!reply.ok()) failure = reply.status();
                                ++done;
                                call(channel);
                              });
  };
  BlockOnThread([&] {
    for (size_t i = 0; i < kPrefillInFlight; ++i) call(i % channels_.size());
  });
  const absl::Time deadline = absl::Now() + kSetUpTimeout;
  for (bool finished = false; !finished;) {
    absl::SleepFor(absl::Milliseconds(200));
    BlockOnThread([&] { finished = done >= next && (next >= count || !failure.ok()); });
    std::fprintf(stderr, "\r%s: %ld of %ld", what, static_cast<long>(done),
                 static_cast<long>(count));
    if (absl::Now() > deadline) failure = absl::DeadlineExceededError("filling in took too long");
  }
  std::fprintf(stderr, "\n");
  return failure;
}

void Runner::StartKeepAlives() {
  for (int i = 0; i < options_.clients; ++i) {
    keep_alives_.push_back(std::make_unique<KeepAlives>());
    KeepAlives& client = *keep_alives_.back();
    client.next = i;
    client.stream = channels_[static_cast<size_t>(i) % channels_.size()]->Open(
        "/etcdserverpb.Lease/LeaseKeepAlive",
        {.on_message = [this, &client](std::string message) { OnKeepAlive(client, message); },
         .on_end =
             [this](const absl::Status& status) {
               if (stopping_) return;
               ++result_.errors;
               result_.first_error = status.ToString();
             }});
    KeepAlive(client);
  }
}

void Runner::KeepAlive(KeepAlives& client) {
  client.sent = absl::Now();
  client.stream->Send(KeepAliveMessage(client.next % std::max<int64_t>(options_.leases, 1) + 1));
  client.next += options_.clients;
}

void Runner::OnKeepAlive(KeepAlives& client, std::string_view message) {
  if (stopping_) return;
  if (KeepAliveTtl(message) == 0) {
    ++result_.errors;
    result_.first_error = "a lease is gone";
  } else if (measuring_) {
    ++result_.operations;
    RecordSince(client.sent);
  }
  KeepAlive(client);
}

absl::Status Runner::OpenWatches() {
  BlockOnThread([this] {
    const int streams = std::max(1, options_.watch_connections);
    for (int i = 0; i < streams; ++i) {
      watch_channels_.push_back(Dial(i));
      watch_streams_.push_back(watch_channels_.back()->Open(
          "/etcdserverpb.Watch/Watch",
          {.on_message = [this](std::string message) { OnWatchMessage(message); },
           .on_end =
               [this](const absl::Status& status) {
                 if (stopping_) return;
                 ++result_.errors;
                 result_.first_error = status.ToString();
               }}));
      const int watchers = options_.watchers / streams + (i < options_.watchers % streams ? 1 : 0);
      for (int w = 0; w < watchers; ++w)
        watch_streams_.back()->Send(WatchCreateMessage(WatchedKey(), "", w + 1));
    }
  });
  const absl::Time deadline = absl::Now() + kSetUpTimeout;
  for (int created = 0; created < options_.watchers;) {
    absl::SleepFor(absl::Milliseconds(20));
    BlockOnThread([&] { created = watches_created_; });
    if (absl::Now() > deadline)
      return absl::DeadlineExceededError("creating the watches took too long");
  }
  return absl::OkStatus();
}

void Runner::OnWatchMessage(std::string_view message) {
  const WatchSummary summary = ReadWatchResponse(message);
  if (summary.created) ++watches_created_;
  if (!measuring_ || summary.events == 0) return;
  result_.operations += summary.events;
  RecordSince(SendTimeOf(summary.last_value));
}

void Runner::RecordSince(absl::Time sent) {
  result_.latency.Record(absl::ToDoubleMicroseconds(absl::Now() - sent));
}

std::unique_ptr<ClientScript> Runner::MakeScript(int client) const {
  if (options_.workload == "put") return MakePutScript(options_, client);
  if (options_.workload == "range") return MakeRangeScript(options_, client);
  if (options_.workload == "txn") return MakeTxnScript(options_, client);
  return MakeWatchedPutScript(options_, client);
}

void Runner::StartClients() {
  for (int i = 0; i < options_.clients; ++i) {
    clients_.push_back(std::make_unique<Client>());
    clients_.back()->channel = channels_[static_cast<size_t>(i) % channels_.size()].get();
    clients_.back()->script = MakeScript(i);
    Issue(*clients_.back());
  }
}

void Runner::Issue(Client& client) {
  const absl::Time sent = absl::Now();
  client.channel->Unary(client.script->path(), client.script->NextRequest(), kCallTimeout,
                        [this, &client, sent](absl::StatusOr<std::string> reply) {
                          if (stopping_) return;
                          if (!reply.ok()) {
                            ++result_.errors;
                            if (result_.first_error.empty())
                              result_.first_error = reply.status().ToString();
                            // Not at once: a server that refuses must not be hammered.
                            client.retry = threads_.executor(0).After(kRetryDelay, [this, &client] {
                              if (!stopping_) Issue(client);
                            });
                            return;
                          }
                          client.script->OnReply(*reply);
                          if (measuring_ && options_.workload != "watch") {
                            ++result_.operations;
                            RecordSince(sent);
                          }
                          Issue(client);
                        });
}

}  // namespace pintle::bench
