// Call: one request of the façade while it is being answered, and what all calls share.
//
// Owner: whoever continues the work holds the shared_ptr. Thread: the exchange's.
#pragma once

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "net/http.h"
#include "server/kube/kube_face.h"
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

// Sends one object in the form that was asked for.
void SendObject(const Call& call, int http_status, Json object);

}  // namespace pintle::server::kube
