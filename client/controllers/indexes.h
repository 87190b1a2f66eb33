// The indexes that controllers keep over shared informers, by name.
#pragma once

#include <string>
#include <vector>

#include "client/json.h"

namespace pintle::client::controllers {

inline const char* const kByOwner = "owner";   // uid of each ownerReference
inline const char* const kByNode = "node";     // spec.nodeName
inline const char* const kOrphans = "orphan";  // namespace, of objects that nothing controls

inline std::vector<std::string> OwnerUids(const Json& object) {
  std::vector<std::string> uids;
  for (const Json& owner : Array(object, "metadata.ownerReferences")) {
    uids.emplace_back(Str(owner, "uid"));
  }
  return uids;
}

inline std::vector<std::string> NodeNameOf(const Json& pod) {
  const std::string_view node = Str(pod, "spec.nodeName");
  if (node.empty()) return {};
  return {std::string(node)};
}

inline std::vector<std::string> NamespaceIfOrphan(const Json& object) {
  if (!ControllerRef(object).is_null()) return {};
  return {std::string(Namespace(object))};
}

}  // namespace pintle::client::controllers
