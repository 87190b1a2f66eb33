#include "server/admin/page.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <limits>

namespace pintle::server::admin {

void Page::Add(const std::string& name, const std::string& help, prometheus::MetricType type,
               prometheus::ClientMetric metric, Labels labels) {
  std::ranges::sort(labels);
  for (auto& [label, value] : labels) metric.label.push_back({std::move(label), std::move(value)});
  prometheus::MetricFamily& family = families_[name];
  family.name = name;
  family.help = help;
  family.type = type;
  family.metric.push_back(std::move(metric));
}

void Page::Gauge(const std::string& name, const std::string& help, double value, Labels labels) {
  prometheus::ClientMetric metric;
  metric.gauge.value = value;
  Add(name, help, prometheus::MetricType::Gauge, std::move(metric), std::move(labels));
}

void Page::Counter(const std::string& name, const std::string& help, double value, Labels labels) {
  prometheus::ClientMetric metric;
  metric.counter.value = value;
  Add(name, help, prometheus::MetricType::Counter, std::move(metric), std::move(labels));
}

void Page::Histogram(const std::string& name, const std::string& help,
                     std::span<const double> bounds, std::span<const uint64_t> counts, double sum,
                     Labels labels) {
  prometheus::ClientMetric metric;
  uint64_t cumulative = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    cumulative += counts[i];
    const double edge = i < bounds.size() ? bounds[i] : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({.cumulative_count = cumulative, .upper_bound = edge});
  }
  metric.histogram.sample_count = cumulative;
  metric.histogram.sample_sum = sum;
  Add(name, help, prometheus::MetricType::Histogram, std::move(metric), std::move(labels));
}

std::string Page::Text() const {
  std::vector<prometheus::MetricFamily> families;
  families.reserve(families_.size());
  for (const auto& [name, family] : families_) families.push_back(family);
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace pintle::server::admin
