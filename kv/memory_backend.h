// MemoryBackend: a Backend that keeps everything in a sorted map. For tests and the simulator; safe
// from any thread. The map is copied when something changes while a snapshot or a clone shares it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "kv/backend.h"
#include "kv/guarded.h"

namespace pintle::kv {

class MemoryBackend : public Backend {
 public:
  MemoryBackend() = default;

  absl::Status Apply(const BackendBatch& batch) override;
  absl::StatusOr<std::string> Get(std::string_view key) const override;
  absl::Status Scan(
      std::string_view first, std::string_view last,
      const std::function<bool(std::string_view, std::string_view)>& visit) const override;

  Sequence durable_sequence() const override;
  absl::Status Flush() override { return absl::OkStatus(); }
  std::unique_ptr<const BackendReader> NewSnapshot() const override;

  // What a crash at this moment would leave behind, were every batch durable.
  std::unique_ptr<MemoryBackend> Clone() const;

 private:
  using Map = std::map<std::string, std::shared_ptr<const std::string>, std::less<>>;
  Guarded<std::shared_ptr<Map>> map_{std::make_shared<Map>()};
  Guarded<Sequence> sequence_;
};

}  // namespace pintle::kv
