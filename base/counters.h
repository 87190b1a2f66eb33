// Counts for /metrics: cheap to add to, on any thread; a reader sees each of them, but no common
// moment.
//
// Shards<N> is N counters per shard of threads: those that add on many threads share no cache line
// (as long as there are no more threads than shards). A histogram's upper edges are start, start ×
// factor, …. Nothing here reads a clock.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace pintle::base {

inline constexpr size_t kShards = 8;

// Where this thread adds.
inline size_t ThreadShard() {
  static std::atomic<size_t> threads{0};
  thread_local const size_t mine = threads.fetch_add(1, std::memory_order_relaxed) % kShards;
  return mine;
}

template <size_t N>
class Shards {
 public:
  void Add(size_t counter, uint64_t amount = 1) {
    shards_[ThreadShard()].counts[counter].fetch_add(amount, std::memory_order_relaxed);
  }
  uint64_t Sum(size_t counter) const {
    uint64_t sum = 0;
    for (const Shard& shard : shards_) sum += shard.counts[counter].load(std::memory_order_relaxed);
    return sum;
  }

 private:
  struct alignas(64) Shard {
    std::array<std::atomic<uint64_t>, N> counts{};
  };
  std::array<Shard, kShards> shards_{};
};

// One number, added to by one thread at a time for the most part.
class Counter {
 public:
  void Add(uint64_t amount = 1) { count_.fetch_add(amount, std::memory_order_relaxed); }
  uint64_t Get() const { return count_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> count_{0};
};

// Ascending edges: start, start × factor, … (in seconds).
template <size_t N>
constexpr std::array<double, N> Edges(double start, double factor) {
  std::array<double, N> edges{};
  double edge = start;
  for (double& e : edges) {
    e = edge;
    edge *= factor;
  }
  return edges;
}

// Values, counted under the first edge that they do not exceed; the last count is of those above
// all edges. For one thread, or what happens seldom.
template <size_t N>
class Histogram {
 public:
  Histogram(double start, double factor) : edges_(Edges<N>(start, factor)) {}

  void Observe(double value) {
    counts_[static_cast<size_t>(std::ranges::lower_bound(edges_, value) - edges_.begin())].Add();
    sum_.fetch_add(value, std::memory_order_relaxed);
  }
  void Observe(absl::Duration took) { Observe(absl::ToDoubleSeconds(took)); }

  const std::array<double, N>& edges() const { return edges_; }
  std::array<uint64_t, N + 1> counts() const {
    std::array<uint64_t, N + 1> counts{};
    for (size_t i = 0; i <= N; ++i) counts[i] = counts_[i].Get();
    return counts;
  }
  double sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  const std::array<double, N> edges_;
  std::array<Counter, N + 1> counts_;
  std::atomic<double> sum_{0};
};

// The same for durations that many threads observe often.
template <size_t N>
class SharedHistogram {
 public:
  SharedHistogram(double start, double factor) : edges_(Edges<N>(start, factor)) {}

  void Observe(absl::Duration took) {
    const double seconds = absl::ToDoubleSeconds(took);
    counts_.Add(static_cast<size_t>(std::ranges::lower_bound(edges_, seconds) - edges_.begin()));
    counts_.Add(N + 1, static_cast<uint64_t>(std::max(absl::ToInt64Nanoseconds(took), int64_t{0})));
  }

  const std::array<double, N>& edges() const { return edges_; }
  std::array<uint64_t, N + 1> counts() const {
    std::array<uint64_t, N + 1> counts{};
    for (size_t i = 0; i <= N; ++i) counts[i] = counts_.Sum(i);
    return counts;
  }
  double sum() const { return static_cast<double>(counts_.Sum(N + 1)) / 1e9; }

 private:
  const std::array<double, N> edges_;
  Shards<N + 2> counts_;  // the last: nanoseconds
};

}  // namespace pintle::base
