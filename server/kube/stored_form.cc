#include "server/kube/stored_form.h"

#include "server/kube/text.h"

namespace pintle::server::kube {
namespace {

constexpr std::string_view kMetadataOpen = "\"metadata\":{";

// What stored bytes of this kind begin with, up to and with metadata's brace.
std::string StoredPrefix(const Resource& resource) {
  return StrCat("{\"kind\":\"", resource.kind, "\",\"apiVersion\":\"", resource.group_version(),
                "\",", kMetadataOpen);
}

// The rest behind metadata's opening brace, or nothing when the bytes are not of our shape. An
// empty metadata is not: a comma would have to be dropped.
std::string_view BehindMetadataBrace(const Resource& resource, std::string_view stored) {
  const std::string prefix = StoredPrefix(resource);
  if (!stored.starts_with(prefix)) return {};
  std::string_view rest = stored.substr(prefix.size());
  return rest.starts_with('"') ? rest : std::string_view();
}

Json ParseForeign(const Resource& resource, std::string_view stored) {
  Json object = Json::parse(stored, nullptr, false);
  if (!object.is_object()) object = Json::object();
  if (!object["metadata"].is_object()) object["metadata"] = Json::object();
  object["kind"] = resource.kind;
  object["apiVersion"] = resource.group_version();
  return object;
}

}  // namespace

std::string StorageKey(const Resource& resource, const ObjectKey& key) {
  if (!resource.namespaced) return StrCat(resource.storage_prefix, "/", key.name);
  return StrCat(resource.storage_prefix, "/", key.name_space, "/", key.name);
}

kv::KeyRange CollectionRange(const Resource& resource, std::string_view name_space) {
  std::string prefix = StrCat(resource.storage_prefix, "/");
  if (!name_space.empty()) StrAppend(&prefix, name_space, "/");
  std::string end = prefix;
  end.back() = '/' + 1;
  return {std::move(prefix), std::move(end)};
}

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string EncodeStored(const Json& object) {
  std::string out = "{";
  const auto append = [&](std::string_view name, const Json& value) {
    StrAppend(&out, out.size() > 1 ? "," : "", Quoted(name), ":", Dump(value));
  };
  append("kind", object.at("kind"));
  append("apiVersion", object.at("apiVersion"));
  Json metadata = object.at("metadata");
  metadata.erase("resourceVersion");
  append("metadata", metadata);
  for (const auto& [name, value] : object.items()) {
    if (name != "kind" && name != "apiVersion" && name != "metadata") append(name, value);
  }
  return out + "}";
}

void SetResourceVersion(Json& object, int64_t revision) {
  object["metadata"]["resourceVersion"] = StrCat(revision);
}

Result<Json> DecodeStored(const Resource& resource, const kv::KeyValueView& pair) {
  Json object = Json::parse(pair.value, nullptr, false);
  if (!object.is_object()) return InternalError(StrCat("unable to decode the value of ", pair.key));
  if (!object["metadata"].is_object()) object["metadata"] = Json::object();
  object["kind"] = resource.kind;
  object["apiVersion"] = resource.group_version();
  SetResourceVersion(object, pair.mod_revision);
  return object;
}

void AppendObject(const Resource& resource, std::string_view stored, int64_t revision,
                  std::string& out) {
  const std::string_view rest = BehindMetadataBrace(resource, stored);
  if (rest.empty()) {
    Json object = ParseForeign(resource, stored);
    SetResourceVersion(object, revision);
    out += Dump(object);
    return;
  }
  StrAppend(&out, stored.substr(0, stored.size() - rest.size()), "\"resourceVersion\":\"", revision,
            "\",", rest);
}

void AppendListItem(const Resource& resource, std::string_view stored, int64_t revision,
                    std::string& out) {
  const std::string_view rest = BehindMetadataBrace(resource, stored);
  if (rest.empty()) {
    Json object = ParseForeign(resource, stored);
    SetResourceVersion(object, revision);
    object.erase("kind");
    object.erase("apiVersion");
    out += Dump(object);
    return;
  }
  StrAppend(&out, "{", kMetadataOpen, "\"resourceVersion\":\"", revision, "\",", rest);
}

Result<kv::EncodedKeyValue> ReadPair(const kv::ReadView& view, std::string key) {
  kv::RangeRequest request;
  request.range.key = std::move(key);
  absl::StatusOr<kv::RangeResult> found = view.Range(request);
  if (!found.ok()) return FromMember(found.status(), false);
  return found->kvs.empty() ? kv::EncodedKeyValue() : found->kvs.front();
}

Result<std::optional<Stored>> ReadObject(const kv::ReadView& view, const Resource& resource,
                                         const ObjectKey& key) {
  KUBE_ASSIGN_OR_RETURN(kv::EncodedKeyValue pair, ReadPair(view, StorageKey(resource, key)));
  if (pair == nullptr) return std::optional<Stored>();
  kv::KeyValueView parsed;
  if (!kv::ParseKeyValue(*pair, parsed)) return InternalError("unreadable pair in the store");
  KUBE_ASSIGN_OR_RETURN(Json object, DecodeStored(resource, parsed));
  return std::optional<Stored>(Stored{std::move(object), parsed.mod_revision});
}

}  // namespace pintle::server::kube
