#include "tests/sim/changed_values.h"

#include <functional>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "base/check.h"
#include "kv/record.h"
#include "kv/types.h"

namespace pintle::sim {

class ChangedValues::Door final : public kv::Backend {
 public:
  Door(ChangedValues& changes, std::unique_ptr<kv::Backend> backend)
      : changes_(changes), backend_(std::move(backend)) {}

  absl::Status Apply(const kv::BackendBatch& batch) override {
    if (!changes_.armed_) return backend_->Apply(batch);
    kv::BackendBatch changed = batch;
    changes_.armed_ = !changes_.ChangeOne(changed);
    return backend_->Apply(changed);
  }
  absl::StatusOr<std::string> Get(std::string_view key) const override {
    return backend_->Get(key);
  }
  absl::Status Scan(
      std::string_view first, std::string_view last,
      const std::function<bool(std::string_view, std::string_view)>& visit) const override {
    return backend_->Scan(first, last, visit);
  }
  kv::Sequence durable_sequence() const override { return backend_->durable_sequence(); }
  absl::Status Flush() override { return backend_->Flush(); }
  std::unique_ptr<const kv::BackendReader> NewSnapshot() const override {
    return backend_->NewSnapshot();
  }

 private:
  ChangedValues& changes_;
  const std::unique_ptr<kv::Backend> backend_;
};

// No value that a client writes begins so.
ChangedValues::ChangedValues(size_t place) : mark_(static_cast<char>(0x80 | place)) {
  PINTLE_CHECK(place < kMostMembers, "a mark for every member");
}

std::unique_ptr<kv::Backend> ChangedValues::Wrap(std::unique_ptr<kv::Backend> backend) {
  return std::make_unique<Door>(*this, std::move(backend));
}

bool ChangedValues::ChangeOne(kv::BackendBatch& batch) {
  for (kv::BackendBatch::Op& op : batch.ops) {
    kv::KeyValueView pair;
    if (op.value == nullptr || !kv::ParseRecordKey(op.key)) continue;
    if (!kv::ParseKeyValue(*op.value, pair) || pair.value.empty()) continue;
    const std::string right(pair.value);
    std::string wrong = right;
    wrong[0] = mark_;
    pair.value = wrong;
    const std::string bytes = kv::EncodeKeyValue(pair);
    changes_[wrong] = {op.key, bytes};
    right_[wrong] = right;
    op.value = std::make_shared<const std::string>(bytes);
    return true;
  }
  return false;
}

void ChangedValues::LookAt(const kv::BackendReader& content) {
  std::erase_if(changes_, [&](const auto& item) {
    const absl::StatusOr<std::string> bytes = content.Get(item.second.record);
    return !absl::IsDataLoss(bytes.status()) && (!bytes.ok() || *bytes != item.second.bytes);
  });
}

std::string ChangedValues::Right(const std::string& value) const {
  const auto right = right_.find(value);
  return right == right_.end() ? value : right->second;
}

}  // namespace pintle::sim
