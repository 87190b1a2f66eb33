// Page: the text behind /metrics, made of plain numbers (prometheus-cpp's structs and text form).
// Series of one name that are added one after the other or not are one family; families come in
// order of their names.
#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace pintle::server::admin {

using Labels = std::vector<std::pair<std::string, std::string>>;

class Page {
 public:
  void Gauge(const std::string& name, const std::string& help, double value, Labels labels = {});
  void Counter(const std::string& name, const std::string& help, double value, Labels labels = {});
  // `bounds` are the buckets' upper edges, ascending; `counts` one more than bounds (the last:
  // above all of them), not cumulative.
  void Histogram(const std::string& name, const std::string& help, std::span<const double> bounds,
                 std::span<const uint64_t> counts, double sum, Labels labels = {});
  // Of base/counters.h.
  template <typename Counts>
  void Histogram(const std::string& name, const std::string& help, const Counts& counts,
                 Labels labels = {}) {
    Histogram(name, help, counts.edges(), counts.counts(), counts.sum(), std::move(labels));
  }

  std::string Text() const;

 private:
  void Add(const std::string& name, const std::string& help, prometheus::MetricType type,
           prometheus::ClientMetric metric, Labels labels);

  std::map<std::string, prometheus::MetricFamily> families_;
};

}  // namespace pintle::server::admin
