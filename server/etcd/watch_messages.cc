#include "server/etcd/watch_messages.h"

#include <span>

#include "base/byte_codec.h"

namespace pintle::server::etcd {
namespace {

using base::AppendBytesField;
using base::AppendMessageField;
using base::AppendVarintField;

// Fields of WatchResponse.
constexpr uint32_t kHeader = 1;
constexpr uint32_t kWatchId = 2;
constexpr uint32_t kCreated = 3;
constexpr uint32_t kCanceled = 4;
constexpr uint32_t kCompactRevision = 5;
constexpr uint32_t kCancelReason = 6;
constexpr uint32_t kFragment = 7;
constexpr uint32_t kEvents = 11;

size_t EncodedSize(const watch::Delivered& delivered) {
  const size_t size = delivered.encoded->size();
  return 1 + base::VarintSize(size) + size;
}

std::string Encode(const std::string& head, std::span<const watch::Delivered> events, size_t bytes,
                   bool fragment) {
  std::string out;
  out.reserve(head.size() + bytes + 2);
  out += head;
  AppendVarintField(out, kFragment, fragment ? 1 : 0);
  for (const watch::Delivered& delivered : events) {
    AppendMessageField(out, kEvents, *delivered.encoded);
  }
  return out;
}

}  // namespace

std::string EncodeWatchControl(const HeaderFacts& facts, int64_t revision,
                               const WatchControl& control) {
  std::string out;
  AppendMessageField(out, kHeader, EncodeHeader(facts, revision));
  AppendVarintField(out, kWatchId, static_cast<uint64_t>(control.watch_id));
  AppendVarintField(out, kCreated, control.created ? 1 : 0);
  AppendVarintField(out, kCanceled, control.canceled ? 1 : 0);
  AppendVarintField(out, kCompactRevision, static_cast<uint64_t>(control.compact_revision));
  AppendBytesField(out, kCancelReason, control.cancel_reason);
  return out;
}

std::vector<std::string> EncodeWatchEvents(const HeaderFacts& facts, int64_t watch_id,
                                           const watch::Batch& batch, size_t fragment_bytes) {
  std::string head;
  AppendMessageField(head, kHeader, EncodeHeader(facts, batch.revision));
  AppendVarintField(head, kWatchId, static_cast<uint64_t>(watch_id));

  std::vector<std::string> messages;
  const std::span<const watch::Delivered> events(batch.events);
  size_t first = 0;
  size_t bytes = 0;
  for (size_t i = 0; i < events.size(); ++i) {
    const size_t size = EncodedSize(events[i]);
    const bool full =
        fragment_bytes > 0 && i > first && head.size() + 2 + bytes + size >= fragment_bytes;
    if (full) {
      messages.push_back(Encode(head, events.subspan(first, i - first), bytes, true));
      first = i;
      bytes = 0;
    }
    bytes += size;
  }
  messages.push_back(Encode(head, events.subspan(first), bytes, false));
  return messages;
}

}  // namespace pintle::server::etcd
