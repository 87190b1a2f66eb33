#include "tests/client/fake_api_server.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace pintle::client::testing {
namespace {

constexpr absl::Duration kLatency = absl::Milliseconds(1);

net::HttpClientResponse Reply(int code, const Json& body) { return {code, {}, Dump(body)}; }

net::HttpClientResponse Failure(int code, const std::string& reason, const std::string& message) {
  return Reply(code, {{"kind", "Status"},
                      {"apiVersion", "v1"},
                      {"status", "Failure"},
                      {"reason", reason},
                      {"message", message},
                      {"code", code}});
}

std::string Decoded(std::string_view text) {
  std::string out;
  net::PercentDecode(text, true, out);
  return out;
}

bool BumpsGeneration(const ResourceType& type) { return type.group == "apps"; }

const char* ListMergeKey(const std::string& field) {
  if (field == "conditions") return "type";
  if (field == "ownerReferences") return "uid";
  return nullptr;
}

Json MergeList(const Json& current, const Json& patch, const char* merge_key) {
  Json out = current.is_array() ? current : Json::array();
  for (const Json& element : patch) {
    const auto at = std::find_if(out.begin(), out.end(), [&](const Json& known) {
      return known[merge_key] == element[merge_key];
    });
    if (Str(element, "$patch") == "delete") {
      if (at != out.end()) out.erase(at);
    } else if (at != out.end()) {
      *at = StrategicMerge(*at, element);
    } else {
      out.push_back(element);
    }
  }
  return out;
}

}  // namespace

Json StrategicMerge(const Json& current, const Json& patch) {
  if (!patch.is_object()) return patch;
  Json out = current.is_object() ? current : Json::object();
  for (const auto& [key, value] : patch.items()) {
    const char* merge_key = ListMergeKey(key);
    if (value.is_null()) {
      out.erase(key);
    } else if (value.is_array() && merge_key != nullptr) {
      out[key] = MergeList(out[key], value, merge_key);
    } else {
      out[key] = StrategicMerge(out[key], value);
    }
  }
  return out;
}

class FakeApiServer::Call final : public Transport::Handle {
 public:
  explicit Call(std::function<void()> cancel) : cancel_(std::move(cancel)) {}
  ~Call() override { cancel_(); }

 private:
  std::function<void()> cancel_;
};

FakeApiServer::FakeApiServer(net::Executor& executor, std::function<absl::Time()> now)
    : executor_(executor), now_(std::move(now)) {
  types_ = {Pods(),          Nodes(),
            Namespaces(),    Services(),
            EndpointsType(), Events(),
            Deployments(),   ReplicaSets(),
            Leases(),        {"", "v1", "configmaps", "ConfigMap", true}};
  for (const char* name : {"default", "kube-system", "kube-node-lease"}) {
    Do(CreateObject(Namespaces(), {{"metadata", {{"name", name}}}}));
  }
}

std::unique_ptr<Transport::Handle> FakeApiServer::Send(size_t endpoint,
                                                       net::HttpClientRequest request,
                                                       net::HttpClient::Done done) {
  const uint64_t id = next_id_++;
  log.push_back({endpoint, request.method, request.target});
  const bool frozen = frozen_.contains(endpoint);
  auto shared = std::make_shared<std::pair<net::HttpClientRequest, net::HttpClient::Done>>(
      std::move(request), std::move(done));
  timers_[id] = executor_.After(
      frozen ? shared->first.timeout : kLatency, [this, id, endpoint, frozen, shared] {
        executor_.Post([this, id] { timers_.erase(id); });
        if (frozen) return shared->second(absl::DeadlineExceededError("no answer in time"));
        if (down_.contains(endpoint)) {
          return shared->second(absl::UnavailableError("connection refused"));
        }
        if (intercept) {
          if (auto answer = intercept(endpoint, shared->first)) {
            return shared->second(*std::move(answer));
          }
        }
        net::HttpClientResponse answer = Serve(shared->first);
        if (lose_answer_of && lose_answer_of(shared->first)) {
          Down(endpoint);
          return shared->second(absl::UnavailableError("connection reset"));
        }
        shared->second(std::move(answer));
      });
  return std::make_unique<Call>([this, id] { timers_.erase(id); });
}

