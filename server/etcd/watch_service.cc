#include "server/etcd/watch_service.h"

#include <memory>
#include <string>
#include <utility>

#include "server/etcd/watch_stream.h"

namespace pintle::server::etcd {
namespace {

class Handler final : public net::GrpcStreamHandler {
 public:
  explicit Handler(std::shared_ptr<WatchStream> stream) : stream_(std::move(stream)) {}
  void OnMessage(std::string message) override { stream_->Receive(message); }
  // As in etcd, a client that says no more goes on receiving until it cancels the call.
  void OnHalfClose() override {}

 private:
  const std::shared_ptr<WatchStream> stream_;
};

}  // namespace

void RegisterWatch(net::GrpcRouter& router, ServicePtr service) {
  router.Stream("/etcdserverpb.Watch/Watch",
                [service = std::move(service)](std::shared_ptr<net::GrpcCall> call) {
                  auto stream = std::make_shared<WatchStream>(service, std::move(call));
                  stream->Begin();
                  return std::make_unique<Handler>(std::move(stream));
                });
}

}  // namespace pintle::server::etcd
