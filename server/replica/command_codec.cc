#include "server/replica/command_codec.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/replica/auth_codec.h"

namespace pintle::server::replica {
namespace {

// A wire enum is an int32 of the client's choice.
template <typename Enum>
Enum ToEnum(int number, int last) {
  return static_cast<Enum>(number >= 0 && number <= last ? number : 0xff);
}

int64_t NumberOf(const etcdserverpb::Compare& compare) {
  using Proto = etcdserverpb::Compare;
  switch (compare.target()) {
    case Proto::VERSION:
      return compare.version();
    case Proto::CREATE:
      return compare.create_revision();
    case Proto::MOD:
      return compare.mod_revision();
    case Proto::LEASE:
      return compare.lease();
    default:
      return 0;
  }
}

kv::Compare CompareToKv(const etcdserverpb::Compare& compare) {
  return {.result = ToEnum<kv::Compare::Result>(compare.result(),
                                                etcdserverpb::Compare::CompareResult_MAX),
          .target = ToEnum<kv::Compare::Target>(compare.target(),
                                                etcdserverpb::Compare::CompareTarget_MAX),
          .range = {compare.key(), compare.range_end()},
          .number = NumberOf(compare),
          .value = compare.value()};
}

kv::TxnOp OpToKv(const etcdserverpb::RequestOp& op) {
  switch (op.request_case()) {
    case etcdserverpb::RequestOp::kRequestRange:
      return ToKv(op.request_range());
    case etcdserverpb::RequestOp::kRequestPut:
      return ToKv(op.request_put());
    case etcdserverpb::RequestOp::kRequestDeleteRange:
      return ToKv(op.request_delete_range());
    case etcdserverpb::RequestOp::kRequestTxn:
      return std::make_shared<kv::TxnRequest>(ToKv(op.request_txn()));
    case etcdserverpb::RequestOp::REQUEST_NOT_SET:
      break;
  }
  return std::shared_ptr<kv::TxnRequest>();
}

template <typename Proto>
absl::StatusOr<kv::Command> Decode(std::string_view body) {
  Proto message;
  if (!message.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    return absl::InvalidArgumentError(
        absl::StrCat("log entry is no ", message.GetTypeName(), " message"));
  }
  return kv::Command(ToKv(message));
}

}  // namespace

kv::RangeRequest ToKv(const etcdserverpb::RangeRequest& request) {
  using Proto = etcdserverpb::RangeRequest;
  return {.range = {request.key(), request.range_end()},
          .limit = request.limit(),
          .revision = request.revision(),
          .sort_order = ToEnum<kv::SortOrder>(request.sort_order(), Proto::SortOrder_MAX),
          .sort_target = ToEnum<kv::SortTarget>(request.sort_target(), Proto::SortTarget_MAX),
          .keys_only = request.keys_only(),
          .count_only = request.count_only(),
          .min_mod_revision = request.min_mod_revision(),
          .max_mod_revision = request.max_mod_revision(),
          .min_create_revision = request.min_create_revision(),
          .max_create_revision = request.max_create_revision()};
}

kv::PutRequest ToKv(const etcdserverpb::PutRequest& request) {
  return {.key = request.key(),
          .value = request.value(),
          .lease = kv::LeaseId(request.lease()),
          .prev_kv = request.prev_kv(),
          .ignore_value = request.ignore_value(),
          .ignore_lease = request.ignore_lease()};
}

kv::DeleteRangeRequest ToKv(const etcdserverpb::DeleteRangeRequest& request) {
  return {.range = {request.key(), request.range_end()}, .prev_kv = request.prev_kv()};
}

kv::TxnRequest ToKv(const etcdserverpb::TxnRequest& request) {
  kv::TxnRequest txn;
  txn.compares.reserve(static_cast<size_t>(request.compare_size()));
  for (const auto& compare : request.compare()) txn.compares.push_back(CompareToKv(compare));
  txn.success.reserve(static_cast<size_t>(request.success_size()));
  for (const auto& op : request.success()) txn.success.push_back(OpToKv(op));
  txn.failure.reserve(static_cast<size_t>(request.failure_size()));
  for (const auto& op : request.failure()) txn.failure.push_back(OpToKv(op));
  return txn;
}

kv::CompactRequest ToKv(const etcdserverpb::CompactionRequest& request) {
  return {.revision = request.revision()};
}

kv::LeaseGrantRequest ToKv(const etcdserverpb::LeaseGrantRequest& request) {
  return {.id = kv::LeaseId(request.id()), .ttl_seconds = request.ttl()};
}

kv::LeaseRevokeRequest ToKv(const etcdserverpb::LeaseRevokeRequest& request) {
  return {.id = kv::LeaseId(request.id())};
}

kv::LeaseCheckpointRequest ToKv(const etcdserverpb::LeaseCheckpointRequest& request) {
  kv::LeaseCheckpointRequest checkpoint;
  for (const auto& item : request.checkpoints()) {
    checkpoint.items.push_back({kv::LeaseId(item.id()), item.remaining_ttl()});
  }
  return checkpoint;
}

kv::AlarmRequest ToKv(const etcdserverpb::AlarmRequest& request) {
  using Proto = etcdserverpb::AlarmRequest;
  return {.action = ToEnum<kv::AlarmRequest::Action>(request.action(), Proto::AlarmAction_MAX),
          .alarm = {.member_id = request.memberid(),
                    .type = ToEnum<kv::AlarmType>(request.alarm(), etcdserverpb::AlarmType_MAX),
                    .automatic = request.automatic()}};
}

absl::StatusOr<kv::Command> DecodeCommand(RequestKind kind, std::string_view body) {
  switch (kind) {
    case RequestKind::kPut:
      return Decode<etcdserverpb::PutRequest>(body);
    case RequestKind::kDeleteRange:
      return Decode<etcdserverpb::DeleteRangeRequest>(body);
    case RequestKind::kTxn:
      return Decode<etcdserverpb::TxnRequest>(body);
    case RequestKind::kCompaction:
      return Decode<etcdserverpb::CompactionRequest>(body);
    case RequestKind::kLeaseGrant:
      return Decode<etcdserverpb::LeaseGrantRequest>(body);
    case RequestKind::kLeaseRevoke:
      return Decode<etcdserverpb::LeaseRevokeRequest>(body);
    case RequestKind::kLeaseCheckpoint:
      return Decode<etcdserverpb::LeaseCheckpointRequest>(body);
    case RequestKind::kAlarm:
      return Decode<etcdserverpb::AlarmRequest>(body);
    default:
      break;
  }
  if (auto auth = DecodeAuthRequest(kind, body)) {
    if (!auth->ok()) return auth->status();
    return kv::Command(**std::move(auth));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("request kind ", static_cast<int>(kind), " is no command of the store"));
}

bool IsPhysicalCompaction(std::string_view body) {
  etcdserverpb::CompactionRequest request;
  return request.ParseFromArray(body.data(), static_cast<int>(body.size())) && request.physical();
}

}  // namespace pintle::server::replica
