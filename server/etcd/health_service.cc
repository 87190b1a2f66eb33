#include "server/etcd/health_service.h"

#include <memory>
#include <string>
#include <utility>

#include "proto/etcd/health.pb.h"

namespace pintle::server::etcd {
namespace {

using CallPtr = std::shared_ptr<net::GrpcCall>;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

std::string Encode(HealthCheckResponse::ServingStatus status) {
  HealthCheckResponse response;
  response.set_status(status);
  return response.SerializeAsString();
}

// Sends the status once; it never changes while the server answers. Stays open, as the protocol
// wants.
class HealthWatch final : public net::GrpcStreamHandler {
 public:
  explicit HealthWatch(const CallPtr& call) : call_(call) {}

  void OnMessage(std::string message) override {
    const auto call = call_.lock();
    if (call == nullptr) return;
    HealthCheckRequest request;
    if (!ParseMessage(message, request)) {
      call->Finish(ErrNotAMessage());
      return;
    }
    call->Send(Encode(request.service().empty() ? HealthCheckResponse::SERVING
                                                : HealthCheckResponse::SERVICE_UNKNOWN));
  }
  void OnHalfClose() override {}

 private:
  const std::weak_ptr<net::GrpcCall> call_;
};

void Check(const ServicePtr&, const HealthCheckRequest& request, std::string, CallPtr call) {
  if (request.service().empty()) {
    call->Reply(Encode(HealthCheckResponse::SERVING));
  } else {
    call->Finish(absl::NotFoundError("unknown service"));
  }
}

}  // namespace

void RegisterHealth(net::GrpcRouter& router, ServicePtr service) {
  AddUnary<HealthCheckRequest>(router, "/grpc.health.v1.Health/Check", std::move(service), Check);
  router.Stream("/grpc.health.v1.Health/Watch",
                [](const CallPtr& call) { return std::make_unique<HealthWatch>(call); });
}

}  // namespace pintle::server::etcd
