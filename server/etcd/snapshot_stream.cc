#include "server/etcd/snapshot_stream.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "proto/etcd/rpc.pb.h"
#include "server/backup/etcd_export.h"
#include "server/backup/sha256.h"
#include "server/etcd/auth_rules.h"
#include "server/etcd/downgrade.h"

namespace pintle::server::etcd {
namespace {

// Below this net calls OnDrain.
constexpr size_t kDrainBytes = size_t{64} << 10;
constexpr char kPath[] = "/etcdserverpb.Maintenance/Snapshot";

}  // namespace

// What one turn in the background led to.
struct SnapshotStream::Slice {
  absl::Status status;
  std::vector<std::string> messages;
  bool last = false;
};

// The background's side of a stream.
struct SnapshotStream::Work {
  Work(std::shared_ptr<const kv::BackendReader> content, std::string stored_version)
      : file(std::move(content)), version(std::move(stored_version)) {}

  // False: come back, there is nothing to send yet.
  bool Next(Slice& slice);

  backup::EtcdExport file;
  backup::Sha256 hash;
  const std::string version;
  bool measured = false;
  std::string unsent;
  uint64_t sent_bytes = 0;
  std::atomic<bool> cancelled{false};

 private:
  std::string Message(std::string piece) const {
    etcdserverpb::SnapshotResponse response;
    response.set_remaining_bytes(file.total_bytes() - sent_bytes);
    response.set_blob(std::move(piece));
    response.set_version(version);
    return response.SerializeAsString();
  }
};

bool SnapshotStream::Work::Next(Slice& slice) {
  if (!measured) {
    const absl::StatusOr<bool> more = file.Measure();
    slice.status = more.status();
    measured = more.ok() && !*more;
    return !more.ok();
  }
  absl::StatusOr<std::string> bytes = file.Next();
  if (!bytes.ok()) {
    slice.status = bytes.status();
    return true;
  }
  hash.Add(*bytes);
  unsent += *bytes;
  slice.last = bytes->empty();
  size_t at = 0;
  while (unsent.size() - at >= kPieceBytes || (slice.last && at < unsent.size())) {
    std::string piece = unsent.substr(at, kPieceBytes);
    at += piece.size();
    sent_bytes += piece.size();
    slice.messages.push_back(Message(std::move(piece)));
  }
  unsent.erase(0, at);
  if (slice.last) slice.messages.push_back(Message(hash.Finish()));
  return !slice.messages.empty();
}

SnapshotStream::SnapshotStream(ServicePtr service, std::shared_ptr<net::GrpcCall> call)
    : service_(std::move(service)), call_(std::move(call)) {}

SnapshotStream::~SnapshotStream() {
  if (work_ != nullptr) work_->cancelled = true;
}

void SnapshotStream::Open() {
  // Which keeps the stream alive until its call has ended. Learners answer it, too.
  call_->OnClose([self = shared_from_this()] { self->Close(); });
  const std::shared_ptr<net::GrpcCall> call = call_;
  if (absl::Status refused = CheckMetadata(*service_, *call, /*stream=*/true); !refused.ok()) {
    return call->Finish(refused);
  }
  call->OnDrain([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->GoOn();
  });
  leader_watch_ = LeaderWatch::For(service_, call);
}

void SnapshotStream::Close() {
  if (work_ != nullptr) work_->cancelled = true;
  work_.reset();
  leader_watch_.reset();
  call_.reset();
}

void SnapshotStream::Receive(const std::string& message) {
  if (call_ == nullptr || std::exchange(begun_, true)) return;
  const std::shared_ptr<net::GrpcCall> call = call_;
  etcdserverpb::SnapshotRequest request;
  if (!ParseMessage(message, request)) return call->Finish(ErrNotAMessage());
  const AuthRule rule = AuthRuleOf(kPath);
  if (!MustAsk(*service_, rule)) return Freeze();
  AdmitThen(*service_, rule, call, [self = shared_from_this()] { self->Freeze(); });
}

void SnapshotStream::Freeze() {
  if (call_ == nullptr) return;
  service_->member.Freeze(
      [weak = weak_from_this(),
       call = call_](absl::StatusOr<std::shared_ptr<const kv::BackendReader>> content) mutable {
        call->executor().Post([weak, call, content = std::move(content)]() mutable {
          if (!content.ok()) return call->Finish(content.status());
          if (const auto self = weak.lock()) self->Read(*std::move(content));
        });
      });
}

void SnapshotStream::Read(std::shared_ptr<const kv::BackendReader> content) {
  if (call_ == nullptr) return;
  work_ = std::make_shared<Work>(std::move(content), ClusterVersion(*service_));
  GoOn();
}

void SnapshotStream::ReadOn() {
  if (call_ == nullptr || work_ == nullptr || std::exchange(reading_, true)) return;
  service_->member.RunInBackground(
      [&member = service_->member, work = work_, call = call_, stream = weak_from_this()] {
        Turn(member, work, call, stream);
      });
}

// One at a time: others have work for this thread, too.
void SnapshotStream::Turn(replica::LocalMember& member, const std::shared_ptr<Work>& work,
                          const std::shared_ptr<net::GrpcCall>& call,
                          const std::weak_ptr<SnapshotStream>& stream) {
  if (work->cancelled) return;
  auto slice = std::make_shared<Slice>();
  if (!work->Next(*slice)) {
    return member.RunInBackground(
        [&member, work, call, stream] { Turn(member, work, call, stream); });
  }
  call->executor().Post([slice, stream] {
    if (const auto self = stream.lock()) self->Deliver(std::move(*slice));
  });
}

void SnapshotStream::Deliver(Slice slice) {
  reading_ = false;
  if (call_ == nullptr) return;
  const std::shared_ptr<net::GrpcCall> call = call_;  // OnClose forgets it
  if (!slice.status.ok()) return call->Finish(slice.status);
  for (std::string& message : slice.messages) call->Send(std::move(message));
  if (slice.last) return call->Finish(absl::OkStatus());
  GoOn();
}

// Else OnDrain does.
void SnapshotStream::GoOn() {
  if (call_ != nullptr && call_->WantsMore(kDrainBytes)) ReadOn();
}

namespace {

class Handler final : public net::GrpcStreamHandler {
 public:
  explicit Handler(std::shared_ptr<SnapshotStream> stream) : stream_(std::move(stream)) {}
  void OnMessage(std::string message) override { stream_->Receive(message); }
  void OnHalfClose() override {}

 private:
  const std::shared_ptr<SnapshotStream> stream_;
};

}  // namespace

void RegisterSnapshot(net::GrpcRouter& router, ServicePtr service) {
  router.Stream(kPath, [service = std::move(service)](std::shared_ptr<net::GrpcCall> call) {
    auto stream = std::make_shared<SnapshotStream>(service, std::move(call));
    stream->Open();
    return std::make_unique<Handler>(std::move(stream));
  });
}

}  // namespace pintle::server::etcd
