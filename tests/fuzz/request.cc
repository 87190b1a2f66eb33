// A message of every RPC, any bytes, as far as the store: parsed, judged and applied by the real
// face and the real store of one member. The first byte says which RPC. The call is answered or
// waits; what it says is well-formed.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "base/check.h"
#include "tests/etcd/harness.h"

namespace pintle::server::etcd::testing {
namespace {

// New ones go to the end: the corpus counts.
constexpr auto kPaths = std::to_array<const char*>({
    "/etcdserverpb.KV/Range",
    "/etcdserverpb.KV/Put",
    "/etcdserverpb.KV/DeleteRange",
    "/etcdserverpb.KV/Txn",
    "/etcdserverpb.KV/Compact",
    "/etcdserverpb.KV/RangeStream",
    "/etcdserverpb.Watch/Watch",
    "/etcdserverpb.Lease/LeaseGrant",
    "/etcdserverpb.Lease/LeaseRevoke",
    "/etcdserverpb.Lease/LeaseKeepAlive",
    "/etcdserverpb.Lease/LeaseTimeToLive",
    "/etcdserverpb.Lease/LeaseLeases",
    "/etcdserverpb.Cluster/MemberAdd",
    "/etcdserverpb.Cluster/MemberRemove",
    "/etcdserverpb.Cluster/MemberUpdate",
    "/etcdserverpb.Cluster/MemberList",
    "/etcdserverpb.Cluster/MemberPromote",
    "/etcdserverpb.Maintenance/Alarm",
    "/etcdserverpb.Maintenance/Status",
    "/etcdserverpb.Maintenance/Defragment",
    "/etcdserverpb.Maintenance/Hash",
    "/etcdserverpb.Maintenance/HashKV",
    "/etcdserverpb.Maintenance/Snapshot",
    "/etcdserverpb.Maintenance/MoveLeader",
    "/etcdserverpb.Maintenance/Downgrade",
    "/etcdserverpb.Auth/AuthEnable",
    "/etcdserverpb.Auth/AuthDisable",
    "/etcdserverpb.Auth/AuthStatus",
    "/etcdserverpb.Auth/Authenticate",
    "/etcdserverpb.Auth/UserAdd",
    "/etcdserverpb.Auth/UserGet",
    "/etcdserverpb.Auth/UserList",
    "/etcdserverpb.Auth/UserDelete",
    "/etcdserverpb.Auth/UserChangePassword",
    "/etcdserverpb.Auth/UserGrantRole",
    "/etcdserverpb.Auth/UserRevokeRole",
    "/etcdserverpb.Auth/RoleAdd",
    "/etcdserverpb.Auth/RoleGet",
    "/etcdserverpb.Auth/RoleList",
    "/etcdserverpb.Auth/RoleDelete",
    "/etcdserverpb.Auth/RoleGrantPermission",
    "/etcdserverpb.Auth/RoleRevokePermission",
    "/v3lockpb.Lock/Lock",
    "/v3lockpb.Lock/Unlock",
    "/v3electionpb.Election/Campaign",
    "/v3electionpb.Election/Proclaim",
    "/v3electionpb.Election/Leader",
    "/v3electionpb.Election/Observe",
    "/v3electionpb.Election/Resign",
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
});

void CheckThatAllAreHere(const net::GrpcRouter& router) {
  const auto is_here = [](const std::string& path) {
    return std::ranges::find(kPaths, path) != kPaths.end();
  };
  for (const auto& [path, method] : router.unary()) PINTLE_CHECK(is_here(path), path.c_str());
  for (const auto& [path, method] : router.stream()) PINTLE_CHECK(is_here(path), path.c_str());
}

void CheckAnswers(FakeCall& call, const std::string& path) {
  const auto answer = NewMessage(FindMethod(path.substr(1))->output_type());
  for (const std::string& bytes : call.TakeSent()) {
    PINTLE_CHECK(answer->ParseFromString(bytes), "an answer that is no message");
  }
}

void Ask(const std::string& path, const std::string& bytes) {
  EtcdFaceOptions options;
  options.auth.bcrypt_cost = 4;
  Harness harness(std::move(options));
  harness.member.loop.Put("a", "0");
  harness.member.loop.Put("a/1", "1");
  [[maybe_unused]] static const bool checked = (CheckThatAllAreHere(harness.router), true);
  const auto call = std::make_shared<FakeCall>(harness.executor, net::Headers());
  std::unique_ptr<net::GrpcStreamHandler> stream;
  if (const auto unary = harness.router.unary().find(path); unary != harness.router.unary().end()) {
    unary->second(bytes, call);
  } else if (const auto opens = harness.router.stream().find(path);
             opens != harness.router.stream().end()) {
    stream = opens->second(call);
    if (stream != nullptr) stream->OnMessage(bytes);
    harness.RunBackground();
    if (stream != nullptr && !call->ended()) stream->OnMessage(bytes);
  }
  harness.RunBackground();
  CheckAnswers(*call, path);
  if (!call->ended()) call->Cancel();
  harness.RunBackground();
}

}  // namespace
}  // namespace pintle::server::etcd::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using pintle::server::etcd::testing::kPaths;
  if (size < 1) return 0;
  pintle::server::etcd::testing::Ask(kPaths.at(data[0] % kPaths.size()),
                                     {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
