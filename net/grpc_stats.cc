#include "net/grpc_stats.h"

#include <algorithm>
#include <utility>

namespace pintle::net {

GrpcMethodStats::Numbers GrpcMethodStats::Read() const {
  Numbers numbers;
  numbers.started = counts_.Sum(kStarted);
  numbers.received = counts_.Sum(kReceived);
  numbers.sent = counts_.Sum(kSent);
  numbers.seconds_ok = static_cast<double>(counts_.Sum(kNanosecondsOk)) / 1e9;
  numbers.seconds_failed = static_cast<double>(counts_.Sum(kNanosecondsFailed)) / 1e9;
  for (size_t i = 0; i < kGrpcCodes; ++i) numbers.handled[i] = counts_.Sum(kHandled + i);
  for (size_t i = 0; i < numbers.took_ok.size(); ++i) {
    numbers.took_ok[i] = counts_.Sum(kTookOk + i);
    numbers.took_failed[i] = counts_.Sum(kTookFailed + i);
  }
  return numbers;
}

void GrpcCallStats::Begin(GrpcMethodStats& method) {
  method_ = &method;
  begun_ = std::chrono::steady_clock::now();
  Add(GrpcMethodStats::kStarted);
}

void GrpcCallStats::End(absl::StatusCode code) {
  if (method_ == nullptr) return;
  base::Shards<GrpcMethodStats::kCount>& counts = std::exchange(method_, nullptr)->counts_;
  const auto took = std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::steady_clock::now() - begun_);
  const double seconds = static_cast<double>(took.count()) / 1e9;
  const auto& edges = GrpcMethodStats::kEdges;
  const auto bucket = static_cast<size_t>(std::ranges::lower_bound(edges, seconds) - edges.begin());
  const auto nanoseconds = static_cast<uint64_t>(took.count());
  const auto number = static_cast<size_t>(code);
  counts.Add(GrpcMethodStats::kHandled + (number < kGrpcCodes ? number : 2));  // 2: UNKNOWN
  const bool ok = code == absl::StatusCode::kOk;
  counts.Add((ok ? GrpcMethodStats::kTookOk : GrpcMethodStats::kTookFailed) + bucket);
  counts.Add(ok ? GrpcMethodStats::kNanosecondsOk : GrpcMethodStats::kNanosecondsFailed,
             nanoseconds);
}

}  // namespace pintle::net
