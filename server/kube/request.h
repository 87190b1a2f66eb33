// RequestInfo: what an HTTP request asks of which resource.
//
// Purpose: the routing rules of kube-api §1.1 and the parameters of §1.2, as pure functions from
// text to values. Threads: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http.h"
#include "server/kube/status_error.h"

namespace pintle::server::kube {

enum class Verb { kGet, kList, kWatch, kCreate, kUpdate, kPatch, kDelete, kDeleteCollection };

// Query parameters, decoded, in the order sent.
class QueryParameters {
 public:
  // Malformed escapes drop the parameter, as Go's url.Query does.
  static QueryParameters Parse(std::string_view query);

  std::string_view Get(std::string_view name) const;  // first of that name, or empty
  bool Has(std::string_view name) const;
  std::vector<std::string> All(std::string_view name) const;
  // Go's conversion: present and neither "false" nor "0".
  bool Flag(std::string_view name) const;
  // Absent or empty: nullopt. 400 with strconv's words when it is no integer.
  Result<std::optional<int64_t>> Integer(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

struct RequestInfo {
  Verb verb = Verb::kGet;
  const Resource* resource = nullptr;        // never null once parsed
  const Subresource* subresource = nullptr;  // null: the resource itself
  std::string name_space;                    // empty: cluster scope, or all namespaces
  std::string name;                          // empty: the collection
  QueryParameters query;

  std::string_view subresource_name() const {
    return subresource == nullptr ? std::string_view() : std::string_view(subresource->name);
  }
};

// A path below /api/v1 or /apis/<group>/<version>; `resource_path` is what follows it, without the
// leading slash. Refusals: 404 for what does not exist, 405 for a verb that the row does not list,
// 400 for escapes.
Result<RequestInfo> ParseResourceRequest(std::string_view group, std::string_view version,
                                         std::string_view resource_path,
                                         const net::HttpRequest& request);

}  // namespace pintle::server::kube
