#include "server/kube/object_meta.h"

#include <algorithm>
#include <vector>

#include "server/kube/openapi/scalars.h"
#include "server/kube/random.h"
#include "server/kube/resources/field_error.h"
#include "server/kube/resources/row_parts.h"
#include "server/kube/text.h"

namespace pintle::server::kube {
namespace {

constexpr size_t kMaxGeneratedBase = 58;  // with the suffix, a label's 63

// Everything but metadata and status: what a generation counts changes of.
bool DesiredStateChanged(const Json& object, const Json& old) {
  const auto strip = [](Json json) {
    for (const char* name : {"metadata", "status", "kind", "apiVersion"}) json.erase(name);
    return json;
  };
  return !SemanticEqual(strip(object), strip(old));
}

void KeepGeneration(const Resource& resource, Json& object, const Json& old) {
  Json& metadata = object["metadata"];
  const Json& before = At(old, {"metadata", "generation"});
  if (!resource.has_generation) {
    if (before.is_null()) {
      metadata.erase("generation");
    } else {
      metadata["generation"] = before;
    }
    return;
  }
  const bool annotations_count =
      resource.generation_on_annotations &&
      !SemanticEqual(At(object, {"metadata", "annotations"}), At(old, {"metadata", "annotations"}));
  const int64_t generation = IntAt(old, {"metadata", "generation"}, 1);
  metadata["generation"] =
      DesiredStateChanged(object, old) || annotations_count ? generation + 1 : generation;
}

// Fields that only DELETE sets.
void KeepDeletionFields(Json& metadata, const Json& old, FieldErrors& errors) {
  for (const char* name : {"deletionTimestamp", "deletionGracePeriodSeconds"}) {
    const Json& before = At(old, {"metadata", name});
    const auto now = metadata.find(name);
    if (!before.is_null()) {
      metadata[name] = before;
    } else if (now != metadata.end() && !now->is_null()) {
      AddInvalid(errors, StrCat("metadata.", name), *now,
                 "field is immutable; may only be changed via deletion");
    }
  }
}

void CheckNewFinalizers(const Json& object, const Json& old, FieldErrors& errors) {
  if (!IsBeingDeleted(old)) return;
  const Json& before = At(old, {"metadata", "finalizers"});
  Json added = Json::array();
  for (const Json& each : At(object, {"metadata", "finalizers"})) {
    if (std::find(before.begin(), before.end(), each) == before.end()) added.push_back(each);
  }
  if (added.empty()) return;
  AddForbidden(errors, "metadata.finalizers",
               StrCat("no new finalizers can be added if the object is being deleted, found "
                      "new finalizers ",
                      GoText(added)));
}

}  // namespace

void DropUnkeptMeta(Json& object) {
  Json& metadata = object["metadata"];
  for (const char* name : {"managedFields", "selfLink", "clusterName"}) metadata.erase(name);
  // Emptied is the same as never there: it must read so, and be the same bytes.
  for (const char* name : {"labels", "annotations", "ownerReferences", "finalizers"}) {
    const auto field = metadata.find(name);
    if (field != metadata.end() && field->empty()) metadata.erase(field);
  }
}

void PrepareMetaForCreate(const Resource& resource, Json& object, absl::Time now) {
  Json& metadata = object["metadata"];
  DropUnkeptMeta(object);
  for (const char* name : {"deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion"})
    metadata.erase(name);
  metadata["uid"] = RandomUid();
  metadata["creationTimestamp"] = Rfc3339Seconds(now);
  if (resource.has_generation) metadata["generation"] = 1;
  const std::string base = StringAt(object, {"metadata", "generateName"});
  if (Name(object).empty() && !base.empty())
    metadata["name"] = StrCat(base.substr(0, kMaxGeneratedBase), RandomNameSuffix());
}

void PrepareMetaForUpdate(const Resource& resource, Json& object, const Json& old,
                          FieldErrors& errors) {
  DropUnkeptMeta(object);
  Json& metadata = object["metadata"];
  for (const char* name : {"name", "namespace", "uid"}) {
    const Json& before = At(old, {"metadata", name});
    const auto now = metadata.find(name);
    if (now == metadata.end() || *now == "") {
      if (!before.is_null()) metadata[name] = before;
    } else if (*now != before) {
      AddInvalid(errors, StrCat("metadata.", name), *now, "field is immutable");
    }
  }
  metadata["creationTimestamp"] = At(old, {"metadata", "creationTimestamp"});
  KeepDeletionFields(metadata, old, errors);
  KeepGeneration(resource, object, old);
  CheckNewFinalizers(object, old, errors);
}

bool IsBeingDeleted(const Json& object) {
  return At(object, {"metadata", "deletionTimestamp"}).is_string();
}

int64_t GracePeriod(const Json& object) {
  return IntAt(object, {"metadata", "deletionGracePeriodSeconds"});
}

bool NothingHoldsIt(const Json& object) {
  // spec.finalizers exists in Namespace alone.
  return At(object, {"metadata", "finalizers"}).empty() &&
         At(object, {"spec", "finalizers"}).empty() && GracePeriod(object) == 0;
}

void MarkDeleted(Json& object, absl::Time when, int64_t grace_seconds) {
  Json& metadata = object["metadata"];
  metadata["deletionTimestamp"] = Rfc3339Seconds(when);
  metadata["deletionGracePeriodSeconds"] = grace_seconds;
}

std::string Name(const Json& object) { return StringAt(object, {"metadata", "name"}); }
std::string Uid(const Json& object) { return StringAt(object, {"metadata", "uid"}); }

}  // namespace pintle::server::kube
