#include "tests/differential/generator.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace pintle::tests {
namespace {

using namespace etcdserverpb;  // NOLINT: a page of its messages
using google::protobuf::Message;

constexpr int kDeepest = 3;

Request RequestOf(const char* method, const google::protobuf::Message& message, bool reads) {
  return {.path = absl::StrCat("/etcdserverpb.", method),
          .bytes = message.SerializeAsString(),
          .damaged = false,
          .reads = reads};
}

// Both shipped releases of etcd end when they are asked to sort by what does not exist.
bool EndsEtcd(const RangeRequest& range) {
  return !RangeRequest::SortTarget_IsValid(range.sort_target());
}

bool EndsEtcd(const TxnRequest& txn) {
  for (const auto* operations : {&txn.success(), &txn.failure()}) {
    for (const RequestOp& operation : *operations) {
      if (operation.has_request_range() && EndsEtcd(operation.request_range())) return true;
      if (operation.has_request_txn() && EndsEtcd(operation.request_txn())) return true;
    }
  }
  return false;
}

bool EndsEtcd(const Request& request) {
  RangeRequest range;
  TxnRequest txn;
  if (request.path == "/etcdserverpb.KV/Range") {
    return range.ParseFromString(request.bytes) && EndsEtcd(range);
  }
  if (request.path == "/etcdserverpb.KV/Txn") {
    return txn.ParseFromString(request.bytes) && EndsEtcd(txn);
  }
  return false;
}

// A field with the wire type of another: etcd's library refuses the message, ours reads over it as
// over one that it does not know. Of no use to anybody, so of no interest here.
bool HasMisplacedField(const Message& message) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  const google::protobuf::UnknownFieldSet& unknown = reflection.GetUnknownFields(message);
  for (int i = 0; i < unknown.field_count(); ++i) {
    const int number = unknown.field(i).number();
    if (message.GetDescriptor()->FindFieldByNumber(number) != nullptr) return true;
  }
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  return std::any_of(fields.begin(), fields.end(), [&](const auto* field) {
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) return false;
    if (!field->is_repeated()) return HasMisplacedField(reflection.GetMessage(message, field));
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      if (HasMisplacedField(reflection.GetRepeatedMessage(message, field, i))) return true;
    }
    return false;
  });
}

bool HasMisplacedField(const Request& request) {
  const std::unique_ptr<Message> message(google::protobuf::MessageFactory::generated_factory()
                                             ->GetPrototype(MethodOf(request.path).request)
                                             ->New());
  return message->ParsePartialFromString(request.bytes) && HasMisplacedField(*message);
}

}  // namespace

Method MethodOf(const std::string& path) {
  const std::vector<std::string> parts = absl::StrSplit(path, '/');
  const auto* service =
      google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(parts.at(1));
  const auto* method = service->FindMethodByName(parts.at(2));
  return {.request = method->input_type(), .response = method->output_type()};
}

std::string Generator::Key() {
  static constexpr std::array kKeys = {"a", "a/", "a/1", "a/2", "a/22", "b", "b/1", "c", "z"};
  if (OneIn(40)) return "";
  if (OneIn(60)) return std::string(1, '\0');
  if (OneIn(60)) return "\xff\xff";
  if (OneIn(4)) return absl::StrCat("n/", Below(40));
  return kKeys.at(static_cast<size_t>(Below(kKeys.size())));
}

std::string Generator::RangeEnd(const std::string& key) {
  if (OneIn(2)) return "";
  if (OneIn(6)) return std::string(1, '\0');  // all keys from `key` on
  if (OneIn(2)) {                             // the prefix
    std::string end = key;
    while (!end.empty() && end.back() == '\xff') end.pop_back();
    if (end.empty()) return std::string(1, '\0');
    ++end.back();
    return end;
  }
  return Key();
}

std::string Generator::Value() {
  if (OneIn(10)) return "";
  if (OneIn(200)) return std::string(static_cast<size_t>(Below(3000)), 'v');
  return absl::StrCat("v", Below(30));
}

int64_t Generator::Revision() {
  switch (Below(10)) {
    case 0:
      return revision_;
    case 1:
      return revision_ + 1;
    case 2:
      return compacted_;
    case 3:
      return compacted_ - 1;
    case 4:
      return compacted_ + 1;
    case 5:
      return -1;
    case 6:
      return OneIn(4) ? std::numeric_limits<int64_t>::max() : revision_ - 1;
    default:
      return std::max<int64_t>(1, revision_ - Below(50));
  }
}

