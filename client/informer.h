// Informer: a local copy of one collection, kept current by list and watch, that tells handlers
// what changed.
//
//   Informer pods(loop, client, Pods(), {});
//   pods.AddIndex("node", [](const Json& pod) { return …; });
//   auto registration = pods.AddHandler({.on_add = …, .on_update = …, .on_delete = …});
//   pods.Start();
//
// How: LIST in pages of 500 at the newest revision, then WATCH from the list's resourceVersion with
// bookmarks and a timeout of 300–600 s. A stream that ends is resumed at the last resourceVersion
// seen, on another member if the connection was lost; 410 lists again. What vanished between two
// lists is told as a deletion of the last known state. A list older than what was seen before (a
// member behind, or restored from a backup) is refused and tried elsewhere; when every member
// insists for a whole round of attempts it is taken, as the store itself has gone back. A stream
// that falls silent is noticed by its timeout, or when another user of the EndpointSet gives its
// member up. Handlers see each change once, in the order of resourceVersions; a handler added late
// is told of everything first. Thread: the Loop's. Limits: one event at most kMaxEventBytes; the
// cache is the collection itself.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "client/kube_client.h"

namespace pintle::client {

struct InformerOptions {
  std::string name_space;
  std::string label_selector;
  std::string field_selector;
  bool metadata_only = false;  // ask for and keep nothing but metadata
};

struct InformerHandler {
  std::function<void(const ObjectPtr&)> on_add;
  std::function<void(const ObjectPtr& old_object, const ObjectPtr& new_object)> on_update;
  std::function<void(const ObjectPtr& last_known)> on_delete;
};

class Informer {
 public:
  static constexpr size_t kMaxEventBytes = size_t{16} << 20;

  Informer(Loop& loop, KubeClient& client, ResourceType type, InformerOptions options);
  ~Informer();
  Informer(const Informer&) = delete;
  Informer& operator=(const Informer&) = delete;

  // Lives as long as the handler is wanted; must not outlive the informer.
  class Registration {
   public:
    Registration(Informer& informer, int id) : informer_(informer), id_(id) {}
    ~Registration() { informer_.handlers_.erase(id_); }
    Registration(const Registration&) = delete;
    Registration& operator=(const Registration&) = delete;

   private:
    Informer& informer_;
    int id_;
  };
  [[nodiscard]] std::unique_ptr<Registration> AddHandler(InformerHandler handler);

  using IndexFunction = std::function<std::vector<std::string>(const Json&)>;
  void AddIndex(const std::string& name, IndexFunction function);  // a known name is kept as it is

  void Start();

  bool HasSynced() const { return synced_; }
  bool live() const { return live_; }  // a watch is open now
  const ResourceType& type() const { return type_; }
  uint64_t last_resource_version() const { return last_version_; }

  ObjectPtr Get(const std::string& key) const;  // null when absent
  const std::map<std::string, ObjectPtr>& objects() const { return objects_; }
  std::vector<ObjectPtr> ByIndex(const std::string& index, const std::string& value) const;
  std::vector<ObjectPtr> InNamespace(std::string_view name_space) const;

 private:
  struct Index {
    IndexFunction function;
    std::map<std::string, std::set<std::string>> keys_by_value;
  };

  void List();
  void ListPage(std::string continue_token);
  void OnListPage(ApiReply reply);
  void FinishList(uint64_t version);
  bool RefuseOldList(uint64_t version);
  void Watch();
  void OnPiece(std::string_view piece);
  void OnLine(std::string_view line);
  void OnStreamEnd(absl::Status status);
  void CloseStream();
  void Later(void (Informer::*step)(), absl::Duration delay);
  absl::Duration NextBackoff();

  template <typename Tell>
  void ForEachHandler(const Tell& tell);
  void Upsert(ObjectPtr object);
  void Remove(const std::string& key, const ObjectPtr& last_known);
  ObjectPtr Keep(Json object) const;
  void Reindex(const std::string& key, const Json* before, const Json* after);

  Loop& loop_;
  KubeClient& client_;
  const ResourceType type_;
  const InformerOptions options_;

  std::map<std::string, ObjectPtr> objects_;
  std::map<std::string, Index> indexes_;
  std::map<int, InformerHandler> handlers_;
  int next_handler_ = 0;

  bool started_ = false;
  bool synced_ = false;
  bool live_ = false;
  uint64_t last_version_ = 0;
  std::vector<ObjectPtr> listed_;
  size_t old_lists_refused_ = 0;

  uint64_t stream_id_ = 0;  // answers of an older stream are void
  std::unique_ptr<Transport::Handle> stream_;
  size_t stream_endpoint_ = 0;
  int stream_status_ = 0;
  bool relist_ = false;
  std::string line_;
  absl::Time stream_opened_;
  size_t failures_ = 0;
  Loop::Timer timer_;
  Loop::Timer watchdog_;
  int endpoint_subscription_ = -1;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace pintle::client
