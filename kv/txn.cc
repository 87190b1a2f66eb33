#include "kv/txn.h"

#include <memory>
#include <utility>
#include <variant>

#include "base/canary.h"
#include "base/status_macros.h"
#include "kv/errors.h"

namespace pintle::kv {
namespace {

template <typename T>
bool Holds(Compare::Result result, const T& actual, const T& wanted) {
  switch (result) {
    case Compare::Result::kEqual:
      return actual == wanted;
    case Compare::Result::kGreater:
      return actual > wanted;
    case Compare::Result::kLess:
      return actual < wanted;
    case Compare::Result::kNotEqual:
      return actual != wanted;
  }
  return true;  // etcd ignores an unknown result
}

// A key that does not exist is compared as all zeros.
bool NumberHolds(const Compare& compare, const KeyEntry* entry) {
  int64_t actual = 0;
  if (entry != nullptr) {
    switch (compare.target) {
      case Compare::Target::kVersion:
        actual = entry->version;
        break;
      case Compare::Target::kCreate:
        actual = entry->create_revision;
        break;
      case Compare::Target::kMod:
        actual = entry->mod_revision;
        break;
      case Compare::Target::kLease:
        actual = entry->lease.value();
        break;
      case Compare::Target::kValue:
        break;
    }
  }
  return Holds(compare.result, actual, compare.number);
}

absl::StatusOr<bool> CompareHolds(const RangeSource& source, const Compare& compare) {
  bool any = false;
  bool holds = true;
  std::vector<Revision> revisions;
  WalkRange<Visiting::kLive>(source.root, compare.range, [&](const KeyEntry& entry) {
    any = true;
    if (compare.target == Compare::Target::kValue) {
      revisions.push_back(entry.revision());
    } else {
      holds = NumberHolds(compare, &entry);
    }
    return holds;
  });
  if (compare.target != Compare::Target::kValue) return any ? holds : NumberHolds(compare, nullptr);
  // A missing value equals nothing and differs from nothing.
  if (!any) return false;
  for (const Revision revision : revisions) {
    PINTLE_ASSIGN_OR_RETURN(const EncodedKeyValue pair, source.records.Get(revision));
    KeyValueView view;
    if (!ParseKeyValue(*pair, view)) return absl::DataLossError("stored record is not a pair");
    if (!Holds(compare.result, view.value, std::string_view(compare.value))) return false;
  }
  return true;
}

absl::Status Choose(const RangeSource& source, const TxnRequest& request, TxnPath& path) {
  bool holds = true;
  for (const Compare& compare : request.compares) {
    PINTLE_ASSIGN_OR_RETURN(holds, CompareHolds(source, compare));
    if (!holds) break;
  }
  path.push_back(holds);
  for (const TxnOp& op : holds ? request.success : request.failure) {
    const auto* nested = std::get_if<std::shared_ptr<TxnRequest>>(&op);
    if (nested != nullptr) PINTLE_RETURN_IF_ERROR(Choose(source, **nested, path));
  }
  return absl::OkStatus();
}

const std::vector<TxnOp>& TakeBranch(const TxnRequest& request, const TxnPath& path, size_t& at) {
  return path[at++] ? request.success : request.failure;
}

// Calls `check` with each operation of the chosen branches, nested ones too, until one fails.
template <typename Check>
absl::Status CheckOps(const TxnRequest& request, const TxnPath& path, size_t& at,
                      const Check& check) {
  for (const TxnOp& op : TakeBranch(request, path, at)) {
    if (const auto* nested = std::get_if<std::shared_ptr<TxnRequest>>(&op)) {
      PINTLE_RETURN_IF_ERROR(CheckOps(**nested, path, at, check));
    } else {
      PINTLE_RETURN_IF_ERROR(check(op));
    }
  }
  return absl::OkStatus();
}

// Everything that can still fail, on the state at the start. As in etcd what is wrong with a put
// is told before what is wrong with a range, wherever they stand.
absl::Status CheckOps(const WorkingState& state, const WriteTxn& txn, const TxnRequest& request,
                      const TxnPath& path) {
  const auto check_put = [&](const TxnOp& op) {
    const auto* put = std::get_if<PutRequest>(&op);
    if (put == nullptr) return absl::OkStatus();
    absl::Status status = txn.CheckPrevious(*put);
    if (status.ok()) status = txn.CheckLease(*put);
    return status;
  };
  const auto check_range = [&](const TxnOp& op) {
    const auto* range = std::get_if<RangeRequest>(&op);
    return range == nullptr ? absl::OkStatus()
                            : CheckRangeInTxn(*range, state.revision, state.compact_revision);
  };
  size_t at = 0;
  PINTLE_RETURN_IF_ERROR(CheckOps(request, path, at, check_put));
  at = 0;
  return CheckOps(request, path, at, check_range);
}

TxnResult Execute(WorkingState& state, WriteTxn& txn, const TxnRequest& request,
                  const TxnPath& path, size_t& at) {
  TxnResult result;
  result.succeeded = path[at];
  for (const TxnOp& op : TakeBranch(request, path, at)) {
    if (const auto* range = std::get_if<RangeRequest>(&op)) {
      auto answer = txn.Range(*range);
      if (!answer.ok()) state.Fail(answer.status());
      result.responses.emplace_back(answer.ok() ? *std::move(answer) : RangeResult());
    } else if (const auto* put = std::get_if<PutRequest>(&op)) {
      result.responses.emplace_back(txn.Put(*put));
    } else if (const auto* removal = std::get_if<DeleteRangeRequest>(&op)) {
      result.responses.emplace_back(txn.DeleteRange(*removal));
    } else {
      const auto& nested = *std::get<std::shared_ptr<TxnRequest>>(op);
      result.responses.emplace_back(
          std::make_shared<TxnResult>(Execute(state, txn, nested, path, at)));
    }
  }
  return result;
}

}  // namespace

absl::StatusOr<TxnPath> ChooseBranches(const RangeSource& source, const TxnRequest& request) {
  TxnPath path;
  PINTLE_RETURN_IF_ERROR(Choose(source, request, path));
  return path;
}

absl::Status CheckRangeInTxn(const RangeRequest& request, int64_t revision,
                             int64_t compact_revision) {
  if (request.revision == 0 || PINTLE_CANARY("txn_sees_compaction")) return absl::OkStatus();
  if (request.revision > revision) return ErrFutureRevision();
  if (request.revision < compact_revision) return ErrCompacted();
  return absl::OkStatus();
}

absl::StatusOr<TxnResult> ApplyTxn(WorkingState& state, WriteTxn& txn, const TxnRequest& request) {
  auto path = ChooseBranches(state.Source(state.revision), request);
  if (!path.ok()) {
    state.Fail(path.status());
    return path.status();
  }
  PINTLE_RETURN_IF_ERROR(CheckOps(state, txn, request, *path));
  size_t executed = 0;
  TxnResult result = Execute(state, txn, request, *path, executed);
  result.revision = txn.revision();
  return result;
}

absl::StatusOr<TxnResult> ReadTxn(const RangeSource& source, const TxnRequest& request) {
  PINTLE_ASSIGN_OR_RETURN(const TxnPath path, ChooseBranches(source, request));
  const std::vector<TxnOp>& ops = path[0] ? request.success : request.failure;
  for (const TxnOp& op : ops) {
    const auto* range = std::get_if<RangeRequest>(&op);
    if (range == nullptr) return absl::InternalError("a read-only transaction has only ranges");
    PINTLE_RETURN_IF_ERROR(CheckRangeInTxn(*range, source.revision, source.compact_revision));
  }
  TxnResult result;
  result.succeeded = path[0];
  result.revision = source.revision;
  for (const TxnOp& op : ops) {
    PINTLE_ASSIGN_OR_RETURN(RangeResult answer, EvaluateRange(source, std::get<RangeRequest>(op)));
    result.responses.emplace_back(std::move(answer));
  }
  return result;
}

}  // namespace pintle::kv
