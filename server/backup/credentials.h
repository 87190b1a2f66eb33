// Credentials: who asks, as etcdctl's --user and --password say it.
//
// Blocks while it asks for a password: on a terminal without showing it, else for a line of the
// standard input. The caller's thread. Errors: FAILED_PRECONDITION, there is no such line.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace pintle::server::backup {

struct Credentials {
  std::string user;
  std::string password;
};

// `user`: a name, or with no `password` "name:password"; a name alone is asked about. Empty:
// nobody.
absl::StatusOr<std::optional<Credentials>> CredentialsOf(const std::string& user,
                                                         const std::string& password);

}  // namespace pintle::server::backup
