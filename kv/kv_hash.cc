#include "kv/kv_hash.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/byte_codec.h"
#include "base/crc32c.h"
#include "base/status_macros.h"
#include "kv/record.h"

namespace pintle::kv {
namespace {

std::string EtcdKey(Revision revision, bool tombstone) {
  std::string key;
  base::AppendBigEndian64(key, static_cast<uint64_t>(revision.main));
  key.push_back('_');
  base::AppendBigEndian64(key, static_cast<uint64_t>(revision.sub));
  if (tombstone) key.push_back('t');
  return key;
}

}  // namespace

KvHash::KvHash(Parts parts, Span span)
    : parts_(std::move(parts)),
      span_(span),
      from_(FirstRecordKey(0)),
      hash_(base::Crc32c("key")),
      done_(span.revision <= 0) {}

bool KvHash::Counts(Revision revision, const KeyValueView& pair) const {
  if (revision.main > span_.compact_revision) return true;
  const int64_t at = parts_.keeps_some ? span_.revision : span_.compact_revision;
  return parts_.live_at(pair.key, at) == revision;
}

absl::Status KvHash::Take(std::string_view record_key, std::string_view record) {
  const std::optional<RecordId> id = ParseRecordKey(record_key);
  KeyValueView pair;
  if (!id.has_value() || !ParseKeyValue(record, pair)) {
    return absl::DataLossError(absl::StrCat("not a record: ", Printable(record_key)));
  }
  if (!Counts(id->revision, pair)) return absl::OkStatus();
  hash_ = base::ExtendCrc32c(hash_, EtcdKey(id->revision, id->tombstone));
  // etcd keeps only the key of what was deleted.
  const std::string deleted = id->tombstone ? EncodeKeyValue(KeyValueView{.key = pair.key}) : "";
  hash_ = base::ExtendCrc32c(hash_, id->tombstone ? std::string_view(deleted) : record);
  return absl::OkStatus();
}

absl::Status KvHash::Step(size_t max_bytes) {
  if (done_) return absl::OkStatus();
  std::string next;
  size_t bytes = 0;
  absl::Status taken;
  PINTLE_RETURN_IF_ERROR(parts_.content->Scan(from_, FirstRecordKey(span_.revision + 1),
                                              [&](std::string_view key, std::string_view value) {
                                                if (bytes >= max_bytes) {
                                                  next = key;
                                                  return false;
                                                }
                                                taken = Take(key, value);
                                                bytes += key.size() + value.size();
                                                return taken.ok();
                                              }));
  PINTLE_RETURN_IF_ERROR(taken);
  done_ = next.empty();
  from_ = std::move(next);
  return absl::OkStatus();
}

}  // namespace pintle::kv
