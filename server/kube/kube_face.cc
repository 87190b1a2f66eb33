#include "server/kube/kube_face.h"

#include <utility>

#include "server/kube/bootstrap.h"
#include "server/kube/call.h"
#include "server/kube/meta_pages.h"
#include "server/kube/status_error.h"
#include "server/replica/errors.h"

namespace pintle::server::kube {
namespace {

// "/api/v1/pods" → {"", "v1", "pods"}; "/apis/apps/v1/deployments/x" → {"apps", "v1", …}.
struct ApiPath {
  std::string_view group, version, rest;
};

bool SplitApiPath(std::string_view path, ApiPath& api) {
  if (path.starts_with("/apis/")) {
    path.remove_prefix(6);
    const size_t slash = path.find('/');
    if (slash == std::string_view::npos) return false;
    api.group = path.substr(0, slash);
    path.remove_prefix(slash + 1);
  } else if (path.starts_with("/api/")) {
    path.remove_prefix(5);
  } else {
    return false;
  }
  const size_t slash = path.find('/');
  if (slash == std::string_view::npos || (api.group.empty() && path.substr(0, slash) != "v1"))
    return false;
  api.version = path.substr(0, slash);
  api.rest = path.substr(slash + 1);
  return !api.rest.empty();
}

void DispatchSubresource(CallPtr call) {
  const std::string_view name = call->info.subresource_name();
  const Verb verb = call->info.verb;
  if (name == "scale") {
    if (verb == Verb::kGet) return HandleScaleGet(std::move(call));
    return HandleScaleWrite(std::move(call));
  }
  if (name == "binding") return HandleBinding(std::move(call));
  if (name != "status" && name != "finalize") return call->reply.SendError(UnknownResource());
  if (verb == Verb::kGet) return HandleGet(std::move(call));
  if (verb == Verb::kUpdate) return HandleUpdate(std::move(call));
  if (verb == Verb::kPatch) return HandlePatch(std::move(call));
  call->reply.SendError(MethodNotAllowed());
}

void Dispatch(CallPtr call) {
  if (call->info.subresource != nullptr) return DispatchSubresource(std::move(call));
  switch (call->info.verb) {
    case Verb::kGet:
      return HandleGet(std::move(call));
    case Verb::kList:
      return HandleList(std::move(call));
    case Verb::kWatch:
      return HandleWatch(std::move(call));
    case Verb::kCreate:
      return HandleCreate(std::move(call));
    case Verb::kUpdate:
      return HandleUpdate(std::move(call));
    case Verb::kPatch:
      return HandlePatch(std::move(call));
    case Verb::kDelete:
      return HandleDelete(std::move(call));
    case Verb::kDeleteCollection:
      return HandleDeleteCollection(std::move(call));
  }
}

}  // namespace

class KubeFace::Impl {
 public:
  Impl(replica::LocalMember& member, KubeOptions options, ServiceAddresses addresses)
      : face_{member, std::move(options), std::move(addresses), BuiltInSchema(),
              SharedLeases(member)},
        bootstrap_(face_),
        pages_(face_, bootstrap_) {}

  void Handle(net::HttpRequest request, std::shared_ptr<net::HttpExchange> exchange) {
    Reply reply{std::move(exchange), false, {}};
    if (pages_.Handle(request, reply)) return;
    ApiPath path;
    if (!SplitApiPath(request.path, path)) return reply.SendError(UnknownResource());
    Result<RequestInfo> info = ParseResourceRequest(path.group, path.version, path.rest, request);
    if (!info.ok()) return reply.SendError(info.error());
    Result<ResponseForm> form = NegotiateForm(request, info->query);
    if (!form.ok()) return reply.SendError(form.error());
    reply.pretty = form->pretty;
    if (!face_.member.store_usable())
      return reply.SendError(FromMember(replica::ErrStoreUnderRepair(), /*was_write=*/false));
    auto call = std::make_shared<Call>(
        Call{face_, std::move(request), *std::move(info), *std::move(form), std::move(reply)});
    if (bootstrap_.done()) return Dispatch(std::move(call));
    // Until the namespaces are there each request makes them; when that fails, so will the request.
    bootstrap_.Ensure(call->reply.exchange,
                      [call](Result<Done>) mutable { Dispatch(std::move(call)); });
  }

 private:
  FaceContext face_;
  Bootstrap bootstrap_;
  MetaPages pages_;
};

absl::StatusOr<std::unique_ptr<KubeFace>> KubeFace::Create(replica::LocalMember& member,
                                                           KubeOptions options) {
  absl::StatusOr<ServiceAddresses> addresses = ServiceAddresses::Create(
      options.service_cluster_ip_range, options.first_node_port, options.last_node_port);
  if (!addresses.ok()) return addresses.status();
  if (options.bookmark_interval <= absl::ZeroDuration() ||
      options.default_watch_timeout <= absl::ZeroDuration())
    return absl::InvalidArgumentError("bookmark interval and watch timeout must be positive");
  auto impl = std::make_unique<Impl>(member, std::move(options), *std::move(addresses));
  return std::unique_ptr<KubeFace>(new KubeFace(std::move(impl)));
}

KubeFace::KubeFace(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KubeFace::~KubeFace() = default;

void KubeFace::Handle(net::HttpRequest request, std::shared_ptr<net::HttpExchange> exchange) {
  impl_->Handle(std::move(request), std::move(exchange));
}

}  // namespace pintle::server::kube
