// What a client needs to be allowed to change or read something: the rules for commands, applied to
// every part of a transaction, in both branches and however deep (etcd-api 1.8.3, 1.8.4).
//
// Decided at apply, from the state as of the entry before, so that every member decides the same.
// Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "kv/auth/auth_state.h"
#include "kv/command.h"

namespace pintle::kv::auth {

// What hangs on a lease; nothing for one that does not exist.
using KeysOfLease = absl::FunctionRef<std::vector<std::string>(LeaseId)>;

// Errors: those of AuthState's checks.
absl::Status Authorize(const AuthState& state, const Caller& caller, const Command& command,
                       KeysOfLease keys_of);

absl::Status AuthorizeTxn(const AuthState& state, const Caller& caller, const TxnRequest& request,
                          KeysOfLease keys_of);

// Who may not write all keys of a lease may neither end it nor keep it alive, nor hang more on it.
absl::Status AuthorizeLease(const AuthState& state, const Caller& caller, LeaseId id,
                            KeysOfLease keys_of);

}  // namespace pintle::kv::auth
