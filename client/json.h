// Kubernetes objects as JSON documents, read without exceptions.
//
// Readers take a dotted path ("spec.nodeName"); what is absent or of another type reads as null,
// empty, zero or false, as a client must treat what it does not know. Keys that contain dots
// (labels, annotations) have readers of their own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "nlohmann/json.hpp"

namespace pintle::client {

using Json = nlohmann::json;
using ObjectPtr = std::shared_ptr<const Json>;

const Json& At(const Json& object, std::string_view path);  // a null when absent
std::string_view Str(const Json& object, std::string_view path);
int64_t Int(const Json& object, std::string_view path, int64_t fallback = 0);
bool Bool(const Json& object, std::string_view path);
const Json& Array(const Json& object, std::string_view path);  // an empty array when absent

// Sets a value below a dotted path, making the objects on the way.
void Set(Json& object, std::string_view path, Json value);

std::string_view Name(const Json& object);
std::string_view Namespace(const Json& object);
std::string_view Uid(const Json& object);
std::string_view Label(const Json& object, std::string_view key);
std::string_view Annotation(const Json& object, std::string_view key);
uint64_t ResourceVersion(const Json& object);  // 0 when absent or not a number
bool Deleting(const Json& object);             // metadata.deletionTimestamp is set
bool HasFinalizer(const Json& object, std::string_view finalizer);
absl::Time CreationTime(const Json& object);

// "namespace/name", or "name" for cluster-scoped objects: the key of caches and work queues.
std::string KeyOf(const Json& object);
std::string MakeKey(std::string_view name_space, std::string_view name);
struct ObjectName {
  std::string name_space;
  std::string name;
};
ObjectName SplitKey(std::string_view key);

// The ownerReference with controller=true; a null when there is none.
const Json& ControllerRef(const Json& object);
Json MakeControllerRef(std::string_view api_version, std::string_view kind, const Json& owner);

// The element of a condition list with that type; a null when absent.
const Json& FindCondition(const Json& conditions, std::string_view type);

// RFC 3339 in UTC, whole seconds (Time) or six decimals (MicroTime).
std::string Rfc3339(absl::Time time);
std::string Rfc3339Micro(absl::Time time);
std::optional<absl::Time> ParseTime(std::string_view text);

// A copy without nulls, empty objects and empty arrays: how Go's structs compare, whatever was
// written out.
Json Pruned(const Json& value);
bool SemanticEqual(const Json& a, const Json& b);

// Never throws: bytes that are not UTF-8 are replaced.
std::string Dump(const Json& value);
std::optional<Json> Parse(std::string_view text);

}  // namespace pintle::client
