// Bodies of the JSON gateway: any bytes, as a request of every kind (the first byte says which).
// What is taken comes back as JSON, and that is read as the same message.
#include "server/etcd/gateway_json.h"

#include <google/protobuf/descriptor.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "proto/etcd/election.pb.h"
#include "proto/etcd/rpc.pb.h"

namespace pintle::server::etcd {
namespace {

using namespace etcdserverpb;  // NOLINT: a page of its messages

// New ones go to the end: the corpus counts.
const google::protobuf::Descriptor& TypeOf(uint8_t number) {
  static const std::array kTypes = {
      RangeRequest::descriptor(),       PutRequest::descriptor(),
      TxnRequest::descriptor(),         WatchRequest::descriptor(),
      LeaseGrantRequest::descriptor(),  AlarmRequest::descriptor(),
      MemberAddRequest::descriptor(),   AuthRoleGrantPermissionRequest::descriptor(),
      AuthUserAddRequest::descriptor(), v3electionpb::ProclaimRequest::descriptor(),
      TxnResponse::descriptor(),        StatusResponse::descriptor(),
  };
  return *kTypes.at(number % kTypes.size());
}

void Read(const google::protobuf::Descriptor& type, std::string_view body) {
  std::string_view value;
  while (true) {
    const auto next = NextJson(body, value);
    if (!next.ok() || !*next) return;
    const auto bytes = JsonToBytes(type, value);
    if (!bytes.ok()) continue;
    const auto json = BytesToJson(type, *bytes);
    PINTLE_CHECK(json.ok(), "a message that was taken has no JSON");
    const auto again = JsonToBytes(type, *json);
    PINTLE_CHECK(again.ok() && *again == *bytes, "a message is another one when it is read again");
  }
}

}  // namespace
}  // namespace pintle::server::etcd

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  pintle::server::etcd::Read(pintle::server::etcd::TypeOf(data[0]),
                             {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
