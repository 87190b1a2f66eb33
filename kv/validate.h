// The static checks of KV requests: what can be said of a request without looking at the store. In
// etcd's order, so that of several mistakes the client is told the same one (etcd-api 1.1.3
// to 1.1.5; etcdserver/api/v3rpc/key.go).
//
// Pure functions; run by who accepts a request, before it is proposed.
#pragma once

#include "absl/status/status.h"
#include "kv/command.h"

namespace pintle::kv {

inline constexpr int kDefaultMaxTxnOps = 128;

// ErrEmptyKey, ErrInvalidSortOption. Who converts a wire enum must map every unknown number to one
// that is unknown here too (casting an int32 to the enum folds 256 to 0).
absl::Status ValidateRange(const RangeRequest& request);
// ErrEmptyKey, ErrValueProvided, ErrLeaseProvided.
absl::Status ValidatePut(const PutRequest& request);
// ErrEmptyKey.
absl::Status ValidateDeleteRange(const DeleteRangeRequest& request);
// The above for every operation, ErrTooManyOps, ErrDuplicateKey. An operation without a variant on
// the wire is a null nested transaction here: ErrKeyNotFound, as etcd answers.
absl::Status ValidateTxn(const TxnRequest& request, int max_ops = kDefaultMaxTxnOps);

}  // namespace pintle::kv
