// An API server in memory, seen through Transport: enough of Kubernetes for controllers to live on.
//
// One store behind several endpoints, as Pintle's members are. Objects, resourceVersions, lists in
// pages, watches with history, generateName, optimistic locking, status and scale-free
// subresources, pods/binding, graceful deletion, finalizers, propagation policies, namespace
// termination and discovery. Answers come 1 ms later on the executor,
// which may be one of virtual time. Any number of endpoints: they differ only in the faults given
// to them. Faults: endpoints can be down (refuse, and drop streams) or frozen (never answer);
// history can be compacted.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "client/api_request.h"
#include "client/transport.h"
#include "tests/client/virtual_loop.h"

namespace pintle::client::testing {

class FakeApiServer final : public Transport {
 public:
  FakeApiServer(net::Executor& executor, std::function<absl::Time()> now);
  explicit FakeApiServer(VirtualExecutor& executor)
      : FakeApiServer(executor, [&executor] { return executor.now(); }) {}

  std::unique_ptr<Handle> Send(size_t endpoint, net::HttpClientRequest request,
                               net::HttpClient::Done done) override;
  std::unique_ptr<Handle> Stream(size_t endpoint, net::HttpClientRequest request,
                                 net::HttpClient::StreamCallbacks callbacks) override;

  // Faults.
  void Down(size_t endpoint);
  void Up(size_t endpoint) { down_.erase(endpoint), frozen_.erase(endpoint); }
  void Freeze(size_t endpoint) { frozen_.insert(endpoint); }
  void Compact() { compacted_ = version_; }
  void EndStreams(absl::Status status);
  void RefuseStreams(bool refuse) { refuse_streams_ = refuse; }
  void Hold(const std::string& resource_id) { held_ = resource_id; }  // its watchers hear nothing
  void Release() { held_.clear(), Deliver(); }
  // Looked at before each request; an answer given here is the answer. Not for streams.
  std::function<std::optional<net::HttpClientResponse>(size_t endpoint,
                                                       const net::HttpClientRequest&)>
      intercept;
  // Carried out, but the answer is lost and the endpoint is down from then on.
  std::function<bool(const net::HttpClientRequest&)> lose_answer_of;

  // The store, as a test or a user sees it: the same code path as over HTTP.
  ApiReply Do(const ApiRequest& request);
  Json Find(const ResourceType& type, const std::string& key) const;  // null when absent
  std::vector<Json> All(const ResourceType& type) const;
  uint64_t version() const { return version_; }
  std::function<void()> on_change;  // after each change, before anyone is told

  size_t streams() const { return streams_.size(); }
  struct Logged {
    size_t endpoint;
    std::string method;
    std::string target;
  };
  std::vector<Logged> log;

 private:
  struct Target {
    ResourceType type;
    std::string name_space;
    std::string name;
    std::string subresource;
    std::map<std::string, std::string> query;
  };
  struct Event {
    uint64_t version;
    std::string resource;
    std::string type;
    Json object;
  };
  struct OpenStream {
    size_t endpoint;
    Target target;
    uint64_t sent;
    net::HttpClient::StreamCallbacks callbacks;
    std::unique_ptr<net::Executor::Timer> end;
    bool ended = false;
  };
  class Call;
  using Objects = std::map<std::string, Json>;

  std::optional<Target> Parse(const std::string& target) const;
  net::HttpClientResponse Serve(const net::HttpClientRequest& request);
  net::HttpClientResponse Discovery(const std::string& path) const;
  net::HttpClientResponse List(const Target& target);
  net::HttpClientResponse Create(const Target& target, Json object);
  net::HttpClientResponse Bind(const Target& target, const Json& binding);
  net::HttpClientResponse Update(const Target& target, Json object);
  net::HttpClientResponse Patch(const Target& target, const std::string& type, const Json& patch);
  net::HttpClientResponse Delete(const Target& target, const Json& options);
  net::HttpClientResponse DeleteAll(const Target& target, const Json& options);
  net::HttpClientResponse Store(const Target& target, const Json& before, Json after);
  net::HttpClientResponse Answer(const Target& target, const Json& object, int code) const;

  void Write(const ResourceType& type, const std::string& key, Json object, const char* event);
  void Remove(const ResourceType& type, const std::string& key);
  void Deliver();
  void Feed(OpenStream& stream);

  net::Executor& executor_;
  std::function<absl::Time()> now_;
  std::vector<ResourceType> types_;
  std::map<std::string, Objects> objects_;  // by resource id
  std::vector<Event> history_;
  uint64_t version_ = 100;
  uint64_t compacted_ = 0;
  uint64_t next_uid_ = 1;
  std::set<size_t> down_;
  std::set<size_t> frozen_;
  uint64_t next_id_ = 1;
  std::map<uint64_t, std::shared_ptr<OpenStream>> streams_;
  std::map<uint64_t, std::unique_ptr<net::Executor::Timer>> timers_;
  bool delivery_posted_ = false;
  bool refuse_streams_ = false;
  std::string held_;
};

// A strategic merge of the lists that controllers patch: conditions by type, ownerReferences by uid
// ($patch: delete).
Json StrategicMerge(const Json& current, const Json& patch);

}  // namespace pintle::client::testing
