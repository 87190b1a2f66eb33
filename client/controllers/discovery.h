// Discovery: which collections the API server has, and which verbs each allows. Asked for afresh
// each time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/kube_client.h"

namespace pintle::client::controllers {

struct ApiResource {
  ResourceType type;
  std::vector<std::string> verbs;

  bool Allows(std::string_view verb) const {
    for (const std::string& known : verbs) {
      if (known == verb) return true;
    }
    return false;
  }
};

// The preferred version of each group; subresources left out. `complete` is false when a group
// could not be read: the result is then what there is, and must not be taken for everything.
using DiscoveryDone = std::function<void(bool complete, std::vector<ApiResource> resources)>;
void Discover(KubeClient& client, DiscoveryDone done);

}  // namespace pintle::client::controllers
