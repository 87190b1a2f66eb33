#include "server/backup/etcd_schema.h"

#include "base/byte_codec.h"

namespace pintle::server::backup {
namespace {

constexpr size_t kRecordKeyBytes = 17;
constexpr char kTombstoneMark = 't';

}  // namespace

std::string EtcdRecordKey(const kv::RecordId& id) {
  std::string key;
  base::AppendBigEndian64(key, static_cast<uint64_t>(id.revision.main));
  key.push_back('_');
  base::AppendBigEndian64(key, static_cast<uint64_t>(id.revision.sub));
  if (id.tombstone) key.push_back(kTombstoneMark);
  return key;
}

std::optional<kv::RecordId> ParseEtcdRecordKey(std::string_view key) {
  const bool tombstone = key.size() == kRecordKeyBytes + 1 && key.back() == kTombstoneMark;
  if ((key.size() != kRecordKeyBytes && !tombstone) || key[8] != '_') return std::nullopt;
  uint64_t main = 0;
  uint64_t sub = 0;
  base::ByteReader(key).TakeBigEndian64(main);
  base::ByteReader(key.substr(9)).TakeBigEndian64(sub);
  if (main > INT64_MAX || sub > INT64_MAX) return std::nullopt;
  return kv::RecordId{{static_cast<int64_t>(main), static_cast<int64_t>(sub)}, tombstone};
}

std::string BigEndian64(uint64_t value) {
  std::string bytes;
  base::AppendBigEndian64(bytes, value);
  return bytes;
}

std::optional<uint64_t> ParseBigEndian64(std::string_view bytes) {
  uint64_t value = 0;
  if (bytes.size() != 8 || !base::ByteReader(bytes).TakeBigEndian64(value)) return std::nullopt;
  return value;
}

std::string EtcdAlarmKey(const kv::Alarm& alarm) {
  std::string key;  // etcdserverpb.AlarmMember
  base::AppendVarintField(key, 1, alarm.member_id);
  base::AppendVarintField(key, 2, static_cast<uint64_t>(alarm.type));
  return key;
}

}  // namespace pintle::server::backup
