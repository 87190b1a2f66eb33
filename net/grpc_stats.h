// GrpcMethodStats: what has happened to the calls of one method; GrpcCallStats: one call's part in
// it.
//
// Counted are calls that reached their method: not those that were refused by the transport. Any
// thread; costs two readings of the clock per call and a few relaxed additions on the thread's own
// cache line. Owner: the GrpcRouter.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "base/counters.h"

namespace pintle::net {

inline constexpr size_t kGrpcCodes = 17;  // OK to UNAUTHENTICATED

class GrpcMethodStats {
 public:
  // Upper edges, in seconds, of the durations that are told apart: those of etcd's histograms and
  // those of Prometheus' clients by default.
  static constexpr std::array kEdges = {
      0.001, 0.002, 0.004, 0.005, 0.008, 0.01,  0.016, 0.025, 0.032, 0.05, 0.064, 0.1, 0.128,
      0.25,  0.256, 0.5,   0.512, 1.0,   1.024, 2.048, 2.5,   4.096, 5.0,  8.192, 10.0};

  struct Numbers {
    uint64_t started = 0;
    uint64_t received = 0;  // messages
    uint64_t sent = 0;
    std::array<uint64_t, kGrpcCodes> handled{};  // by code
    // Of those that ended with OK, and of the others: the last above all edges.
    std::array<uint64_t, kEdges.size() + 1> took_ok{};
    std::array<uint64_t, kEdges.size() + 1> took_failed{};
    double seconds_ok = 0;
    double seconds_failed = 0;
  };
  Numbers Read() const;

 private:
  friend class GrpcCallStats;
  enum Index : size_t { kStarted, kReceived, kSent, kNanosecondsOk, kNanosecondsFailed, kHandled };
  static constexpr size_t kTookOk = kHandled + kGrpcCodes;
  static constexpr size_t kTookFailed = kTookOk + kEdges.size() + 1;
  static constexpr size_t kCount = kTookFailed + kEdges.size() + 1;

  base::Shards<kCount> counts_;
};

class GrpcCallStats {
 public:
  void Begin(GrpcMethodStats& method);
  void Received() { Add(GrpcMethodStats::kReceived); }
  void Sent() { Add(GrpcMethodStats::kSent); }
  // The first one counts.
  void End(absl::StatusCode code);

 private:
  void Add(size_t index) {
    if (method_ != nullptr) method_->counts_.Add(index);
  }

  GrpcMethodStats* method_ = nullptr;  // null: not begun, or ended
  std::chrono::steady_clock::time_point begun_;
};

}  // namespace pintle::net
