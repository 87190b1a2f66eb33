#include "server/etcd/delete_wait.h"

#include <utility>

#include "kv/errors.h"

namespace pintle::server::etcd {

std::shared_ptr<DeleteWait> DeleteWait::Begin(InnerClient client, std::string prefix,
                                              int64_t max_create_revision, Done done) {
  auto wait = std::make_shared<DeleteWait>(std::move(client), std::move(prefix),
                                           max_create_revision, std::move(done));
  wait->Look();
  return wait;
}

DeleteWait::DeleteWait(InnerClient client, std::string prefix, int64_t max_create_revision,
                       Done done)
    : client_(std::move(client)),
      prefix_(std::move(prefix)),
      max_create_revision_(max_create_revision),
      done_(std::move(done)) {}

void DeleteWait::Cancel() {
  ended_ = true;
  done_ = nullptr;
  if (watch_ != nullptr) watch_->Cancel();
  watch_.reset();
}

void DeleteWait::Look() {
  etcdserverpb::RangeRequest request = FirstUnder(prefix_);
  request.set_sort_order(etcdserverpb::RangeRequest::DESCEND);  // the one right before
  request.set_max_create_revision(max_create_revision_);
  client_.Range(request, [self = shared_from_this()](
                             const absl::StatusOr<etcdserverpb::RangeResponse>& before) {
    if (self->ended_) return;
    if (!before.ok()) return self->End(before.status());
    if (before->kvs().empty()) return self->End(absl::OkStatus());
    self->WaitFor(before->kvs(0).key(), before->header().revision());
  });
}

void DeleteWait::WaitFor(const std::string& key, int64_t revision) {
  const auto again = [](const std::shared_ptr<DeleteWait>& self) {
    if (self->ended_) return;
    std::exchange(self->watch_, nullptr)->Cancel();
    self->Look();
  };
  watch_ = client_.Watch(
      key, "", revision,
      [self = shared_from_this(), again](const etcdserverpb::WatchResponse& response) {
        for (const mvccpb::Event& event : response.events()) {
          if (event.type() == mvccpb::Event::DELETE) return again(self);
        }
      },
      [self = shared_from_this(), again](const absl::Status& status) {
        if (status.message().empty() || status.message() == kv::ErrCompacted().message()) {
          again(self);
        } else if (!self->ended_) {
          self->End(status);
        }
      });
}

void DeleteWait::End(const absl::Status& status) {
  ended_ = true;
  if (watch_ != nullptr) std::exchange(watch_, nullptr)->Cancel();
  std::exchange(done_, nullptr)(status);
}

}  // namespace pintle::server::etcd
