#include "server/etcd/election_observer.h"

#include <utility>

#include "proto/etcd/election.pb.h"

namespace pintle::server::etcd {

void ElectionObserver::Begin(const std::string& name) {
  if (!prefix_.empty()) return;  // one request per call
  prefix_ = PrefixOf(name);
  call_->OnDrain([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self != nullptr && self->watch_ != nullptr) self->watch_->Drained();
  });
  Find();
}

void ElectionObserver::Close() {
  call_.reset();
  EndWatch();
}

void ElectionObserver::EndWatch() {
  if (watch_ != nullptr) std::exchange(watch_, nullptr)->Cancel();
}

// Who may not read, or cannot go on: etcd says no more than that.
void ElectionObserver::End() {
  if (call_ != nullptr) call_->Finish(absl::OkStatus());
}

void ElectionObserver::Find() {
  client_.Range(FirstUnder(prefix_), [self = shared_from_this()](
                                         const absl::StatusOr<etcdserverpb::RangeResponse>& first) {
    if (self->call_ == nullptr) return;
    if (!first.ok()) return self->End();
    if (first->kvs().empty()) {
      self->AwaitFirst(first->header().revision());
    } else {
      self->Found(first->header(), first->kvs(0));
    }
  });
}

void ElectionObserver::AwaitFirst(int64_t revision) {
  watch_ = client_.Watch(
      prefix_, PrefixEnd(prefix_), revision,
      [self = shared_from_this()](const etcdserverpb::WatchResponse& response) {
        for (const mvccpb::Event& event : response.events()) {
          if (event.type() != mvccpb::Event::PUT) continue;
          etcdserverpb::ResponseHeader header = response.header();
          header.set_revision(event.kv().mod_revision());
          self->EndWatch();
          return self->Found(header, event.kv());
        }
      },
      [self = shared_from_this()](const absl::Status&) { self->End(); });
}

void ElectionObserver::Found(const etcdserverpb::ResponseHeader& header,
                             const mvccpb::KeyValue& pair) {
  Send(header, pair);
  Follow(pair.key(), header.revision() + 1);
}

void ElectionObserver::Follow(const std::string& key, int64_t revision) {
  watch_ = client_.Watch(
      key, "", revision,
      [self = shared_from_this()](const etcdserverpb::WatchResponse& response) {
        for (const mvccpb::Event& event : response.events()) {
          if (event.type() == mvccpb::Event::DELETE) {
            self->EndWatch();
            return self->Find();
          }
          self->Send(response.header(), event.kv());
        }
      },
      [self = shared_from_this()](const absl::Status&) { self->End(); });
}

void ElectionObserver::Send(const etcdserverpb::ResponseHeader& header,
                            const mvccpb::KeyValue& pair) {
  v3electionpb::LeaderResponse response;
  *response.mutable_header() = header;
  *response.mutable_kv() = pair;
  call_->Send(response.SerializeAsString());
}

}  // namespace pintle::server::etcd
