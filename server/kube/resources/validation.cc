#include "server/kube/resources/validation.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "server/kube/resources/field_error.h"
#include "server/kube/resources/row_parts.h"

namespace pintle::server::kube {
namespace {

constexpr size_t kMaxAnnotationsBytes = 256 * 1024;

const std::string& Text(const Json& value) {
  static const std::string kEmpty;
  return value.is_string() ? value.get_ref<const std::string&>() : kEmpty;
}

void ValidateNames(const Json& metadata, const Resource& row, FieldErrors& errors) {
  const std::string name = StringAt(metadata, {"name"});
  const std::string generate_name = StringAt(metadata, {"generateName"});
  if (!generate_name.empty()) {
    // What will be appended is harmless; a dangling separator is not yet the end.
    std::string_view prefix = generate_name;
    if (prefix.ends_with('-')) prefix.remove_suffix(1);
    AddComplaints(errors, "metadata.generateName", generate_name,
                  CheckName(row.name_rule, std::string(prefix) + "a"));
  }
  if (name.empty()) {
    AddRequired(errors, "metadata.name", "name or generateName is required");
  } else {
    AddComplaints(errors, "metadata.name", name, CheckName(row.name_rule, name));
  }
}

void ValidateOwners(const Json& owners, FieldErrors& errors) {
  int controllers = 0;
  for (size_t i = 0; i < owners.size(); ++i) {
    const Json& owner = owners[i];
    const std::string field = Indexed("metadata.ownerReferences", i);
    for (const char* part : {"apiVersion", "kind", "name", "uid"}) {
      if (StringAt(owner, {part}).empty()) {
        AddInvalid(errors, field + "." + part, StringAt(owner, {part}), "must not be empty");
      }
    }
    if (At(owner, {"controller"}) == true) ++controllers;
  }
  if (controllers > 1) {
    AddInvalid(errors, "metadata.ownerReferences", owners,
               "Only one reference can have Controller set to true.");
  }
}

}  // namespace

bool IsIpAddress(std::string_view value) {
  const std::string text(value);
  unsigned char bytes[16];
  return inet_pton(AF_INET, text.c_str(), bytes) == 1 ||
         inet_pton(AF_INET6, text.c_str(), bytes) == 1;
}

void AddComplaints(FieldErrors& errors, const std::string& field, const Json& value,
                   const Complaints& complaints) {
  for (const std::string& complaint : complaints) AddInvalid(errors, field, value, complaint);
}

void ValidateLabels(const Json& labels, const std::string& field, FieldErrors& errors) {
  if (!labels.is_object()) return;
  for (const auto& [key, value] : labels.items()) {
    AddComplaints(errors, field, key, CheckQualifiedName(key));
    AddComplaints(errors, field, value, CheckLabelValue(Text(value)));
  }
}

void ValidateAnnotations(const Json& annotations, const std::string& field, FieldErrors& errors) {
  if (!annotations.is_object()) return;
  size_t bytes = 0;
  for (const auto& [key, value] : annotations.items()) {
    AddComplaints(errors, field, key, CheckQualifiedName(absl::AsciiStrToLower(key)));
    bytes += key.size() + Text(value).size();
  }
  if (bytes > kMaxAnnotationsBytes) {
    AddTooLong(errors, field, static_cast<int>(kMaxAnnotationsBytes));
  }
}

void ValidateObjectMeta(const Json& object, const Resource& row, FieldErrors& errors) {
  const Json& metadata = At(object, {"metadata"});
  ValidateNames(metadata, row, errors);
  ValidateLabels(At(metadata, {"labels"}), "metadata.labels", errors);
  ValidateAnnotations(At(metadata, {"annotations"}), "metadata.annotations", errors);
  const Json& owners = At(metadata, {"ownerReferences"});
  if (owners.is_array()) ValidateOwners(owners, errors);
  for (const Json& finalizer : At(metadata, {"finalizers"})) {
    AddComplaints(errors, "metadata.finalizers", finalizer, CheckQualifiedName(Text(finalizer)));
  }
}

void ValidateLabelSelector(const Json& selector, const std::string& field, FieldErrors& errors) {
  ValidateLabels(At(selector, {"matchLabels"}), field + ".matchLabels", errors);
  const Json& expressions = At(selector, {"matchExpressions"});
  for (size_t i = 0; i < expressions.size(); ++i) {
    const Json& expression = expressions[i];
    const std::string at = Indexed(field + ".matchExpressions", i);
    const std::string op = StringAt(expression, {"operator"});
    const bool has_values = !At(expression, {"values"}).empty();
    if (op == "In" || op == "NotIn") {
      if (!has_values) {
        AddRequired(errors, at + ".values", "must be specified when `operator` is 'In' or 'NotIn'");
      }
    } else if (op == "Exists" || op == "DoesNotExist") {
      if (has_values) {
        AddForbidden(errors, at + ".values",
                     "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
      }
    } else {
      AddInvalid(errors, at + ".operator", op, "not a valid selector operator");
    }
    const std::string key = StringAt(expression, {"key"});
    AddComplaints(errors, at + ".key", key, CheckQualifiedName(key));
  }
}

bool IsEmptySelector(const Json& selector) {
  return At(selector, {"matchLabels"}).empty() && At(selector, {"matchExpressions"}).empty();
}

namespace {

bool ExpressionMatches(const Json& expression, const Json& labels) {
  const std::string op = StringAt(expression, {"operator"});
  const Json& value = At(labels, {StringAt(expression, {"key"})});
  const Json& values = At(expression, {"values"});
  const bool listed = std::find(values.begin(), values.end(), value) != values.end();
  if (op == "In") return !value.is_null() && listed;
  if (op == "NotIn") return value.is_null() || !listed;
  if (op == "Exists") return !value.is_null();
  return op == "DoesNotExist" && value.is_null();
}

}  // namespace

bool SelectorMatches(const Json& selector, const Json& labels) {
  const Json& wanted = At(selector, {"matchLabels"});
  if (wanted.is_object()) {
    for (const auto& [key, value] : wanted.items()) {
      if (At(labels, {key}) != value) return false;
    }
  }
  for (const Json& expression : At(selector, {"matchExpressions"})) {
    if (!ExpressionMatches(expression, labels)) return false;
  }
  return true;
}

std::string FormatLabelSelector(const Json& selector) {
  std::vector<std::string> parts;
  const Json& labels = At(selector, {"matchLabels"});
  if (labels.is_object()) {
    for (const auto& [key, value] : labels.items()) parts.push_back(key + "=" + Text(value));
  }
  for (const Json& expression : At(selector, {"matchExpressions"})) {
    const std::string key = StringAt(expression, {"key"});
    const std::string op = StringAt(expression, {"operator"});
    if (op == "Exists" || op == "DoesNotExist") {
      parts.push_back((op == "Exists" ? "" : "!") + key);
      continue;
    }
    std::vector<std::string> values;
    for (const Json& value : At(expression, {"values"})) values.push_back(Text(value));
    std::sort(values.begin(), values.end());
    std::string part = key + (op == "In" ? " in (" : " notin (");
    for (size_t i = 0; i < values.size(); ++i) part += (i > 0 ? "," : "") + values[i];
    parts.push_back(part + ")");
  }
  // Requirements are sorted by key, whatever kind they are.
  std::sort(parts.begin(), parts.end());
  std::string text;
  for (size_t i = 0; i < parts.size(); ++i) text += (i > 0 ? "," : "") + parts[i];
  return text.empty() ? "<none>" : text;
}

std::string FormatLabels(const Json& labels) {
  if (!labels.is_object() || labels.empty()) return "<none>";
  std::string text;
  for (const auto& [key, value] : labels.items()) {
    if (!text.empty()) text += ",";
    text += key + "=" + Text(value);
  }
  return text;
}

void ValidateNonNegative(const Json& object, const char* name, const std::string& parent,
                         FieldErrors& errors) {
  const Json& value = At(object, {name});
  if (value.is_number() && value < 0) {
    AddInvalid(errors, parent.empty() ? name : parent + "." + name, value,
               "must be greater than or equal to 0");
  }
}

void ValidatePortNumber(const Json& value, const std::string& field, FieldErrors& errors) {
  const int64_t port = value.is_number() ? value.get<int64_t>() : 0;
  if (port < 1 || port > 65535) {
    AddInvalid(errors, field, port, "must be between 1 and 65535, inclusive");
  }
}

void ValidateCountOrPercent(const Json& value, const std::string& field, FieldErrors& errors) {
  if (value.is_number()) {
    if (value < 0) AddInvalid(errors, field, value, "must be greater than or equal to 0");
    return;
  }
  if (!value.is_string()) return;
  std::string_view text = value.get_ref<const std::string&>();
  const bool percent = text.ends_with('%');
  if (percent) text.remove_suffix(1);
  if (!percent || text.empty() ||
      !std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isdigit(c); })) {
    AddInvalid(errors, field, value,
               "a valid percent string must be a numeric string followed by an ending '%' (e.g. "
               "'1%',  or '93%', regex used for validation is '[0-9]+%')");
  }
}

void ValidateImmutable(const Json& value, const Json& old, const std::string& field,
                       FieldErrors& errors) {
  if (!SemanticEqual(value, old)) AddInvalid(errors, field, value, "field is immutable");
}

}  // namespace pintle::server::kube
