#include "server/etcd/range_stream.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/byte_codec.h"
#include "kv/validate.h"
#include "proto/etcd/rpc.pb.h"
#include "server/etcd/auth_caller.h"
#include "server/etcd/replies.h"
#include "server/replica/command_codec.h"
#include "server/replica/errors.h"

namespace pintle::server::etcd {
namespace {

constexpr int64_t kFirstKeys = 10;

absl::Status Check(const kv::RangeRequest& request) {
  if (absl::Status bad = kv::ValidateRange(request); !bad.ok()) return bad;
  if (request.sort_target != kv::SortTarget::kKey ||
      request.sort_order == kv::SortOrder::kDescend) {
    return ErrRangeStreamSort();
  }
  const bool filtered = request.min_mod_revision != 0 || request.max_mod_revision != 0 ||
                        request.min_create_revision != 0 || request.max_create_revision != 0;
  return filtered ? ErrRangeStreamFilter() : absl::OkStatus();
}

class Pieces : public std::enable_shared_from_this<Pieces> {
 public:
  Pieces(ServicePtr service, std::shared_ptr<net::GrpcCall> call)
      : service_(std::move(service)), call_(std::move(call)) {}

  void Begin() {
    call_->OnClose([self = shared_from_this()] { self->call_.reset(); });
    if (absl::Status refused = CheckStream(*service_, *call_); !refused.ok()) Fail(refused);
  }

  void Receive(std::string_view bytes) {
    if (call_ == nullptr || std::exchange(asked_, true)) return;
    etcdserverpb::RangeRequest message;
    if (!ParseMessage(bytes, message)) return Fail(ErrNotAMessage());
    request_ = replica::ToKv(message);
    if (absl::Status bad = Check(request_); !bad.ok()) return Fail(bad);
    call_->OnDrain([self = shared_from_this()] { self->Drained(); });
    Ask(message.serializable());
  }

  void HalfClose() {
    if (call_ != nullptr && !asked_) Fail(ErrNotAMessage());
  }

 private:
  void Fail(const absl::Status& status) { call_->Finish(status); }

  void Ask(bool serializable) {
    ReadAs(*service_, serializable, call_,
           [self = shared_from_this()](const kv::ReadView& view, const kv::auth::Caller& caller) {
             self->First(view, caller);
           });
  }

  void Drained() {
    if (call_ == nullptr) return;
    // A view that is newer than one that was confirmed is as good.
    if (std::exchange(first_waits_, false)) return Ask(/*serializable=*/true);
    GoOn();
  }

  // Everything that is said once.
  void First(const kv::ReadView& view, const kv::auth::Caller& caller) {
    if (call_ == nullptr) return;
    first_waits_ = !call_->WantsMore(kMostUnsentBytes);
    if (first_waits_) return;
    if (absl::Status refused = view.auth().CheckRead(caller, request_.range); !refused.ok()) {
      return Fail(refused);
    }
    kv::RangeRequest first = request_;
    first.limit = Next(kFirstKeys);
    const auto result = view.Range(first);
    absl::Status status = Recheck(*service_, caller);
    status.Update(result.status());
    if (!status.ok()) return Fail(status);
    count_ = result->count;
    header_revision_ = result->revision;
    if (request_.revision <= 0) request_.revision = result->revision;
    request_.skip_count = true;
    keys_ = kFirstKeys;
    Take(*result);
  }

  // How many more keys may be asked for at once.
  int64_t Next(int64_t keys) const {
    return request_.limit > 0 ? std::min(keys, request_.limit - sent_) : keys;
  }

  void Take(const kv::RangeResult& result) {
    sent_ += static_cast<int64_t>(result.kvs.size());
    const bool last = request_.count_only || !result.more || sent_ == request_.limit;
    const size_t bytes = Send(result, last);
    if (last) return call_->Finish(absl::OkStatus());
    if (bytes < service_->options.max_request_bytes / 2) keys_ *= 2;
    if (bytes > service_->options.max_request_bytes * 2) keys_ = std::max<int64_t>(1, keys_ / 2);
    kv::KeyValueView pair;
    if (!kv::ParseKeyValue(*result.kvs.back(), pair))
      return Fail(absl::DataLossError("not a pair"));
    // The range goes on behind the last key; a single key never comes here.
    request_.range.key = std::string(pair.key) + '\0';
    waiting_ = true;
    GoOn();
  }

  size_t Send(const kv::RangeResult& result, bool last) {
    std::string piece;
    if (last) {
      kv::RangeResult whole = result;
      whole.revision = header_revision_;
      whole.count = count_;
      whole.more = !request_.count_only && count_ > sent_;
      piece = EncodeRangeResponse(FactsOf(service_->member), whole);
    } else {
      for (const auto& pair : result.kvs) base::AppendMessageField(piece, 2, *pair);
    }
    std::string message;
    base::AppendMessageField(message, 1, piece);
    call_->Send(std::move(message));
    return piece.size();
  }

  // In turns with the other calls of this thread.
  void GoOn() {
    if (call_ == nullptr || !waiting_ || !call_->WantsMore(kMostUnsentBytes)) return;
    waiting_ = false;
    call_->executor().Post([self = shared_from_this()] { self->ReadOn(); });
  }

  void ReadOn() {
    if (call_ == nullptr) return;
    if (!service_->member.store_usable()) return Fail(replica::ErrStoreUnderRepair());
    kv::RangeRequest next = request_;
    next.limit = Next(keys_);
    const auto result = service_->member.view()->Range(next);
    if (!result.ok()) return Fail(result.status());
    Take(*result);
  }

  const ServicePtr service_;
  std::shared_ptr<net::GrpcCall> call_;  // null once closed
  bool asked_ = false;
  kv::RangeRequest request_;  // of what has not been sent yet
  int64_t header_revision_ = 0;
  int64_t count_ = 0;
  int64_t sent_ = 0;
  int64_t keys_ = 0;  // in the next piece
  bool first_waits_ = false;
  bool waiting_ = false;  // for the client to take what was sent
};

class RangeStreamHandler final : public net::GrpcStreamHandler {
 public:
  explicit RangeStreamHandler(std::shared_ptr<Pieces> pieces) : pieces_(std::move(pieces)) {}
  void OnMessage(std::string message) override { pieces_->Receive(message); }
  void OnHalfClose() override { pieces_->HalfClose(); }

 private:
  const std::shared_ptr<Pieces> pieces_;
};

}  // namespace

std::unique_ptr<net::GrpcStreamHandler> OpenRangeStream(ServicePtr service,
                                                        std::shared_ptr<net::GrpcCall> call) {
  auto pieces = std::make_shared<Pieces>(std::move(service), std::move(call));
  pieces->Begin();
  return std::make_unique<RangeStreamHandler>(std::move(pieces));
}

}  // namespace pintle::server::etcd
