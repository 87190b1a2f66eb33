#include "kv/types.h"

#include "base/byte_codec.h"

namespace pintle::kv {
namespace {

// mvccpb.KeyValue
constexpr uint32_t kKey = 1;
constexpr uint32_t kCreateRevision = 2;
constexpr uint32_t kModRevision = 3;
constexpr uint32_t kVersion = 4;
constexpr uint32_t kValue = 5;
constexpr uint32_t kLease = 6;

constexpr uint32_t kVarintType = 0;
constexpr uint32_t kBytesType = 2;

void SetInteger(const base::WireField& field, KeyValueView& pair) {
  const auto value = static_cast<int64_t>(field.integer);
  switch (field.number) {
    case kCreateRevision:
      pair.create_revision = value;
      break;
    case kModRevision:
      pair.mod_revision = value;
      break;
    case kVersion:
      pair.version = value;
      break;
    case kLease:
      pair.lease = LeaseId(value);
      break;
    default:
      break;
  }
}

// A known field with a foreign wire type: the bytes are not ours.
bool TypeIsRight(const base::WireField& field) {
  if (field.number == 0) return false;
  if (field.number == kKey || field.number == kValue) return field.wire_type == kBytesType;
  if (field.number <= kLease) return field.wire_type == kVarintType;
  return true;
}

size_t BytesFieldSize(size_t size) { return size == 0 ? 0 : 1 + base::VarintSize(size) + size; }
size_t IntegerFieldSize(int64_t number) {
  return number == 0 ? 0 : 1 + base::VarintSize(static_cast<uint64_t>(number));
}
size_t EncodedSize(const KeyValueView& pair) {
  return BytesFieldSize(pair.key.size()) + IntegerFieldSize(pair.create_revision) +
         IntegerFieldSize(pair.mod_revision) + IntegerFieldSize(pair.version) +
         BytesFieldSize(pair.value.size()) + IntegerFieldSize(pair.lease.value());
}

}  // namespace

std::string EncodeKeyValue(const KeyValue& pair) {
  return EncodeKeyValue(KeyValueView{.key = pair.key,
                                     .value = pair.value,
                                     .create_revision = pair.create_revision,
                                     .mod_revision = pair.mod_revision,
                                     .version = pair.version,
                                     .lease = pair.lease});
}

std::string EncodeKeyValue(const KeyValueView& pair) {
  std::string out;
  out.reserve(EncodedSize(pair));  // exact: millions of these are kept
  base::AppendBytesField(out, kKey, pair.key);
  base::AppendVarintField(out, kCreateRevision, static_cast<uint64_t>(pair.create_revision));
  base::AppendVarintField(out, kModRevision, static_cast<uint64_t>(pair.mod_revision));
  base::AppendVarintField(out, kVersion, static_cast<uint64_t>(pair.version));
  base::AppendBytesField(out, kValue, pair.value);
  base::AppendVarintField(out, kLease, static_cast<uint64_t>(pair.lease.value()));
  return out;
}

bool ParseKeyValue(std::string_view encoded, KeyValueView& pair) {
  pair = {};
  base::ByteReader reader(encoded);
  base::WireField field;
  while (base::NextField(reader, field)) {
    if (!TypeIsRight(field)) return false;
    if (field.number == kKey) {
      pair.key = field.bytes;
    } else if (field.number == kValue) {
      pair.value = field.bytes;
    } else {
      SetInteger(field, pair);
    }
  }
  return reader.ok();
}

}  // namespace pintle::kv
