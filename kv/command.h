// What can be asked of the store, and what it answers. Plain values; the wire forms are converted
// at the edge (server/replica for what comes out of the log, server/etcd for answers).
//
// Requests are assumed to have passed the static checks of kv/validate.h; the store checks what
// depends on state.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kv/auth/request.h"
#include "kv/types.h"

namespace pintle::kv {

enum class SortOrder : uint8_t { kNone = 0, kAscend = 1, kDescend = 2 };
enum class SortTarget : uint8_t { kKey = 0, kVersion = 1, kCreate = 2, kMod = 3, kValue = 4 };

struct RangeRequest {
  KeyRange range;
  int64_t limit = 0;     // <= 0: no limit
  int64_t revision = 0;  // <= 0: newest
  SortOrder sort_order = SortOrder::kNone;
  SortTarget sort_target = SortTarget::kKey;
  bool keys_only = false;
  bool count_only = false;
  // Inclusive bounds; 0: not filtered.
  int64_t min_mod_revision = 0;
  int64_t max_mod_revision = 0;
  int64_t min_create_revision = 0;
  int64_t max_create_revision = 0;
  // The answer's `count` is not asked for: nothing behind the limit is looked at but the next key.
  bool skip_count = false;
};

struct PutRequest {
  std::string key;
  std::string value;
  LeaseId lease;
  bool prev_kv = false;
  bool ignore_value = false;
  bool ignore_lease = false;
};

struct DeleteRangeRequest {
  KeyRange range;
  bool prev_kv = false;
};

struct Compare {
  enum class Result : uint8_t { kEqual = 0, kGreater = 1, kLess = 2, kNotEqual = 3 };
  enum class Target : uint8_t { kVersion = 0, kCreate = 1, kMod = 2, kValue = 3, kLease = 4 };
  Result result = Result::kEqual;
  Target target = Target::kVersion;
  KeyRange range;
  int64_t number = 0;  // operand of every target but kValue; 0 when the request's oneof does not
                       // match the target
  std::string value;   // operand of kValue
};

struct TxnRequest;
using TxnOp =
    std::variant<RangeRequest, PutRequest, DeleteRangeRequest, std::shared_ptr<TxnRequest>>;

struct TxnRequest {
  std::vector<Compare> compares;
  std::vector<TxnOp> success;
  std::vector<TxnOp> failure;
};

struct CompactRequest {
  int64_t revision = 0;
};

struct LeaseGrantRequest {
  LeaseId id;               // chosen by the proposer: never 0 here
  int64_t ttl_seconds = 0;  // already raised to the minimum by the proposer
};

struct LeaseRevokeRequest {
  LeaseId id;
};

// Remaining time of leases, replicated so that a leader change prolongs a lease by at most one
// interval.
struct LeaseCheckpointRequest {
  struct Item {
    LeaseId id;
    int64_t remaining_ttl_seconds = 0;
  };
  std::vector<Item> items;
};

enum class AlarmType : uint8_t { kNone = 0, kNoSpace = 1, kCorrupt = 2 };

struct Alarm {
  uint64_t member_id = 0;
  AlarmType type = AlarmType::kNone;
  // Raised by the cluster itself, which takes it back when the reason is gone. Others stay until
  // somebody disarms them.
  bool automatic = false;
  friend auto operator<=>(const Alarm&, const Alarm&) = default;
};

// What an alarm does: kv/alarm_set.h.
struct AlarmRequest {
  enum class Action : uint8_t { kGet = 0, kActivate = 1, kDeactivate = 2 };
  Action action = Action::kGet;
  Alarm alarm;  // kGet looks at the type only, and kNone means all
};

using Command =
    std::variant<PutRequest, DeleteRangeRequest, TxnRequest, CompactRequest, LeaseGrantRequest,
                 LeaseRevokeRequest, LeaseCheckpointRequest, AlarmRequest, auth::Request>;

// Answers. `revision` is what etcd puts into the header of that answer (etcd-api 1.1.2).
struct RangeResult {
  int64_t revision = 0;
  std::vector<EncodedKeyValue> kvs;
  bool more = false;
  int64_t count = 0;  // live keys in the interval at that revision; knows neither limit nor filters
};

struct PutResult {
  int64_t revision = 0;
  EncodedKeyValue prev_kv;  // null when there was none or it was not asked for
};

struct DeleteRangeResult {
  int64_t revision = 0;
  int64_t deleted = 0;
  std::vector<EncodedKeyValue> prev_kvs;
};

struct TxnResult;
using TxnOpResult =
    std::variant<RangeResult, PutResult, DeleteRangeResult, std::shared_ptr<TxnResult>>;

struct TxnResult {
  int64_t revision = 0;  // 0 in a nested one, as etcd leaves it
  bool succeeded = false;
  std::vector<TxnOpResult> responses;
};

struct CompactResult {
  int64_t revision = 0;
  int64_t compacted = 0;          // up to here
  int64_t compacted_before = -1;  // and up to here until now
};
struct LeaseResult {  // grant, revoke, checkpoint
  int64_t revision = 0;
  LeaseId id;
  int64_t ttl_seconds = 0;
};

struct AlarmResult {
  int64_t revision = 0;
  std::vector<Alarm> alarms;
};

struct AuthResult {
  int64_t revision = 0;
  uint64_t auth_revision = 0;
};

using CommandResult = std::variant<PutResult, DeleteRangeResult, TxnResult, CompactResult,
                                   LeaseResult, AlarmResult, AuthResult>;

// What one applied command led to. `result` is the error that the client gets (texts are etcd's:
// kv/errors.h) or the answer; `events` are empty unless the revision moved.
struct ApplyResult {
  absl::StatusOr<CommandResult> result = absl::InternalError("not applied");
  std::vector<Event> events;
};

}  // namespace pintle::kv
