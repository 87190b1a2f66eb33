#include "server/kube/with_lease.h"

#include <utility>

#include "server/kube/table.h"

namespace pintle::server::kube {

void WithLease(CallPtr call, bool dry_run, absl::AnyInvocable<void(kv::LeaseId)> next) {
  const absl::Duration ttl = call->resource().ttl;
  if (ttl <= absl::ZeroDuration() || dry_run) return next(kv::LeaseId());
  SharedLeases& leases = call->face.leases;
  leases.Acquire(
      ttl, call->now(), [call, next = std::move(next)](absl::StatusOr<kv::LeaseId> lease) mutable {
        net::Executor& executor = call->reply.exchange->executor();
        executor.Post([call, next = std::move(next), lease = std::move(lease)]() mutable {
          if (!lease.ok()) return call->reply.SendError(FromMember(lease.status(), false));
          next(*lease);
        });
      });
}

PlanContext ContextOf(const Call& call, kv::LeaseId lease) {
  return {&call.resource(), &call.face.addresses, call.info.name_space, call.now(), lease};
}

void SendWritten(const Call& call, Result<WritePlan> outcome) {
  if (!outcome.ok()) return call.reply.SendError(outcome.error());
  if (outcome->object.value("kind", "") == "Status" &&
      outcome->object.value("apiVersion", "") == "v1")
    return call.reply.Send(outcome->http_status, outcome->object);
  SendObject(call, outcome->http_status, std::move(outcome->object));
}

void SendObject(const Call& call, int http_status, Json object) {
  Result<Json> rendered = RenderObject(call.resource(), call.form, std::move(object), call.now());
  if (!rendered.ok()) return call.reply.SendError(rendered.error());
  call.reply.Send(http_status, *rendered);
}

}  // namespace pintle::server::kube
