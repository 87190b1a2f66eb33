// Who controls what: adoption of orphans that match a selector, release of what no longer does.
//
// Pure. Source: kube-controller-manager, controller_ref_manager.go.
#pragma once

#include <string>
#include <vector>

#include "client/controllers/plan.h"

namespace pintle::client::controllers {

struct Claims {
  std::vector<ObjectPtr> owned;  // controlled by the owner and still matching
  std::vector<Action> changes;   // adoptions and releases to be carried out
};

// `owner_type` and `type` are the kinds of the owner and of the candidates. Nothing is adopted by
// an owner that is being deleted, and nothing that is being deleted is adopted.
Claims ClaimObjects(const ResourceType& owner_type, const Json& owner, const ResourceType& type,
                    const std::vector<ObjectPtr>& candidates);

}  // namespace pintle::client::controllers
