#include "bench/load/messages.h"

#include "base/byte_codec.h"

namespace pintle::bench {
namespace {

using base::ByteReader;
using base::NextField;
using base::WireField;

// First length-delimited field of that number; empty when absent.
std::string_view Submessage(std::string_view message, uint32_t number) {
  ByteReader reader(message);
  WireField field;
  while (NextField(reader, field)) {
    if (field.number == number && field.wire_type == 2) return field.bytes;
  }
  return {};
}

uint64_t Integer(std::string_view message, uint32_t number) {
  ByteReader reader(message);
  WireField field;
  while (NextField(reader, field)) {
    if (field.number == number && field.wire_type == 0) return field.integer;
  }
  return 0;
}

}  // namespace

std::string PutMessage(std::string_view key, std::string_view value) {
  std::string out;
  out.reserve(key.size() + value.size() + 12);
  base::AppendBytesField(out, 1, key);
  base::AppendBytesField(out, 2, value);
  return out;
}

std::string RangeMessage(std::string_view key, std::string_view end, int64_t limit,
                         bool serializable) {
  std::string out;
  base::AppendBytesField(out, 1, key);
  base::AppendBytesField(out, 2, end);
  base::AppendVarintField(out, 3, static_cast<uint64_t>(limit));
  base::AppendVarintField(out, 7, serializable ? 1 : 0);
  return out;
}

std::string GuardedPutMessage(std::string_view key, std::string_view value, int64_t revision) {
  constexpr uint64_t kTargetMod = 2;
  std::string compare;
  base::AppendVarintField(compare, 2, kTargetMod);
  base::AppendBytesField(compare, 3, key);
  base::AppendVarintField(compare, 6, static_cast<uint64_t>(revision));
  std::string put_op;
  base::AppendMessageField(put_op, 2, PutMessage(key, value));
  std::string range_op;
  base::AppendMessageField(range_op, 1, RangeMessage(key, "", 0, false));
  std::string out;
  base::AppendMessageField(out, 1, compare);
  base::AppendMessageField(out, 2, put_op);
  base::AppendMessageField(out, 3, range_op);
  return out;
}

std::string LeaseGrantMessage(int64_t id, int64_t ttl_seconds) {
  std::string out;
  base::AppendVarintField(out, 1, static_cast<uint64_t>(ttl_seconds));
  base::AppendVarintField(out, 2, static_cast<uint64_t>(id));
  return out;
}

std::string LeasePutMessage(std::string_view key, std::string_view value, int64_t lease) {
  std::string out = PutMessage(key, value);
  base::AppendVarintField(out, 3, static_cast<uint64_t>(lease));
  return out;
}

std::string KeepAliveMessage(int64_t id) {
  std::string out;
  base::AppendVarintField(out, 1, static_cast<uint64_t>(id));
  return out;
}

int64_t KeepAliveTtl(std::string_view response) {
  return static_cast<int64_t>(Integer(response, 3));
}

std::string WatchCreateMessage(std::string_view key, std::string_view end, int64_t watch_id) {
  std::string create;
  base::AppendBytesField(create, 1, key);
  base::AppendBytesField(create, 2, end);
  base::AppendVarintField(create, 7, static_cast<uint64_t>(watch_id));
  std::string out;
  base::AppendMessageField(out, 1, create);
  return out;
}

int64_t HeaderRevision(std::string_view response) {
  return static_cast<int64_t>(Integer(Submessage(response, 1), 3));
}

bool TxnSucceeded(std::string_view response) { return Integer(response, 2) != 0; }

int64_t ModRevisionOfFirstKv(std::string_view response) {
  const std::string_view range =
      Submessage(Submessage(response, 3), 1);  // ResponseOp.response_range
  return static_cast<int64_t>(Integer(Submessage(range, 2), 3));
}

WatchSummary ReadWatchResponse(std::string_view response) {
  WatchSummary summary;
  ByteReader reader(response);
  WireField field;
  while (NextField(reader, field)) {
    if (field.number == 3) summary.created = field.integer != 0;
    if (field.number == 4) summary.canceled = field.integer != 0;
    if (field.number == 11) {
      ++summary.events;
      summary.last_value = Submessage(Submessage(field.bytes, 2), 5);
    }
  }
  return summary;
}

}  // namespace pintle::bench
