// Bootstrap: the namespaces that every cluster has, made by whoever comes first (kube-api §11).
//
// Idempotent and without coordination: each is "create if absent" on the store. Run by requests
// until one run went through; from then on it costs one atomic load. Threads: any.
#pragma once

#include <atomic>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "net/http.h"
#include "server/kube/call.h"

namespace pintle::server::kube {

class Bootstrap {
 public:
  explicit Bootstrap(FaceContext& face) : face_(face) {}

  bool done() const { return done_.load(std::memory_order_acquire); }
  // Calls `next` on the exchange's thread with how it ended; at once when it is done.
  using Finished = absl::AnyInvocable<void(Result<Done>)>;
  void Ensure(std::shared_ptr<net::HttpExchange> exchange, Finished next);

 private:
  void Make(size_t index, std::shared_ptr<net::HttpExchange> exchange, Finished next);

  FaceContext& face_;
  std::atomic<bool> done_ = false;
};

}  // namespace pintle::server::kube
