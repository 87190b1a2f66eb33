#include "server/kube/resources/row_parts.h"

#include <utility>

#include "server/kube/resources/age.h"

namespace pintle::server::kube {

std::vector<std::string> AllVerbs() {
  return {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"};
}

std::vector<std::string> AllVerbsButDeleteCollection() {
  return {"create", "delete", "get", "list", "patch", "update", "watch"};
}

Subresource StatusSubresource() { return {"status", "", "", "", {"get", "patch", "update"}}; }

Subresource ScaleSubresource() {
  return {"scale", "autoscaling", "v1", "Scale", {"get", "patch", "update"}};
}

Column NameColumn() {
  return {"Name", "string", "name", "Name of the object, unique within its namespace and kind.", 0};
}

Column AgeColumn() { return {"Age", "string", "", "Time since the object was created.", 0}; }

Column WideColumn(std::string name, std::string type, std::string description) {
  return {std::move(name), std::move(type), "", std::move(description), 1};
}

std::vector<Column> NameAndAgeColumns() { return {NameColumn(), AgeColumn()}; }

std::vector<Json> NameAndAgeCells(const Json& object, absl::Time now) {
  return {StringAt(object, {"metadata", "name"}), ObjectAge(object, now)};
}

const Json& At(const Json& object, std::initializer_list<std::string_view> path) {
  static const Json kNull;
  const Json* value = &object;
  for (std::string_view name : path) {
    if (!value->is_object()) return kNull;
    const auto it = value->find(name);
    if (it == value->end()) return kNull;
    value = &*it;
  }
  return *value;
}

std::string StringAt(const Json& object, std::initializer_list<std::string_view> path) {
  const Json& value = At(object, path);
  return value.is_string() ? value.get_ref<const std::string&>() : std::string();
}

int64_t IntAt(const Json& object, std::initializer_list<std::string_view> path, int64_t otherwise) {
  const Json& value = At(object, path);
  return value.is_number() ? value.get<int64_t>() : otherwise;
}

bool SetDefault(Json& object, const char* name, Json value) {
  if (!object.is_object()) return false;
  Json& slot = object[name];
  if (!slot.is_null()) return false;
  slot = std::move(value);
  return true;
}

Json& MakeObject(Json& object, const char* name) {
  Json& slot = object[name];
  if (!slot.is_object()) slot = Json::object();
  return slot;
}

namespace {

bool IsEmptyValue(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null:
      return true;
    case Json::value_t::boolean:
      return !value.get<bool>();
    case Json::value_t::string:
      return value.get_ref<const std::string&>().empty();
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
    case Json::value_t::number_float:
      return value == 0;
    case Json::value_t::array:
      return value.empty();
    case Json::value_t::object:
      for (const Json& member : value) {
        if (!IsEmptyValue(member)) return false;
      }
      return true;
    default:
      return false;
  }
}

bool MembersEqual(const Json& left, const Json& right) {
  for (const auto& [name, value] : left.items()) {
    const auto it = right.find(name);
    if (it == right.end() ? !IsEmptyValue(value) : !SemanticEqual(value, *it)) return false;
  }
  for (const auto& [name, value] : right.items()) {
    if (!left.contains(name) && !IsEmptyValue(value)) return false;
  }
  return true;
}

}  // namespace

bool SemanticEqual(const Json& left, const Json& right) {
  if (left.is_object() && right.is_object()) return MembersEqual(left, right);
  if (left.is_array() && right.is_array()) {
    if (left.size() != right.size()) return false;
    for (size_t i = 0; i < left.size(); ++i) {
      if (!SemanticEqual(left[i], right[i])) return false;
    }
    return true;
  }
  if (left == right) return true;
  return IsEmptyValue(left) && IsEmptyValue(right);
}

std::string ObjectAge(const Json& object, absl::Time now) {
  const Json& created = At(object, {"metadata", "creationTimestamp"});
  absl::Time time;
  if (!created.is_string() ||
      !absl::ParseTime(absl::RFC3339_full, created.get_ref<const std::string&>(), &time, nullptr)) {
    return "<unknown>";
  }
  return HumanDuration(now - time);
}

}  // namespace pintle::server::kube
