// Runner: closed-loop clients against a cluster. Each client has one call in flight and makes the
// next when it ends.
//
// Works against any server of etcd's v3 API. Measures after a warm-up: completed operations,
// errors, latencies, and from the kernel the servers' CPU. One I/O thread makes all calls;
// everything below happens on it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/load/histogram.h"
#include "bench/load/options.h"
#include "net/grpc_client.h"
#include "net/server.h"

namespace pintle::bench {

struct Result {
  int64_t operations = 0;  // watch: events received
  int64_t errors = 0;
  std::string first_error;
  double seconds = 0;
  Histogram latency;              // µs
  double server_cpu_seconds = 0;  // while measuring
  int64_t server_rss_bytes = 0;
};

// One client's endless series of calls.
class ClientScript {
 public:
  virtual ~ClientScript() = default;
  virtual std::string path() const = 0;
  virtual std::string NextRequest() = 0;
  virtual void OnReply(std::string_view reply) = 0;
};

class Runner {
 public:
  explicit Runner(Options options);
  ~Runner();

  // Runs the workload that the options name; blocks for warm-up and duration.
  absl::StatusOr<Result> Run();

 private:
  struct Client;
  struct KeepAlives;

  absl::Status Prefill();
  absl::Status GrantLeases();
  // Makes `count` calls, a few at a time; `request` is given the number of the call.
  absl::Status CallAll(const char* what, int64_t count, const std::string& path,
                       const std::function<std::string(int64_t)>& request);
  void StartKeepAlives();
  void KeepAlive(KeepAlives& client);
  void OnKeepAlive(KeepAlives& client, std::string_view message);
  absl::Status OpenWatches();
  std::unique_ptr<ClientScript> MakeScript(int client) const;
  void StartClients();
  void Issue(Client& client);
  void OnWatchMessage(std::string_view message);
  void RecordSince(absl::Time sent);
  std::unique_ptr<net::GrpcChannel> Dial(int connection);
  void BlockOnThread(absl::AnyInvocable<void()> work);
  void Measure(Result& result);

  Options options_;
  net::IoThreads threads_;
  std::vector<std::unique_ptr<net::GrpcChannel>> channels_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<KeepAlives>> keep_alives_;
  std::vector<std::unique_ptr<net::GrpcChannel>> watch_channels_;
  std::vector<std::unique_ptr<net::GrpcChannel::Stream>> watch_streams_;
  int watches_created_ = 0;
  bool measuring_ = false;
  bool stopping_ = false;
  Result result_;
};

}  // namespace pintle::bench
