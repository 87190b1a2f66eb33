// The errors of the etcd face that neither the store (kv/errors.h) nor the replica
// (server/replica/errors.h) gives. Code and text are those that etcd's clients match on
// (etcd-api 2.1).
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace pintle::server::etcd {

absl::Status ErrInvalidClientApiVersion();  // INVALID_ARGUMENT  etcdserver: invalid client api
                                            // version
absl::Status ErrNotAMessage();              // INTERNAL          grpc: error unmarshalling request
absl::Status ErrTooManyKeepAlives();        // RESOURCE_EXHAUSTED
absl::Status ErrNotForLearners();        // FAILED_PRECONDITION  etcdserver: rpc not supported …
absl::Status ErrRangeStreamSort();       // UNIMPLEMENTED  RangeStream does not support custom …
absl::Status ErrRangeStreamFilter();     // UNIMPLEMENTED  RangeStream does not support revision …
absl::Status ErrWrongDowngradeFormat();  // INVALID_ARGUMENT  …: wrong downgrade target version …
absl::Status ErrInvalidDowngradeTarget();  // INVALID_ARGUMENT  …: invalid downgrade target version
absl::Status ErrDowngradeInProcess();  // FAILED_PRECONDITION  …: cluster has a downgrade job …
absl::Status ErrUnknownMethod();       // UNKNOWN  etcdserver: unknown method
// UNIMPLEMENTED; names the method.
absl::Status ErrNotBuilt(std::string_view method);

// The status as Go's error text, which is what etcd gives as the reason of a refused watch.
std::string GoErrorText(const absl::Status& status);

// Reasons of a refused or ended watch: WatchResponse.cancel_reason.
inline constexpr std::string_view kReasonDuplicateWatchId =
    "mvcc: duplicate watch ID provided on the WatchStream";
inline constexpr std::string_view kReasonEmptyRange = "mvcc: watcher range is empty";
inline constexpr std::string_view kReasonTooManyWatches = "pintle: too many watches on one stream";

}  // namespace pintle::server::etcd