int64_t Generator::Lease() { return OneIn(20) ? -5 : 1 + Below(12); }

RangeRequest Generator::Range() {
  RangeRequest range;
  range.set_key(Key());
  range.set_range_end(RangeEnd(range.key()));
  if (OneIn(3)) range.set_limit(Below(6) - 1);
  if (OneIn(3)) range.set_revision(Revision());
  if (OneIn(4)) range.set_sort_order(static_cast<RangeRequest::SortOrder>(Below(3)));
  if (OneIn(4)) range.set_sort_target(static_cast<RangeRequest::SortTarget>(Below(5)));
  if (OneIn(3)) range.set_serializable(true);
  if (OneIn(5)) range.set_keys_only(true);
  if (OneIn(6)) range.set_count_only(true);
  if (OneIn(8)) range.set_min_mod_revision(Revision());
  if (OneIn(8)) range.set_max_mod_revision(Revision());
  if (OneIn(8)) range.set_min_create_revision(Revision());
  if (OneIn(8)) range.set_max_create_revision(Revision());
  return range;
}

PutRequest Generator::Put() {
  PutRequest put;
  put.set_key(Key());
  put.set_value(Value());
  if (OneIn(4)) put.set_lease(Lease());
  if (OneIn(3)) put.set_prev_kv(true);
  if (OneIn(12)) {
    put.set_ignore_value(true);
    if (!OneIn(3)) put.clear_value();
  }
  if (OneIn(12)) {
    put.set_ignore_lease(true);
    if (!OneIn(3)) put.clear_lease();
  }
  return put;
}

DeleteRangeRequest Generator::Delete() {
  DeleteRangeRequest range;
  range.set_key(Key());
  if (OneIn(3)) range.set_range_end(RangeEnd(range.key()));
  range.set_prev_kv(OneIn(2));
  return range;
}

Compare Generator::Compare() {
  etcdserverpb::Compare compare;
  compare.set_key(Key());
  if (OneIn(4)) compare.set_range_end(RangeEnd(compare.key()));
  compare.set_result(static_cast<Compare::CompareResult>(Below(4)));
  compare.set_target(static_cast<Compare::CompareTarget>(Below(5)));
  const int64_t number = OneIn(2) ? Below(4) : Revision();
  // Mostly what the target wants; at times another one, or none.
  switch (OneIn(8) ? Below(6) : static_cast<int>(compare.target())) {
    case Compare::VERSION:
      compare.set_version(number);
      break;
    case Compare::CREATE:
      compare.set_create_revision(number);
      break;
    case Compare::MOD:
      compare.set_mod_revision(number);
      break;
    case Compare::VALUE:
      compare.set_value(Value());
      break;
    case Compare::LEASE:
      compare.set_lease(Below(13));
      break;
    default:
      break;
  }
  return compare;
}

void Generator::Operation(RequestOp& operation, int depth) {
  const int dice = Below(12);
  if (dice < 5)
    *operation.mutable_request_range() = Range();
  else if (dice < 9)
    *operation.mutable_request_put() = Put();
  else if (dice < 11)
    *operation.mutable_request_delete_range() = Delete();
  else if (depth < kDeepest)
    *operation.mutable_request_txn() = Txn(depth + 1);
}

TxnRequest Generator::Txn(int depth) {
  TxnRequest txn;
  const int most = depth == 0 && OneIn(60) ? 130 : 4;
  for (int i = Below(3); i > 0; --i) *txn.add_compare() = Compare();
  for (int i = Below(most); i > 0; --i) Operation(*txn.add_success(), depth);
  for (int i = Below(most); i > 0; --i) Operation(*txn.add_failure(), depth);
  return txn;
}

TxnRequest Generator::Txn() {
  // etcd does not see a put in a nested transaction when space is short, Pintle does.
  return Txn(disarm_in_ > 0 ? kDeepest : 0);
}