std::unique_ptr<Transport::Handle> FakeApiServer::Stream(
    size_t endpoint, net::HttpClientRequest request, net::HttpClient::StreamCallbacks callbacks) {
  const uint64_t id = next_id_++;
  log.push_back({endpoint, request.method, request.target});
  auto stream = std::make_shared<OpenStream>();
  stream->endpoint = endpoint;
  stream->callbacks = std::move(callbacks);
  if (const auto target = Parse(request.target)) stream->target = *target;
  stream->sent = 0;
  (void)absl::SimpleAtoi(stream->target.query["resourceVersion"], &stream->sent);
  timers_[id] = executor_.After(kLatency, [this, id, stream] {
    executor_.Post([this, id] { timers_.erase(id); });
    if (frozen_.contains(stream->endpoint)) {
      streams_[id] = stream;
      return;
    }
    if (refuse_streams_ || down_.contains(stream->endpoint)) {
      return stream->callbacks.on_end(absl::UnavailableError("connection refused"));
    }
    streams_[id] = stream;
    stream->callbacks.on_head(200, {});
    int64_t seconds = 300;
    (void)absl::SimpleAtoi(stream->target.query["timeoutSeconds"], &seconds);
    stream->end = executor_.After(absl::Seconds(seconds),
                                  [this, id, weak = std::weak_ptr<OpenStream>(stream)] {
                                    const std::shared_ptr<OpenStream> open = weak.lock();
                                    if (open == nullptr || streams_.erase(id) == 0) return;
                                    if (!frozen_.contains(open->endpoint))
                                      open->callbacks.on_end(absl::OkStatus());
                                  });
    Feed(*stream);
    if (stream->ended) streams_.erase(id);
  });
  return std::make_unique<Call>([this, id] { streams_.erase(id), timers_.erase(id); });
}

void FakeApiServer::Feed(OpenStream& stream) {
  if (frozen_.contains(stream.endpoint) || stream.ended) return;
  if (stream.target.type.Id() == held_) return;
  const auto send = [&](const char* type, Json object) {
    stream.callbacks.on_piece(Dump({{"type", type}, {"object", std::move(object)}}) + "\n");
  };
  if (stream.sent < compacted_) {
    stream.ended = true;
    send("ERROR", {{"kind", "Status"},
                   {"reason", "Expired"},
                   {"code", 410},
                   {"message", "too old resource version"}});
    return stream.callbacks.on_end(absl::OkStatus());
  }
  const std::string resource = stream.target.type.Id();
  const auto from = std::partition_point(history_.begin(), history_.end(), [&](const Event& event) {
    return event.version <= stream.sent;
  });
  const std::vector<Event> events(from, history_.end());
  for (const Event& event : events) {
    stream.sent = event.version;
    const std::string& name_space = stream.target.name_space;
    if (event.resource != resource) continue;
    if (!name_space.empty() && Namespace(event.object) != name_space) continue;
    send(event.type.c_str(), event.object);
  }
}

void FakeApiServer::Deliver() {
  if (on_change) on_change();
  if (delivery_posted_) return;
  delivery_posted_ = true;
  const uint64_t id = next_id_++;
  timers_[id] = executor_.After(kLatency, [this, id] {
    executor_.Post([this, id] { timers_.erase(id); });
    delivery_posted_ = false;
    const auto streams = streams_;
    for (const auto& [stream_id, stream] : streams) {
      if (!streams_.contains(stream_id)) continue;
      Feed(*stream);
      if (stream->ended) streams_.erase(stream_id);
    }
  });
}

void FakeApiServer::Down(size_t endpoint) {
  down_.insert(endpoint);
  const auto streams = streams_;
  for (const auto& [id, stream] : streams) {
    if (stream->endpoint != endpoint || !streams_.contains(id)) continue;
    streams_.erase(id);
    stream->callbacks.on_end(absl::UnavailableError("connection reset"));
  }
}

void FakeApiServer::EndStreams(absl::Status status) {
  const auto streams = std::exchange(streams_, {});
  for (const auto& [id, stream] : streams) stream->callbacks.on_end(status);
}

