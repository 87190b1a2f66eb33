#include "kv/auth/authorize.h"

#include <memory>
#include <variant>

#include "base/canary.h"
#include "base/status_macros.h"

namespace pintle::kv::auth {
namespace {

// One caller's rights in one state.
class Rights {
 public:
  Rights(const AuthState& state, const Caller& caller, KeysOfLease keys_of)
      : state_(state), caller_(caller), keys_of_(keys_of) {}

  absl::Status May(const RangeRequest& request) const {
    return state_.CheckRead(caller_, request.range);
  }

  absl::Status May(const PutRequest& request) const {
    const KeyRange key{request.key, ""};
    PINTLE_RETURN_IF_ERROR(state_.CheckWrite(caller_, key));
    PINTLE_RETURN_IF_ERROR(MayUseLease(request.lease));
    return request.prev_kv ? state_.CheckRead(caller_, key) : absl::OkStatus();
  }

  absl::Status May(const DeleteRangeRequest& request) const {
    PINTLE_RETURN_IF_ERROR(state_.CheckWrite(caller_, request.range));
    return request.prev_kv ? state_.CheckRead(caller_, request.range) : absl::OkStatus();
  }

  absl::Status May(const std::shared_ptr<TxnRequest>& nested) const {
    if (PINTLE_CANARY("auth_skips_nested_txn")) return absl::OkStatus();
    return nested == nullptr ? absl::OkStatus() : May(*nested);
  }

  absl::Status May(const TxnRequest& request) const {
    for (const Compare& compare : request.compares) {
      PINTLE_RETURN_IF_ERROR(state_.CheckRead(caller_, compare.range));
    }
    for (const auto* branch : {&request.success, &request.failure}) {
      for (const TxnOp& op : *branch) {
        PINTLE_RETURN_IF_ERROR(std::visit([&](const auto& part) { return May(part); }, op));
      }
    }
    return absl::OkStatus();
  }

  absl::Status May(const CompactRequest&) const { return state_.CheckRoot(caller_); }
  // Whose it is shows in the keys that are hung on it.
  absl::Status May(const LeaseGrantRequest&) const { return state_.CheckUser(caller_); }
  absl::Status May(const LeaseRevokeRequest& request) const {
    PINTLE_RETURN_IF_ERROR(state_.CheckUser(caller_));
    return MayUseLease(request.id);
  }
  absl::Status May(const LeaseCheckpointRequest&) const { return state_.CheckRoot(caller_); }

  absl::Status May(const AlarmRequest& request) const {
    return request.action == AlarmRequest::Action::kGet ? state_.CheckUser(caller_)
                                                        : state_.CheckRoot(caller_);
  }

  absl::Status May(const Request& request) const {
    // The password was the question, and is answered.
    return std::holds_alternative<Authenticate>(request) ? absl::OkStatus()
                                                         : state_.CheckRoot(caller_);
  }

  absl::Status MayUseLease(LeaseId id) const {
    if (!id || state_.CheckRoot(caller_).ok()) return absl::OkStatus();
    for (const std::string& key : keys_of_(id)) {
      PINTLE_RETURN_IF_ERROR(state_.CheckWrite(caller_, {key, ""}));
    }
    return absl::OkStatus();
  }

 private:
  const AuthState& state_;
  const Caller& caller_;
  const KeysOfLease keys_of_;
};

}  // namespace

absl::Status Authorize(const AuthState& state, const Caller& caller, const Command& command,
                       KeysOfLease keys_of) {
  if (!state.enabled() || caller.origin == Caller::Origin::kCluster) return absl::OkStatus();
  const Rights rights(state, caller, keys_of);
  return std::visit([&](const auto& request) { return rights.May(request); }, command);
}

absl::Status AuthorizeTxn(const AuthState& state, const Caller& caller, const TxnRequest& request,
                          KeysOfLease keys_of) {
  return Rights(state, caller, keys_of).May(request);
}

absl::Status AuthorizeLease(const AuthState& state, const Caller& caller, LeaseId id,
                            KeysOfLease keys_of) {
  return Rights(state, caller, keys_of).MayUseLease(id);
}

}  // namespace pintle::kv::auth
