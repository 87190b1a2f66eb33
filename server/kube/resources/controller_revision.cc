#include "absl/strings/ascii.h"
#include "server/kube/resources/field_error.h"
#include "server/kube/resources/kinds.h"
#include "server/kube/resources/row_parts.h"
#include "server/kube/resources/validation.h"

namespace pintle::server::kube {
namespace {

void Validate(const Json& object, const Json* old, FieldErrors& errors) {
  ValidateNonNegative(object, "revision", "", errors);
  if (old != nullptr && At(object, {"data"}) != At(*old, {"data"})) {
    AddInvalid(errors, "data", At(object, {"data"}), "field is immutable");
  }
}

// "statefulset.apps/web", of the owner that controls it.
std::string Controller(const Json& object) {
  for (const Json& owner : At(object, {"metadata", "ownerReferences"})) {
    if (At(owner, {"controller"}) != true) continue;
    const std::string version = StringAt(owner, {"apiVersion"});
    const size_t slash = version.find('/');
    const std::string group = slash == std::string::npos ? "" : "." + version.substr(0, slash);
    return absl::AsciiStrToLower(StringAt(owner, {"kind"})) + group + "/" +
           StringAt(owner, {"name"});
  }
  return "<none>";
}

std::vector<Json> Cells(const Json& object, absl::Time now) {
  return {StringAt(object, {"metadata", "name"}), Controller(object), IntAt(object, {"revision"}),
          ObjectAge(object, now)};
}

}  // namespace

Resource ControllerRevisionRow() {
  Resource row;
  row.group = "apps";
  row.version = "v1";
  row.plural = "controllerrevisions";
  row.singular = "controllerrevision";
  row.kind = "ControllerRevision";
  row.verbs = AllVerbs();
  row.storage_prefix = "/registry/controllerrevisions";
  row.definition = "io.k8s.api.apps.v1.ControllerRevision";
  row.set_defaults = [](Json& object) { SetDefault(object, "revision", 0); };
  row.validate = Validate;
  row.columns = {NameColumn(),
                 {"Controller", "string", "", "Whose history it is part of.", 0},
                 {"Revision", "string", "", "Its number in that history.", 0},
                 AgeColumn()};
  row.row = Cells;
  return row;
}

}  // namespace pintle::server::kube
