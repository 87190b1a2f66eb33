// ElectionObserver: one Observe call: the leader's value now, every later one, and after its end
// the next leader's, until the client goes. What is refused meanwhile ends it without an error
// (etcd-api 1.7).
//
// Thread: the call's; lives as long as the call. What is not sent yet holds up the watch behind it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "server/etcd/inner_client.h"

namespace pintle::server::etcd {

class ElectionObserver : public std::enable_shared_from_this<ElectionObserver> {
 public:
  ElectionObserver(const net::GrpcRouter& router, std::shared_ptr<net::GrpcCall> call)
      : client_(router, call), call_(std::move(call)) {}

  void Begin(const std::string& name);
  void Close();

 private:
  void Find();
  void AwaitFirst(int64_t revision);
  void Found(const etcdserverpb::ResponseHeader& header, const mvccpb::KeyValue& pair);
  void Follow(const std::string& key, int64_t revision);
  void Send(const etcdserverpb::ResponseHeader& header, const mvccpb::KeyValue& pair);
  void EndWatch();
  void End();

  const InnerClient client_;
  std::shared_ptr<net::GrpcCall> call_;  // null once closed
  std::string prefix_;
  std::shared_ptr<LocalCall> watch_;
};

}  // namespace pintle::server::etcd
