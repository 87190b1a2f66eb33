// The errors that the store itself gives. Code and text are those that etcd's clients match on
// (etcd-api 2.1); the table lives here and nowhere else.
#pragma once

#include "absl/status/status.h"

namespace pintle::kv {

absl::Status
ErrCompacted();  // OUT_OF_RANGE  etcdserver: mvcc: required revision has been compacted
absl::Status
ErrFutureRevision();  // OUT_OF_RANGE  etcdserver: mvcc: required revision is a future revision
absl::Status ErrLeaseNotFound();     // NOT_FOUND     etcdserver: requested lease not found
absl::Status ErrLeaseExists();       // FAILED_PRECONDITION  etcdserver: lease already exists
absl::Status ErrLeaseTtlTooLarge();  // OUT_OF_RANGE  etcdserver: too large lease TTL
absl::Status ErrKeyNotFound();       // INVALID_ARGUMENT  etcdserver: key not found
absl::Status ErrEmptyKey();          // INVALID_ARGUMENT  etcdserver: key is not provided
absl::Status ErrValueProvided();     // INVALID_ARGUMENT  etcdserver: value is provided
absl::Status ErrLeaseProvided();     // INVALID_ARGUMENT  etcdserver: lease is provided
absl::Status ErrTooManyOps();    // INVALID_ARGUMENT  etcdserver: too many operations in txn request
absl::Status ErrDuplicateKey();  // INVALID_ARGUMENT  etcdserver: duplicate key given in txn request
absl::Status ErrInvalidSortOption();  // INVALID_ARGUMENT  etcdserver: invalid sort option

absl::Status ErrNoSpace();        // RESOURCE_EXHAUSTED  etcdserver: mvcc: database space exceeded
absl::Status ErrCorrupt();        // DATA_LOSS           etcdserver: corrupt cluster
absl::Status ErrTooManyAlarms();  // RESOURCE_EXHAUSTED  pintle: too many alarms

bool IsCompacted(const absl::Status& status);
bool IsFutureRevision(const absl::Status& status);

}  // namespace pintle::kv
