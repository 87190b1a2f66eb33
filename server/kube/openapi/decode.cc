#include "server/kube/openapi/decode.h"

#include <cstdint>
#include <limits>
#include <utility>

#include "base/status_macros.h"
#include "server/kube/openapi/scalars.h"
#include "server/kube/resources/quantity.h"

namespace pintle::server::kube {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxStrictProblems = 100;

std::string_view PackageAlias(const Definition& definition) {
  // "io.k8s.api.core.v1.Pod": Go names the package by its last element.
  const std::string_view name(definition.name);
  const size_t type = name.rfind('.');
  const size_t package = name.rfind('.', type - 1);
  return name.substr(package + 1, type - package - 1);
}

std::string GoElement(const Field& field) {
  switch (field.kind) {
    case FieldKind::kInteger:
      return field.bits == 32 ? "int32" : "int64";
    case FieldKind::kNumber:
      return "float64";
    case FieldKind::kBoolean:
      return "bool";
    case FieldKind::kObject:
      return std::string(PackageAlias(*field.definition)) + "." + field.definition->short_name;
    case FieldKind::kBytes:
      return "[]uint8";
    case FieldKind::kQuantity:
      return "resource.Quantity";
    default:
      return "string";
  }
}

std::string GoType(const Field& field) {
  if (field.shape == FieldShape::kList) return "[]" + GoElement(field);
  if (field.shape == FieldShape::kSingle) return GoElement(field);
  return field.kind == FieldKind::kQuantity ? "v1.ResourceList" : "map[string]" + GoElement(field);
}

std::string GoValue(const Json& value, bool with_digits) {
  switch (value.type()) {
    case Json::value_t::string:
      return "string";
    case Json::value_t::boolean:
      return "bool";
    case Json::value_t::array:
      return "array";
    case Json::value_t::object:
      return "object";
    default:
      return with_digits ? "number " + value.dump() : "number";
  }
}

// One decoding: where it is, and what it has found.
class Decoder {
 public:
  explicit Decoder(StrictProblems* problems) : problems_(problems) {}

  absl::Status Object(const Definition& definition, Json& object);

 private:
  absl::Status Member(const Definition& owner, const Field& field, Json& value);
  absl::Status Element(const Definition& owner, const Field& field, Json& value);
  absl::Status Integer(const Definition& owner, const Field& field, const Json& value);
  absl::Status Scalar(const Definition& owner, const Field& field, Json& value);
  absl::Status Mismatch(const Definition& owner, const Field& field, const Json& value,
                        const std::string& wanted, bool with_digits = false) const;
  void Unknown(const std::string& name);

  StrictProblems* problems_;
  std::string path_;     // with indexes: "spec.containers[0].ports"
  std::string go_path_;  // as Go tells it, without: "spec.containers.ports"
};

// Extends the paths by one step and takes it back.
class Step {
 public:
  Step(std::string& path, std::string_view step) : path_(path), length_(path.size()) {
    if (!path.empty() && step[0] != '[') path += '.';
    path += step;
  }
  ~Step() { path_.resize(length_); }
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;