std::optional<FakeApiServer::Target> FakeApiServer::Parse(const std::string& text) const {
  const std::pair<std::string, std::string> halves = absl::StrSplit(text, absl::MaxSplits('?', 1));
  Target target;
  const std::vector<std::string> pairs = absl::StrSplit(halves.second, '&', absl::SkipEmpty());
  for (const std::string& pair : pairs) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(pair, absl::MaxSplits('=', 1));
    target.query[parts.first] = Decoded(parts.second);
  }
  std::vector<std::string> path = absl::StrSplit(halves.first, '/', absl::SkipEmpty());
  size_t at = path.empty() || path[0] == "api" ? 2 : 3;
  const std::string group = at == 3 && path.size() > 1 ? path[1] : "";
  if (path.size() > at + 2 && path[at] == "namespaces" && path[at + 2] != "status" &&
      path[at + 2] != "finalize") {
    target.name_space = path[at + 1];
    at += 2;
  }
  if (path.size() <= at) return std::nullopt;
  for (const ResourceType& type : types_) {
    if (type.group == group && type.resource == path[at]) target.type = type;
  }
  if (target.type.resource.empty()) return std::nullopt;
  if (path.size() > at + 1) target.name = path[at + 1];
  if (path.size() > at + 2) target.subresource = path[at + 2];
  return target;
}

net::HttpClientResponse FakeApiServer::Discovery(const std::string& path) const {
  if (path == "/apis") {
    Json groups = Json::array();
    for (const char* name : {"apps", "coordination.k8s.io"}) {
      groups.push_back({{"name", name}, {"preferredVersion", {{"version", "v1"}}}});
    }
    return Reply(200, {{"groups", std::move(groups)}});
  }
  Json resources = Json::array();
  for (const ResourceType& type : types_) {
    const std::string base = type.group.empty() ? "/api/v1" : "/apis/" + type.ApiVersion();
    if (base != path) continue;
    Json verbs = {"create", "delete", "get", "list", "patch", "update", "watch"};
    if (type.resource != "services") verbs.push_back("deletecollection");
    resources.push_back({{"name", type.resource},
                         {"kind", type.kind},
                         {"namespaced", type.namespaced},
                         {"verbs", std::move(verbs)}});
  }
  if (resources.empty()) return Failure(404, "NotFound", "not found");
  return Reply(200, {{"resources", std::move(resources)}});
}

net::HttpClientResponse FakeApiServer::Serve(const net::HttpClientRequest& request) {
  const std::optional<Target> target = Parse(request.target);
  if (!target) return Discovery(request.target);
  const Json body = client::Parse(request.body).value_or(Json());
  if (request.method == "POST") {
    return target->subresource == "binding" ? Bind(*target, body) : Create(*target, body);
  }
  if (request.method == "PUT") return Update(*target, body);
  if (request.method == "PATCH") {
    return Patch(*target, std::string(request.headers.Get("content-type")), body);
  }
  if (target->name.empty()) {
    return request.method == "DELETE" ? DeleteAll(*target, body) : List(*target);
  }
  if (request.method == "DELETE") return Delete(*target, body);
  return Answer(*target, Find(target->type, MakeKey(target->name_space, target->name)), 200);
}

net::HttpClientResponse FakeApiServer::Answer(const Target& target, const Json& object,
                                              int code) const {
  if (!object.is_null()) return Reply(code, object);
  return Failure(404, "NotFound",
                 absl::StrCat(target.type.Id(), " \"", target.name, "\" not found"));
}

ApiReply FakeApiServer::Do(const ApiRequest& request) {
  net::HttpClientRequest http;
  http.method = request.method;
  http.target = request.Target();
  http.headers.Add("content-type", request.content_type);
  if (!request.body.is_null()) http.body = Dump(request.body);
  const net::HttpClientResponse response = Serve(http);
  return DecodeReply(response.status, response.body);
}

Json FakeApiServer::Find(const ResourceType& type, const std::string& key) const {
  const auto objects = objects_.find(type.Id());
  if (objects == objects_.end()) return {};
  const auto at = objects->second.find(key);
  return at == objects->second.end() ? Json() : at->second;
}

std::vector<Json> FakeApiServer::All(const ResourceType& type) const {
  std::vector<Json> out;
  const auto objects = objects_.find(type.Id());
  if (objects == objects_.end()) return out;
  for (const auto& [key, object] : objects->second) out.push_back(object);
  return out;
}

