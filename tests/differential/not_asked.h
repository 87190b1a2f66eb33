// IsNotAsked: requests after which there is nothing to compare.
//
// What makes a real etcd end itself (crashes.cc):
// - A sort target that does not exist; something to do to alarms that does not exist.
// - A put that needs its key (ignore_value, ignore_lease) beside a deletion of all keys from one
// on.
// - Not generated at all: a permission that is not given, a member's new peer URLs that are none.
//
// What changes one store and not the other:
// - A transaction with a sort order that does not exist: up to 3.5.30 it is none, from 3.6 on and
// by
//   us the transaction is refused.
// - Not generated, because only root asks it (Generator::IsForAnybody): what 3.4.23 lets anybody do
//   while auth is on. It grants and revokes leases and compacts for anybody, and does in a
//   transaction within a transaction what its caller may not.
// - Not generated, beside 3.4.23: permissions for no key and for ranges without keys, which it
// takes.
//   Beside both: several ranges of one role that begin with the same key, of which etcd replaces
//   the wrong one; an update of a learner, who then is none.
//
// What means nothing to anybody, so that two protobuf libraries may judge it differently: groups,
// and fields of a wire type that is not theirs; and a range_end that is there and empty, which no
// library writes: 3.4.23 and 3.5.30 tell it from one that is not there, and take it for all keys
// from one on (but let him who may read the one key read them all).
#pragma once

#include "tests/differential/generator.h"

namespace pintle::tests {

bool IsNotAsked(const etcdserverpb::TxnRequest& txn);
bool IsNotAsked(const Request& request);

}  // namespace pintle::tests
