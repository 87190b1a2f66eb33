#include "tests/differential/differences.h"

#include <algorithm>
#include <array>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "proto/etcd/rpc.pb.h"

namespace pintle::tests {
namespace {

using namespace etcdserverpb;  // NOLINT: a page of its messages

std::string Message(const Told& told) { return std::string(told.answer.status().message()); }

// The message of `told`, when it is an answer to that method.
template <typename Response>
bool Read(const Request& request, const char* method, const Told& told, Response& response) {
  return absl::EndsWith(request.path, method) && told.answer.ok() &&
         response.ParseFromString(*told.answer);
}

bool IsRefusalOfAuth(const std::string& message) {
  return message == "etcdserver: permission denied" ||
         message == "etcdserver: invalid auth token" || message == "etcdserver: user name is empty";
}

bool IsAlarmWithoutHeader(const Request& request, const Told& pintle, const Told& etcd) {
  AlarmResponse theirs;
  if (!Read(request, "Maintenance/Alarm", etcd, theirs) || theirs.has_header()) return false;
  std::string_view ours = pintle.text;
  const std::string_view start = "OK {header {";
  if (ours.substr(0, start.size()) != start) return false;
  ours.remove_prefix(std::min(ours.find("} "), ours.size() - 2) + 2);
  return "OK {" + std::string(ours) == etcd.text;
}

bool IsAlarmOfNoKind(const Request& request, const Told&, const Told& etcd) {
  AlarmResponse alarms;
  if (Read(request, "Maintenance/Alarm", etcd, alarms)) {
    return std::any_of(alarms.alarms().begin(), alarms.alarms().end(),
                       [](const AlarmMember& alarm) { return alarm.alarm() == NONE; });
  }
  StatusResponse status;
  return Read(request, "Maintenance/Status", etcd, status) &&
         std::any_of(status.errors().begin(), status.errors().end(),
                     [](const auto& error) { return !absl::StrContains(error, "alarm:"); });
}

bool IsHashAfterACompactionAtZero(const Request& request, const Told& pintle, const Told& etcd) {
  HashKVRequest asked;
  HashKVResponse theirs;
  constexpr uint32_t kOfNothing = 1084519789;
  return Read(request, "Maintenance/HashKV", etcd, theirs) && pintle.answer.ok() &&
         asked.ParseFromString(request.bytes) && asked.revision() == 0 &&
         theirs.hash() == kOfNothing && theirs.compact_revision() == -1;
}

bool IsHashAtTheCompactRevision(const Request& request, const Told& pintle, const Told& etcd) {
  return request.path == "/etcdserverpb.Maintenance/HashKV" && pintle.answer.ok() &&
         Message(etcd) == "etcdserver: mvcc: required revision has been compacted";
}

bool IsPermissionOfRoot(const Request& request, const Told& pintle, const Told& etcd) {
  AuthRoleGetRequest asked;
  AuthRoleGetResponse ours;
  AuthRoleGetResponse theirs;
  return Read(request, "Auth/RoleGet", pintle, ours) &&
         Read(request, "Auth/RoleGet", etcd, theirs) && asked.ParseFromString(request.bytes) &&
         asked.role() == "root" && ours.perm_size() == 1;
}

bool IsUnknownSortOrder(const Request& request, const Told& pintle, const Told&) {
  RangeRequest range;
  return request.path == "/etcdserverpb.KV/Range" && range.ParseFromString(request.bytes) &&
         !RangeRequest::SortOrder_IsValid(range.sort_order()) &&
         Message(pintle) == "etcdserver: invalid sort option";
}

bool IsUnmappedRefusal(const Request&, const Told& pintle, const Told& etcd) {
  return etcd.answer.status().code() == absl::StatusCode::kUnknown &&
         absl::StartsWith(Message(etcd), "auth: ") && IsRefusalOfAuth(Message(pintle)) &&
         Message(pintle) == absl::StrCat("etcdserver: ", Message(etcd).substr(6));
}

bool IsForAnyUser(const Request& request, const Told& pintle, const Told& etcd) {
  return (request.path == "/etcdserverpb.Maintenance/Status" ||
          request.path == "/etcdserverpb.Maintenance/Alarm" ||
          request.path == "/etcdserverpb.Auth/AuthStatus") &&
         pintle.answer.ok() && Message(etcd) == "etcdserver: permission denied";
}

bool IsUnguarded(const Request& request, const Told& pintle, const Told& etcd) {
  static constexpr std::array kPaths = {
      "Lease/LeaseTimeToLive", "Lease/LeaseLeases",      "Lease/LeaseKeepAlive",
      "Maintenance/Status",    "Maintenance/MoveLeader", "Maintenance/Alarm",
      "Maintenance/HashKV",    "Maintenance/Hash",       "Cluster/MemberList"};
  return IsRefusalOfAuth(Message(pintle)) && !IsRefusalOfAuth(Message(etcd)) &&
         std::any_of(kPaths.begin(), kPaths.end(),
                     [&](const char* path) { return absl::EndsWith(request.path, path); });
}

bool IsAuthStatus(const Request& request, const Told&, const Told& etcd) {
  return request.path == "/etcdserverpb.Auth/AuthStatus" &&
         etcd.answer.status().code() == absl::StatusCode::kUnimplemented;
}

bool IsDowngrade(const Request& request) {
  return request.path == "/etcdserverpb.Maintenance/Downgrade";
}

bool IsNoDowngrade(const Request& request, const Told&, const Told& etcd) {
  return IsDowngrade(request) && etcd.answer.status().code() == absl::StatusCode::kUnimplemented;
}

bool IsNothingToCancel(const Request& request, const Told& pintle, const Told& etcd) {
  return IsDowngrade(request) && pintle.answer.ok() &&
         Message(etcd) == "etcdserver: no inflight downgrade job";
}

bool IsNeverAnswered(const Request& request, const Told& pintle, const Told& etcd) {
  return IsDowngrade(request) && pintle.answer.ok() &&
         absl::StartsWith(Message(etcd), "etcdserver: request timed out");
}

// What is the version below, then.
bool IsVersionWhileDowngrading(const Request& request, const Told& pintle, const Told& etcd) {
  static constexpr std::array kRefusals = {"etcdserver: cluster has a downgrade job in progress",
                                           "etcdserver: invalid downgrade target version"};
  const auto refused = [](const std::string& message) {
    return std::find(kRefusals.begin(), kRefusals.end(), message) != kRefusals.end();
  };
  return IsDowngrade(request) && refused(Message(pintle)) && refused(Message(etcd));
}

}  // namespace

const std::vector<Difference>& KnownDifferences() {
  static const std::vector<Difference> kAll = {
      {.name = "alarm-without-header",
       .releases = "3.4",
       .why = "3.4 leaves the header of AlarmResponse away; 3.5 and we fill it",
       .is = IsAlarmWithoutHeader},
      {.name = "alarm-of-no-kind",
       .releases = "3.4",
       .why = "3.4 stores an alarm NONE when asked to raise it; 3.5 and we raise nothing",
       .is = IsAlarmOfNoKind},
      {.name = "hash-after-a-compaction-at-zero",
       .releases = "3.5",
       .why = "etcd answers HashKV of now from what it remembers of Compact(0): of nothing",
       .is = IsHashAfterACompactionAtZero},
      {.name = "hash-at-the-compact-revision",
       .releases = "3.4",
       .why = "3.4 does not remember the hashes of compactions; 3.5 and we do",
       .is = IsHashAtTheCompactRevision},
      {.name = "permission-of-root",
       .releases = "3.4 3.5",
       .why =
           "etcd's main and we tell what the role root may, which is everything; up to 3.5 it is "
           "told what it was granted",
       .is = IsPermissionOfRoot},
      {.name = "unknown-sort-order",
       .releases = "3.4 3.5",
       .why = "up to 3.5 an order that does not exist is none; from 3.6 on it is refused before "
              "anything else, as by us",
       .is = IsUnknownSortOrder},
      {.name = "auth-error-without-its-code",
       .releases = "3.4 3.5",
       .why =
           "Maintenance lets auth's errors through as they are; from 3.6 on, and by us, they are "
           "mapped as everywhere",
       .is = IsUnmappedRefusal},
      {.name = "status-for-any-user",
       .releases = "3.5",
       .why =
           "3.5 keeps Status, AuthStatus and the list of alarms to root; etcd's main and we answer "
           "every user",
       .is = IsForAnyUser},
      {.name = "asked-of-nobody",
       .releases = "3.4",
       .why = "3.4 lets anybody see leases, members, alarms and hashes, keep leases alive and move "
              "the leader",
       .is = IsUnguarded},
      {.name = "no-downgrade",
       .releases = "3.4",
       .why = "3.4 has no Downgrade",
       .is = IsNoDowngrade},
      {.name = "no-downgrade-to-cancel",
       .releases = "3.5",
       .why = "3.5 refuses to cancel what is not there; from 3.6 on, and by us, that is no error",
       .is = IsNothingToCancel},
      {.name = "downgrade-never-answered",
       .releases = "3.5",
       .why = "3.5 applies what is enabled or cancelled and answers nobody; later ones and we do",
       .is = IsNeverAnswered},
      {.name = "version-while-downgrading",
       .releases = "3.5",
       .why = "3.5 only notes a downgrade; from 3.6 on, and with us, the cluster's version is the "
              "target as soon as it is enabled",
       .is = IsVersionWhileDowngrading},
      {.name = "auth-status",
       .releases = "3.4",
       .why = "3.4 has no AuthStatus",
       .is = IsAuthStatus},
  };
  return kAll;
}

}  // namespace pintle::tests
