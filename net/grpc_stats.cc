#include "net/grpc_stats.h"

#include <algorithm>
#include <utility>

namespace pintle::net {

GrpcMethodStats::Numbers GrpcMethodStats::Read() const {
  Numbers numbers;
  numbers.started = counts_.Sum(kStarted);
  numbers.received = counts_.Sum(kReceived);
  numbers.sent = counts_.Sum(kSent);
  numbers.seconds = static_cast<double>(counts_.Sum(kNanoseconds)) / 1e9;
  numbers.seconds_ok = static_cast<double>(counts_.Sum(kNanosecondsOk)) / 1e9;
  for (size_t i = 0; i < kGrpcCodes; ++i) numbers.handled[i] = counts_.Sum(kHandled + i);
  for (size_t i = 0; i < numbers.took.size(); ++i) {
    numbers.took[i] = counts_.Sum(kTook + i);
    numbers.took_ok[i] = counts_.Sum(kTookOk + i);
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
  counts.Add(GrpcMethodStats::kTook + bucket);
  counts.Add(GrpcMethodStats::kNanoseconds, nanoseconds);
  if (code != absl::StatusCode::kOk) return;
  counts.Add(GrpcMethodStats::kTookOk + bucket);
  counts.Add(GrpcMethodStats::kNanosecondsOk, nanoseconds);
}

}  // namespace pintle::net
