#include "server/etcd/election_service.h"

#include <memory>
#include <string>
#include <utility>

#include "proto/etcd/election.pb.h"
#include "server/etcd/delete_wait.h"
#include "server/etcd/election_observer.h"
#include "server/etcd/inner_client.h"
#include "server/etcd/leader_watch.h"

namespace pintle::server::etcd {
namespace {

using CallPtr = std::shared_ptr<net::GrpcCall>;
using v3electionpb::LeaderKey;
using TxnResult = absl::StatusOr<etcdserverpb::TxnResponse>;

absl::Status ErrNotLeading() { return absl::UnknownError("election: not leader"); }
absl::Status ErrNoLeaderYet() { return absl::UnknownError("election: no leader"); }
absl::Status ErrMissingLeaderKey() {
  return absl::UnknownError("\"leader\" field must be provided");
}

// Sets the value of `leader` as long as it is the same candidacy. `done` gets the header, or the
// error.
void ProclaimAs(const InnerClient& client, const LeaderKey& leader, const std::string& value,
                InnerClient::Done<etcdserverpb::ResponseHeader> done) {
  etcdserverpb::TxnRequest txn;
  *txn.add_compare() = MadeAt(leader.key(), leader.rev());
  etcdserverpb::PutRequest& put = *txn.add_success()->mutable_request_put();
  put.set_key(leader.key());
  put.set_value(value);
  put.set_lease(leader.lease());
  client.Txn(txn, [done = std::move(done)](const TxnResult& result) mutable {
    if (!result.ok()) return done(result.status());
    if (!result->succeeded()) return done(ErrNotLeading());
    done(result->header());
  });
}

void ResignAs(const InnerClient& client, const LeaderKey& leader,
              InnerClient::Done<etcdserverpb::TxnResponse> done) {
  etcdserverpb::TxnRequest txn;
  *txn.add_compare() = MadeAt(leader.key(), leader.rev());
  txn.add_success()->mutable_request_delete_range()->set_key(leader.key());
  client.Txn(txn, std::move(done));
}

// One Campaign call.
class Campaigning : public std::enable_shared_from_this<Campaigning> {
 public:
  Campaigning(const net::GrpcRouter& router, CallPtr call, std::string value)
      : client_(router, call), call_(std::move(call)), value_(std::move(value)) {}

  void Begin(const std::string& name, int64_t lease) {
    leader_.set_name(name);
    call_->OnClose([self = shared_from_this()] { self->Closed(); });
    client_.WithLease(lease, [self = shared_from_this()](const absl::StatusOr<int64_t>& granted) {
      if (!granted.ok()) return self->Fail(granted.status());
      if (!self->closed_) self->Stand(*granted);
    });
  }

 private:
  void Stand(int64_t lease) {
    leader_.set_lease(lease);
    leader_.set_key(KeyOf(leader_.name(), lease));
    etcdserverpb::TxnRequest txn;
    *txn.add_compare() = MadeAt(leader_.key(), 0);
    etcdserverpb::PutRequest& put = *txn.add_success()->mutable_request_put();
    put.set_key(leader_.key());
    put.set_value(value_);
    put.set_lease(lease);
    txn.add_failure()->mutable_request_range()->set_key(leader_.key());
    client_.Txn(txn, [self = shared_from_this()](const TxnResult& stood) {
      if (!stood.ok()) return self->Fail(stood.status());
      self->Stood(*stood);
    });
  }

  void Stood(const etcdserverpb::TxnResponse& stood) {
    header_ = stood.header();
    leader_.set_rev(header_.revision());
    if (stood.succeeded()) {
      if (closed_) return Resign();
      return Wait();
    }
    const mvccpb::KeyValue& own = stood.responses(0).response_range().kvs(0);
    leader_.set_rev(own.create_revision());
    if (closed_) return;
    if (own.value() == value_) return Wait();
    ProclaimAs(client_, leader_, value_,
               [self = shared_from_this()](
                   const absl::StatusOr<etcdserverpb::ResponseHeader>& proclaimed) {
                 if (self->closed_) return;
                 if (proclaimed.ok()) return self->Wait();
                 self->Resign();
                 self->Fail(proclaimed.status());
               });
  }

  void Wait() {
    waiting_ = true;
    wait_ = DeleteWait::Begin(client_, PrefixOf(leader_.name()), leader_.rev() - 1,
                              [self = shared_from_this()](const absl::Status& waited) {
                                if (!waited.ok()) return self->Fail(waited);
                                self->Win();
                              });
  }

  void Win() {
    waiting_ = false;
    v3electionpb::CampaignResponse response;
    *response.mutable_header() = header_;
    *response.mutable_leader() = leader_;
    call_->Reply(response.SerializeAsString());
  }

  void Fail(const absl::Status& status) {
    waiting_ = false;
    call_->Finish(status);
  }

  void Resign() {
    ResignAs(client_, leader_, [](const TxnResult&) {});
  }

  void Closed() {
    closed_ = true;
    if (wait_ != nullptr) std::exchange(wait_, nullptr)->Cancel();
    if (std::exchange(waiting_, false)) Resign();
  }