Request Generator::LeaseCall() {
  switch (Below(6)) {
    case 0:
    case 1: {
      LeaseGrantRequest grant;
      grant.set_id(Lease());
      // Long enough not to end within a run; the two may not end one at the same moment.
      grant.set_ttl(OneIn(15) ? int64_t{9000000001} : 3600 + Below(10) * 100);
      return RequestOf("Lease/LeaseGrant", grant, false);
    }
    case 2: {
      LeaseRevokeRequest revoke;
      revoke.set_id(Lease());
      return RequestOf("Lease/LeaseRevoke", revoke, false);
    }
    case 3:
      return RequestOf("Lease/LeaseLeases", LeaseLeasesRequest(), true);
    default: {
      LeaseTimeToLiveRequest ask;
      ask.set_id(Lease());
      ask.set_keys(OneIn(2));
      return RequestOf("Lease/LeaseTimeToLive", ask, true);
    }
  }
}

Request Generator::AuthCall() {
  // Nobody is called root here: so auth is never enabled, and its refusal is what is compared.
  const std::string user = OneIn(15) ? "" : absl::StrCat("user", Below(4));
  const std::string role = OneIn(15) ? "" : absl::StrCat("role", Below(4));
  const int dice = Below(14);
  if (dice < 5) return UserCall(user, role);
  if (dice < 12) return RoleCall(role);
  if (dice == 12) {
    return OneIn(2) ? RequestOf("Auth/UserList", AuthUserListRequest(), true)
                    : RequestOf("Auth/RoleList", AuthRoleListRequest(), true);
  }
  return OneIn(2) ? RequestOf("Auth/AuthDisable", AuthDisableRequest(), false)
                  : RequestOf("Auth/AuthEnable", AuthEnableRequest(), false);
}

Request Generator::UserCall(const std::string& user, const std::string& role) {
  switch (Below(5)) {
    case 0: {
      AuthUserAddRequest add;
      add.set_name(user);
      add.set_password(OneIn(5) ? "" : "secret");
      if (OneIn(4)) add.mutable_options()->set_no_password(true);
      return RequestOf("Auth/UserAdd", add, false);
    }
    case 1: {
      AuthUserDeleteRequest remove;
      remove.set_name(user);
      return RequestOf("Auth/UserDelete", remove, false);
    }
    case 2: {
      AuthUserGetRequest get;
      get.set_name(user);
      return RequestOf("Auth/UserGet", get, true);
    }
    case 3: {
      AuthUserGrantRoleRequest grant;
      grant.set_user(user);
      grant.set_role(role);
      return RequestOf("Auth/UserGrantRole", grant, false);
    }
    default: {
      AuthUserRevokeRoleRequest revoke;
      revoke.set_name(user);
      revoke.set_role(role);
      return RequestOf("Auth/UserRevokeRole", revoke, false);
    }
  }
}

Request Generator::RoleCall(const std::string& role) {
  switch (Below(6)) {
    case 0: {
      AuthRoleAddRequest add;
      add.set_name(role);
      return RequestOf("Auth/RoleAdd", add, false);
    }
    case 1: {
      AuthRoleDeleteRequest remove;
      remove.set_role(role);
      return RequestOf("Auth/RoleDelete", remove, false);
    }
    case 2: {
      AuthRoleGetRequest get;
      get.set_role(role);
      return RequestOf("Auth/RoleGet", get, true);
    }
    case 3: {
      AuthRoleRevokePermissionRequest revoke;
      revoke.set_role(role);
      revoke.set_key(Key());
      revoke.set_range_end(RangeEnd(revoke.key()));
      return RequestOf("Auth/RoleRevokePermission", revoke, false);
    }
    default: {
      AuthRoleGrantPermissionRequest grant;
      grant.set_name(role);
      // Always one: without it 3.4.23 ends.
      grant.mutable_perm()->set_permtype(static_cast<authpb::Permission::Type>(Below(3)));
      grant.mutable_perm()->set_key(Key());
      // 3.4 takes ranges without keys, too, and stores them.
      if (release_ != "3.4") grant.mutable_perm()->set_range_end(RangeEnd(grant.perm().key()));
      return RequestOf("Auth/RoleGrantPermission", grant, false);
    }
  }
}

