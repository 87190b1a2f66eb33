#include <memory>
#include <string>
#include <string_view>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/backup/etcd_schema.h"
#include "server/backup/etcd_snapshot.h"
#include "server/inspect/inspect.h"

namespace pintle::server::inspect {
namespace {

const backup::Progress kSilent = [](const char*, uint64_t, uint64_t) {};

std::string Printable(std::string_view bytes) {
  constexpr size_t kMostBytes = 200;
  const std::string text = absl::CHexEscape({bytes.data(), std::min(bytes.size(), kMostBytes)});
  return bytes.size() > kMostBytes ? text + "…" : text;
}

std::string Hexadecimal(std::string_view bytes) {
  return absl::BytesToHexString({bytes.data(), bytes.size()});
}

// One thing in a bucket, as text; false: not what etcd writes.
bool Describe(std::string_view bucket, std::string_view key, std::string_view value,
              std::string& text) {
  if (bucket == backup::kKeyBucket) {
    const auto id = backup::ParseEtcdRecordKey(key);
    kv::KeyValueView pair;
    if (!id || !kv::ParseKeyValue(value, pair)) return false;
    text = absl::StrCat("revision ", id->revision.main, ".", id->revision.sub, ": ",
                        id->tombstone ? "delete " : "put ", Printable(pair.key));
    if (id->tombstone) return true;
    absl::StrAppend(&text, ", created at ", pair.create_revision, ", version ", pair.version, ", ",
                    pair.value.size(), " bytes");
    if (pair.lease) absl::StrAppend(&text, ", lease ", pair.lease.value());
    return true;
  }
  if (bucket == backup::kLeaseBucket) {
    const auto lease = kv::ParseLease(value);
    if (!lease) return false;
    text = absl::StrCat("lease ", lease->id.value(), ": ", lease->ttl_seconds, " s, remaining ",
                        lease->remaining_ttl_seconds, " s at the last checkpoint");
    return true;
  }
  if (bucket == backup::kMetaBucket && key != backup::kConfStateName) {
    text = absl::StrCat(Printable(key), ": ", Hexadecimal(value));
    return true;
  }
  const bool secret = bucket == backup::kAuthUsersBucket;  // hashes of passwords
  text = absl::StrCat(Printable(key), ": ",
                      secret ? absl::StrCat(value.size(), " bytes") : Printable(value));
  return true;
}

bool PrintBucket(const backup::BoltReader& database, const std::string& name,
                 const InspectOptions& options, std::ostream& out) {
  int64_t count = 0;
  int64_t shown = 0;
  uint64_t bytes = 0;
  bool intact = true;
  out << "bucket " << Printable(name) << "\n";
  const absl::Status read =
      database.ForEach(name, [&](std::string_view key, std::string_view value) {
        ++count;
        bytes += key.size() + value.size();
        std::string text;
        if (!Describe(name, key, value, text)) {
          out << "  DAMAGE: " << Printable(key) << " cannot be read\n";
          intact = false;
        } else if (options.limit == 0 || shown < options.limit) {
          ++shown;
          out << "  " << text << "\n";
        }
        return absl::OkStatus();
      });
  if (!read.ok()) out << "  DAMAGE: " << read.ToString() << "\n";
  out << "  in all " << count << ", " << bytes << " bytes\n";
  return read.ok() && intact;
}

}  // namespace

absl::StatusOr<bool> InspectSnapshot(storage::FileSystem& files, const std::string& path,
                                     const InspectOptions& options, std::ostream& out) {
  bool intact = true;
  auto snapshot = backup::EtcdSnapshot::Open(files, path, backup::HashCheck::kIfPresent, kSilent);
  if (absl::IsDataLoss(snapshot.status())) {
    out << "DAMAGE: " << snapshot.status().ToString() << "\n";
    intact = false;
    snapshot = backup::EtcdSnapshot::Open(files, path, backup::HashCheck::kSkipped, kSilent);
    if (absl::IsDataLoss(snapshot.status())) return false;
  }
  if (!snapshot.ok()) return snapshot.status();
  const backup::BoltReader& database = (*snapshot)->database();
  out << "snapshot " << path << ": " << database.meta().pages << " pages of "
      << database.page_bytes() << " bytes, transaction " << database.meta().transaction << ", "
      << (!(*snapshot)->has_hash() ? "no SHA-256"
          : intact                 ? "SHA-256 intact"
                                   : "SHA-256 WRONG")
      << "\n";
  for (const std::string& name : database.buckets())
    intact = PrintBucket(database, name, options, out) && intact;
  return intact;
}

}  // namespace pintle::server::inspect
