// StoredForm: objects as bytes in the store, and from there to bytes on the wire.
//
// Keys are kube-apiserver's own ("/registry/pods/<namespace>/<name>"). Values are JSON that begins
//   {"kind":"Pod","apiVersion":"v1","metadata":{
// and has no resourceVersion, so that a GET, a list item or a watch event is one cut and one insert
// into the stored bytes (DESIGN §10). What was written in another shape is parsed and written anew.
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kv/read_view.h"
#include "kv/types.h"
#include "server/kube/resources/resource.h"
#include "server/kube/status_error.h"

namespace pintle::server::kube {

struct ObjectKey {
  std::string name_space;  // empty for cluster-scoped kinds
  std::string name;
};

std::string StorageKey(const Resource& resource, const ObjectKey& key);
// All objects of the kind, or those of one namespace.
kv::KeyRange CollectionRange(const Resource& resource, std::string_view name_space);

// `object` has kind, apiVersion and metadata. resourceVersion is left out.
std::string EncodeStored(const Json& object);
// With metadata.resourceVersion set to the pair's revision. 500 when the bytes are no JSON object.
Result<Json> DecodeStored(const Resource& resource, const kv::KeyValueView& pair);

// Wire forms. `revision` becomes metadata.resourceVersion.
void AppendObject(const Resource& resource, std::string_view stored, int64_t revision,
                  std::string& out);
void AppendListItem(const Resource& resource, std::string_view stored, int64_t revision,
                    std::string& out);  // without kind and apiVersion

// JSON text of whatever is answered; never throws (bad UTF-8 is replaced).
std::string Dump(const Json& json);

// One object of a view.
struct Stored {
  Json object;               // with resourceVersion
  int64_t mod_revision = 0;  // what a guard compares with
};
Result<std::optional<Stored>> ReadObject(const kv::ReadView& view, const Resource& resource,
                                         const ObjectKey& key);
// The raw pair; null when absent.
Result<kv::EncodedKeyValue> ReadPair(const kv::ReadView& view, std::string key);

void SetResourceVersion(Json& object, int64_t revision);

}  // namespace pintle::server::kube
