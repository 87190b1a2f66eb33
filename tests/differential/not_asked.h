// IsNotAsked: requests after which there is nothing to compare.
//
// What makes a real etcd end itself (crashes.cc):
// - A sort target that does not exist; something to do to alarms that does not exist.
// - A put that needs its key (ignore_value, ignore_lease) beside a deletion of all keys from
//   one on.
// - Not generated at all: a permission that is not given, a member's new peer URLs that are none.
//
// What changes one server and not the other, here or in the generator:
// - A transaction with a sort order that does not exist: up to 3.5.30 it is none, from 3.6 on
//   and by us the transaction is refused.
// - While auth is on, by anybody but root (Generator::IsForAnybody): 3.4.23 grants and revokes
//   leases and compacts for everybody, and does in a transaction within a transaction what its
//   caller may not.
// - While auth is on: a watch of all keys from one on. 3.4.23 and 3.5.30 allow it to everybody
//   who may read that one key.
// - Permissions for no key and for ranges without keys, which 3.4.23 takes.
// - Several ranges of one role that begin with the same key, of which 3.4.23 and 3.5.30 replace
//   the wrong one.
// - An update of a learner, who then is none any more to 3.4.23 and 3.5.30.
//
// What means nothing to anybody, so that two protobuf libraries may judge it differently:
// groups, and fields of a wire type that is not theirs; and a range_end that is there and empty,
// which no library writes: 3.4.23 and 3.5.30 tell it from one that is not there, take it for all
// keys from one on, and let him who may read that one key read them all.
#pragma once

#include "tests/differential/generator.h"

namespace pintle::tests {

bool IsNotAsked(const etcdserverpb::TxnRequest& txn);
bool IsNotAsked(const Request& request);

}  // namespace pintle::tests
