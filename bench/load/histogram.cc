#include "bench/load/histogram.h"

#include <algorithm>
#include <cmath>

namespace pintle::bench {
namespace {
const double kLogGrowth = std::log(1.01);
}  // namespace

void Histogram::Record(double microseconds) {
  const double position = microseconds <= 1 ? 0 : std::log(microseconds) / kLogGrowth;
  ++buckets_[static_cast<size_t>(std::min<double>(position, kBuckets - 1))];
  ++count_;
  max_ = std::max(max_, microseconds);
}

double Histogram::Percentile(double share) const {
  const auto wanted = static_cast<int64_t>(std::ceil(share * static_cast<double>(count_)));
  int64_t seen = 0;
  for (int i = 0; i < kBuckets; ++i) {
    seen += buckets_[static_cast<size_t>(i)];
    if (seen >= wanted && seen > 0) return std::min(max_, std::exp((i + 1) * kLogGrowth));
  }
  return max_;
}

}  // namespace pintle::bench
