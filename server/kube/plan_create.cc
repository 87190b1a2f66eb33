#include "server/kube/object_meta.h"
#include "server/kube/plans.h"
#include "server/kube/resources/row_parts.h"
#include "server/kube/resources/validation.h"
#include "server/kube/service_addresses.h"
#include "server/kube/text.h"

namespace pintle::server::kube {
namespace {

constexpr int kNameAttempts = 8;  // 27^5 suffixes: one attempt is nearly always enough

// Nothing is created in a namespace that is absent or going away; the guard keeps it so until the
// write.
Result<Done> GuardNamespace(const PlanContext& context, const std::string& name,
                            const kv::ReadView& view, StoreTxn& txn) {
  const Resource* namespaces = FindResource("", "v1", "namespaces");
  const ObjectKey key{"", context.name_space};
  KUBE_ASSIGN_OR_RETURN(std::optional<Stored> found, ReadObject(view, *namespaces, key));
  if (!found) return NotFound(*namespaces, context.name_space);
  if (StringAt(found->object, {"status", "phase"}) == "Terminating" ||
      IsBeingDeleted(found->object)) {
    const std::string why = StrCat("unable to create new content in namespace ", context.name_space,
                                   " because it is being terminated");
    StatusError error = Forbidden(*context.resource, name, why);
    error.details["causes"] =
        Json::array({{{"reason", "NamespaceTerminating"},
                      {"message", StrCat("namespace ", context.name_space, " is being terminated")},
                      {"field", "metadata.namespace"}}});
    return error;
  }
  txn.guards.push_back({StorageKey(*namespaces, key), found->mod_revision});
  return Done{};
}

Result<bool> Exists(const kv::ReadView& view, const Resource& resource, const ObjectKey& key) {
  KUBE_ASSIGN_OR_RETURN(kv::EncodedKeyValue pair, ReadPair(view, StorageKey(resource, key)));
  return pair != nullptr;
}

// A free name: the one given, or another suffix while a generated one is taken.
Result<Done> SettleName(const PlanContext& context, Json& object, bool generated,
                        const kv::ReadView& view) {
  for (int attempt = 0;; ++attempt) {
    KUBE_ASSIGN_OR_RETURN(bool taken,
                          Exists(view, *context.resource, {context.name_space, Name(object)}));
    if (!taken) return Done{};
    if (!generated || attempt == kNameAttempts)
      return AlreadyExists(*context.resource, Name(object));
    object["metadata"].erase("name");
    PrepareMetaForCreate(*context.resource, object, context.now);
  }
}

}  // namespace

Result<WritePlan> PlanCreate(const PlanContext& context, Json object, const kv::ReadView& view) {
  const Resource& resource = *context.resource;
  WritePlan plan;
  plan.http_status = 201;
  const bool generated = Name(object).empty();
  if (resource.namespaced)
    KUBE_RETURN_IF_ERROR(GuardNamespace(context, Name(object), view, plan.txn));
  PrepareMetaForCreate(resource, object, context.now);
  resource.prepare_for_create(object, context.now);

  FieldErrors errors;
  ValidateObjectMeta(object, resource, errors);
  resource.validate(object, nullptr, errors);
  if (!errors.empty()) return Invalid(resource, Name(object), errors);
  KUBE_RETURN_IF_ERROR(SettleName(context, object, generated, view));

  if (ServiceAddresses::Concerns(resource))
    KUBE_RETURN_IF_ERROR(context.addresses->Allocate(view, object, nullptr, plan.txn));
  std::string key = StorageKey(resource, {context.name_space, Name(object)});
  plan.txn.guards.push_back({key, 0});
  plan.txn.puts.push_back({std::move(key), EncodeStored(object), context.lease});
  plan.object = std::move(object);
  return plan;
}

}  // namespace pintle::server::kube
