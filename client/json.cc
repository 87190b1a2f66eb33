#include "client/json.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace pintle::client {
namespace {

const Json& Null() {
  static const Json& null = *new Json();
  return null;
}

const Json& Member(const Json& object, std::string_view key) {
  if (!object.is_object()) return Null();
  const auto found = object.find(key);
  return found == object.end() ? Null() : *found;
}

std::string_view View(const Json& value) {
  const auto* text = value.get_ptr<const std::string*>();
  return text == nullptr ? std::string_view() : std::string_view(*text);
}

bool IsEmpty(const Json& value) {
  return value.is_null() || (value.is_structured() && value.empty());
}

}  // namespace

const Json& At(const Json& object, std::string_view path) {
  const Json* at = &object;
  while (!path.empty()) {
    const size_t dot = path.find('.');
    at = &Member(*at, path.substr(0, dot));
    if (dot == std::string_view::npos) break;
    path.remove_prefix(dot + 1);
  }
  return *at;
}

std::string_view Str(const Json& object, std::string_view path) { return View(At(object, path)); }

int64_t Int(const Json& object, std::string_view path, int64_t fallback) {
  const Json& value = At(object, path);
  return value.is_number_integer() ? value.get<int64_t>() : fallback;
}

bool Bool(const Json& object, std::string_view path) {
  const Json& value = At(object, path);
  return value.is_boolean() && value.get<bool>();
}

const Json& Array(const Json& object, std::string_view path) {
  static const Json& empty = *new Json(Json::array());
  const Json& value = At(object, path);
  return value.is_array() ? value : empty;
}

void Set(Json& object, std::string_view path, Json value) {
  Json* at = &object;
  while (true) {
    const size_t dot = path.find('.');
    if (!at->is_object()) *at = Json::object();
    at = &(*at)[std::string(path.substr(0, dot))];
    if (dot == std::string_view::npos) break;
    path.remove_prefix(dot + 1);
  }
  *at = std::move(value);
}

std::string_view Name(const Json& object) { return Str(object, "metadata.name"); }
std::string_view Namespace(const Json& object) { return Str(object, "metadata.namespace"); }
std::string_view Uid(const Json& object) { return Str(object, "metadata.uid"); }

std::string_view Label(const Json& object, std::string_view key) {
  return View(Member(At(object, "metadata.labels"), key));
}

std::string_view Annotation(const Json& object, std::string_view key) {
  return View(Member(At(object, "metadata.annotations"), key));
}

uint64_t ResourceVersion(const Json& object) {
  uint64_t value = 0;
  const auto text = Str(object, "metadata.resourceVersion");
  return absl::SimpleAtoi({text.data(), text.size()}, &value) ? value : 0;
}

bool Deleting(const Json& object) { return At(object, "metadata.deletionTimestamp").is_string(); }

bool HasFinalizer(const Json& object, std::string_view finalizer) {
  for (const Json& entry : Array(object, "metadata.finalizers")) {
    if (View(entry) == finalizer) return true;
  }
  return false;
}

absl::Time CreationTime(const Json& object) {
  return ParseTime(Str(object, "metadata.creationTimestamp")).value_or(absl::InfinitePast());
}

std::string MakeKey(std::string_view name_space, std::string_view name) {
  if (name_space.empty()) return std::string(name);
  std::string key(name_space);
  key += '/';
  key += name;
  return key;
}

std::string KeyOf(const Json& object) { return MakeKey(Namespace(object), Name(object)); }

ObjectName SplitKey(std::string_view key) {
  const size_t slash = key.find('/');
  if (slash == std::string_view::npos) return {"", std::string(key)};
  return {std::string(key.substr(0, slash)), std::string(key.substr(slash + 1))};
}

const Json& ControllerRef(const Json& object) {
  for (const Json& owner : Array(object, "metadata.ownerReferences")) {
    if (Bool(owner, "controller")) return owner;
  }
  return Null();
}

Json MakeControllerRef(std::string_view api_version, std::string_view kind, const Json& owner) {
  return Json{{"apiVersion", std::string(api_version)},
              {"kind", std::string(kind)},
              {"name", std::string(Name(owner))},
              {"uid", std::string(Uid(owner))},
              {"controller", true},
              {"blockOwnerDeletion", true}};
}

const Json& FindCondition(const Json& conditions, std::string_view type) {
  if (!conditions.is_array()) return Null();
  for (const Json& condition : conditions) {
    if (Str(condition, "type") == type) return condition;
  }
  return Null();
}

std::string Rfc3339(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

std::string Rfc3339Micro(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone());
}

std::optional<absl::Time> ParseTime(std::string_view text) {
  absl::Time time;
  std::string error;
  if (text.empty() ||
      !absl::ParseTime(absl::RFC3339_full, {text.data(), text.size()}, &time, &error)) {
    return std::nullopt;
  }
  return time;
}

Json Pruned(const Json& value) {
  if (value.is_object()) {
    Json out = Json::object();
    for (const auto& [key, member] : value.items()) {
      Json pruned = Pruned(member);
      if (!IsEmpty(pruned)) out[key] = std::move(pruned);
    }
    return out;
  }
  if (value.is_array()) {
    Json out = Json::array();
    for (const Json& element : value) out.push_back(Pruned(element));
    return out;
  }
  return value;
}

bool SemanticEqual(const Json& a, const Json& b) {
  const Json left = Pruned(a);
  const Json right = Pruned(b);
  return left == right || (IsEmpty(left) && IsEmpty(right));
}

std::string Dump(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<Json> Parse(std::string_view text) {
  Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) return std::nullopt;
  return value;
}

}  // namespace pintle::client
