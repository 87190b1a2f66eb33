#include "server/backup/etcd_snapshot.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/crc32c.h"
#include "base/status_macros.h"
#include "server/backup/etcd_schema.h"
#include "server/backup/sha256.h"

namespace pintle::server::backup {
namespace {

// etcd tells by it whether a hash stands behind the pages.
constexpr uint64_t kSectorBytes = 512;
constexpr size_t kReadBytes = size_t{1} << 20;

absl::Status CheckHash(const storage::File& file, uint64_t database_bytes, const std::string& path,
                       const Progress& progress) {
  Sha256 hash;
  std::string buffer(kReadBytes, '\0');
  for (uint64_t at = 0; at < database_bytes;) {
    const size_t wanted = std::min<uint64_t>(buffer.size(), database_bytes - at);
    PINTLE_ASSIGN_OR_RETURN(const size_t read, file.ReadAt(at, wanted, buffer.data()));
    if (read == 0) return absl::DataLossError(path + " became shorter while it was read");
    hash.Add(std::string_view(buffer).substr(0, read));
    at += read;
    progress("checking", at, database_bytes);
  }
  std::string stored(Sha256::kBytes, '\0');
  PINTLE_ASSIGN_OR_RETURN(const size_t read,
                          file.ReadAt(database_bytes, stored.size(), stored.data()));
  if (read == stored.size() && stored == hash.Finish()) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(path,
                   " is damaged: its content is not what its SHA-256 at the end says. Take "
                   "another snapshot, or another copy of this one"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<EtcdSnapshot>> EtcdSnapshot::Open(storage::FileSystem& files,
                                                                 const std::string& path,
                                                                 HashCheck check,
                                                                 const Progress& progress) {
  absl::StatusOr<std::unique_ptr<storage::File>> file = files.OpenForRead(path);
  if (absl::IsNotFound(file.status())) {
    return absl::NotFoundError(absl::StrCat("open ", path, ": no such file or directory"));
  }
  PINTLE_RETURN_IF_ERROR(file.status());
  std::unique_ptr<EtcdSnapshot> snapshot(new EtcdSnapshot(*std::move(file)));
  PINTLE_ASSIGN_OR_RETURN(uint64_t bytes, snapshot->file_->Size());
  snapshot->has_hash_ = bytes % kSectorBytes == Sha256::kBytes;
  if (snapshot->has_hash_) {
    bytes -= Sha256::kBytes;
    if (check != HashCheck::kSkipped)
      PINTLE_RETURN_IF_ERROR(CheckHash(*snapshot->file_, bytes, path, progress));
  } else if (check == HashCheck::kRequired) {
    return absl::FailedPreconditionError(
        absl::StrCat("snapshot missing hash but --skip-hash-check=false: ", path, " has ", bytes,
                     " bytes, and no SHA-256 at its end. If it was copied from a data-dir "
                     "(member/snap/db), give "
                     "--skip-hash-check; otherwise it is not whole: take another snapshot"));
  }
  absl::StatusOr<std::unique_ptr<BoltReader>> database = BoltReader::Open(*snapshot->file_, bytes);
  if (!database.ok()) {
    return absl::Status(database.status().code(),
                        absl::StrCat(path, ": ", std::string(database.status().message())));
  }
  snapshot->database_ = *std::move(database);
  return snapshot;
}

absl::StatusOr<SnapshotStatus> StatusOf(const EtcdSnapshot& snapshot, const Progress& progress) {
  SnapshotStatus status{.total_bytes = snapshot.database_bytes()};
  uint64_t seen_bytes = 0;
  for (const std::string& name : snapshot.database().buckets()) {
    status.hash = base::ExtendCrc32c(status.hash, name);
    PINTLE_RETURN_IF_ERROR(
        snapshot.database().ForEach(name, [&](std::string_view key, std::string_view value) {
          status.hash = base::ExtendCrc32c(base::ExtendCrc32c(status.hash, key), value);
          ++status.total_keys;
          seen_bytes += key.size() + value.size();
          progress("reading", seen_bytes, status.total_bytes);
          if (name != kKeyBucket) return absl::OkStatus();
          const std::optional<kv::RecordId> id = ParseEtcdRecordKey(key);
          if (!id) return absl::DataLossError("the bucket \"key\" has a name that is no revision");
          status.revision = id->revision.main;
          return absl::OkStatus();
        }));
  }
  return status;
}

}  // namespace pintle::server::backup
