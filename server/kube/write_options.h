// Options of writes: the query parameters of create, update, patch and delete, and DeleteOptions as
// a body (kube-api §8, §10). Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "server/kube/openapi/schema.h"
#include "server/kube/request.h"
#include "server/kube/status_error.h"

namespace pintle::server::kube {

enum class FieldValidation { kIgnore, kWarn, kStrict };

struct CommonWriteOptions {
  bool dry_run = false;
  std::string field_manager;
  FieldValidation field_validation = FieldValidation::kWarn;
  bool force = false;  // apply patches only
};

// `kind` names the options in errors: "CreateOptions", "UpdateOptions", "PatchOptions".
Result<CommonWriteOptions> ParseWriteOptions(std::string_view kind, const QueryParameters& query);

enum class Propagation { kUnspecified, kOrphan, kBackground, kForeground };

struct DeleteOptions {
  bool dry_run = false;
  std::optional<int64_t> grace_period_seconds;
  Propagation propagation = Propagation::kUnspecified;
  std::string uid_precondition;
  std::string resource_version_precondition;
};

// The body counts when there is one, else the query.
Result<DeleteOptions> ParseDeleteOptions(const net::HttpRequest& request,
                                         const QueryParameters& query, const Schema& schema);

}  // namespace pintle::server::kube
