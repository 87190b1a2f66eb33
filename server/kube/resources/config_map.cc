#include "server/kube/resources/field_error.h"
#include "server/kube/resources/kinds.h"
#include "server/kube/resources/row_parts.h"
#include "server/kube/resources/validation.h"

namespace pintle::server::kube {
namespace {

constexpr size_t kMaxBytes = 1024 * 1024;

// Keys are well formed and unique over both maps; the sum of all values is bounded.
void ValidateData(const Json& object, FieldErrors& errors) {
  size_t bytes = 0;
  const Json& binary = At(object, {"binaryData"});
  for (const char* name : {"data", "binaryData"}) {
    const Json& data = At(object, {name});
    if (!data.is_object()) continue;
    for (const auto& [key, value] : data.items()) {
      const std::string field = Keyed(name, key);
      AddComplaints(errors, field, key, CheckConfigKey(key));
      if (&data != &binary && At(binary, {key}).is_string()) {
        AddInvalid(errors, field, key, "duplicate of key present in binaryData");
      }
      const size_t size = value.get_ref<const std::string&>().size();
      bytes += &data == &binary ? size / 4 * 3 : size;
    }
  }
  if (bytes > kMaxBytes) AddTooLong(errors, "[]", static_cast<int>(kMaxBytes));
}

void Validate(const Json& object, const Json* old, FieldErrors& errors) {
  ValidateData(object, errors);
  if (old == nullptr || At(*old, {"immutable"}) != true) return;
  constexpr const char* kFixed = "field is immutable when `immutable` is set";
  if (At(object, {"immutable"}) != true) AddForbidden(errors, "immutable", kFixed);
  for (const char* name : {"data", "binaryData"}) {
    if (!SemanticEqual(At(object, {name}), At(*old, {name}))) AddForbidden(errors, name, kFixed);
  }
}

std::vector<Json> Cells(const Json& object, absl::Time now) {
  return {StringAt(object, {"metadata", "name"}),
          At(object, {"data"}).size() + At(object, {"binaryData"}).size(), ObjectAge(object, now)};
}

}  // namespace

Resource ConfigMapRow() {
  Resource row;
  row.version = "v1";
  row.plural = "configmaps";
  row.singular = "configmap";
  row.kind = "ConfigMap";
  row.short_names = {"cm"};
  row.verbs = AllVerbs();
  row.storage_prefix = "/registry/configmaps";
  row.definition = "io.k8s.api.core.v1.ConfigMap";
  row.validate = Validate;
  row.columns = {NameColumn(), {"Data", "string", "", "How many keys it holds.", 0}, AgeColumn()};
  row.row = Cells;
  return row;
}

}  // namespace pintle::server::kube
