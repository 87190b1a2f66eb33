// EventRecorder: core/v1 Events about what a component did, for `kubectl describe`.
//
// The same message about the same object again raises the count of the Event it made before instead
// of making another. Events are told, not promised: one that cannot be written is dropped. Thread:
// the Loop's. Bounds: kMaxRemembered messages are remembered, kMaxInFlight are under way.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include "client/kube_client.h"

namespace pintle::client {

struct EventNote {
  ResourceType type;
  ObjectPtr involved;
  bool warning = false;
  std::string reason;
  std::string message;
};

class EventRecorder {
 public:
  static constexpr size_t kMaxRemembered = 4096;
  static constexpr size_t kMaxInFlight = 256;

  EventRecorder(Loop& loop, KubeClient& client, std::string component);
  void Record(const EventNote& note);

 private:
  struct Remembered {
    std::string name_space;
    std::string name;
    int64_t count = 1;
    std::list<std::string>::iterator age;
  };
  void Create(const std::string& key, const EventNote& note);
  void Count(const std::string& key, const EventNote& note, Remembered& known);
  void Remember(const std::string& key, std::string name_space, std::string name);
  void ForgetKey(const std::string& key);

  Loop& loop_;
  KubeClient& client_;
  const std::string component_;
  std::unordered_map<std::string, Remembered> known_;
  std::list<std::string> by_age_;  // oldest first
  size_t in_flight_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace pintle::client
