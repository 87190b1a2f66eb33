#include "tests/differential/snapshot.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/crc32c.h"
#include "base/status_macros.h"
#include "kv/record.h"
#include "proto/etcd/rpc.pb.h"
#include "server/backup/etcd_schema.h"
#include "server/backup/etcd_snapshot.h"
#include "server/backup/sha256.h"
#include "tests/storage/memory_file_system.h"

namespace pintle::tests {
namespace {

namespace backup = server::backup;

constexpr char kFile[] = "snapshot";
// What remains falls by what came, to 0; the hash comes last, alone and not counted.
absl::StatusOr<std::string> Join(const std::vector<std::string>& messages) {
  std::string file;
  std::vector<uint64_t> ends;
  std::vector<uint64_t> remaining;
  for (const std::string& message : messages) {
    etcdserverpb::SnapshotResponse piece;
    if (!piece.ParseFromString(message)) return absl::DataLossError("a piece is no message");
    file += piece.blob();
    ends.push_back(file.size());
    remaining.push_back(piece.remaining_bytes());
  }
  if (ends.size() < 2 || file.size() - ends[ends.size() - 2] != backup::Sha256::kBytes) {
    return absl::DataLossError("the last piece is no hash");
  }
  const uint64_t database = ends[ends.size() - 2];
  for (size_t i = 0; i < ends.size(); ++i) {
    const uint64_t left = ends[i] > database ? 0 : database - ends[i];
    if (remaining[i] == left) continue;
    return absl::DataLossError(absl::StrCat("piece ", i, " says that ", remaining[i],
                                            " bytes remain, but there are ", left));
  }
  return file;
}

// A deletion at exactly the compact revision: 3.4.23 forgets it, later ones keep it for watches.
bool IsForgotten(std::string_view key, const std::optional<kv::RecordId>& compacted) {
  const std::optional<kv::RecordId> id = backup::ParseEtcdRecordKey(key);
  return id && compacted && id->tombstone && id->revision.main == compacted->revision.main;
}

}  // namespace

absl::StatusOr<std::string> DescribeSnapshot(const std::vector<std::string>& messages) {
  PINTLE_ASSIGN_OR_RETURN(const std::string bytes, Join(messages));
  server::storage::MemoryFileSystem files;
  PINTLE_ASSIGN_OR_RETURN(const auto file, files.OpenForWrite(kFile));
  const std::string_view piece = bytes;
  PINTLE_RETURN_IF_ERROR(file->WriteAt(0, {&piece, 1}));
  PINTLE_ASSIGN_OR_RETURN(const auto snapshot,
                          backup::EtcdSnapshot::Open(files, kFile, backup::HashCheck::kRequired,
                                                     [](const char*, uint64_t, uint64_t) {}));
  std::optional<kv::RecordId> compacted;
  PINTLE_RETURN_IF_ERROR(snapshot->database().ForEach(
      backup::kMetaBucket, [&](std::string_view key, std::string_view value) {
        if (key == backup::kFinishedCompactionName) compacted = backup::ParseEtcdRecordKey(value);
        return absl::OkStatus();
      }));
  std::string text = absl::StrCat("compacted at ", compacted ? compacted->revision.main : -1);
  uint32_t sum = 0;
  int64_t records = 0;
  PINTLE_RETURN_IF_ERROR(snapshot->database().ForEach(
      backup::kKeyBucket, [&](std::string_view key, std::string_view value) {
        if (IsForgotten(key, compacted)) return absl::OkStatus();
        sum = base::ExtendCrc32c(base::ExtendCrc32c(sum, key), value);
        ++records;
        return absl::OkStatus();
      }));
  absl::StrAppend(&text, "; ", records, " records with the sum ", sum);
  absl::StrAppend(&text, "; leases:");
  PINTLE_RETURN_IF_ERROR(snapshot->database().ForEach(
      backup::kLeaseBucket, [&](std::string_view, std::string_view value) {
        const std::optional<kv::StoredLease> lease = kv::ParseLease(value);
        if (!lease) return absl::DataLossError("a lease cannot be read");
        // Not what remains of it: we note that every few minutes, etcd when it is told to.
        absl::StrAppend(&text, " ", lease->id.value(), " of ", lease->ttl_seconds, " s");
        return absl::OkStatus();
      }));
  absl::StrAppend(&text, "; roles:");
  PINTLE_RETURN_IF_ERROR(snapshot->database().ForEach(
      backup::kAuthRolesBucket, [&](std::string_view, std::string_view value) {
        absl::StrAppend(&text, " ", absl::BytesToHexString(std::string(value)));
        return absl::OkStatus();
      }));
  return text;
}

}  // namespace pintle::tests
