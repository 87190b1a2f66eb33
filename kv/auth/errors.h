// What who is not allowed is told. Code and text are those that etcd's clients match on
// (etcd-api 2.1): some of them ask for a new token and try again.
#pragma once

#include "absl/status/status.h"

namespace pintle::kv::auth {

absl::Status ErrRootUserNotExist();    // FAILED_PRECONDITION  …: root user does not exist
absl::Status ErrRootRoleNotGranted();  // FAILED_PRECONDITION  …: root user does not have root role
absl::Status ErrUserAlreadyExist();    // FAILED_PRECONDITION  …: user name already exists
absl::Status ErrUserEmpty();           // INVALID_ARGUMENT     …: user name is empty
absl::Status ErrUserNotFound();        // FAILED_PRECONDITION  …: user name not found
absl::Status ErrRoleAlreadyExist();    // FAILED_PRECONDITION  …: role name already exists
absl::Status ErrRoleNotFound();        // FAILED_PRECONDITION  …: role name not found
absl::Status ErrRoleEmpty();           // INVALID_ARGUMENT     …: role name is empty
absl::Status ErrAuthFailed();          // INVALID_ARGUMENT     …: authentication failed, …
absl::Status ErrPermissionNotGiven();  // INVALID_ARGUMENT     …: permission not given
absl::Status ErrPermissionDenied();    // PERMISSION_DENIED    …: permission denied
absl::Status ErrRoleNotGranted();      // FAILED_PRECONDITION  …: role is not granted to the user
absl::Status ErrPermissionNotGranted();   // FAILED_PRECONDITION  …: is not granted to the role
absl::Status ErrAuthNotEnabled();         // FAILED_PRECONDITION  …: authentication is not enabled
absl::Status ErrInvalidAuthToken();       // UNAUTHENTICATED      …: invalid auth token
absl::Status ErrInvalidAuthManagement();  // INVALID_ARGUMENT    …: invalid auth management
absl::Status ErrAuthOldRevision();        // INVALID_ARGUMENT     …: revision of auth store is old
absl::Status ErrNoPasswordUser();         // UNKNOWN (etcd's wire code)  auth: … no password user
absl::Status ErrTooMuchAuth();            // RESOURCE_EXHAUSTED   pintle: too many users, …

}  // namespace pintle::kv::auth
