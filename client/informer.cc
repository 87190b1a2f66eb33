#include "client/informer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "spdlog/spdlog.h"

namespace pintle::client {
namespace {

constexpr int kPageSize = 500;
constexpr absl::Duration kShortestWatch = absl::Seconds(300);
constexpr absl::Duration kWatchdogGrace = absl::Seconds(30);
constexpr absl::Duration kFirstBackoff = absl::Milliseconds(100);
constexpr absl::Duration kMaxBackoff = absl::Seconds(5);
constexpr size_t kRoundsBeforeTakingOlderList = 5;

constexpr std::string_view kMetadataAccept =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

}  // namespace

Informer::Informer(Loop& loop, KubeClient& client, ResourceType type, InformerOptions options)
    : loop_(loop), client_(client), type_(std::move(type)), options_(std::move(options)) {}

Informer::~Informer() {
  if (endpoint_subscription_ >= 0) client_.endpoints().Unsubscribe(endpoint_subscription_);
}

std::unique_ptr<Informer::Registration> Informer::AddHandler(InformerHandler handler) {
  const int id = next_handler_++;
  handlers_.emplace(id, handler);
  if (handler.on_add) {
    for (const auto& [key, object] : objects_) handler.on_add(object);
  }
  return std::make_unique<Registration>(*this, id);
}

void Informer::AddIndex(const std::string& name, IndexFunction function) {
  auto [at, added] = indexes_.emplace(name, Index{std::move(function), {}});
  if (!added) return;
  for (const auto& [key, object] : objects_) {
    for (const std::string& value : at->second.function(*object)) {
      at->second.keys_by_value[value].insert(key);
    }
  }
}

void Informer::Start() {
  if (started_) return;
  started_ = true;
  endpoint_subscription_ = client_.endpoints().Subscribe([this](size_t failed) {
    // The member may be frozen rather than dead: its streams would stay silent until their timeout.
    if (stream_ == nullptr || failed != stream_endpoint_) return;
    CloseStream();
    Later(&Informer::Watch, absl::ZeroDuration());
  });
  List();
}

ObjectPtr Informer::Get(const std::string& key) const {
  const auto found = objects_.find(key);
  return found == objects_.end() ? nullptr : found->second;
}

std::vector<ObjectPtr> Informer::ByIndex(const std::string& index, const std::string& value) const {
  std::vector<ObjectPtr> out;
  const auto at = indexes_.find(index);
  if (at == indexes_.end()) return out;
  const auto keys = at->second.keys_by_value.find(value);
  if (keys == at->second.keys_by_value.end()) return out;
  for (const std::string& key : keys->second) out.push_back(objects_.at(key));
  return out;
}

std::vector<ObjectPtr> Informer::InNamespace(std::string_view name_space) const {
  std::vector<ObjectPtr> out;
  const std::string prefix = std::string(name_space) + '/';
  for (auto at = objects_.lower_bound(prefix); at != objects_.end(); ++at) {
    if (at->first.compare(0, prefix.size(), prefix) != 0) break;
    out.push_back(at->second);
  }
  return out;
}

void Informer::Later(void (Informer::*step)(), absl::Duration delay) {
  timer_ = loop_.After(delay, [this, step] { (this->*step)(); });
}

absl::Duration Informer::NextBackoff() {
  const size_t members = client_.endpoints().count();
  const size_t rounds = failures_++ / std::max<size_t>(members, 1);
  if (rounds == 0) return absl::Milliseconds(10);
  const absl::Duration delay =
      kFirstBackoff * static_cast<double>(uint64_t{1} << std::min<size_t>(rounds - 1, 10));
  return loop_.Jitter(std::min(delay, kMaxBackoff), 0.5);
}

void Informer::List() {
  listed_.clear();
  ListPage("");
}

void Informer::ListPage(std::string continue_token) {
  ListOptions list;
  list.name_space = options_.name_space;
  list.label_selector = options_.label_selector;
  list.field_selector = options_.field_selector;
  list.limit = kPageSize;
  list.continue_token = std::move(continue_token);
  ApiRequest request = ListObjects(type_, list);
  if (options_.metadata_only) request.accept = kMetadataAccept;
  std::weak_ptr<bool> alive = alive_;
  client_.Send(std::move(request), [this, alive](ApiReply reply) {
    if (!alive.expired()) OnListPage(std::move(reply));
  });
}

void Informer::OnListPage(ApiReply reply) {
  if (!reply.ok()) {
    spdlog::warn("listing {} failed: {}", type_.Id(), reply.message);
    return Later(&Informer::List, NextBackoff());
  }
  for (Json& item : reply.body["items"]) listed_.push_back(Keep(std::move(item)));
  const std::string_view next = Str(reply.body, "metadata.continue");
  if (!next.empty()) return ListPage(std::string(next));
  FinishList(ResourceVersion(reply.body));
}

bool Informer::RefuseOldList(uint64_t version) {
  if (version >= last_version_) {
    old_lists_refused_ = 0;
    return false;
  }
  const size_t members = client_.endpoints().count();
  if (++old_lists_refused_ <= kRoundsBeforeTakingOlderList * members) {
    client_.endpoints().Failed(client_.endpoints().current());
    return true;
  }
  spdlog::warn("{}: the store has gone back from resourceVersion {} to {}; taking it", type_.Id(),
               last_version_, version);
  old_lists_refused_ = 0;
  return false;
}

void Informer::FinishList(uint64_t version) {
  if (RefuseOldList(version)) return Later(&Informer::List, NextBackoff());
  last_version_ = version;
  std::vector<ObjectPtr> listed = std::move(listed_);
  listed_.clear();
  std::set<std::string> present;
  for (const ObjectPtr& object : listed) present.insert(KeyOf(*object));
  std::vector<std::pair<std::string, ObjectPtr>> gone;
  for (const auto& [key, object] : objects_) {
    if (!present.contains(key)) gone.emplace_back(key, object);
  }
  for (const auto& [key, object] : gone) Remove(key, object);
  for (ObjectPtr& object : listed) Upsert(std::move(object));
  synced_ = true;
  Watch();
}

void Informer::Watch() {
  CloseStream();
  WatchOptions watch;
  watch.list.name_space = options_.name_space;
  watch.list.label_selector = options_.label_selector;
  watch.list.field_selector = options_.field_selector;
  watch.list.resource_version = std::to_string(last_version_);
  watch.timeout = loop_.Jitter(kShortestWatch, 1.0);
  ApiRequest request = WatchObjects(type_, watch);
  if (options_.metadata_only) request.accept = kMetadataAccept;

  const uint64_t id = ++stream_id_;
  stream_status_ = 0;
  relist_ = false;
  line_.clear();
  stream_opened_ = loop_.now();
  std::weak_ptr<bool> alive = alive_;
  const auto current = [this, alive, id] { return !alive.expired() && id == stream_id_; };
  net::HttpClient::StreamCallbacks callbacks;
  callbacks.on_head = [this, current](int status, const net::Headers&) {
    if (!current()) return;
    stream_status_ = status;
    live_ = status == 200;
  };
  callbacks.on_piece = [this, current](std::string_view piece) {
    if (current()) OnPiece(piece);
  };
  callbacks.on_end = [this, current](absl::Status status) {
    if (current()) OnStreamEnd(std::move(status));
  };
  auto stream = client_.Stream(request, std::move(callbacks), stream_endpoint_);
  if (id != stream_id_) return;  // it ended at once
  stream_ = std::move(stream);
  watchdog_ = loop_.After(watch.timeout + kWatchdogGrace, [this] {
    spdlog::warn("the watch of {} did not end when it should have; starting anew", type_.Id());
    OnStreamEnd(absl::DeadlineExceededError("the stream outlived its timeout"));
  });
}

void Informer::CloseStream() {
  ++stream_id_;
  live_ = false;
  watchdog_.reset();
  // A handle may be on the call stack: it is let go from the loop.
  if (stream_ != nullptr) loop_.executor.Post([done = std::move(stream_)] {});
}

void Informer::OnPiece(std::string_view piece) {
  const uint64_t id = stream_id_;
  while (!piece.empty()) {
    const size_t end = piece.find('\n');
    if (line_.size() + std::min(end, piece.size()) > kMaxEventBytes) {
      return OnStreamEnd(absl::ResourceExhaustedError("an event is too large"));
    }
    line_.append(piece.substr(0, end));
    if (end == std::string_view::npos) return;
    piece.remove_prefix(end + 1);
    const std::string line = std::exchange(line_, {});
    if (!line.empty() && stream_status_ == 200) OnLine(line);
    if (id != stream_id_) return;
  }
}

void Informer::OnLine(std::string_view line) {
  std::optional<Json> event = Parse(line);
  if (!event) return OnStreamEnd(absl::DataLossError("an event is not JSON"));
  const std::string type(Str(*event, "type"));
  if (type == "ERROR") {
    const Json& status = At(*event, "object");
    relist_ = Int(status, "code") == 410;
    if (!relist_) {
      spdlog::warn("watching {} failed: {}", type_.Id(), std::string(Str(status, "message")));
    }
    return OnStreamEnd(absl::OkStatus());
  }
  Json& object = (*event)["object"];
  const uint64_t version = ResourceVersion(object);
  if (version < last_version_) return;  // seen before
  last_version_ = version;
  failures_ = 0;
  if (type == "BOOKMARK") return;
  ObjectPtr kept = Keep(std::move(object));
  if (type == "DELETED") {
    const std::string key = KeyOf(*kept);
    if (objects_.contains(key)) Remove(key, kept);
  } else if (type == "ADDED" || type == "MODIFIED") {
    Upsert(std::move(kept));
  }
}

void Informer::OnStreamEnd(absl::Status status) {
  if (stream_status_ != 0 && stream_status_ != 200) {
    const std::optional<Json> body = Parse(line_);
    relist_ = stream_status_ == 410;
    if (status.ok()) {
      const std::string why(body ? Str(*body, "message") : std::string_view());
      status = absl::UnavailableError(absl::StrCat("HTTP status ", stream_status_, " ", why));
    }
  }
  if (loop_.now() - stream_opened_ > absl::Seconds(10)) failures_ = 0;
  const size_t endpoint = stream_endpoint_;
  CloseStream();
  if (relist_) {
    const absl::Duration delay = NextBackoff();
    spdlog::info("{} is listed anew: resourceVersion {} is too old", type_.Id(), last_version_);
    return Later(&Informer::List, delay);
  }
  if (!status.ok()) {
    spdlog::info("the watch of {} is lost ({}); resuming at {}", type_.Id(),
                 std::string(status.message()), last_version_);
    client_.endpoints().Failed(endpoint);
  }
  Later(&Informer::Watch, NextBackoff());
}

ObjectPtr Informer::Keep(Json object) const {
  if (options_.metadata_only) {
    Json metadata = Json::object();
    metadata["metadata"] = std::move(object["metadata"]);
    return std::make_shared<const Json>(std::move(metadata));
  }
  return std::make_shared<const Json>(std::move(object));
}

void Informer::Reindex(const std::string& key, const Json* before, const Json* after) {
  for (auto& [name, index] : indexes_) {
    if (before != nullptr) {
      for (const std::string& value : index.function(*before)) {
        const auto at = index.keys_by_value.find(value);
        if (at == index.keys_by_value.end()) continue;
        at->second.erase(key);
        if (at->second.empty()) index.keys_by_value.erase(at);
      }
    }
    if (after != nullptr) {
      for (const std::string& value : index.function(*after)) {
        index.keys_by_value[value].insert(key);
      }
    }
  }
}

// By id rather than by iterator: a handler may add others.
template <typename Tell>
void Informer::ForEachHandler(const Tell& tell) {
  for (auto at = handlers_.begin(); at != handlers_.end();) {
    const int id = at->first;
    tell(at->second);
    at = handlers_.upper_bound(id);
  }
}

void Informer::Upsert(ObjectPtr object) {
  const std::string key = KeyOf(*object);
  const ObjectPtr old = Get(key);
  if (old != nullptr && Uid(*old) != Uid(*object)) {
    // Deleted and made again while we were not looking: two objects, told as two.
    Remove(key, old);
    return Upsert(std::move(object));
  }
  if (old != nullptr && ResourceVersion(*old) == ResourceVersion(*object)) return;
  objects_[key] = object;
  Reindex(key, old.get(), object.get());
  ForEachHandler([&](const InformerHandler& handler) {
    if (old == nullptr) {
      if (handler.on_add) handler.on_add(object);
    } else if (handler.on_update) {
      handler.on_update(old, object);
    }
  });
}

void Informer::Remove(const std::string& key, const ObjectPtr& last_known) {
  const ObjectPtr old = Get(key);
  if (old == nullptr) return;
  objects_.erase(key);
  Reindex(key, old.get(), nullptr);
  ForEachHandler([&](const InformerHandler& handler) {
    if (handler.on_delete) handler.on_delete(last_known);
  });
}

}  // namespace pintle::client
