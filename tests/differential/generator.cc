#include "tests/differential/generator.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/differential/not_asked.h"

namespace pintle::tests {
namespace {

using namespace etcdserverpb;  // NOLINT: a page of its messages

constexpr int kDeepest = 3;
const std::string kFromKey(1, '\0');  // as an end: all keys from there on

bool HasNested(const TxnRequest& txn) {
  const auto nests = [](const auto& ops) {
    return std::any_of(ops.begin(), ops.end(), [](const auto& op) { return op.has_request_txn(); });
  };
  return nests(txn.success()) || nests(txn.failure());
}

}  // namespace

Request RequestOf(std::string_view method, const google::protobuf::Message& message, bool reads) {
  const bool full = method.find('.') != std::string_view::npos;
  return {.path = absl::StrCat(full ? "/" : "/etcdserverpb.", std::string(method)),
          .bytes = message.SerializeAsString(),
          .damaged = false,
          .reads = reads,
          .user = "",
          .anonymous = false,
          .goes_on = false};
}

std::string Generator::Key() {
  static constexpr std::array kKeys = {"a", "a/", "a/1", "a/2", "a/22", "b", "b/1", "c", "z"};
  if (OneIn(40)) return "";
  if (OneIn(60)) return kFromKey;
  if (OneIn(60)) return "\xff\xff";
  if (OneIn(4)) return absl::StrCat("n/", Below(40));
  return kKeys.at(static_cast<size_t>(Below(kKeys.size())));
}

std::string Generator::RangeEnd(const std::string& key) {
  if (OneIn(2)) return "";
  if (OneIn(6)) return kFromKey;
  if (OneIn(2)) {  // the prefix
    std::string end = key;
    while (!end.empty() && end.back() == '\xff') end.pop_back();
    if (end.empty()) return kFromKey;
    ++end.back();
    return end;
  }
  // Whether a user may ask for a range without keys depends on the shape of etcd's tree of
  // permissions: of two side by side, one alone is at times not found.
  std::string end;
  do end = Key();
  while (auth_left_ > 0 && end <= key && !end.empty() && end != kFromKey);
  return end;
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
  TxnRequest txn;
  do txn = Txn(disarm_in_ > 0 ? kDeepest : 0);
  while (IsNotAsked(txn));
  return txn;
}

Request Generator::KvCall() {
  const int dice = Below(74);
  if (dice < 36) return RequestOf("KV/Range", Range(), true);
  if (dice < 52) return RequestOf("KV/Put", Put(), false);
  if (dice < 58) return RequestOf("KV/DeleteRange", Delete(), false);
  return RequestOf("KV/Txn", Txn(), false);
}

Request Generator::Any() {
  const int dice = Below(100);
  if (dice < 70) return KvCall();
  if (dice < 78) return LeaseCall();
  if (dice < 84) return AuthCall();
  if (dice < 86) return ClusterCall();
  if (dice < 89) return MaintenanceCall();
  if (dice < 91) return RecipeCall();
  if (dice < 92) return Seldom();
  return BadCall();
}

// 3.4 does not ask who changes these: the stores would go apart.
bool Generator::IsForAnybody(const Request& request) const {
  static constexpr std::array kPaths = {"Lease/LeaseGrant", "Lease/LeaseRevoke", "KV/Compact"};
  if (release_ != "3.4") return false;
  TxnRequest txn;
  if (request.path == "/etcdserverpb.KV/Txn" && txn.ParseFromString(request.bytes)) {
    return HasNested(txn);
  }
  return std::any_of(kPaths.begin(), kPaths.end(),
                     [&](const char* end) { return absl::EndsWith(request.path, end); });
}

Request Generator::Next() {
  if (!script_.empty()) {
    Request request = std::move(script_.front());
    script_.pop_front();
    return request;
  }
  if (disarm_in_ > 0 && --disarm_in_ == 0) {
    alarm_.set_action(AlarmRequest::DEACTIVATE);
    return RequestOf("Maintenance/Alarm", alarm_, false);
  }
  // Not while an alarm refuses what that takes.
  if (disarm_in_ == 0 && auth_left_ > 0 && --auth_left_ == 0) {
    SwitchAuthOff();
    return Next();
  }
  if (disarm_in_ == 0 && auth_left_ == 0 && --auth_in_ == 0) {
    SwitchAuthOn();
    return Next();
  }
  Request request = Any();
  if (request.user.empty() && !request.anonymous) {
    request.user = auth_left_ > 0 && IsForAnybody(request) ? "root" : AnyUser();
  }
  return request;
}

Request Generator::Change() {
  PutRequest put;
  put.set_key(kChangedKey);
  Request request = RequestOf("KV/Put", put, false);
  if (auth_left_ > 0) request.user = "root";
  return request;
}

WatchRequest Generator::WatchCreate(int64_t watch_id) {
  WatchRequest request;
  WatchCreateRequest& create = *request.mutable_create_request();
  create.set_watch_id(watch_id);
  do create.set_key(Key());
  while (create.key().empty());
  create.set_range_end(RangeEnd(create.key()));
  if (auth_left_ > 0 && create.range_end() == kFromKey) create.clear_range_end();
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
