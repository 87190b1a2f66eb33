#include "server/etcd/kv_service.h"

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/time/clock.h"
#include "kv/auth/authorize.h"
#include "kv/validate.h"
#include "proto/etcd/rpc.pb.h"
#include "server/etcd/auth_caller.h"
#include "server/etcd/range_stream.h"
#include "server/etcd/replies.h"
#include "server/replica/command_codec.h"

namespace pintle::server::etcd {
namespace {

using CallPtr = std::shared_ptr<net::GrpcCall>;
using kv::auth::Caller;
using replica::RequestKind;
using replica::ToKv;

void CountRange(FaceCounters& counters, absl::Time begun, bool answered) {
  (answered ? counters.ranges : counters.failed_ranges).Observe(absl::Now() - begun);
}

// What was read, unless the caller's rights have changed meanwhile. An answer that is too large for
// now is not kept: `again` reads once more when there is room for it.
template <typename Result>
void Answer(const Service& service, net::GrpcCall& call, const Caller& caller,
            const absl::StatusOr<Result>& result,
            std::string (*encode)(const HeaderFacts&, const Result&),
            absl::AnyInvocable<void()> again) {
  absl::Status status = Recheck(service, caller);
  status.Update(result.status());
  if (!status.ok()) return call.Finish(status);
  std::string message = encode(FactsOf(service.member), *result);
  if (!call.HasRoom(message.size())) return call.OnRoom(message.size(), std::move(again));
  call.Reply(std::move(message));
}

void ReadRange(const ServicePtr& service, bool serializable, kv::RangeRequest range,
               const CallPtr& call) {
  ReadAs(*service, serializable, call,
         [service, call, range = std::move(range), begun = absl::Now()](
             const kv::ReadView& view, const Caller& caller) mutable {
           if (absl::Status refused = view.auth().CheckRead(caller, range.range); !refused.ok()) {
             return call->Finish(refused);
           }
           const auto result = view.Range(range);
           CountRange(*service->counters, begun, result.ok());
           // A view that is newer than one that was confirmed is as good.
           Answer(*service, *call, caller, result, EncodeRangeResponse,
                  [service, range = std::move(range), call]() mutable {
                    ReadRange(service, /*serializable=*/true, std::move(range), call);
                  });
         });
}

void Range(const ServicePtr& service, const etcdserverpb::RangeRequest& request, std::string,
           CallPtr call) {
  if (!request.serializable() && service->member.is_learner()) {
    call->Finish(ErrNotForLearners());
    return;
  }
  kv::RangeRequest range = ToKv(request);
  if (absl::Status bad = kv::ValidateRange(range); !bad.ok()) {
    call->Finish(bad);
    return;
  }
  ReadRange(service, request.serializable(), std::move(range), call);
}

void Put(const ServicePtr& service, const etcdserverpb::PutRequest& request, std::string bytes,
         CallPtr call) {
  absl::Status bad = service->member.CheckRoom(RequestKind::kPut, bytes);
  if (bad.ok()) bad = kv::ValidatePut(ToKv(request));
  if (!bad.ok()) return call->Finish(bad);
  ProposeThen(*service, RequestKind::kPut, std::move(bytes), call,
              [service, call](const replica::Applied& applied) {
                call->Reply(EncodePutResponse(FactsOf(service->member),
                                              std::get<kv::PutResult>(applied.result)));
              });
}

void DeleteRange(const ServicePtr& service, const etcdserverpb::DeleteRangeRequest& request,
                 std::string bytes, CallPtr call) {
  if (absl::Status bad = kv::ValidateDeleteRange(ToKv(request)); !bad.ok()) {
    call->Finish(bad);
    return;
  }
  ProposeThen(*service, RequestKind::kDeleteRange, std::move(bytes), call,
              [service, call](const replica::Applied& applied) {
                call->Reply(EncodeDeleteRangeResponse(
                    FactsOf(service->member), std::get<kv::DeleteRangeResult>(applied.result)));
              });
}

// etcd-api 1.1.5: a transaction whose both branches are plain ranges does not go through the log;
// it may be answered locally when all of them allow that (one without operations does).
struct ReadOnly {
  bool yes = true;
  bool serializable = true;

  explicit ReadOnly(const etcdserverpb::TxnRequest& request) {
    Look(request.success());
    Look(request.failure());
  }

 private:
  template <typename Ops>
  void Look(const Ops& ops) {
    for (const auto& op : ops) {
      yes = yes && op.has_request_range();
      serializable = serializable && op.request_range().serializable();
    }
  }
};

void ReadTxn(const ServicePtr& service, bool serializable, kv::TxnRequest txn,
             const CallPtr& call) {
  ReadAs(*service, serializable, call,
         [service, call, txn = std::move(txn)](const kv::ReadView& view,
                                               const Caller& caller) mutable {
           const auto no_leases = [](kv::LeaseId) { return std::vector<std::string>(); };
           if (absl::Status refused = AuthorizeTxn(view.auth(), caller, txn, no_leases);
               !refused.ok()) {
             return call->Finish(refused);
           }
           const auto result = view.ReadOnlyTxn(txn);
           if (result.ok()) service->counters->ranges_in_txns.Add(result->responses.size());
           Answer(*service, *call, caller, result, EncodeTxnResponse,
                  [service, txn = std::move(txn), call]() mutable {
                    ReadTxn(service, /*serializable=*/true, std::move(txn), call);
                  });
         });
}

void Txn(const ServicePtr& service, const etcdserverpb::TxnRequest& request, std::string bytes,
         CallPtr call) {
  kv::TxnRequest txn = ToKv(request);
  absl::Status bad = service->member.CheckRoom(RequestKind::kTxn, bytes);
  if (bad.ok()) bad = kv::ValidateTxn(txn, service->options.max_txn_ops);
  if (!bad.ok()) return call->Finish(bad);
  const ReadOnly read_only(request);
  if (!read_only.yes) {
    ProposeThen(*service, RequestKind::kTxn, std::move(bytes), call,
                [service, call](const replica::Applied& applied) {
                  call->Reply(EncodeTxnResponse(FactsOf(service->member),
                                                std::get<kv::TxnResult>(applied.result)));
                });
    return;
  }
  ReadTxn(service, read_only.serializable, std::move(txn), call);
}

// `physical` is part of the proposal: the applier answers it when the records are deleted.
void Compact(const ServicePtr& service, const etcdserverpb::CompactionRequest&, std::string bytes,
             CallPtr call) {
  ProposeThen(*service, RequestKind::kCompaction, std::move(bytes), call,
              [service, call](const replica::Applied& applied) {
                call->Reply(EncodeHeaderOnly(FactsOf(service->member),
                                             std::get<kv::CompactResult>(applied.result).revision));
              });
}

}  // namespace

void RegisterKv(net::GrpcRouter& router, ServicePtr service) {
  AddUnary<etcdserverpb::RangeRequest>(router, "/etcdserverpb.KV/Range", service, Range);
  AddUnary<etcdserverpb::PutRequest>(router, "/etcdserverpb.KV/Put", service, Put);
  AddUnary<etcdserverpb::DeleteRangeRequest>(router, "/etcdserverpb.KV/DeleteRange", service,
                                             DeleteRange);
  AddUnary<etcdserverpb::TxnRequest>(router, "/etcdserverpb.KV/Txn", service, Txn);
  AddUnary<etcdserverpb::CompactionRequest>(router, "/etcdserverpb.KV/Compact", service, Compact);
  router.Stream("/etcdserverpb.KV/RangeStream",
                [service](CallPtr call) { return OpenRangeStream(service, std::move(call)); });
}

}  // namespace pintle::server::etcd
