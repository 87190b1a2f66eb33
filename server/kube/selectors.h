// Label and field selectors: Kubernetes' grammar, its meaning and its error texts (kube-api §6.5;
// apimachinery's labels/selector.go and fields/selector.go). Immutable values; any thread.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server/kube/resources/resource.h"
#include "server/kube/status_error.h"

namespace pintle::server::kube {

class LabelSelector {
 public:
  // 400 `unable to parse requirement: found '=', expected: identifier` and its kin.
  static Result<LabelSelector> Parse(std::string_view text);

  bool empty() const { return requirements_.empty(); }
  // `labels`: metadata.labels, or null.
  bool Matches(const Json& labels) const;

  enum class Operator { kIn, kNotIn, kExists, kDoesNotExist, kGreater, kLess };
  struct Requirement {
    std::string key;
    Operator op = Operator::kExists;
    std::set<std::string> values;
    int64_t number = 0;  // kGreater, kLess
  };

 private:
  std::vector<Requirement> requirements_;
};

class FieldSelector {
 public:
  // Paths that the row does not know are refused with 400.
  static Result<FieldSelector> Parse(const Resource& resource, std::string_view text);

  bool empty() const { return terms_.empty(); }
  bool Matches(const Json& object) const;
  // The name that every match must have; empty when the selector says none. Turns a list of one
  // object (kubectl's wait, delete) into one read.
  std::string_view required_name() const;

 private:
  struct Term {
    std::string path;
    std::string value;
    bool equal = true;
    const Resource::FieldLabel* label = nullptr;  // null: metadata.name or metadata.namespace
  };
  std::vector<Term> terms_;
};

// Both together, as a list or a watch has them.
struct Selection {
  LabelSelector labels;
  FieldSelector fields;

  bool empty() const { return labels.empty() && fields.empty(); }
  bool Matches(const Json& object) const;
};

}  // namespace pintle::server::kube
