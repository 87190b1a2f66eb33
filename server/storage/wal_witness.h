// WalWitness: how far a log had got at least, kept outside of it. Segments that vanish from the end
// of a log, or with their whole folder, leave nothing behind that could tell; and a member that
// forgets what it has acknowledged, or a term that it has been in, breaks its promises.
//
// One file of two slots that are written in turn, so that a torn write leaves the other one: a
// write into bytes that are there already and one sync, for each new segment and each new term,
// never for a batch. A mark is on the disk before what it speaks of is used. Layout:
// docs/formats/wal.md.
//
// Owner and thread: Wal; DataDir makes the first one. Errors: those of the disk; after
// RESOURCE_EXHAUSTED the mark is what it was. A damaged or missing file is no error: nothing is
// known then.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "raft/types.h"
#include "server/storage/file_system.h"
#include "server/storage/wal_format.h"

namespace pintle::server::storage {

struct WalMark {
  uint64_t segment = 0;  // the newest that may have been written to
  raft::Term term;       // the highest that this member may have been in
  friend bool operator==(const WalMark&, const WalMark&) = default;
};

// The newest mark that the file's bytes hold, and its sequence.
std::optional<WalMark> ParseWitness(const WalIdentity& identity, std::string_view bytes,
                                    uint64_t& sequence);

class WalWitness {
 public:
  static absl::StatusOr<std::unique_ptr<WalWitness>> Open(FileSystem& files, std::string path,
                                                          WalIdentity identity);
  // Beside the log's folder: it must not go with it.
  static std::string PathFor(const std::string& log_folder) { return log_folder + ".witness"; }

  // nullopt: nothing is known.
  const std::optional<WalMark>& mark() const { return mark_; }
  // Durable when it returns.
  [[nodiscard]] absl::Status Write(const WalMark& mark);

 private:
  WalWitness(FileSystem& files, std::string path, WalIdentity identity)
      : files_(files), path_(std::move(path)), identity_(identity) {}
  absl::Status Make();

  FileSystem& files_;
  const std::string path_;
  const WalIdentity identity_;
  std::unique_ptr<File> file_;  // nullptr: not there yet
  uint64_t sequence_ = 0;
  std::optional<WalMark> mark_;
};

}  // namespace pintle::server::storage
