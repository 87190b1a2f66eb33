// Commands as they come off the wire and out of the log: etcd's request messages <-> kv structs.
//
// The body of a log entry is the request message itself (RequestKind says which), the same bytes
// that the client sent. Pure functions, any thread. Unknown enum numbers become a value that is
// unknown in kv too, so that kv/validate.h can refuse it; an operation without a variant becomes a
// null nested transaction.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "kv/command.h"
#include "proto/etcd/rpc.pb.h"
#include "server/replica/local_member.h"

namespace pintle::server::replica {

kv::RangeRequest ToKv(const etcdserverpb::RangeRequest& request);
kv::PutRequest ToKv(const etcdserverpb::PutRequest& request);
kv::DeleteRangeRequest ToKv(const etcdserverpb::DeleteRangeRequest& request);
kv::TxnRequest ToKv(const etcdserverpb::TxnRequest& request);
kv::CompactRequest ToKv(const etcdserverpb::CompactionRequest& request);
kv::LeaseGrantRequest ToKv(const etcdserverpb::LeaseGrantRequest& request);
kv::LeaseRevokeRequest ToKv(const etcdserverpb::LeaseRevokeRequest& request);
kv::LeaseCheckpointRequest ToKv(const etcdserverpb::LeaseCheckpointRequest& request);
kv::AlarmRequest ToKv(const etcdserverpb::AlarmRequest& request);

// The body of a log entry. kHashCheck and kMemberAttributes are no commands of the store. Error:
// INVALID_ARGUMENT, not that message, or a kind that is no command.
absl::StatusOr<kv::Command> DecodeCommand(RequestKind kind, std::string_view body);

// Whether the body of a kCompaction entry asks to be answered only when the records are deleted.
bool IsPhysicalCompaction(std::string_view body);

}  // namespace pintle::server::replica
