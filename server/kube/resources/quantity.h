// Quantity: "500m", "1Gi", "1e3": Kubernetes' numbers with a unit.
//
// Kept exactly, in billionths; what is finer is rounded away from zero, what is larger than 2^63-1
// is cut to that, as Kubernetes does. The canonical text keeps the family of the suffix and has the
// fewest digits: "1000m" → "1", "0.5" → "500m", "1024Mi" → "1Gi".
#pragma once

#include <string>
#include <string_view>

#include "absl/numeric/int128.h"
#include "absl/status/statusor.h"

namespace pintle::server::kube {

class Quantity {
 public:
  // The error's message is upstream's.
  static absl::StatusOr<Quantity> Parse(std::string_view text);

  std::string Canonical() const;
  void RoundUpToMilli();

  bool is_negative() const { return nanos_ < 0; }
  bool is_zero() const { return nanos_ == 0; }
  bool is_whole() const;

  friend bool operator==(const Quantity& a, const Quantity& b) { return a.nanos_ == b.nanos_; }
  friend bool operator<(const Quantity& a, const Quantity& b) { return a.nanos_ < b.nanos_; }

 private:
  enum class Format { kDecimal, kBinary, kExponent };

  absl::int128 nanos_ = 0;
  Format format_ = Format::kDecimal;
};

}  // namespace pintle::server::kube
