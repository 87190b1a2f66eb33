#include "server/kube/write_options.h"

#include "server/kube/media.h"
#include "server/kube/openapi/decode.h"
#include "server/kube/resources/field_error.h"
#include "server/kube/resources/row_parts.h"
#include "server/kube/text.h"

namespace pintle::server::kube {
namespace {

constexpr size_t kMaxFieldManager = 128;
constexpr std::string_view kMetaGroup = "meta.k8s.io";

Result<bool> ParseDryRun(std::string_view kind, const std::vector<std::string>& values) {
  FieldErrors errors;
  for (const std::string& value : values) {
    if (value != "All") {
      Json list = Json::array();
      for (const std::string& each : values) list.push_back(each);
      AddNotSupported(errors, "dryRun", list, {"All"});
      return InvalidKind(kMetaGroup, kind, "", errors);
    }
  }
  return !values.empty();
}

StatusError BadPropagation(std::string_view value) {
  FieldErrors errors;
  AddNotSupported(errors, "propagationPolicy", std::string(value),
                  {"Foreground", "Background", "Orphan", "nil"});
  return InvalidKind(kMetaGroup, "DeleteOptions", "", errors);
}

Result<Propagation> ParsePropagation(std::string_view value) {
  if (value.empty()) return Propagation::kUnspecified;
  if (value == "Orphan") return Propagation::kOrphan;
  if (value == "Background") return Propagation::kBackground;
  if (value == "Foreground") return Propagation::kForeground;
  return BadPropagation(value);
}

Result<DeleteOptions> FromBody(Json body, const Schema& schema) {
  if (!body.is_object()) return BadRequest("the body of a delete must be DeleteOptions");
  if (const Definition* definition =
          schema.Find("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions");
      definition != nullptr) {
    if (absl::Status status = DecodeObject(*definition, body, nullptr); !status.ok())
      return BadRequest(
          StrCat("DeleteOptions in version \"v1\" cannot be handled as a "
                 "DeleteOptions: ",
                 std::string(status.message())));
  }
  DeleteOptions options;
  if (body.contains("gracePeriodSeconds"))
    options.grace_period_seconds = IntAt(body, {"gracePeriodSeconds"});
  KUBE_ASSIGN_OR_RETURN(options.propagation,
                        ParsePropagation(StringAt(body, {"propagationPolicy"})));
  if (body.contains("orphanDependents") && options.propagation == Propagation::kUnspecified)
    options.propagation =
        At(body, {"orphanDependents"}) == true ? Propagation::kOrphan : Propagation::kBackground;
  options.uid_precondition = StringAt(body, {"preconditions", "uid"});
  options.resource_version_precondition = StringAt(body, {"preconditions", "resourceVersion"});
  std::vector<std::string> dry_run;
  for (const Json& each : At(body, {"dryRun"})) {
    if (each.is_string()) dry_run.push_back(each.get<std::string>());
  }
  KUBE_ASSIGN_OR_RETURN(options.dry_run, ParseDryRun("DeleteOptions", dry_run));
  return options;
}

}  // namespace

Result<CommonWriteOptions> ParseWriteOptions(std::string_view kind, const QueryParameters& query) {
  CommonWriteOptions options;
  KUBE_ASSIGN_OR_RETURN(options.dry_run, ParseDryRun(kind, query.All("dryRun")));
  options.field_manager = query.Get("fieldManager");
  FieldErrors errors;
  if (options.field_manager.size() > kMaxFieldManager)
    AddTooLong(errors, "fieldManager", static_cast<int>(kMaxFieldManager));
  const std::string_view validation = query.Get("fieldValidation");
  if (validation == "Strict") {
    options.field_validation = FieldValidation::kStrict;
  } else if (validation == "Ignore") {
    options.field_validation = FieldValidation::kIgnore;
  } else if (!validation.empty() && validation != "Warn") {
    AddNotSupported(errors, "fieldValidation", std::string(validation),
                    {"Ignore", "Strict", "Warn"});
  }
  options.force = query.Flag("force");
  if (!errors.empty()) return InvalidKind(kMetaGroup, kind, "", errors);
  return options;
}

Result<DeleteOptions> ParseDeleteOptions(const net::HttpRequest& request,
                                         const QueryParameters& query, const Schema& schema) {
  if (!request.body.empty()) {
    KUBE_ASSIGN_OR_RETURN(Json body, ParseBody(request, nullptr));
    return FromBody(std::move(body), schema);
  }
  DeleteOptions options;
  KUBE_ASSIGN_OR_RETURN(options.dry_run, ParseDryRun("DeleteOptions", query.All("dryRun")));
  KUBE_ASSIGN_OR_RETURN(options.grace_period_seconds, query.Integer("gracePeriodSeconds"));
  KUBE_ASSIGN_OR_RETURN(options.propagation, ParsePropagation(query.Get("propagationPolicy")));
  if (query.Has("orphanDependents") && options.propagation == Propagation::kUnspecified)
    options.propagation =
        query.Flag("orphanDependents") ? Propagation::kOrphan : Propagation::kBackground;
  return options;
}

}  // namespace pintle::server::kube
