// IsNotAsked: requests after which there is nothing to compare.
//
// What makes a real etcd of 3.4.23 or 3.5.30 end itself (that Pintle answers has tests of its own):
// - A sort target that does not exist; something to do to alarms that does not exist.
// - A put that needs its key (ignore_value, ignore_lease) beside a deletion of all keys from one
// on:
//   etcd does not see that the deletion covers the key, and panics when it is gone.
// - Not generated at all: a permission that is not given (3.4), a member's new peer URLs that are
//   none.
//
// What changes one store and not the other: a transaction with a sort order that does not exist
// (up to 3.5 it is none, from 3.6 on and by us the transaction is refused).
//
// What means nothing to anybody, so that two protobuf libraries may judge it differently: groups,
// and fields of a wire type that is not theirs.
#pragma once

#include "tests/differential/generator.h"

namespace pintle::tests {

bool IsNotAsked(const etcdserverpb::TxnRequest& txn);
bool IsNotAsked(const Request& request);

}  // namespace pintle::tests