  const InnerClient client_;
  const CallPtr call_;
  const std::string value_;
  LeaderKey leader_;
  etcdserverpb::ResponseHeader header_;
  std::shared_ptr<DeleteWait> wait_;
  bool waiting_ = false;
  bool closed_ = false;  // answered, or the client has gone
};

template <typename Response>
void ReplyHeader(net::GrpcCall& call, const etcdserverpb::ResponseHeader& header) {
  Response response;
  *response.mutable_header() = header;
  call.Reply(response.SerializeAsString());
}

void Proclaim(const InnerClient& client, const v3electionpb::ProclaimRequest& request,
              const CallPtr& call) {
  if (!request.has_leader()) return call->Finish(ErrMissingLeaderKey());
  client.WithLease(request.leader().lease(),
                   [client, call, leader = request.leader(),
                    value = request.value()](const absl::StatusOr<int64_t>& lease) mutable {
                     if (!lease.ok()) return call->Finish(lease.status());
                     leader.set_lease(*lease);
                     ProclaimAs(client, leader, value,
                                [call](const absl::StatusOr<etcdserverpb::ResponseHeader>& header) {
                                  if (!header.ok()) return call->Finish(header.status());
                                  ReplyHeader<v3electionpb::ProclaimResponse>(*call, *header);
                                });
                   });
}

void Leader(const InnerClient& client, const v3electionpb::LeaderRequest& request,
            const CallPtr& call) {
  client.Range(FirstUnder(PrefixOf(request.name())),
               [call](const absl::StatusOr<etcdserverpb::RangeResponse>& first) {
                 if (!first.ok()) return call->Finish(first.status());
                 if (first->kvs().empty()) return call->Finish(ErrNoLeaderYet());
                 v3electionpb::LeaderResponse response;
                 *response.mutable_header() = first->header();
                 *response.mutable_kv() = first->kvs(0);
                 call->Reply(response.SerializeAsString());
               });
}

void Resign(const InnerClient& client, const v3electionpb::ResignRequest& request,
            const CallPtr& call) {
  if (!request.has_leader()) return call->Finish(ErrMissingLeaderKey());
  ResignAs(client, request.leader(), [call](const TxnResult& resigned) {
    if (!resigned.ok()) return call->Finish(resigned.status());
    ReplyHeader<v3electionpb::ResignResponse>(*call, resigned->header());
  });
}

// An Observe call as the transport sees it.
class ObserveHandler final : public net::GrpcStreamHandler {
 public:
  ObserveHandler(std::weak_ptr<net::GrpcCall> call, std::shared_ptr<ElectionObserver> observer,
                 std::unique_ptr<LeaderWatch> leader_watch)
      : call_(std::move(call)),
        observer_(std::move(observer)),
        leader_watch_(std::move(leader_watch)) {}

  void OnMessage(std::string message) override {
    v3electionpb::LeaderRequest request;
    if (ParseMessage(message, request)) return observer_->Begin(request.name());
    if (const auto call = call_.lock()) call->Finish(ErrNotAMessage());
  }
  void OnHalfClose() override {}

 private:
  const std::weak_ptr<net::GrpcCall> call_;
  const std::shared_ptr<ElectionObserver> observer_;
  const std::unique_ptr<LeaderWatch> leader_watch_;
};

std::unique_ptr<net::GrpcStreamHandler> OpenObserve(const net::GrpcRouter& router,
                                                    const ServicePtr& service,
                                                    const CallPtr& call) {
  auto observer = std::make_shared<ElectionObserver>(router, call);
  call->OnClose([observer] { observer->Close(); });
  if (absl::Status refused = CheckStream(*service, *call); !refused.ok()) {
    call->Finish(refused);
  }
  return std::make_unique<ObserveHandler>(call, observer, LeaderWatch::For(service, call));
}

template <typename Request, typename Handler>
void Add(net::GrpcRouter& router, const std::string& method, ServicePtr service, Handler handler) {
  AddUnary<Request>(router, "/v3electionpb.Election/" + method, std::move(service),
                    [methods = &router, handler](const ServicePtr&, const Request& request,
                                                 std::string, const CallPtr& call) {
                      handler(InnerClient(*methods, call), request, call);
                    });
}

}  // namespace

void RegisterElection(net::GrpcRouter& router, ServicePtr service) {
  AddUnary<v3electionpb::CampaignRequest>(
      router, "/v3electionpb.Election/Campaign", service,
      [methods = &router](const ServicePtr&, const v3electionpb::CampaignRequest& request,
                          std::string, CallPtr call) {
        std::make_shared<Campaigning>(*methods, std::move(call), request.value())
            ->Begin(request.name(), request.lease());
      });
  Add<v3electionpb::ProclaimRequest>(router, "Proclaim", service, Proclaim);
  Add<v3electionpb::LeaderRequest>(router, "Leader", service, Leader);
  Add<v3electionpb::ResignRequest>(router, "Resign", service, Resign);
  router.Stream("/v3electionpb.Election/Observe",
                [methods = &router, service](const CallPtr& call) {
                  return OpenObserve(*methods, service, call);
                });
}

}  // namespace pintle::server::etcd
