#include "server/kube/resources/field_error.h"
#include "server/kube/resources/kinds.h"
#include "server/kube/resources/row_parts.h"
#include "server/kube/resources/validation.h"

namespace pintle::server::kube {
namespace {

void Validate(const Json& object, const Json*, FieldErrors& errors) {
  const Json& duration = At(object, {"spec", "leaseDurationSeconds"});
  if (duration.is_number() && duration <= 0) {
    AddInvalid(errors, "spec.leaseDurationSeconds", duration, "must be greater than 0");
  }
  ValidateNonNegative(At(object, {"spec"}), "leaseTransitions", "spec", errors);
}

std::vector<Json> Cells(const Json& object, absl::Time now) {
  return {StringAt(object, {"metadata", "name"}), StringAt(object, {"spec", "holderIdentity"}),
          ObjectAge(object, now)};
}

}  // namespace

Resource LeaseRow() {
  Resource row;
  row.group = "coordination.k8s.io";
  row.version = "v1";
  row.plural = "leases";
  row.singular = "lease";
  row.kind = "Lease";
  row.verbs = AllVerbs();
  row.storage_prefix = "/registry/leases";
  row.definition = "io.k8s.api.coordination.v1.Lease";
  row.create_on_update = true;
  row.unconditional_update = false;
  row.set_defaults = [](Json& object) { MakeObject(object, "spec"); };
  row.validate = Validate;
  row.columns = {NameColumn(), {"Holder", "string", "", "Who holds the lease.", 0}, AgeColumn()};
  row.row = Cells;
  return row;
}

}  // namespace pintle::server::kube
