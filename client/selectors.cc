#include "client/selectors.h"

#include "absl/strings/numbers.h"

namespace pintle::client {
namespace {

bool Contains(const Json& values, const std::string& value) {
  for (const Json& candidate : values) {
    if (candidate == value) return true;
  }
  return false;
}

bool Compare(const Json& values, const std::string& value, bool greater) {
  int64_t have = 0;
  int64_t want = 0;
  if (values.size() != 1 || !values[0].is_string()) return false;
  if (!absl::SimpleAtoi(value, &have)) return false;
  if (!absl::SimpleAtoi(values[0].get_ref<const std::string&>(), &want)) return false;
  return greater ? have > want : have < want;
}

}  // namespace

bool MatchesRequirement(const Json& requirement, const Json& labels) {
  const std::string_view key = Str(requirement, "key");
  const std::string_view op = Str(requirement, "operator");
  const Json& values = Array(requirement, "values");
  const std::string* value = nullptr;
  if (labels.is_object()) {
    const auto found = labels.find(key);
    if (found != labels.end()) value = found->get_ptr<const std::string*>();
  }
  if (op == "Exists") return value != nullptr;
  if (op == "DoesNotExist") return value == nullptr;
  if (op == "NotIn") return value == nullptr || !Contains(values, *value);
  if (value == nullptr) return false;
  if (op == "In") return Contains(values, *value);
  if (op == "Gt") return Compare(values, *value, true);
  if (op == "Lt") return Compare(values, *value, false);
  return false;
}

bool MatchesMap(const Json& wanted, const Json& labels) {
  if (!wanted.is_object()) return true;
  for (const auto& [key, value] : wanted.items()) {
    if (!labels.is_object()) return false;
    const auto found = labels.find(key);
    if (found == labels.end() || *found != value) return false;
  }
  return true;
}

bool MatchesLabelSelector(const Json& selector, const Json& labels) {
  if (!selector.is_object()) return false;
  if (!MatchesMap(At(selector, "matchLabels"), labels)) return false;
  for (const Json& requirement : Array(selector, "matchExpressions")) {
    if (!MatchesRequirement(requirement, labels)) return false;
  }
  return true;
}

bool IsEmptySelector(const Json& selector) {
  return At(selector, "matchLabels").empty() && Array(selector, "matchExpressions").empty();
}

std::string MapToSelector(const Json& labels) {
  std::string out;
  if (!labels.is_object()) return out;
  for (const auto& [key, value] : labels.items()) {
    if (!value.is_string()) continue;
    if (!out.empty()) out += ',';
    out += key;
    out += '=';
    out += value.get_ref<const std::string&>();
  }
  return out;
}

}  // namespace pintle::client