net::HttpClientResponse FakeApiServer::List(const Target& target) {
  Json items = Json::array();
  size_t limit = 0;
  if (const auto at = target.query.find("limit"); at != target.query.end()) {
    (void)absl::SimpleAtoi(at->second, &limit);
  }
  const auto continued = target.query.find("continue");
  const std::string after = continued == target.query.end() ? "" : continued->second;
  std::string last;
  bool more = false;
  for (const auto& [key, object] : objects_[target.type.Id()]) {
    if (!target.name_space.empty() && Namespace(object) != target.name_space) continue;
    if (key <= after) continue;
    if (limit > 0 && items.size() == limit) {
      more = true;
      break;
    }
    items.push_back(object);
    last = key;
  }
  Json list{{"kind", target.type.kind + "List"},
            {"metadata", {{"resourceVersion", std::to_string(version_)}}},
            {"items", std::move(items)}};
  if (more) list["metadata"]["continue"] = last;
  return Reply(200, list);
}

void FakeApiServer::Write(const ResourceType& type, const std::string& key, Json object,
                          const char* event) {
  object["metadata"]["resourceVersion"] = std::to_string(++version_);
  objects_[type.Id()][key] = object;
  history_.push_back({version_, type.Id(), event, std::move(object)});
  Deliver();
}

void FakeApiServer::Remove(const ResourceType& type, const std::string& key) {
  Json object = std::move(objects_[type.Id()][key]);
  objects_[type.Id()].erase(key);
  object["metadata"]["resourceVersion"] = std::to_string(++version_);
  history_.push_back({version_, type.Id(), "DELETED", std::move(object)});
  Deliver();
}

net::HttpClientResponse FakeApiServer::Create(const Target& target, Json object) {
  Json& metadata = object["metadata"];
  if (target.type.namespaced) {
    const Json name_space = Find(Namespaces(), target.name_space);
    if (name_space.is_null()) return Failure(404, "NotFound", "namespace not found");
    if (Deleting(name_space)) {
      return Failure(403, "Forbidden",
                     "unable to create new content because it is being terminated");
    }
    metadata["namespace"] = target.name_space;
  }
  if (Name(object).empty()) {
    metadata["name"] = absl::StrCat(std::string(Str(object, "metadata.generateName")), next_uid_);
  }
  const std::string key = KeyOf(object);
  if (objects_[target.type.Id()].contains(key)) {
    return Failure(409, "AlreadyExists", absl::StrCat(key, " already exists"));
  }
  metadata["uid"] = absl::StrCat("uid-", next_uid_++);
  metadata["creationTimestamp"] = Rfc3339(now_());
  if (BumpsGeneration(target.type)) metadata["generation"] = 1;
  if (target.type == Pods()) object["status"] = {{"phase", "Pending"}};
  if (target.type == Namespaces()) {
    object["spec"]["finalizers"] = {"kubernetes"};
    object["status"] = {{"phase", "Active"}};
  }
  Write(target.type, key, object, "ADDED");
  return Answer(target, Find(target.type, key), 201);
}

net::HttpClientResponse FakeApiServer::Bind(const Target& target, const Json& binding) {
  const std::string key = MakeKey(target.name_space, target.name);
  Json pod = Find(Pods(), key);
  if (pod.is_null()) return Answer(target, pod, 200);
  if (!Str(pod, "spec.nodeName").empty()) {
    return Failure(409, "Conflict", "pod is already assigned to a node");
  }
  pod["spec"]["nodeName"] = std::string(Str(binding, "target.name"));
  Write(Pods(), key, std::move(pod), "MODIFIED");
  return Reply(201, {{"kind", "Status"}, {"status", "Success"}});
}

net::HttpClientResponse FakeApiServer::Update(const Target& target, Json object) {
  const Json before = Find(target.type, MakeKey(target.name_space, target.name));
  if (before.is_null()) return Answer(target, before, 200);
  const std::string_view version = Str(object, "metadata.resourceVersion");
  if (!version.empty() && version != Str(before, "metadata.resourceVersion")) {
    return Failure(409, "Conflict", "the object has been modified");
  }
  return Store(target, before, std::move(object));
}

