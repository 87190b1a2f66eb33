#include "server/kube/media.h"

#include <algorithm>

#include "server/kube/text.h"

namespace pintle::server::kube {
namespace {

Result<IncludeObject> FindIncludeObject(const QueryParameters& query) {
  const std::string_view value = query.Get("includeObject");
  if (value.empty() || value == "Metadata") return IncludeObject::kMetadata;
  if (value == "Object") return IncludeObject::kObject;
  if (value == "None") return IncludeObject::kNone;
  return BadRequest(StrCat(
      "Unable to convert to Table as requested: includeObject: Invalid value: ", Quoted(value),
      ": must be 'Metadata', 'Object', 'None', or empty"));
}

// What a clause asks for; false when it cannot be served.
bool Serves(const MediaClause& clause, ResponseForm& form) {
  if (clause.type != "application/json" && clause.type != "application/*" && clause.type != "*/*")
    return false;
  const std::string_view as = clause.Parameter("as");
  if (as.empty()) return true;
  const std::string_view version = clause.Parameter("v");
  if (clause.Parameter("g") != "meta.k8s.io" || (version != "v1" && version != "v1beta1"))
    return false;
  form.meta_version = std::string(version);
  if (as == "Table") {
    form.transform = Transform::kTable;
  } else if (as == "PartialObjectMetadata") {
    form.transform = Transform::kPartial;
  } else if (as == "PartialObjectMetadataList") {
    form.transform = Transform::kPartialList;
  } else {
    return false;
  }
  return true;
}

bool WantsPretty(const net::HttpRequest& request, const QueryParameters& query) {
  if (query.Has("pretty")) return query.Flag("pretty");
  const std::string_view agent = request.headers.Get("user-agent");
  return agent.starts_with("curl") || agent.starts_with("Wget") || agent.starts_with("Mozilla/5.0");
}

}  // namespace

std::string_view MediaClause::Parameter(std::string_view name) const {
  for (const auto& [key, value] : parameters) {
    if (key == name) return value;
  }
  return {};
}

std::vector<MediaClause> ParseAccept(std::string_view accept) {
  std::vector<MediaClause> clauses;
  for (std::string_view piece : Split(accept, ',')) {
    if (Trim(piece).empty()) continue;
    const std::vector<std::string_view> parts = Split(piece, ';');
    MediaClause clause;
    clause.type = Lower(Trim(parts[0]));
    for (size_t i = 1; i < parts.size(); ++i) {
      const std::string_view parameter = Trim(parts[i]);
      const size_t equals = std::min(parameter.find('='), parameter.size());
      clause.parameters.emplace_back(
          Lower(parameter.substr(0, equals)),
          Trim(parameter.substr(std::min(equals + 1, parameter.size()))));
    }
    if (!clause.Parameter("q").empty() && !ParseNumber(clause.Parameter("q"), clause.quality))
      clause.quality = 1;
    clauses.push_back(std::move(clause));
  }
  std::stable_sort(clauses.begin(), clauses.end(), [](const MediaClause& a, const MediaClause& b) {
    return a.quality > b.quality;
  });
  return clauses;
}

Result<ResponseForm> NegotiateForm(const net::HttpRequest& request, const QueryParameters& query) {
  ResponseForm form;
  form.pretty = WantsPretty(request, query);
  const std::vector<MediaClause> clauses = ParseAccept(request.headers.Get("accept"));
  bool found = clauses.empty();
  for (const MediaClause& clause : clauses) {
    if ((found = Serves(clause, form))) break;
  }
  if (!found) return NotAcceptable("only the following media types are accepted: application/json");
  if (form.transform == Transform::kTable) {
    KUBE_ASSIGN_OR_RETURN(form.include_object, FindIncludeObject(query));
  }
  return form;
}

Result<Json> ParseBody(const net::HttpRequest& request, StrictProblems* problems) {
  const std::string_view header = request.headers.Get("content-type");
  const std::string type = Lower(Trim(header.substr(0, header.find(';'))));
  if (type == "application/yaml") return ParseYaml(request.body);
  if (!type.empty() && type != "application/json")
    return UnsupportedMediaType(
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json, application/yaml");
  absl::StatusOr<Json> parsed = ParseJsonBody(request.body, problems);
  if (!parsed.ok()) return BadRequest(std::string(parsed.status().message()));
  return *std::move(parsed);
}

}  // namespace pintle::server::kube