 private:
  std::string& path_;
  size_t length_;
};

void Decoder::Unknown(const std::string& name) {
  if (problems_ == nullptr || problems_->messages.size() >= kMaxStrictProblems) return;
  const Step step(path_, name);
  problems_->messages.push_back("unknown field \"" + path_ + "\"");
}

absl::Status Decoder::Mismatch(const Definition& owner, const Field&, const Json& value,
                               const std::string& wanted, bool with_digits) const {
  return absl::InvalidArgumentError("json: cannot unmarshal " + GoValue(value, with_digits) +
                                    " into Go struct field " + owner.short_name + "." + go_path_ +
                                    " of type " + wanted);
}

absl::Status Decoder::Object(const Definition& definition, Json& object) {
  for (auto it = object.begin(); it != object.end();) {
    const std::string& name = it.key();
    const Field* field = definition.FindField(name);
    if (field == nullptr) {
      Unknown(name);
      it = object.erase(it);
      continue;
    }
    if (it->is_null()) {
      it = object.erase(it);
      continue;
    }
    const Step step(path_, name);
    const Step go_step(go_path_, name);
    PINTLE_RETURN_IF_ERROR(Member(definition, *field, *it));
    ++it;
  }
  return absl::OkStatus();
}

absl::Status Decoder::Member(const Definition& owner, const Field& field, Json& value) {
  switch (field.shape) {
    case FieldShape::kSingle:
      return Element(owner, field, value);
    case FieldShape::kList: {
      if (!value.is_array()) return Mismatch(owner, field, value, GoType(field));
      for (size_t i = 0; i < value.size(); ++i) {
        const Step step(path_, "[" + std::to_string(i) + "]");
        PINTLE_RETURN_IF_ERROR(Element(owner, field, value[i]));
      }
      return absl::OkStatus();
    }
    case FieldShape::kMap: {
      if (!value.is_object()) return Mismatch(owner, field, value, GoType(field));
      for (auto it = value.begin(); it != value.end(); ++it) {
        const Step step(path_, it.key());
        PINTLE_RETURN_IF_ERROR(Element(owner, field, *it));
      }
      return absl::OkStatus();
    }
  }
  return absl::OkStatus();
}

// A null inside a list or map is the zero value of its type, as in Go.
Json ZeroOf(const Field& field) {
  switch (field.kind) {
    case FieldKind::kInteger:
    case FieldKind::kNumber:
    case FieldKind::kIntOrString:
      return 0;
    case FieldKind::kBoolean:
      return false;
    case FieldKind::kObject:
      return Json::object();
    case FieldKind::kQuantity:
      return "0";
    default:
      return "";
  }
}

absl::Status Decoder::Element(const Definition& owner, const Field& field, Json& value) {
  if (field.kind == FieldKind::kRaw) return absl::OkStatus();
  if (value.is_null()) {
    value = ZeroOf(field);
    return absl::OkStatus();
  }
  if (field.kind == FieldKind::kObject) {
    if (!value.is_object()) return Mismatch(owner, field, value, GoElement(field));
    return Object(*field.definition, value);
  }
  return Scalar(owner, field, value);
}

absl::Status Decoder::Integer(const Definition& owner, const Field& field, const Json& value) {
  if (!value.is_number()) return Mismatch(owner, field, value, GoElement(field));
  bool fits = value.is_number_integer();
  if (value.is_number_unsigned()) {
    fits = value.get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  }
  if (fits && field.bits == 32) {
    const int64_t number = value.get<int64_t>();
    fits = number >= std::numeric_limits<int32_t>::min() &&
           number <= std::numeric_limits<int32_t>::max();
  }
  return fits ? absl::OkStatus() : Mismatch(owner, field, value, GoElement(field), true);
}

absl::Status WrongValue(const Json& value, std::string_view wanted) {
  return absl::InvalidArgumentError("json: cannot unmarshal " + GoValue(value, false) +
                                    " into Go value of type " + std::string(wanted));
}

absl::Status DecodeQuantity(Json& value) {
  if (!value.is_string() && !value.is_number()) {
    return absl::InvalidArgumentError(
        "quantities must match the regular expression "
        "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
  }
  const std::string text = value.is_string() ? value.get_ref<const std::string&>() : value.dump();
  PINTLE_ASSIGN_OR_RETURN(const Quantity quantity, Quantity::Parse(text));
  value = quantity.Canonical();
  return absl::OkStatus();
}

absl::Status DecodeIntOrString(const Json& value) {
  if (value.is_string()) return absl::OkStatus();
  if (!value.is_number_integer()) return WrongValue(value, "int32");
  const double number = value.get<double>();
  if (number < std::numeric_limits<int32_t>::min() ||
      number > std::numeric_limits<int32_t>::max()) {
    return absl::InvalidArgumentError("json: cannot unmarshal number " + value.dump() +
                                      " into Go value of type int32");
  }
  return absl::OkStatus();
}

absl::Status Decoder::Scalar(const Definition& owner, const Field& field, Json& value) {
  switch (field.kind) {
    case FieldKind::kInteger:
      return Integer(owner, field, value);
    case FieldKind::kNumber:
      return value.is_number() ? absl::OkStatus() : Mismatch(owner, field, value, "float64");
    case FieldKind::kBoolean:
      return value.is_boolean() ? absl::OkStatus() : Mismatch(owner, field, value, "bool");
    case FieldKind::kIntOrString:
      return DecodeIntOrString(value);
    case FieldKind::kQuantity:
      return DecodeQuantity(value);
    case FieldKind::kTime:
      if (!value.is_string()) return WrongValue(value, "string");
      return CanonicalTime(value.get_ref<std::string&>());
    case FieldKind::kMicroTime:
      if (!value.is_string()) return WrongValue(value, "string");
      return CanonicalMicroTime(value.get_ref<std::string&>());
    case FieldKind::kBytes:
      if (!value.is_string()) return Mismatch(owner, field, value, "[]uint8");
      return CanonicalBase64(value.get_ref<std::string&>());
    default:
      return value.is_string() ? absl::OkStatus() : Mismatch(owner, field, value, "string");
  }
}

}  // namespace

absl::Status DecodeObject(const Definition& definition, Json& object, StrictProblems* problems) {
  if (!object.is_object()) {
    return WrongValue(object, std::string(PackageAlias(definition)) + "." + definition.short_name);
  }
  return Decoder(problems).Object(definition, object);
}

}  // namespace pintle::server::kube
