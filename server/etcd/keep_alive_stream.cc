#include "server/etcd/keep_alive_stream.h"

#include <deque>
#include <string>
#include <utility>

#include "base/byte_codec.h"
#include "base/status_macros.h"
#include "kv/auth/authorize.h"
#include "proto/etcd/rpc.pb.h"
#include "server/etcd/auth_caller.h"
#include "server/etcd/leader_watch.h"
#include "server/etcd/lease_service.h"
#include "server/etcd/replies.h"

namespace pintle::server::etcd {
namespace {

class KeepAlives : public std::enable_shared_from_this<KeepAlives> {
 public:
  KeepAlives(ServicePtr service, std::shared_ptr<net::GrpcCall> call)
      : service_(std::move(service)), call_(std::move(call)) {}

  void Begin() {
    call_->OnClose([self = shared_from_this()] { self->Close(); });
    if (absl::Status refused = CheckStream(*service_, *call_); !refused.ok()) {
      call_->Finish(refused);
      return;
    }
    leader_watch_ = LeaderWatch::For(service_, call_);
  }

  void Receive(std::string_view bytes) {
    if (call_ == nullptr) return;
    etcdserverpb::LeaseKeepAliveRequest request;
    if (!ParseMessage(bytes, request)) {
      call_->Finish(ErrNotAMessage());
    } else if (waiting_.size() >= kMaxKeepAlivesWaiting) {
      call_->Finish(ErrTooManyKeepAlives());
    } else {
      waiting_.push_back(kv::LeaseId(request.id()));
      Next();
    }
  }

  void HalfClose() {
    half_closed_ = true;
    Next();
  }

 private:
  void Close() {
    leader_watch_.reset();
    waiting_.clear();
    call_.reset();
  }

  void Next() {
    if (busy_ || call_ == nullptr) return;
    if (waiting_.empty()) {
      if (half_closed_) call_->Finish(absl::OkStatus());
      return;
    }
    busy_ = true;
    const kv::LeaseId id = waiting_.front();
    waiting_.pop_front();
    WithCaller(*service_, call_, [self = shared_from_this(), id](const kv::auth::Caller& caller) {
      self->Renew(id, caller);
    });
  }

  void Renew(kv::LeaseId id, const kv::auth::Caller& caller) {
    if (call_ == nullptr) return;
    if (absl::Status refused = Check(id, caller); !refused.ok()) return call_->Finish(refused);
    // Before the renewal: the answer must not look newer than a revoke that comes after it.
    std::string header =
        EncodeHeader(FactsOf(service_->member), service_->member.view()->revision());
    service_->member.LeaseKeepAlive(id, [self = shared_from_this(), call = call_, id,
                                         header = std::move(header)](absl::StatusOr<int64_t> ttl) {
      OnCallThread(call, [=] { self->Answer(header, id, ttl); });
    });
  }

  // Who may not write a lease's keys may not keep them alive.
  absl::Status Check(kv::LeaseId id, const kv::auth::Caller& caller) const {
    if (!service_->member.auth_enabled()) return absl::OkStatus();
    const auto view = service_->member.view();
    PINTLE_RETURN_IF_ERROR(view->auth().CheckUser(caller));
    return AuthorizeLease(view->auth(), caller, id,
                          [&](kv::LeaseId lease) { return view->LeaseKeys(lease); });
  }

  void Answer(const std::string& header, kv::LeaseId id, const absl::StatusOr<int64_t>& ttl) {
    busy_ = false;
    if (call_ == nullptr) return;
    if (!ttl.ok()) {
      call_->Finish(ttl.status());
      return;
    }
    std::string answer;
    base::AppendMessageField(answer, 1, header);
    base::AppendVarintField(answer, 2, static_cast<uint64_t>(id.value()));
    base::AppendVarintField(answer, 3, static_cast<uint64_t>(*ttl));
    call_->Send(std::move(answer));
    Next();
  }

  const ServicePtr service_;
  std::shared_ptr<net::GrpcCall> call_;  // null once closed
  std::unique_ptr<LeaderWatch> leader_watch_;
  std::deque<kv::LeaseId> waiting_;
  bool busy_ = false;
  bool half_closed_ = false;
};

class Handler final : public net::GrpcStreamHandler {
 public:
  explicit Handler(std::shared_ptr<KeepAlives> stream) : stream_(std::move(stream)) {}
  void OnMessage(std::string message) override { stream_->Receive(message); }
  void OnHalfClose() override { stream_->HalfClose(); }

 private:
  const std::shared_ptr<KeepAlives> stream_;
};

}  // namespace

std::unique_ptr<net::GrpcStreamHandler> OpenKeepAliveStream(ServicePtr service,
                                                            std::shared_ptr<net::GrpcCall> call) {
  auto stream = std::make_shared<KeepAlives>(std::move(service), std::move(call));
  stream->Begin();
  return std::make_unique<Handler>(std::move(stream));
}

}  // namespace pintle::server::etcd
