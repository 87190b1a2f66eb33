// Histogram: latencies in buckets that grow by 1 %, from 1 µs to 100 s; constant memory, cheap to
// record. Thread: one. Values outside the range count in the first or last bucket.
#pragma once

#include <array>
#include <cstdint>

namespace pintle::bench {

class Histogram {
 public:
  void Record(double microseconds);
  int64_t count() const { return count_; }
  double max() const { return max_; }
  // Upper edge of the bucket that holds the given share (0.99) of the values; 0 when empty.
  double Percentile(double share) const;

 private:
  static constexpr int kBuckets = 1860;
  std::array<int64_t, kBuckets> buckets_{};
  int64_t count_ = 0;
  double max_ = 0;
};

}  // namespace pintle::bench
