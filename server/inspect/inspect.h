// pintle inspect: what is in the files of a member, for people.
//
// Read-only: it changes no file and takes no lock, so that it may look at a member that runs (what
// changes meanwhile can look like damage) and at files that are evidence. It works on damaged files
// and says where they are damaged and what that costs. Formats: docs/formats/.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>

#include "absl/status/statusor.h"
#include "server/storage/file_system.h"

namespace pintle::server::inspect {

struct InspectOptions {
  bool entries = false;  // wal: every entry, not only every write
  int64_t limit = 20;    // store: that many keys; snapshot: of each bucket; 0: all
  std::string prefix;    // store: only keys that begin so
};

// Each: whether everything was intact. Errors: NOT_FOUND and the like; damage is no error.
//
// A data-dir, a folder of segments, or one segment.
absl::StatusOr<bool> InspectWal(storage::FileSystem& files, const std::string& path,
                                const InspectOptions& options, std::ostream& out);
// A data-dir, or a folder of LevelDB's.
absl::StatusOr<bool> InspectStore(storage::FileSystem& files, const std::string& path,
                                  const InspectOptions& options, std::ostream& out);

// A snapshot file (server/backup/etcd_snapshot.h).
absl::StatusOr<bool> InspectSnapshot(storage::FileSystem& files, const std::string& path,
                                     const InspectOptions& options, std::ostream& out);

// The verb: argv[0] is "inspect". Exit status: 0 intact, 1 damaged or unreadable, 2 usage.
int InspectMain(int argc, char** argv);

}  // namespace pintle::server::inspect
