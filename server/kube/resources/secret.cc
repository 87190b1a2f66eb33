#include "absl/strings/escaping.h"
#include "server/kube/resources/field_error.h"
#include "server/kube/resources/kinds.h"
#include "server/kube/resources/row_parts.h"
#include "server/kube/resources/validation.h"

namespace pintle::server::kube {
namespace {

constexpr size_t kMaxBytes = 1024 * 1024;

// stringData is a way of writing data; it is never stored.
void SetDefaults(Json& object) {
  const auto plain = object.find("stringData");
  if (plain != object.end()) {
    const Json texts = *plain;
    object.erase("stringData");
    for (const auto& [key, value] : texts.items()) {
      MakeObject(object, "data")[key] = absl::Base64Escape(value.get_ref<const std::string&>());
    }
  }
  if (StringAt(object, {"type"}).empty()) object["type"] = "Opaque";
}

void RequireData(const Json& object, std::initializer_list<const char*> keys, FieldErrors& errors) {
  for (const char* key : keys) {
    if (At(object, {"data", key}).is_null()) AddRequired(errors, Keyed("data", key));
  }
}

void ValidateByType(const Json& object, const std::string& type, FieldErrors& errors) {
  if (type == "kubernetes.io/tls") {
    RequireData(object, {"tls.crt", "tls.key"}, errors);
  } else if (type == "kubernetes.io/dockerconfigjson") {
    RequireData(object, {".dockerconfigjson"}, errors);
  } else if (type == "kubernetes.io/dockercfg") {
    RequireData(object, {".dockercfg"}, errors);
  } else if (type == "kubernetes.io/ssh-auth") {
    RequireData(object, {"ssh-privatekey"}, errors);
  } else if (type == "kubernetes.io/basic-auth") {
    if (At(object, {"data", "username"}).is_null() && At(object, {"data", "password"}).is_null()) {
      RequireData(object, {"username", "password"}, errors);
    }
  } else if (type == "kubernetes.io/service-account-token") {
    constexpr const char* kAccount = "kubernetes.io/service-account.name";
    if (StringAt(object, {"metadata", "annotations", kAccount}).empty()) {
      AddRequired(errors, Keyed("metadata.annotations", kAccount));
    }
  }
}

void ValidateUpdate(const Json& object, const Json& old, FieldErrors& errors) {
  ValidateImmutable(At(object, {"type"}), At(old, {"type"}), "type", errors);
  if (At(old, {"immutable"}) != true) return;
  constexpr const char* kFixed = "field is immutable when `immutable` is set";
  if (At(object, {"immutable"}) != true) AddForbidden(errors, "immutable", kFixed);
  if (!SemanticEqual(At(object, {"data"}), At(old, {"data"}))) {
    AddForbidden(errors, "data", kFixed);
  }
}

void Validate(const Json& object, const Json* old, FieldErrors& errors) {
  size_t bytes = 0;
  const Json& data = At(object, {"data"});
  if (data.is_object()) {
    for (const auto& [key, value] : data.items()) {
      AddComplaints(errors, Keyed("data", key), key, CheckConfigKey(key));
      bytes += value.get_ref<const std::string&>().size() / 4 * 3;
    }
  }
  if (bytes > kMaxBytes) AddTooLong(errors, "data", static_cast<int>(kMaxBytes));
  ValidateByType(object, StringAt(object, {"type"}), errors);
  if (old != nullptr) ValidateUpdate(object, *old, errors);
}

std::vector<Json> Cells(const Json& object, absl::Time now) {
  return {StringAt(object, {"metadata", "name"}), StringAt(object, {"type"}),
          At(object, {"data"}).size(), ObjectAge(object, now)};
}

}  // namespace

Resource SecretRow() {
  Resource row;
  row.version = "v1";
  row.plural = "secrets";
  row.singular = "secret";
  row.kind = "Secret";
  row.verbs = AllVerbs();
  row.storage_prefix = "/registry/secrets";
  row.definition = "io.k8s.api.core.v1.Secret";
  row.set_defaults = SetDefaults;
  row.validate = Validate;
  row.columns = {NameColumn(),
                 {"Type", "string", "", "What the keys mean.", 0},
                 {"Data", "string", "", "How many keys it holds.", 0},
                 AgeColumn()};
  row.row = Cells;
  row.field_labels = {{"type", [](const Json& object) { return StringAt(object, {"type"}); }}};
  return row;
}

}  // namespace pintle::server::kube
