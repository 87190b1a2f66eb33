#include "watch/logged_event.h"

#include <utility>

#include "base/byte_codec.h"

namespace pintle::watch {
namespace {

// Fields of mvccpb.Event.
constexpr uint32_t kTypeField = 1;
constexpr uint32_t kKvField = 2;
constexpr uint32_t kPrevKvField = 3;

// Object, control block, memo and its place in the window.
constexpr size_t kOverhead = 320;

}  // namespace

std::string EncodeEvent(const kv::Event& event, const kv::EncodedKeyValue& prev_kv) {
  std::string out;
  out.reserve(event.kv->size() + (prev_kv == nullptr ? 0 : prev_kv->size() + 6) + 8);
  base::AppendVarintField(out, kTypeField, static_cast<uint64_t>(event.type));
  base::AppendMessageField(out, kKvField, *event.kv);
  if (prev_kv != nullptr) base::AppendMessageField(out, kPrevKvField, *prev_kv);
  return out;
}

LoggedEvent::LoggedEvent(kv::Event event) : event_(std::move(event)) {}

size_t LoggedEvent::size() const { return event_.kv->size() + event_.key.size() + kOverhead; }

LoggedEvent::Bytes LoggedEvent::Plain() const {
  Bytes bytes = memo_.With([](const Memo& memo) { return memo.plain; });
  if (bytes != nullptr) return bytes;
  auto made = std::make_shared<const std::string>(EncodeEvent(event_, nullptr));
  return memo_.With([&](Memo& memo) {
    if (memo.plain == nullptr) memo.plain = std::move(made);
    return memo.plain;
  });
}

LoggedEvent::WithPrevious LoggedEvent::WithPrev(const RecordSource& records) const {
  if (event_.previous.main == 0) return {nullptr, Plain()};
  WithPrevious known = memo_.With([](const Memo& memo) { return memo.with_prev; });
  if (known.encoded != nullptr) return known;
  kv::EncodedKeyValue prev_kv = records(event_.previous);
  if (prev_kv == nullptr) return {nullptr, Plain()};
  WithPrevious made{prev_kv, std::make_shared<const std::string>(EncodeEvent(event_, prev_kv))};
  return memo_.With([&](Memo& memo) {
    if (memo.with_prev.encoded == nullptr) memo.with_prev = std::move(made);
    return memo.with_prev;
  });
}

}  // namespace pintle::watch
