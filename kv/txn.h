// Txn: compares first, all of them; then what could still fail; then the operations
// (etcd-api 1.1.5).
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kv/command.h"
#include "kv/range.h"
#include "kv/write_txn.h"

namespace pintle::kv {

// Which branch every transaction of the tree takes, in the order of execution: the outer one first,
// then the nested ones of the branch taken.
using TxnPath = std::vector<bool>;

// Every compare on the path is evaluated on `source`, before anything runs. Fails only if a record
// cannot be read.
absl::StatusOr<TxnPath> ChooseBranches(const RangeSource& source, const TxnRequest& request);

// A range of a transaction: its revision is readable. A negative one is not taken for "newest"
// here.
absl::Status CheckRangeInTxn(const RangeRequest& request, int64_t revision,
                             int64_t compact_revision);

// Applies a transaction. On an error nothing has changed.
absl::StatusOr<TxnResult> ApplyTxn(WorkingState& state, WriteTxn& txn, const TxnRequest& request);

// For a transaction of ranges only.
absl::StatusOr<TxnResult> ReadTxn(const RangeSource& source, const TxnRequest& request);

}  // namespace pintle::kv
