#include "server/etcd/lock_service.h"

#include <memory>
#include <string>
#include <utility>

#include "proto/etcd/lock.pb.h"
#include "server/etcd/delete_wait.h"
#include "server/etcd/inner_client.h"

namespace pintle::server::etcd {
namespace {

using CallPtr = std::shared_ptr<net::GrpcCall>;

// One Lock call.
class Locking : public std::enable_shared_from_this<Locking> {
 public:
  Locking(const net::GrpcRouter& router, CallPtr call, std::string name)
      : client_(router, call), call_(std::move(call)), name_(std::move(name)) {}

  void Begin(int64_t lease) {
    call_->OnClose([self = shared_from_this()] { self->Closed(); });
    client_.WithLease(lease, [self = shared_from_this()](const absl::StatusOr<int64_t>& granted) {
      if (!granted.ok()) return self->Fail(granted.status());
      if (!self->closed_) self->TryAcquire(*granted);
    });
  }

 private:
  // Makes our key unless it is there, and looks who is first.
  void TryAcquire(int64_t lease) {
    key_ = KeyOf(name_, lease);
    etcdserverpb::TxnRequest txn;
    *txn.add_compare() = MadeAt(key_, 0);
    etcdserverpb::PutRequest& put = *txn.add_success()->mutable_request_put();
    put.set_key(key_);
    put.set_lease(lease);
    txn.add_failure()->mutable_request_range()->set_key(key_);
    *txn.add_success()->mutable_request_range() = FirstUnder(PrefixOf(name_));
    *txn.add_failure()->mutable_request_range() = FirstUnder(PrefixOf(name_));
    client_.Txn(
        txn, [self = shared_from_this()](const absl::StatusOr<etcdserverpb::TxnResponse>& tried) {
          if (!tried.ok()) return self->Fail(tried.status());
          self->Tried(*tried);
        });
  }

  void Tried(const etcdserverpb::TxnResponse& tried) {
    if (closed_) {
      // Nobody would know that it is held.
      if (tried.succeeded()) TakeBack();
      return;
    }
    const int64_t mine = tried.succeeded()
                             ? tried.header().revision()
                             : tried.responses(0).response_range().kvs(0).create_revision();
    const auto& first = tried.responses(1).response_range();
    if (first.kvs().empty() || first.kvs(0).create_revision() == mine) {
      return Own(tried.header());
    }
    waiting_ = true;
    wait_ = DeleteWait::Begin(client_, PrefixOf(name_), mine - 1,
                              [self = shared_from_this()](const absl::Status& waited) {
                                if (!waited.ok()) return self->GiveUp(waited);
                                self->ReadOwn();
                              });
  }

  // Ours is the oldest now, unless its lease is over.
  void ReadOwn() {
    etcdserverpb::RangeRequest request;
    request.set_key(key_);
    client_.Range(request, [self = shared_from_this()](
                               const absl::StatusOr<etcdserverpb::RangeResponse>& own) {
      if (self->closed_) return;
      if (!own.ok()) return self->GiveUp(own.status());
      if (own->kvs().empty()) {
        self->Fail(absl::UnknownError("mutex: session is expired"));
      } else {
        self->Own(own->header());
      }
    });
  }

  void Own(const etcdserverpb::ResponseHeader& header) {
    waiting_ = false;
    v3lockpb::LockResponse response;
    *response.mutable_header() = header;
    response.set_key(key_);
    call_->Reply(response.SerializeAsString());
  }

  void Fail(const absl::Status& status) {
    waiting_ = false;
    call_->Finish(status);
  }

  void GiveUp(const absl::Status& status) {
    TakeBack();
    Fail(status);
  }

  void TakeBack() {
    client_.Delete(key_, [](const absl::StatusOr<etcdserverpb::DeleteRangeResponse>&) {});
  }

  void Closed() {
    closed_ = true;
    if (wait_ != nullptr) std::exchange(wait_, nullptr)->Cancel();
    if (std::exchange(waiting_, false)) TakeBack();
  }

  const InnerClient client_;
  const CallPtr call_;
  const std::string name_;
  std::string key_;
  std::shared_ptr<DeleteWait> wait_;
  bool waiting_ = false;  // our key is there, behind others'
  bool closed_ = false;   // answered, or the client has gone
};

}  // namespace

void RegisterLock(net::GrpcRouter& router, const ServicePtr& service) {
  const net::GrpcRouter* methods = &router;
  AddUnary<v3lockpb::LockRequest>(router, "/v3lockpb.Lock/Lock", service,
                                  [methods](const ServicePtr&, const v3lockpb::LockRequest& request,
                                            std::string, CallPtr call) {
                                    std::make_shared<Locking>(*methods, std::move(call),
                                                              request.name())
                                        ->Begin(request.lease());
                                  });
  AddUnary<v3lockpb::UnlockRequest>(
      router, "/v3lockpb.Lock/Unlock", service,
      [methods](const ServicePtr&, const v3lockpb::UnlockRequest& request, std::string,
                const CallPtr& call) {
        InnerClient(*methods, call)
            .Delete(request.key(),
                    [call](const absl::StatusOr<etcdserverpb::DeleteRangeResponse>& deleted) {
                      if (!deleted.ok()) return call->Finish(deleted.status());
                      v3lockpb::UnlockResponse response;
                      *response.mutable_header() = deleted->header();
                      call->Reply(response.SerializeAsString());
                    });
      });
}

}  // namespace pintle::server::etcd
