// ObjectMeta: the life of metadata through creates and updates (kube-api §7). Pure functions over
// objects; any thread. Checks of syntax (names, labels, owner references) are the rows'
// (resources/validation.h, ValidateObjectMeta).
#pragma once

#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "server/kube/resources/resource.h"
#include "server/kube/stored_form.h"

namespace pintle::server::kube {

// Sets what the server decides and drops what a client may not say: uid, creationTimestamp,
// generation, deletion fields, selfLink, managedFields. A name is generated from generateName.
void PrepareMetaForCreate(const Resource& resource, Json& object, absl::Time now);

// The same for an update of `old`: keeps uid, creation and deletion fields, and the generation,
// bumped when the desired state changed. `errors` gets what a client may not change.
void PrepareMetaForUpdate(const Resource& resource, Json& object, const Json& old,
                          FieldErrors& errors);

// Drops what is never kept: managedFields, selfLink, clusterName.
void DropUnkeptMeta(Json& object);

bool IsBeingDeleted(const Json& object);
int64_t GracePeriod(const Json& object);  // deletionGracePeriodSeconds, or 0
// No finalizer of any sort is left, and no grace: an object being deleted may now go.
bool NothingHoldsIt(const Json& object);
void MarkDeleted(Json& object, absl::Time when, int64_t grace_seconds);

std::string Name(const Json& object);
std::string Uid(const Json& object);

}  // namespace pintle::server::kube
