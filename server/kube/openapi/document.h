// OpenApiDocuments: what /openapi/v2 and /openapi/v3 answer.
//
// Purpose: kubectl validates, explains and merges by these documents. They are made once from the
// resource table and the schema, and never change while the process lives. Owner: whoever serves
// HTTP holds one. Threads: any; each form is made at the first call that needs it. Costs: some ten
// milliseconds and a few megabytes. Source: Swagger 2.0 and OpenAPI 3.0; the protobuf form is
// gnostic's openapi.v2.Document (kube-api §3).
#pragma once

#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "server/kube/openapi/schema.h"
#include "server/kube/resources/resource.h"

namespace pintle::server::kube {

class OpenApiDocuments {
 public:
  struct Body {
    std::string bytes;
    std::string hash;  // upper-case hex; as an ETag it is put in double quotes
  };

  // Both must outlive this.
  OpenApiDocuments(std::span<const Resource> resources, const Schema& schema, std::string version);

  // Swagger 2.0 as JSON: Content-Type application/json.
  const Body& V2Json();
  // The same as protobuf, for Accept application/com.github.proto-openapi.spec.v2…
  const Body& V2Protobuf();
  // {"paths":{"api/v1":{"serverRelativeURL":"/openapi/v3/api/v1?hash=…"},…}}
  const Body& V3Index();
  // `path` is "api/v1" or "apis/apps/v1"; null when there is no such group version.
  const Body* V3(std::string_view path);

 private:
  Json MakeV2() const;
  Json MakeV3(const std::string& group_version_path) const;
  void MakeAllV3();  // mutex_ is held

  const std::span<const Resource> resources_;
  const Schema& schema_;
  const std::string version_;  // of the API server, "v1.33.0"

  // Guards the bodies' first making; they are constant afterwards.
  std::mutex mutex_;
  Body v2_json_, v2_protobuf_, v3_index_;
  std::map<std::string, Body, std::less<>> v3_;
};

}  // namespace pintle::server::kube
