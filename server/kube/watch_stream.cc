#include "server/kube/watch_stream.h"

#include <algorithm>
#include <utility>

#include "server/kube/random.h"
#include "server/kube/stored_form.h"
#include "server/kube/table.h"
#include "server/kube/text.h"

namespace pintle::server::kube {

WatchStream::WatchStream(CallPtr call, WatchOptions options)
    : call_(std::move(call)), options_(std::move(options)) {
  const Resource& resource = call_->resource();
  const std::string& name_space = call_->info.name_space;
  std::string name(options_.selection.fields.required_name());
  if (!call_->info.name.empty()) name = call_->info.name;
  if (!name.empty() && (!resource.namespaced || !name_space.empty())) {
    range_ = {StorageKey(resource, {name_space, name}), ""};
  } else {
    range_ = CollectionRange(resource, name_space);
  }
}

void WatchStream::Start(std::shared_ptr<const kv::ReadView> view) {
  net::HttpExchange& exchange = *call_->reply.exchange;
  exchange.Start(200, call_->reply.MakeHeaders(kJsonType));
  // Keeps this alive until the client is gone or the answer is finished.
  exchange.OnClose([self = shared_from_this()] {
    self->finished_ = true;
    self->subscription_.reset();
    self->end_timer_.reset();
    self->bookmark_timer_.reset();
    self->initial_view_.reset();
  });
  exchange.OnDrain([weak = weak_from_this()] {
    if (auto self = weak.lock()) self->Pump();
  });
  StartTimers();
  if (options_.resource_version > 0) {
    Subscribe(options_.resource_version + 1);
  } else {
    initial_view_ = std::move(view);
    initial_rest_ = range_;
  }
  Pump();
}

void WatchStream::StartTimers() {
  const absl::Duration least = call_->face.options.default_watch_timeout;
  // Spread out, so that the watches of a restarted server do not all end together.
  const absl::Duration timeout =
      options_.timeout_seconds > 0
          ? absl::Seconds(options_.timeout_seconds)
          : least + absl::Milliseconds(RandomBelow(absl::ToInt64Milliseconds(least) + 1));
  net::Executor& executor = call_->reply.exchange->executor();
  end_timer_ = executor.After(timeout, [weak = weak_from_this()] {
    auto self = weak.lock();
    if (self == nullptr || self->finished_) return;
    if (self->options_.bookmarks) self->SendBookmark();
    self->Finish();
  });
  if (options_.bookmarks) RestartBookmarks();
}

void WatchStream::RestartBookmarks() {
  net::Executor& executor = call_->reply.exchange->executor();
  bookmark_timer_ =
      executor.After(call_->face.options.bookmark_interval, [weak = weak_from_this()] {
        auto self = weak.lock();
        if (self == nullptr || self->finished_) return;
        self->SendBookmark();
        self->RestartBookmarks();
      });
}

void WatchStream::Subscribe(int64_t from_revision) {
  watch::SubscribeOptions options;
  options.range = range_;
  options.start_revision = from_revision;
  options.prev_kv = true;  // a DELETED carries the last state; selectors need what was before
  last_revision_ = from_revision - 1;
  int64_t revision = 0;
  net::Executor& executor = call_->reply.exchange->executor();
  subscription_ = call_->face.member.hub().Subscribe(
      std::move(options),
      [weak = weak_from_this(), &executor] {
        executor.Post([weak] {
          if (auto self = weak.lock()) self->Pump();
        });
      },
      revision);
}

void WatchStream::PostPump() {
  if (std::exchange(pump_posted_, true)) return;
  call_->reply.exchange->executor().Post([weak = weak_from_this()] {
    auto self = weak.lock();
    if (self == nullptr) return;
    self->pump_posted_ = false;
    self->Pump();
  });
}

void WatchStream::Pump() {
  if (finished_ || full()) return;  // when full, OnDrain calls again
  if (initial_view_ != nullptr && !PumpInitial()) return;
  PumpEvents();
}

bool WatchStream::PumpInitial() {
  kv::RangeRequest request;
  request.range = initial_rest_;
  request.revision = initial_view_->revision();
  request.limit = kInitialSlice;
  absl::StatusOr<kv::RangeResult> page = initial_view_->Range(request);
  if (!page.ok()) {
    SendFrame("ERROR", Dump(FromMember(page.status(), false).ToJson()));
    Finish();
    return false;
  }
  for (const kv::EncodedKeyValue& pair : page->kvs) SendInitial(*pair);
  if (page->more) {
    PostPump();
    return false;
  }
  const int64_t revision = initial_view_->revision();
  initial_view_.reset();
  Subscribe(revision + 1);
  return true;
}

void WatchStream::SendInitial(const std::string& encoded) {
  kv::KeyValueView pair;
  if (!kv::ParseKeyValue(encoded, pair)) return;
  initial_rest_.key.assign(pair.key);
  initial_rest_.key.push_back('\0');
  if (Matches(pair.value, pair.mod_revision)) SendObject("ADDED", pair.value, pair.mod_revision);
}

void WatchStream::PumpEvents() {
  const watch::Batch batch = subscription_->Next(kBatchBytes);
  for (const watch::Delivered& delivered : batch.events) {
    SendEvent(delivered);
    if (finished_) return;
  }
  if (batch.compacted) {
    SendExpired(batch.compact_revision);
    return Finish();
  }
  if (!batch.error.ok()) {
    SendFrame("ERROR", Dump(FromMember(batch.error, false).ToJson()));
    return Finish();
  }
  if (batch.more || !batch.events.empty()) PostPump();
}

void WatchStream::SendEvent(const watch::Delivered& delivered) {
  const kv::Event& event = *delivered.event;
  const int64_t revision = event.revision.main;
  last_revision_ = std::max(last_revision_, revision);
  kv::KeyValueView now, before;
  const bool was = delivered.prev_kv != nullptr && kv::ParseKeyValue(*delivered.prev_kv, before);
  // What was there is compacted away: a deletion cannot be told any more, so the client lists anew.
  const bool needs_before = event.type == kv::EventType::kDelete || !options_.selection.empty();
  if (!was && needs_before && event.previous.main != 0) {
    SendExpired(revision);
    return Finish();
  }
  const bool matched = was && Matches(before.value, before.mod_revision);
  if (event.type == kv::EventType::kDelete) {
    if (matched) SendObject("DELETED", before.value, revision);
    return;
  }
  if (event.kv == nullptr || !kv::ParseKeyValue(*event.kv, now)) return;
  const bool matches = Matches(now.value, revision);
  if (matches) {
    const bool created = options_.selection.empty() ? event.create_revision == revision : !matched;
    SendObject(created ? "ADDED" : "MODIFIED", now.value, revision);
  } else if (matched) {
    SendObject("DELETED", before.value, revision);
  }
}

void WatchStream::SendBookmark() {
  if (subscription_ == nullptr || full()) return;
  const int64_t revision = subscription_->synced_revision();
  if (revision <= last_revision_) return;
  last_revision_ = revision;
  const Resource& resource = call_->resource();
  Json object = {{"kind", resource.kind},
                 {"apiVersion", resource.group_version()},
                 {"metadata", {{"resourceVersion", StrCat(revision)}}}};
  if (call_->form.transform == Transform::kTable) {
    Json table = EmptyTable(resource, call_->form, std::exchange(first_frame_, false));
    table["metadata"] = object["metadata"];
    object = std::move(table);
  } else if (call_->form.transform != Transform::kNone) {
    object = PartialObject(call_->form, object);
  }
  SendFrame("BOOKMARK", Dump(object));
}

void WatchStream::SendExpired(int64_t compact_revision) {
  SendFrame("ERROR", Dump(Expired(StrCat("too old resource version: ", last_revision_, " (",
                                         compact_revision, ")"))
                              .ToJson()));
}

void WatchStream::SendObject(std::string_view type, std::string_view stored, int64_t revision) {
  const Resource& resource = call_->resource();
  if (call_->form.transform == Transform::kNone) {
    std::string object;
    object.reserve(stored.size() + 64);
    AppendObject(resource, stored, revision, object);
    return SendFrame(type, object);
  }
  kv::KeyValueView pair;
  pair.value = stored;
  pair.mod_revision = revision;
  Result<Json> object = DecodeStored(resource, pair);
  if (!object.ok()) return;
  SendFrame(type, Dump(RenderEventObject(resource, call_->form, *std::move(object),
                                         std::exchange(first_frame_, false), call_->now())));
}

void WatchStream::SendFrame(std::string_view type, std::string_view object) {
  if (!call_->reply.exchange->Write(StrCat("{\"type\":\"", type, "\",\"object\":", object, "}\n")))
    finished_ = true;
}

void WatchStream::Finish() {
  if (std::exchange(finished_, true)) return;
  subscription_.reset();
  call_->reply.exchange->Finish();
}

bool WatchStream::Matches(std::string_view stored, int64_t revision) const {
  if (options_.selection.empty()) return true;
  kv::KeyValueView pair;
  pair.value = stored;
  pair.mod_revision = revision;
  Result<Json> object = DecodeStored(call_->resource(), pair);
  return object.ok() && options_.selection.Matches(*object);
}

void HandleWatch(CallPtr call) {
  Result<WatchOptions> options = ParseWatchOptions(call->resource(), call->info.query);
  if (!options.ok()) return call->reply.SendError(options.error());
  const bool needs_view = options->resource_version == 0;
  const bool most_recent = options->most_recent;
  auto stream = std::make_shared<WatchStream>(call, *std::move(options));
  replica::LocalMember& member = call->face.member;
  if (!needs_view) return stream->Start(nullptr);
  if (!most_recent) return stream->Start(member.view());
  member.LinearizableRead([call, stream](absl::StatusOr<std::shared_ptr<const kv::ReadView>> view) {
    call->reply.exchange->executor().Post([call, stream, view = std::move(view)]() mutable {
      if (!view.ok()) return call->reply.SendError(FromMember(view.status(), false));
      stream->Start(*std::move(view));
    });
  });
}

}  // namespace pintle::server::kube
