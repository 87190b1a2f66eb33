// Plans: create, update and delete of one object as pure functions from a view of the store to a
// guarded transaction (write_loop.h), in the order of kube-apiserver (kube-api §8, §10, §11).
//
// Inputs are decoded and defaulted already. The same plan serves every kind: what is particular
// comes from the row. Any thread; inputs are values.
#pragma once

#include <functional>
#include <string>

#include "absl/time/time.h"
#include "kv/read_view.h"
#include "server/kube/stored_form.h"
#include "server/kube/write_loop.h"
#include "server/kube/write_options.h"

namespace pintle::server::kube {

class ServiceAddresses;

// What every plan of one request knows.
struct PlanContext {
  const Resource* resource = nullptr;
  const ServiceAddresses* addresses = nullptr;
  std::string name_space;
  absl::Time now;
  kv::LeaseId lease;  // for kinds with a ttl
};

Result<WritePlan> PlanCreate(const PlanContext& context, Json object, const kv::ReadView& view);

// Which part of the object an update may change.
enum class UpdateDoor { kMain, kStatus, kFinalize };

struct UpdateInput {
  PlanContext context;
  UpdateDoor door = UpdateDoor::kMain;
  std::string name;
  // The object as the client wants it, given the stored one (with its resourceVersion).
  std::function<Result<Json>(const Json& old)> change;
  bool is_patch = false;
  Json create_when_absent;  // null: 404
};
Result<WritePlan> PlanUpdate(const UpdateInput& input, const kv::ReadView& view);

struct DeleteInput {
  PlanContext context;
  std::string name;
  DeleteOptions options;
};
Result<WritePlan> PlanDelete(const DeleteInput& input, const kv::ReadView& view);

// Used by plans of several files.
Result<WritePlan> PlanRemoval(const PlanContext& context, const Stored& stored, Json answer,
                              const kv::ReadView& view);

}  // namespace pintle::server::kube
