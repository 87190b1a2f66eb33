// Method: the messages of an RPC, found by its path.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <memory>
#include <string>

namespace pintle::tests {

// "/etcdserverpb.KV/Range" → its request and response types; null for what does not exist.
struct Method {
  const google::protobuf::Descriptor* request = nullptr;
  const google::protobuf::Descriptor* response = nullptr;
  bool client_streams = false;
  bool server_streams = false;
};
Method MethodOf(const std::string& path);

std::unique_ptr<google::protobuf::Message> NewMessage(const google::protobuf::Descriptor& type);

}  // namespace pintle::tests
