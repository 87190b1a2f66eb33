#include "kv/memory_backend.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kv/record.h"

namespace pintle::kv {

absl::Status MemoryBackend::Apply(const BackendBatch& batch) {
  map_.With([&](std::shared_ptr<Map>& map) {
    if (map.use_count() > 1) map = std::make_shared<Map>(*map);
    for (const BackendBatch::Op& op : batch.ops) {
      if (op.value == nullptr) {
        map->erase(op.key);
      } else {
        (*map)[op.key] = op.value;
      }
    }
  });
  if (batch.sequence) sequence_.With([&](Sequence& sequence) { sequence = batch.sequence; });
  return absl::OkStatus();
}

Sequence MemoryBackend::durable_sequence() const {
  return sequence_.With([](Sequence sequence) { return sequence; });
}

absl::StatusOr<std::string> MemoryBackend::Get(std::string_view key) const {
  const auto value = map_.With([&](const auto& map) -> std::shared_ptr<const std::string> {
    auto it = map->find(key);
    return it == map->end() ? nullptr : it->second;
  });
  if (value == nullptr) return absl::NotFoundError(absl::StrCat("no key ", Printable(key)));
  return *value;
}

absl::Status MemoryBackend::Scan(
    std::string_view first, std::string_view last,
    const std::function<bool(std::string_view, std::string_view)>& visit) const {
  // `visit` is foreign code: it runs on pieces copied out of the lock.
  constexpr size_t kPiece = 256;
  std::string from(first);
  std::vector<std::pair<std::string, std::shared_ptr<const std::string>>> piece;
  do {
    piece.clear();
    map_.With([&](const auto& map) {
      for (auto it = map->lower_bound(from); it != map->end() && it->first < last; ++it) {
        piece.emplace_back(*it);
        if (piece.size() == kPiece) break;
      }
    });
    for (const auto& [key, value] : piece) {
      if (!visit(key, *value)) return absl::OkStatus();
    }
    if (!piece.empty()) from = piece.back().first + '\0';
  } while (piece.size() == kPiece);
  return absl::OkStatus();
}

std::unique_ptr<MemoryBackend> MemoryBackend::Clone() const {
  auto clone = std::make_unique<MemoryBackend>();
  auto shared = map_.With([](const auto& map) { return map; });
  clone->map_.With([&](auto& map) { map = std::move(shared); });
  clone->sequence_.With([&](Sequence& sequence) { sequence = durable_sequence(); });
  return clone;
}

// A clone is never changed: it is its own snapshot.
std::unique_ptr<const BackendReader> MemoryBackend::NewSnapshot() const { return Clone(); }

}  // namespace pintle::kv
