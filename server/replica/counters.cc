#include "server/replica/counters.h"

#include <iterator>
#include <memory>
#include <variant>

namespace pintle::server::replica {
namespace {

struct Named {
  RequestKind kind;
  std::string_view name;
};
constexpr Named kNames[] = {
    {RequestKind::kPut, "Put"},
    {RequestKind::kDeleteRange, "DeleteRange"},
    {RequestKind::kTxn, "Txn"},
    {RequestKind::kCompaction, "Compaction"},
    {RequestKind::kLeaseGrant, "LeaseGrant"},
    {RequestKind::kLeaseRevoke, "LeaseRevoke"},
    {RequestKind::kAlarm, "Alarm"},
    {RequestKind::kAuthEnable, "AuthEnable"},
    {RequestKind::kAuthDisable, "AuthDisable"},
    {RequestKind::kAuthenticate, "Authenticate"},
    {RequestKind::kAuthUserAdd, "AuthUserAdd"},
    {RequestKind::kAuthUserDelete, "AuthUserDelete"},
    {RequestKind::kAuthUserChangePassword, "AuthUserChangePassword"},
    {RequestKind::kAuthUserGrantRole, "AuthUserGrantRole"},
    {RequestKind::kAuthUserRevokeRole, "AuthUserRevokeRole"},
    {RequestKind::kAuthRoleAdd, "AuthRoleAdd"},
    {RequestKind::kAuthRoleDelete, "AuthRoleDelete"},
    {RequestKind::kAuthRoleGrantPermission, "AuthRoleGrantPermission"},
    {RequestKind::kAuthRoleRevokePermission, "AuthRoleRevokePermission"},
};
static_assert(std::size(kNames) + 1 == ApplyTimes::kKinds);

// Operations of a transaction that ran, the nested ones too.
size_t CountOps(const kv::TxnResult& txn, base::Counter& ranges) {
  size_t ops = 0;
  for (const kv::TxnOpResult& response : txn.responses) {
    if (const auto* nested = std::get_if<std::shared_ptr<kv::TxnResult>>(&response)) {
      ops += CountOps(**nested, ranges);
      continue;
    }
    ++ops;
    if (std::holds_alternative<kv::RangeResult>(response)) ranges.Add();
  }
  return ops;
}

}  // namespace

void MemberCounters::CountEvents(std::span<const kv::Event> events) {
  for (const kv::Event& event : events) {
    if (event.type == kv::EventType::kPut) {
      puts.Add();
      put_bytes.Add(event.kv->size());
    } else {
      deletes.Add();
    }
  }
}

void MemberCounters::CountResult(const kv::CommandResult& result) {
  const auto* txn = std::get_if<kv::TxnResult>(&result);
  if (txn != nullptr && CountOps(*txn, ranges) > 1) txns.Add();
}

std::string_view ApplyTimes::NameOf(size_t index) {
  return index < std::size(kNames) ? kNames[index].name : "unknown";
}

size_t ApplyTimes::Index(RequestKind kind) {
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i].kind == kind) return i;
  }
  return std::size(kNames);
}

}  // namespace pintle::server::replica
