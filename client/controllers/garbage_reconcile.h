// Garbage collection's decisions about one object, given what is known of its owners and
// dependents.
//
// Pure. Source: kube-controller-manager, pkg/controller/garbagecollector (attemptToDeleteItem and
// its kin).
#pragma once

#include <string>
#include <vector>

#include "client/controllers/plan.h"

namespace pintle::client::controllers {

inline constexpr std::string_view kForegroundFinalizer = "foregroundDeletion";
inline constexpr std::string_view kOrphanFinalizer = "orphan";

enum class OwnerState {
  kSolid,    // exists
  kAbsent,   // a live GET said so
  kWaiting,  // exists, is being deleted in the foreground and waits for its dependents
};

struct Dependent {
  ResourceType type;
  ObjectPtr object;
};

// What becomes of a live object with these owners (one state per ownerReference, in order).
Plan CollectDependent(const Dependent& item, const std::vector<OwnerState>& owners,
                      bool has_dependents);

// Foreground deletion: the finalizer goes when no dependent with blockOwnerDeletion is left.
bool Blocks(const Json& dependent, std::string_view owner_uid);
Plan ReleaseFinalizer(const Dependent& item, std::string_view finalizer);

// Orphaning: every dependent lets go of the owner, then the finalizer goes.
Plan OrphanDependents(const Dependent& owner, const std::vector<Dependent>& dependents);

}  // namespace pintle::client::controllers
