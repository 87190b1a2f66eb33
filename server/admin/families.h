// Builders for Prometheus metric families out of plain numbers (prometheus-cpp's structs).
#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace pintle::server::admin {

using Labels = std::vector<std::pair<std::string, std::string>>;

prometheus::MetricFamily Gauge(std::string name, std::string help, double value,
                               Labels labels = {});
prometheus::MetricFamily Counter(std::string name, std::string help, double value,
                                 Labels labels = {});

// `bounds` are the buckets' upper edges, ascending; `counts` one more than bounds (the last: above
// all of them), not cumulative.
prometheus::MetricFamily Histogram(std::string name, std::string help,
                                   std::span<const double> bounds, std::span<const uint64_t> counts,
                                   double sum);

}  // namespace pintle::server::admin