net::HttpClientResponse FakeApiServer::Patch(const Target& target, const std::string& type,
                                             const Json& patch) {
  const Json before = Find(target.type, MakeKey(target.name_space, target.name));
  if (before.is_null()) return Answer(target, before, 200);
  const std::string_view uid = Str(patch, "metadata.uid");
  if (!uid.empty() && uid != Uid(before)) return Failure(409, "Conflict", "another uid");
  const std::string_view version = Str(patch, "metadata.resourceVersion");
  if (!version.empty() && version != Str(before, "metadata.resourceVersion")) {
    return Failure(409, "Conflict", "the object has been modified");
  }
  Json after = before;
  if (type == "application/merge-patch+json") {
    after.merge_patch(patch);
  } else {
    after = StrategicMerge(before, patch);
  }
  return Store(target, before, std::move(after));
}

net::HttpClientResponse FakeApiServer::Store(const Target& target, const Json& before, Json after) {
  Json stored = before;
  if (target.subresource == "status") {
    stored["status"] = after["status"];
    stored["metadata"]["annotations"] = At(after, "metadata.annotations");
  } else if (target.subresource == "finalize") {
    stored["spec"]["finalizers"] = Array(after, "spec.finalizers");
  } else {
    stored = std::move(after);
    stored["status"] = At(before, "status");
    for (const char* kept : {"uid", "creationTimestamp", "deletionTimestamp", "generation",
                             "deletionGracePeriodSeconds", "resourceVersion"}) {
      if (before["metadata"].contains(kept)) stored["metadata"][kept] = before["metadata"][kept];
    }
    if (BumpsGeneration(target.type) && At(stored, "spec") != At(before, "spec")) {
      stored["metadata"]["generation"] = Int(before, "metadata.generation") + 1;
    }
  }
  const std::string key = KeyOf(stored);
  if (!SemanticEqual(stored, before)) Write(target.type, key, stored, "MODIFIED");
  const Json now = Find(target.type, key);
  const bool finished = Deleting(now) && Array(now, "metadata.finalizers").empty() &&
                        Array(now, "spec.finalizers").empty() &&
                        Int(now, "metadata.deletionGracePeriodSeconds") == 0;
  if (finished) Remove(target.type, key);
  return Answer(target, now, 200);
}

net::HttpClientResponse FakeApiServer::Delete(const Target& target, const Json& options) {
  const std::string key = MakeKey(target.name_space, target.name);
  Json object = Find(target.type, key);
  if (object.is_null()) return Answer(target, object, 200);
  const std::string_view uid = Str(options, "preconditions.uid");
  if (!uid.empty() && uid != Uid(object)) return Failure(409, "Conflict", "another uid");
  Json& metadata = object["metadata"];
  const std::string_view policy = Str(options, "propagationPolicy");
  if (!Deleting(object) && (policy == "Foreground" || policy == "Orphan")) {
    metadata["finalizers"].push_back(policy == "Orphan" ? "orphan" : "foregroundDeletion");
  }
  int64_t grace = 0;
  if (target.type == Pods() && !Str(object, "spec.nodeName").empty()) {
    grace =
        Int(options, "gracePeriodSeconds", Int(object, "spec.terminationGracePeriodSeconds", 30));
  }
  const bool kept = grace > 0 || !Array(object, "metadata.finalizers").empty() ||
                    !Array(object, "spec.finalizers").empty();
  if (!kept) {
    Remove(target.type, key);
    return Reply(200, object);
  }
  if (Deleting(object)) return Reply(200, object);
  metadata["deletionTimestamp"] = Rfc3339(now_() + absl::Seconds(grace));
  metadata["deletionGracePeriodSeconds"] = grace;
  if (target.type == Namespaces()) object["status"]["phase"] = "Terminating";
  Write(target.type, key, object, "MODIFIED");
  return Reply(200, Find(target.type, key));
}

net::HttpClientResponse FakeApiServer::DeleteAll(const Target& target, const Json& options) {
  for (const Json& object : All(target.type)) {
    if (Namespace(object) != target.name_space) continue;
    Target one = target;
    one.name = Name(object);
    Delete(one, options);
  }
  return Reply(200, {{"items", Json::array()}});
}

}  // namespace pintle::client::testing
