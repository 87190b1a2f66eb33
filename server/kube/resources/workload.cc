#include "server/kube/resources/workload.h"

#include "server/kube/resources/field_error.h"
#include "server/kube/resources/pod_spec.h"
#include "server/kube/resources/row_parts.h"
#include "server/kube/resources/validation.h"

namespace pintle::server::kube {
namespace {

// A selector as Go prints the struct.
std::string GoSelector(const Json& selector) {
  const Json& labels = At(selector, {"matchLabels"});
  std::string text = "v1.LabelSelector{MatchLabels:";
  text += labels.is_object() ? GoText(labels) : "map[string]string(nil)";
  text += ", MatchExpressions:[]v1.LabelSelectorRequirement";
  const Json& expressions = At(selector, {"matchExpressions"});
  if (!expressions.is_array()) return text + "(nil)}";
  text += "{";
  for (const Json& expression : expressions) {
    if (text.back() != '{') text += ", ";
    const Json& values = At(expression, {"values"});
    text += "v1.LabelSelectorRequirement{Key:" + At(expression, {"key"}).dump() +
            ", Operator:" + At(expression, {"operator"}).dump() +
            ", Values:" + (values.is_array() ? GoText(values) : std::string("[]string(nil)")) + "}";
  }
  return text + "}}";
}

}  // namespace

void ValidateOwnerSelector(const Json& object, const Json* old, std::string_view owner,
                           FieldErrors& errors) {
  const Json& selector = At(object, {"spec", "selector"});
  if (selector.is_null()) {
    AddRequired(errors, "spec.selector");
  } else {
    ValidateLabelSelector(selector, "spec.selector", errors);
    if (IsEmptySelector(selector)) {
      AddInvalidText(errors, "spec.selector", GoSelector(selector),
                     "empty selector is invalid for " + std::string(owner));
    }
  }
  if (old != nullptr && !SemanticEqual(selector, At(*old, {"spec", "selector"}))) {
    AddInvalidText(errors, "spec.selector", GoSelector(selector), "field is immutable");
  }
}

void ValidateStatusCounts(const Json& object, std::initializer_list<const char*> counts,
                          std::initializer_list<const char*> parts, FieldErrors& errors) {
  const Json& status = At(object, {"status"});
  for (const char* count : counts) ValidateNonNegative(status, count, "status", errors);
  const int64_t replicas = IntAt(status, {"replicas"});
  for (const char* part : parts) {
    ValidateNonNegative(status, part, "status", errors);
    if (IntAt(status, {part}) > replicas) {
      AddInvalid(errors, std::string("status.") + part, At(status, {part}),
                 "cannot be greater than status.replicas");
    }
  }
}

Column ContainersColumn() {
  return WideColumn("Containers", "string", "Names of the containers in the template.");
}

Column ImagesColumn() {
  return WideColumn("Images", "string", "Images of the containers in the template.");
}

Column SelectorColumn() { return WideColumn("Selector", "string", "Which pods belong to it."); }

void AppendTemplateCells(const Json& object, bool with_selector, std::vector<Json>& cells) {
  const Json& spec = At(object, {"spec", "template", "spec"});
  cells.emplace_back(ContainerNames(spec));
  cells.emplace_back(ContainerImages(spec));
  if (with_selector) cells.emplace_back(FormatLabelSelector(At(object, {"spec", "selector"})));
}

}  // namespace pintle::server::kube
