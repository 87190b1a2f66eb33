#include "server/admin/families.h"

#include <limits>

namespace pintle::server::admin {
namespace {

prometheus::MetricFamily One(std::string name, std::string help, prometheus::MetricType type,
                             prometheus::ClientMetric metric, Labels labels) {
  for (auto& [label, value] : labels) metric.label.push_back({std::move(label), std::move(value)});
  return {.name = std::move(name),
          .help = std::move(help),
          .type = type,
          .metric = {std::move(metric)}};
}

}  // namespace

prometheus::MetricFamily Gauge(std::string name, std::string help, double value, Labels labels) {
  prometheus::ClientMetric metric;
  metric.gauge.value = value;
  return One(std::move(name), std::move(help), prometheus::MetricType::Gauge, std::move(metric),
             std::move(labels));
}

prometheus::MetricFamily Counter(std::string name, std::string help, double value, Labels labels) {
  prometheus::ClientMetric metric;
  metric.counter.value = value;
  return One(std::move(name), std::move(help), prometheus::MetricType::Counter, std::move(metric),
             std::move(labels));
}

prometheus::MetricFamily Histogram(std::string name, std::string help,
                                   std::span<const double> bounds, std::span<const uint64_t> counts,
                                   double sum) {
  prometheus::ClientMetric metric;
  uint64_t cumulative = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    cumulative += counts[i];
    const double edge = i < bounds.size() ? bounds[i] : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({.cumulative_count = cumulative, .upper_bound = edge});
  }
  metric.histogram.sample_count = cumulative;
  metric.histogram.sample_sum = sum;
  return One(std::move(name), std::move(help), prometheus::MetricType::Histogram, std::move(metric),
             {});
}

}  // namespace pintle::server::admin
