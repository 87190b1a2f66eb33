#include "server/kube/object_body.h"

#include "server/kube/openapi/decode.h"
#include "server/kube/resources/row_parts.h"
#include "server/kube/text.h"

namespace pintle::server::kube {
namespace {

constexpr size_t kMaxWarnings = 32;  // of one answer: headers are limited on the other side too

StatusError CannotBeHandled(const ExpectedType& type, std::string_view why) {
  return BadRequest(StrCat(type.kind, " in version ", Quoted(type.version),
                           " cannot be handled as a ", type.kind, ": ", why));
}

Result<Done> CheckType(const ExpectedType& type, Json& body) {
  for (const char* name : {"kind", "apiVersion"}) {
    if (body.contains(name) && !body[name].is_string())
      return BadRequest(StrCat("the object provided is unrecognized (must be of type ", type.kind,
                               "): couldn't get version/kind; json parse error: ",
                               "json: cannot unmarshal into Go struct field .", name,
                               " of type string"));
  }
  const std::string kind = StringAt(body, {"kind"});
  const std::string api_version = StringAt(body, {"apiVersion"});
  if (!kind.empty() && kind != type.kind) {
    const size_t slash = api_version.find('/');
    const std::string version =
        slash == std::string::npos ? api_version : api_version.substr(slash + 1);
    return BadRequest(StrCat(kind, " in version ", Quoted(version.empty() ? type.version : version),
                             " cannot be handled as a ", type.kind, ": converting (", kind,
                             ") to (", type.kind, "): unknown conversion"));
  }
  if (!api_version.empty() && api_version != type.group_version())
    return BadRequest(StrCat("the API version in the data (", api_version,
                             ") does not match the expected API version (", type.group_version(),
                             ")"));
  body["kind"] = type.kind;
  body["apiVersion"] = type.group_version();
  return Done{};
}

}  // namespace

ExpectedType TypeOf(const Resource& resource, const Schema& schema) {
  return {resource.group, resource.version, resource.kind, schema.Find(resource.definition)};
}

Result<Json> DecodeAs(const ExpectedType& type, Json body, FieldValidation validation,
                      StrictProblems problems, std::vector<std::string>& warnings) {
  if (!body.is_object())
    return BadRequest(StrCat("the object provided is unrecognized (must be of type ", type.kind,
                             "): couldn't get version/kind; json parse error: json: cannot "
                             "unmarshal into Go value of type struct"));
  KUBE_RETURN_IF_ERROR(CheckType(type, body));
  if (type.definition != nullptr) {
    if (absl::Status status = DecodeObject(*type.definition, body, &problems); !status.ok())
      return CannotBeHandled(type, std::string(status.message()));
  }
  if (!problems.messages.empty()) {
    if (validation == FieldValidation::kStrict)
      return CannotBeHandled(type, problems.StrictError());
    for (const std::string& each : problems.messages) {
      if (validation == FieldValidation::kWarn && warnings.size() < kMaxWarnings)
        warnings.push_back(each);
    }
  }
  if (!body["metadata"].is_object()) body["metadata"] = Json::object();
  return body;
}

}  // namespace pintle::server::kube
