// Save: asks a member for a snapshot and keeps it in a file, as `etcdctl snapshot save` does.
//
// The file is written as "<path>.part" and gets its name once it is whole, its SHA-256 is right and
// it is on the disk. Blocks; a thread of its own does the network. Errors are one line and say what
// to do; the partial file is removed.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "net/endpoint.h"
#include "server/backup/credentials.h"
#include "server/backup/progress.h"
#include "server/storage/file_system.h"

namespace pintle::server::backup {

struct SaveOptions {
  net::Endpoint member;
  std::string path;
  std::optional<Credentials> credentials;  // where authentication is on
  // Without a byte from the member; it reads its whole store once before the first.
  absl::Duration patience = absl::Minutes(10);
};

absl::Status Save(storage::FileSystem& files, const SaveOptions& options, const Progress& progress);

}  // namespace pintle::server::backup
