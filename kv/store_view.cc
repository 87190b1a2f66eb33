#include "kv/store_view.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/status_macros.h"
#include "kv/errors.h"
#include "kv/range.h"
#include "kv/record.h"
#include "kv/txn.h"

namespace pintle::kv {
namespace {

// How often a read of "now" goes on to a newer view when a compaction pulls the old one away from
// under it.
constexpr int kMaxOvertaken = 8;

// The oldest revision that a read-only transaction looks at.
int64_t OldestRead(const TxnRequest& request, int64_t newest) {
  int64_t oldest = newest;
  for (const auto* branch : {&request.success, &request.failure}) {
    for (const TxnOp& op : *branch) {
      const auto* range = std::get_if<RangeRequest>(&op);
      if (range != nullptr && range->revision > 0) oldest = std::min(oldest, range->revision);
    }
  }
  return oldest;
}

// The store is gone, or has got another content, and with it the newer view that would know.
absl::Status Replaced() { return absl::UnavailableError("the store is being replaced"); }

bool CutByLimit(const RangeRequest& request, const RangeResult& result) {
  return result.more && request.limit > 0;
}

}  // namespace

int64_t StoreView::ReadableFrom() const {
  return std::max(content_.compact_revision, shared_->compact_revision.load());
}

RangeSource StoreView::Source() const {
  return {.root = content_.keys,
          .root_revision = content_.revision,
          .revision = content_.revision,
          .compact_revision = ReadableFrom(),
          .records = shared_->records};
}

absl::Status StoreView::Explain(const absl::Status& status, int64_t at) const {
  if (!absl::IsNotFound(status)) return status;
  if (at < ReadableFrom()) return ErrCompacted();
  return absl::DataLossError("a record that the index names is missing");
}

std::shared_ptr<const StoreView> StoreView::PagedView(int64_t revision) const {
  if (revision <= 0 || revision == content_.revision) return nullptr;
  return shared_->views.With(
      [&](const SharedState::Views& views) -> std::shared_ptr<const StoreView> {
        for (const auto& view : views.paged) {
          if (view->revision() == revision) return view;
        }
        return nullptr;
      });
}

absl::StatusOr<RangeResult> StoreView::RangeHere(const RangeRequest& request) const {
  RangeSource source = Source();
  const auto paged = PagedView(request.revision);
  if (paged != nullptr && request.revision < content_.revision) {
    source.root = paged->content_.keys;
    source.root_revision = paged->content_.revision;
  }
  auto result = EvaluateRange(source, request);
  if (!result.ok()) {
    const int64_t at = request.revision > 0 ? request.revision : content_.revision;
    return Explain(result.status(), at);
  }
  if (request.revision <= 0 && CutByLimit(request, *result)) {
    shared_->views.With([&](SharedState::Views& views) {
      if (views.newest == nullptr) return;  // the store is gone
      if (!views.paged.empty() && views.paged.back()->revision() >= content_.revision) return;
      if (views.paged.size() == SharedState::kMaxPagedViews) views.paged.erase(views.paged.begin());
      views.paged.push_back(shared_from_this());
    });
  }
  return result;
}

absl::StatusOr<RangeResult> StoreView::Range(const RangeRequest& request) const {
  std::shared_ptr<const StoreView> view = shared_from_this();
  for (int i = 0; i < kMaxOvertaken; ++i) {
    auto result = view->RangeHere(request);
    shared_->Note(result.status());
    if (request.revision > 0 || !IsCompacted(result.status())) return result;
    auto newer = shared_->views.With([](const SharedState::Views& views) { return views.newest; });
    if (newer == nullptr) return Replaced();
    if (newer == view) return result;
    view = std::move(newer);
  }
  return absl::UnavailableError("compactions keep overtaking this read");
}

absl::StatusOr<TxnResult> StoreView::ReadOnlyTxn(const TxnRequest& request) const {
  std::shared_ptr<const StoreView> view = shared_from_this();
  for (int i = 0; i < kMaxOvertaken; ++i) {
    auto result = ReadTxn(view->Source(), request);
    if (result.ok()) return result;
    const int64_t oldest = OldestRead(request, view->content_.revision);
    const absl::Status status = view->Explain(result.status(), oldest);
    shared_->Note(status);
    auto newer = shared_->views.With([](const SharedState::Views& views) { return views.newest; });
    if (!IsCompacted(status) || newer == view) return status;
    if (newer == nullptr) return Replaced();
    view = std::move(newer);
  }
  return absl::UnavailableError("compactions keep overtaking this read");
}

EncodedKeyValue StoreView::Record(Revision revision) const {
  auto pair = shared_->records.Get(revision);
  shared_->Note(pair.status());
  return pair.ok() ? *std::move(pair) : nullptr;
}

std::optional<LeaseInfo> StoreView::Lease(LeaseId id) const {
  const auto lease = FindLease(content_.leases, id);
  if (!lease.has_value()) return std::nullopt;
  return ToInfo(*lease);
}

// What is stored now. Held together with this view: of use only while its backend is there.
std::shared_ptr<const BackendReader> StoreView::Freeze() const {
  struct Frozen {
    std::shared_ptr<const StoreView> view;
    std::unique_ptr<const BackendReader> reader;  // goes first
  };
  auto frozen =
      std::make_shared<Frozen>(Frozen{shared_from_this(), shared_->backend->NewSnapshot()});
  return {frozen, frozen->reader.get()};
}

std::unique_ptr<ContentHash> StoreView::StartContentHash() const {
  return std::make_unique<ContentHash>(Freeze());
}

absl::StatusOr<std::unique_ptr<KvHash>> StoreView::StartKvHash(KvHash::Span span) const {
  std::shared_ptr<const BackendReader> content = Freeze();
  // Records are deleted only after a newer view has said up to where.
  if (shared_->compact_revision > content_.compact_revision) return ErrCompacted();
  bool keeps_some = false;
  KeyTree::Walk<Visiting::kAll>(content_.keys, {}, [&](const KeyEntry& entry) {
    keeps_some = entry.LiveAt(span.revision).has_value();
    return !keeps_some;
  });
  const auto live_at = [keys = content_.keys](std::string_view key, int64_t at) {
    const KeyEntry* const entry = KeyTree::Find(keys, key);
    return entry == nullptr ? Revision{} : entry->LiveAt(at).value_or(Revision{});
  };
  return std::make_unique<KvHash>(
      KvHash::Parts{.content = std::move(content), .live_at = live_at, .keeps_some = keeps_some},
      span);
}

}  // namespace pintle::kv
