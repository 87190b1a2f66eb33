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
size_t CountOps(const kv::TxnResult& txn, MemberCounters& counters) {
  size_t ops = 0;
  for (const kv::TxnOpResult& response : txn.responses) {
    if (const auto* nested = std::get_if<std::shared_ptr<kv::TxnResult>>(&response)) {
      ops += CountOps(**nested, counters);
      continue;
    }
    ++ops;
    if (std::holds_alternative<kv::RangeResult>(response)) counters.ranges.Add();
    if (std::holds_alternative<kv::DeleteRangeResult>(response)) counters.deletes.Add();
  }
  return ops;
}

}  // namespace

void MemberCounters::Count(const kv::CommandResult& result, std::span<const kv::Event> events) {
  uint64_t deleted = 0;
  for (const kv::Event& event : events) {
    if (event.type == kv::EventType::kPut) {
      puts.Add();
      put_bytes.Add(event.kv->size());
    } else {
      ++deleted;
    }
  }
  if (const auto* txn = std::get_if<kv::TxnResult>(&result)) {
    if (CountOps(*txn, *this) > 1) txns.Add();
  } else if (std::holds_alternative<kv::DeleteRangeResult>(result)) {
    deletes.Add();
  } else {
    deletes.Add(deleted);  // a lease's keys go one by one
  }
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
