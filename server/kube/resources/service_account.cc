#include "server/kube/resources/kinds.h"
#include "server/kube/resources/row_parts.h"

namespace pintle::server::kube {
namespace {

std::vector<Json> Cells(const Json& object, absl::Time now) {
  return {StringAt(object, {"metadata", "name"}), At(object, {"secrets"}).size(),
          ObjectAge(object, now)};
}

}  // namespace

Resource ServiceAccountRow() {
  Resource row;
  row.version = "v1";
  row.plural = "serviceaccounts";
  row.singular = "serviceaccount";
  row.kind = "ServiceAccount";
  row.short_names = {"sa"};
  row.verbs = AllVerbs();
  row.storage_prefix = "/registry/serviceaccounts";
  row.definition = "io.k8s.api.core.v1.ServiceAccount";
  row.columns = {
      NameColumn(), {"Secrets", "string", "", "How many secrets belong to it.", 0}, AgeColumn()};
  row.row = Cells;
  return row;
}

}  // namespace pintle::server::kube