Request Generator::OtherCall() {
  switch (Below(8)) {
    case 0:
      return RequestOf("Maintenance/Status", StatusRequest(), true);
    case 1:
      return RequestOf("Cluster/MemberList", MemberListRequest(), true);
    case 2: {
      MemberRemoveRequest remove;
      remove.set_id(12345);
      return RequestOf("Cluster/MemberRemove", remove, false);
    }
    case 3: {
      MemberAddRequest add;
      if (!OneIn(3)) add.add_peerurls(OneIn(2) ? "not a url" : "http://127.0.0.1:1/path");
      return RequestOf("Cluster/MemberAdd", add, false);
    }
    case 4: {
      MemberPromoteRequest promote;
      promote.set_id(12345);
      return RequestOf("Cluster/MemberPromote", promote, false);
    }
    case 5: {
      MoveLeaderRequest move;
      move.set_targetid(12345);
      return RequestOf("Maintenance/MoveLeader", move, false);
    }
    default: {
      HashKVRequest hash;
      hash.set_revision(OneIn(2) ? 0 : Revision());
      return RequestOf("Maintenance/HashKV", hash, true);
    }
  }
}

Request Generator::Seldom() {
  switch (Below(4)) {
    case 0:
      return RequestOf("Maintenance/Defragment", DefragmentRequest(), false);
    case 1: {
      alarm_.set_action(static_cast<AlarmRequest::AlarmAction>(Below(3)));
      // Of members that do not exist: a real one would have other numbers on each side.
      alarm_.set_memberid(static_cast<uint64_t>(1 + Below(2)));
      alarm_.set_alarm(static_cast<AlarmType>(Below(3)));
      if (alarm_.action() == AlarmRequest::ACTIVATE) disarm_in_ = 30;
      return RequestOf("Maintenance/Alarm", alarm_, false);
    }
    default: {
      CompactionRequest compact;
      compact.set_revision(Revision());
      compact.set_physical(true);  // so that hashes can be compared
      return RequestOf("KV/Compact", compact, false);
    }
  }
}

Request Generator::Damaged(Request request) {
  const Request intact = request;
  request.damaged = true;
  for (int changes = 1 + Below(3); changes > 0 && !request.bytes.empty(); --changes) {
    const size_t at = static_cast<size_t>(Below(static_cast<int>(request.bytes.size())));
    switch (Below(3)) {
      case 0:
        request.bytes[at] = static_cast<char>(Below(256));
        break;
      case 1:
        request.bytes.resize(at);
        break;
      default:
        request.bytes.insert(at, 1, static_cast<char>(Below(256)));
    }
  }
  return EndsEtcd(request) || HasMisplacedField(request) ? intact : request;
}

Request Generator::Next() {
  if (disarm_in_ > 0 && --disarm_in_ == 0) {
    alarm_.set_action(AlarmRequest::DEACTIVATE);
    return RequestOf("Maintenance/Alarm", alarm_, false);
  }
  const int dice = Below(100);
  if (dice < 36) return RequestOf("KV/Range", Range(), true);
  if (dice < 52) return RequestOf("KV/Put", Put(), false);
  if (dice < 58) return RequestOf("KV/DeleteRange", Delete(), false);
  if (dice < 74) return RequestOf("KV/Txn", Txn(), false);
  if (dice < 82) return LeaseCall();
  if (dice < 88) return AuthCall();
  if (dice < 92) return OtherCall();
  if (dice < 93) return Seldom();
  // Bytes that a client would not send. Of calls whose effects are the same on both sides.
  switch (Below(4)) {
    case 0:
      return Damaged(RequestOf("KV/Range", Range(), true));
    case 1:
      return Damaged(RequestOf("KV/Put", Put(), false));
    case 2:
      return Damaged(RequestOf("KV/DeleteRange", Delete(), false));
    default:
      return Damaged(RequestOf("KV/Txn", Txn(), false));
  }
}

WatchRequest Generator::WatchCreate(int64_t watch_id) {
  WatchRequest request;
  WatchCreateRequest& create = *request.mutable_create_request();
  create.set_watch_id(watch_id);
  do create.set_key(Key());
  while (create.key().empty());
  create.set_range_end(RangeEnd(create.key()));
  if (OneIn(3)) create.set_start_revision(Revision());
  // A deletion at exactly the compact revision is forgotten by 3.4.23, and told by what came after.
  if (release_ == "3.4" && create.start_revision() == compacted_) create.clear_start_revision();
  // In 3.4 a negative start is a compacted one, later a refusal.
  if (release_ == "3.4" && create.start_revision() < 0) create.clear_start_revision();
  if (OneIn(4)) create.add_filters(WatchCreateRequest::NOPUT);
  if (OneIn(4)) create.add_filters(WatchCreateRequest::NODELETE);
  create.set_prev_kv(OneIn(2));
  create.set_fragment(OneIn(4));
  return request;
}

}  // namespace pintle::tests
