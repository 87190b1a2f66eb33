#include "client/controllers/discovery.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace pintle::client::controllers {
namespace {

struct State {
  std::vector<ApiResource> resources;
  size_t outstanding = 0;
  bool complete = true;
  DiscoveryDone done;

  void Finished() {
    if (--outstanding == 0) done(complete, std::move(resources));
  }
};

ApiRequest Get(std::string path) {
  ApiRequest request;
  request.path = std::move(path);
  return request;
}

void TakeResources(State& state, const std::string& group, const std::string& version,
                   const Json& list) {
  for (const Json& entry : Array(list, "resources")) {
    const std::string name(Str(entry, "name"));
    if (name.empty() || name.find('/') != std::string::npos) continue;
    ApiResource resource;
    resource.type = {group, version, name, std::string(Str(entry, "kind")),
                     Bool(entry, "namespaced")};
    for (const Json& verb : Array(entry, "verbs")) {
      if (verb.is_string()) resource.verbs.push_back(verb.get<std::string>());
    }
    state.resources.push_back(std::move(resource));
  }
}

void ReadGroup(KubeClient& client, const std::shared_ptr<State>& state, const std::string& group,
               const std::string& version) {
  ++state->outstanding;
  client.Send(Get(group.empty() ? "/api/" + version : absl::StrCat("/apis/", group, "/", version)),
              [state, group, version](ApiReply reply) {
                if (reply.ok()) {
                  TakeResources(*state, group, version, reply.body);
                } else {
                  state->complete = false;
                }
                state->Finished();
              });
}

}  // namespace

void Discover(KubeClient& client, DiscoveryDone done) {
  auto state = std::make_shared<State>();
  state->done = std::move(done);
  state->outstanding = 1;
  ReadGroup(client, state, "", "v1");
  client.Send(Get("/apis"), [&client, state](ApiReply reply) {
    if (!reply.ok()) state->complete = false;
    for (const Json& group : Array(reply.body, "groups")) {
      const std::string version(Str(group, "preferredVersion.version"));
      ReadGroup(client, state, std::string(Str(group, "name")), version);
    }
    state->Finished();
  });
}

}  // namespace pintle::client::controllers
