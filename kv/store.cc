#include "kv/store.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/fault_point.h"
#include "base/status_macros.h"
#include "kv/guarded.h"
#include "kv/store_impl.h"

namespace pintle::kv {
namespace {

// One StoreImpl after the other. What other threads ask for they find behind a lock: the newest
// view, and the state that the content of the moment shares with its views.
class ReloadableStore final : public Store {
 public:
  explicit ReloadableStore(const StoreOptions& options) : options_(options) {}

  absl::Status Reload(std::shared_ptr<Backend> backend) override {
    auto content = std::make_unique<StoreImpl>(std::move(backend), options_);
    PINTLE_RETURN_IF_ERROR(content->Load());
    base::FaultPoint("kv.reload_loaded");
    shared_.With([&](auto& shared) {
      if (shared != nullptr) shared->replaced = true;
      shared = content->shared();
    });
    std::swap(content_, content);
    Show();
    return absl::OkStatus();
  }

  Sequence sequence() const override { return content_->sequence(); }
  uint64_t term() const override { return content_->term(); }
  uint64_t hash() const override { return content_->hash(); }

  Sequence durable_sequence() const override {
    const auto shared = shared_.With([](const auto& current) { return current; });
    return std::max(shared->opened_sequence, shared->backend->durable_sequence());
  }

  ApplyResult ApplyFor(const auth::Caller& caller, const Command& command) override {
    return content_->Apply(caller, command);
  }
  void PutMeta(std::string_view name, std::string bytes) override {
    content_->PutMeta(name, std::move(bytes));
  }
  std::optional<std::string> GetMeta(std::string_view name) const override {
    return content_->GetMeta(name);
  }
  uint64_t EndEntry(Sequence sequence, uint64_t term) override {
    return content_->EndEntry(sequence, term);
  }
  absl::Status Write(Sequence sequence, uint64_t term) override {
    return content_->Write(sequence, term);
  }

  void Publish() override {
    content_->Publish();
    Show();
  }

  absl::StatusOr<bool> CompactSlice() override {
    auto more = content_->CompactSlice();
    Show();
    return more;
  }

  uint64_t compacted_records() const override { return content_->compacted_records(); }

  bool compacted() const override { return content_->compacted(); }

  std::shared_ptr<const BackendReader> NewSnapshot() const override {
    return content_->NewSnapshot();
  }

  std::shared_ptr<const ReadView> view() const override {
    return newest_.With([](const auto& view) { return view; });
  }

  bool auth_enabled() const override { return auth_enabled_.load(std::memory_order_relaxed); }

  int64_t size_bytes() const override {
    return shared_.With([](const auto& shared) { return shared->size_bytes.load(); });
  }

 private:
  void Show() {
    auto view = content_->view();
    auth_enabled_.store(view->auth().enabled(), std::memory_order_relaxed);
    newest_.With([&](auto& newest) { std::swap(newest, view); });  // the old one goes outside
  }

  const StoreOptions options_;
  std::unique_ptr<StoreImpl> content_;
  Guarded<std::shared_ptr<SharedState>> shared_;
  Guarded<std::shared_ptr<const ReadView>> newest_;
  std::atomic<bool> auth_enabled_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> Store::Open(std::shared_ptr<Backend> backend,
                                                   StoreOptions options) {
  auto store = std::make_unique<ReloadableStore>(options);
  PINTLE_RETURN_IF_ERROR(store->Reload(std::move(backend)));
  return store;
}

absl::StatusOr<std::unique_ptr<Store>> Store::Open(Backend& backend, StoreOptions options) {
  return Open(std::shared_ptr<Backend>(std::shared_ptr<Backend>(), &backend), options);
}

}  // namespace pintle::kv
