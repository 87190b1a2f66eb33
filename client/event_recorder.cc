#include "client/event_recorder.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "spdlog/spdlog.h"

namespace pintle::client {

EventRecorder::EventRecorder(Loop& loop, KubeClient& client, std::string component)
    : loop_(loop), client_(client), component_(std::move(component)) {}

void EventRecorder::Record(const EventNote& note) {
  if (in_flight_ >= kMaxInFlight) return;
  const std::string key(absl::StrCat(std::string(Uid(*note.involved)), "\n", note.reason, "\n",
                                     note.message, "\n", note.warning ? "W" : "N"));
  ++in_flight_;
  const auto known = known_.find(key);
  if (known == known_.end()) {
    Create(key, note);
  } else {
    Count(key, note, known->second);
  }
}

void EventRecorder::Create(const std::string& key, const EventNote& note) {
  const Json& object = *note.involved;
  const std::string name_space(Namespace(object).empty() ? "default" : Namespace(object));
  const std::string name =
      absl::StrCat(std::string(Name(object)), ".", absl::Hex(loop_.random(), absl::kZeroPad16));
  const std::string now = Rfc3339(loop_.now());
  Json involved{{"kind", note.type.kind},
                {"apiVersion", note.type.ApiVersion()},
                {"name", std::string(Name(object))},
                {"uid", std::string(Uid(object))},
                {"resourceVersion", std::string(Str(object, "metadata.resourceVersion"))}};
  if (!Namespace(object).empty()) involved["namespace"] = std::string(Namespace(object));
  Json event{{"metadata", {{"name", name}, {"namespace", name_space}}},
             {"involvedObject", std::move(involved)},
             {"reason", note.reason},
             {"message", note.message},
             {"source", {{"component", component_}}},
             {"reportingComponent", component_},
             {"firstTimestamp", now},
             {"lastTimestamp", now},
             {"count", 1},
             {"type", note.warning ? "Warning" : "Normal"}};
  Remember(key, name_space, name);
  std::weak_ptr<bool> alive = alive_;
  client_.Send(CreateObject(Events(), std::move(event)), [this, alive, key](ApiReply reply) {
    if (alive.expired()) return;
    --in_flight_;
    if (reply.ok() || reply.AlreadyExists()) return;
    ForgetKey(key);
    if (!reply.NamespaceTerminating() && !reply.NotFound()) {
      spdlog::debug("an event was not recorded: {}", reply.message);
    }
  });
}

void EventRecorder::Count(const std::string& key, const EventNote& note, Remembered& known) {
  ++known.count;
  by_age_.splice(by_age_.end(), by_age_, known.age);
  Json patch{
      {"count", known.count}, {"lastTimestamp", Rfc3339(loop_.now())}, {"message", note.message}};
  std::weak_ptr<bool> alive = alive_;
  client_.Send(PatchObject(Events(), known.name_space, known.name, PatchType::kStrategicMerge,
                           std::move(patch)),
               [this, alive, key, note](ApiReply reply) {
                 if (alive.expired()) return;
                 if (reply.NotFound()) {  // it has expired: a new one begins
                   ForgetKey(key);
                   return Create(key, note);
                 }
                 --in_flight_;
               });
}

void EventRecorder::Remember(const std::string& key, std::string name_space, std::string name) {
  ForgetKey(key);
  while (known_.size() >= kMaxRemembered) ForgetKey(std::string(by_age_.front()));
  by_age_.push_back(key);
  known_.emplace(key,
                 Remembered{std::move(name_space), std::move(name), 1, std::prev(by_age_.end())});
}

void EventRecorder::ForgetKey(const std::string& key) {
  const auto found = known_.find(key);
  if (found == known_.end()) return;
  by_age_.erase(found->second.age);
  known_.erase(found);
}

}  // namespace pintle::client
