// Call: one request of the façade while it is being answered, and what all calls share.
//
// Owner: whoever continues the work holds the shared_ptr. Thread: the exchange's.
#pragma once

#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "net/http.h"
#include "server/kube/kube_face.h"
#include "server/kube/large_lists.h"
#include "server/kube/media.h"
#include "server/kube/openapi/schema.h"
#include "server/kube/reply.h"
#include "server/kube/request.h"
#include "server/kube/service_addresses.h"
#include "server/kube/shared_leases.h"
#include "server/kube/stored_form.h"
#include "server/kube/text.h"
#include "server/replica/local_member.h"

namespace pintle::server::kube {

struct FaceContext {
  replica::LocalMember& member;
  const KubeOptions options;
  const ServiceAddresses addresses;
  const Schema& schema;
  SharedLeases leases;
  LargeLists large_lists{};
};

struct Call {
  FaceContext& face;
  net::HttpRequest request;
  RequestInfo info;
  ResponseForm form;
  Reply reply;

  const Resource& resource() const { return *info.resource; }
  absl::Time now() const { return face.options.now(); }
};
using CallPtr = std::shared_ptr<Call>;

// --- One entry per verb. Each answers the exchange exactly once, now or later.
void HandleGet(CallPtr call);               // reads.cc
void HandleList(CallPtr call);              // list.cc
void HandleWatch(CallPtr call);             // watch_stream.cc
void HandleCreate(CallPtr call);            // writes.cc
void HandleUpdate(CallPtr call);            // writes.cc
void HandlePatch(CallPtr call);             // writes.cc
void HandleDelete(CallPtr call);            // deletes.cc
void HandleDeleteCollection(CallPtr call);  // deletes.cc
void HandleScaleGet(CallPtr call);          // scale.cc
void HandleScaleWrite(CallPtr call);        // scale.cc: PUT and PATCH
void HandleBinding(CallPtr call);           // binding.cc

// A view for reading, on the call's thread: the newest local one, or one confirmed by a quorum.
// Reads that were confirmed together each wait for room of their own (net/room.h).
using ViewPtr = std::shared_ptr<const kv::ReadView>;
using UseView = absl::AnyInvocable<void(absl::StatusOr<ViewPtr>)>;
void WithView(const CallPtr& call, bool newest_local, UseView use);  // reads.cc

// Sends one object in the form that was asked for.
void SendObject(const Call& call, int http_status, Json object);

}  // namespace pintle::server::kube
