#include "tests/differential/crashes.h"

#include <cstdio>
#include <string>

#include "proto/etcd/rpc.pb.h"
#include "tests/differential/comparison.h"
#include "tests/differential/names.h"

namespace pintle::tests {
namespace {

using namespace etcdserverpb;  // NOLINT: a page of its messages

constexpr int kNoSuchNumber = 7;
constexpr char kKey[] = "a";

Request Put() {
  PutRequest put;
  put.set_key(kKey);
  return RequestOf("KV/Put", put, false);
}

RangeRequest SortedByNothing() {
  RangeRequest range;
  range.set_key(kKey);
  range.set_range_end("b");
  range.set_sort_order(RangeRequest::ASCEND);
  range.set_sort_target(static_cast<RangeRequest::SortTarget>(kNoSuchNumber));
  return range;
}

Request TxnSortedByNothing() {
  TxnRequest txn;
  *txn.add_success()->mutable_request_range() = SortedByNothing();
  txn.add_success()->mutable_request_put()->set_key("c");  // so that it is applied, not only read
  return RequestOf("KV/Txn", txn, false);
}

Request PutOfWhatIsDeleted() {
  TxnRequest txn;
  auto& all = *txn.add_success()->mutable_request_delete_range();
  all.set_key(kKey);
  all.set_range_end(std::string(1, '\0'));
  auto& put = *txn.add_success()->mutable_request_put();
  put.set_key(kKey);
  put.set_ignore_lease(true);
  return RequestOf("KV/Txn", txn, false);
}

Request AlarmOfNoAction() {
  AlarmRequest alarm;
  alarm.set_action(static_cast<AlarmRequest::AlarmAction>(kNoSuchNumber));
  return RequestOf("Maintenance/Alarm", alarm, false);
}

Request AddRole() {
  AuthRoleAddRequest add;
  add.set_name("role");
  return RequestOf("Auth/RoleAdd", add, false);
}

Request GrantNothing() {
  AuthRoleGrantPermissionRequest grant;
  grant.set_name("role");
  return RequestOf("Auth/RoleGrantPermission", grant, false);
}

Request AddLearner() {
  MemberAddRequest add;
  add.add_peerurls("http://127.0.0.1:1");
  add.set_islearner(true);
  return RequestOf("Cluster/MemberAdd", add, false);
}

Request UrlsOfNone() {
  MemberUpdateRequest update;
  update.set_id(kLearner);
  return RequestOf("Cluster/MemberUpdate", update, false);
}

}  // namespace

const std::vector<Crash>& KnownCrashes() {
  static const std::vector<Crash> kAll = {
      {.name = "sort-target",
       .releases = "3.4 3.5",
       .why =
           "nobody looks whether the target of a sort exists; from 3.6 on it is refused, as here",
       .requests = {Put(), RequestOf("KV/Range", SortedByNothing(), true)},
       .answer = "code 3: etcdserver: invalid sort option"},
      {.name = "sort-target-in-transaction",
       .releases = "3.4 3.5",
       .why = "the same",
       .requests = {Put(), TxnSortedByNothing()},
       .answer = "code 3: etcdserver: invalid sort option"},
      {.name = "put-of-what-is-deleted",
       .releases = "3.4 3.5",
       .why = "that a deletion of all keys from one on covers the key of a put is not seen, and "
              "the put panics when the key that it needs is gone",
       .requests = {Put(), PutOfWhatIsDeleted()},
       .answer =
           "OK {header { cluster_id: 1 member_id: 1 revision: 3 raft_term: 1 } succeeded: true "
           "responses { response_delete_range { header { revision: 3 } deleted: 1 } } "
           "responses { response_put { header { revision: 3 } } } }"},
      {.name = "alarm-action",
       .releases = "3.4 3.5",
       .why = "nobody looks whether the action exists",
       .requests = {AlarmOfNoAction()},
       .answer = "OK {header { cluster_id: 1 member_id: 1 revision: 1 raft_term: 1 } }"},
      {.name = "permission-not-given",
       .releases = "3.4",
       .why = "a permission that is not there is not looked for; 3.5 refuses it",
       .requests = {AddRole(), GrantNothing()},
       .answer = "code 3: etcdserver: permission not given"},
      {.name = "urls-of-none",
       .releases = "3.4 3.5",
       .why = "another member's new URLs may be none, and nobody can be called there",
       .requests = {AddLearner(), UrlsOfNone()},
       .answer = "code 3: etcdserver: given member URLs are invalid"},
  };
  return kAll;
}

bool Holds(const Crash& crash, Side& pintle, Side& etcd) {
  Names pintle_names;
  Names etcd_names;
  pintle_names.LearnItself(pintle);
  etcd_names.LearnItself(etcd);
  Answer ours;
  Answer theirs;
  for (const Request& request : crash.requests) {
    ours = pintle.Call(request.path, pintle_names.Bytes(request)).get();
    theirs = etcd.Call(request.path, etcd_names.Bytes(request)).get();
    pintle_names.Learn(request, ours);
    etcd_names.Learn(request, theirs);
    if (&request != &crash.requests.back() && !(ours.ok() && theirs.ok())) return false;
  }
  const std::string said = Describe(crash.requests.back(), ours, pintle_names);
  const bool ended = IsGone(theirs);
  std::printf("%s: pintle: %s, etcd: %s\n", std::string(crash.name).c_str(), said.c_str(),
              ended ? "ended" : Describe(crash.requests.back(), theirs, etcd_names).c_str());
  return said == crash.answer && ended && pintle.Call(Put().path, Put().bytes).get().ok();
}

}  // namespace pintle::tests
