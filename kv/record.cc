#include "kv/record.h"

#include "absl/strings/escaping.h"
#include "base/byte_codec.h"

namespace pintle::kv {
namespace {

// Records come first: everything else is rewritten now and then, and a table file that holds both
// then spans from its newest record to the end, and not from the beginning over every record there
// is.
constexpr char kRecordPrefix = 'k';
constexpr char kLeasePrefix = 'l';
constexpr char kMetaPrefix = 'm';
constexpr char kServerPrefix = 's';
constexpr char kTombstoneMark = 't';

// leasepb.Lease
constexpr uint32_t kLeaseId = 1;
constexpr uint32_t kLeaseTtl = 2;
constexpr uint32_t kLeaseRemainingTtl = 3;

// Ids are signed; in this order negative ones come first.
uint64_t OrderedId(LeaseId id) { return static_cast<uint64_t>(id.value()) ^ (uint64_t{1} << 63); }

}  // namespace

std::string RecordKey(Revision revision, bool tombstone) {
  std::string key(1, kRecordPrefix);
  base::AppendBigEndian64(key, static_cast<uint64_t>(revision.main));
  base::AppendBigEndian64(key, static_cast<uint64_t>(revision.sub));
  if (tombstone) key.push_back(kTombstoneMark);
  return key;
}

std::string FirstRecordKey(int64_t main) { return RecordKey({main, 0}, false); }

std::optional<RecordId> ParseRecordKey(std::string_view key) {
  if (key.size() < 17 || key.size() > 18 || key[0] != kRecordPrefix) return std::nullopt;
  if (key.size() == 18 && key[17] != kTombstoneMark) return std::nullopt;
  base::ByteReader reader(key.substr(1));
  uint64_t main = 0;
  uint64_t sub = 0;
  reader.TakeBigEndian64(main);
  reader.TakeBigEndian64(sub);
  return RecordId{{static_cast<int64_t>(main), static_cast<int64_t>(sub)}, key.size() == 18};
}

std::string LeaseKey(LeaseId id) {
  std::string key(1, kLeasePrefix);
  base::AppendBigEndian64(key, OrderedId(id));
  return key;
}

std::string FirstLeaseKey() { return std::string(1, kLeasePrefix); }
std::string EndOfLeaseKeys() { return std::string(1, kLeasePrefix + 1); }

std::string EncodeLease(const StoredLease& lease) {
  std::string out;
  base::AppendVarintField(out, kLeaseId, static_cast<uint64_t>(lease.id.value()));
  base::AppendVarintField(out, kLeaseTtl, static_cast<uint64_t>(lease.ttl_seconds));
  base::AppendVarintField(out, kLeaseRemainingTtl,
                          static_cast<uint64_t>(lease.remaining_ttl_seconds));
  return out;
}

int64_t LeaseBytes(const StoredLease& lease) {
  return static_cast<int64_t>(LeaseKey(lease.id).size() + EncodeLease(lease).size());
}

std::optional<StoredLease> ParseLease(std::string_view value) {
  StoredLease lease;
  base::ByteReader reader(value);
  base::WireField field;
  while (base::NextField(reader, field)) {
    if (field.wire_type != 0) return std::nullopt;
    const auto number = static_cast<int64_t>(field.integer);
    if (field.number == kLeaseId) lease.id = LeaseId(number);
    if (field.number == kLeaseTtl) lease.ttl_seconds = number;
    if (field.number == kLeaseRemainingTtl) lease.remaining_ttl_seconds = number;
  }
  if (!reader.ok() || !lease.id) return std::nullopt;
  return lease;
}

std::string FormatKey() { return std::string(1, kMetaPrefix) + "format"; }
std::string StateKey() { return std::string(1, kMetaPrefix) + "state"; }
std::string ScheduledCompactionKey() { return std::string(1, kMetaPrefix) + "compact-scheduled"; }
std::string FinishedCompactionKey() { return std::string(1, kMetaPrefix) + "compact-finished"; }

std::string ServerKey(std::string_view name) {
  std::string key(1, kServerPrefix);
  key.append(name);
  return key;
}
std::string EndOfServerKeys() { return std::string(1, kServerPrefix + 1); }

std::string EncodeState(const StoredState& state) {
  std::string out;
  base::AppendFixed64(out, state.sequence.value());
  base::AppendFixed64(out, static_cast<uint64_t>(state.revision));
  base::AppendFixed64(out, state.term);
  base::AppendFixed64(out, state.hash);
  return out;
}

std::optional<StoredState> ParseState(std::string_view value) {
  base::ByteReader reader(value);
  uint64_t sequence = 0;
  uint64_t revision = 0;
  reader.TakeFixed64(sequence);
  reader.TakeFixed64(revision);
  StoredState state{Sequence(sequence), static_cast<int64_t>(revision)};
  if (reader.ok() && reader.empty()) return state;  // format 1
  reader.TakeFixed64(state.term);
  reader.TakeFixed64(state.hash);
  if (!reader.ok() || !reader.empty()) return std::nullopt;
  return state;
}

std::string EncodeNumber(int64_t number) {
  std::string out;
  base::AppendFixed64(out, static_cast<uint64_t>(number));
  return out;
}

std::optional<int64_t> ParseNumber(std::string_view value) {
  base::ByteReader reader(value);
  uint64_t number = 0;
  if (!reader.TakeFixed64(number) || !reader.empty()) return std::nullopt;
  return static_cast<int64_t>(number);
}

std::string Printable(std::string_view key) { return absl::CHexEscape({key.data(), key.size()}); }

}  // namespace pintle::kv
