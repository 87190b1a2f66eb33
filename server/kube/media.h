// Media: what the client sent and wants back (kube-api §4). JSON both ways; YAML bodies are read.
// Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/kube/openapi/decode.h"
#include "server/kube/request.h"
#include "server/kube/status_error.h"

namespace pintle::server::kube {

enum class Transform { kNone, kTable, kPartial, kPartialList };
enum class IncludeObject { kMetadata, kObject, kNone };

struct ResponseForm {
  Transform transform = Transform::kNone;
  std::string meta_version = "v1";  // of meta.k8s.io: v1 or v1beta1
  IncludeObject include_object = IncludeObject::kMetadata;
  bool pretty = false;
};

// The first clause of Accept that can be served; 406 when there is none.
Result<ResponseForm> NegotiateForm(const net::HttpRequest& request, const QueryParameters& query);

// One clause of an Accept header: "application/json;as=Table;g=meta.k8s.io;v=v1".
struct MediaClause {
  std::string type;  // lower case
  std::vector<std::pair<std::string, std::string>> parameters;
  double quality = 1;

  std::string_view Parameter(std::string_view name) const;
};
std::vector<MediaClause> ParseAccept(std::string_view accept);  // best first

// A body as JSON, by its Content-Type (absent: JSON). 415, or 400 for what cannot be parsed.
Result<Json> ParseBody(const net::HttpRequest& request, StrictProblems* problems);
// YAML text (one document) to JSON; an error's message is a parser's. Aliases are refused: they can
// grow a small text without bound.
Result<Json> ParseYaml(std::string_view text);

}  // namespace pintle::server::kube
