// Steps that all write handlers share.
#pragma once

#include "absl/functional/any_invocable.h"
#include "kv/types.h"
#include "server/kube/call.h"
#include "server/kube/plans.h"
#include "server/kube/write_loop.h"

namespace pintle::server::kube {

// Calls `next` on the exchange's thread with a lease for kinds that expire, with none for the
// others (at once). A lease that cannot be had is answered as an error.
void WithLease(CallPtr call, bool dry_run, absl::AnyInvocable<void(kv::LeaseId)> next);

PlanContext ContextOf(const Call& call, kv::LeaseId lease);

// Answers with the outcome: the object in the asked form, a Status as it is, or the refusal.
void SendWritten(const Call& call, Result<WritePlan> outcome);

}  // namespace pintle::server::kube
