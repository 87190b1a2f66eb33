// Who calls, and what follows: from the token, or the client certificate's name, of a call to a
// kv::auth::Caller (etcd-api 1.8.2).
//
// Thread: the call's. With authentication off all of this is one relaxed load. An error ends the
// call: "etcdserver: invalid auth token" for a token that nobody has, and what the checks of
// kv/auth/auth_state.h say.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kv/auth/types.h"
#include "kv/read_view.h"
#include "net/grpc.h"
#include "server/etcd/auth_rules.h"
#include "server/etcd/service.h"

namespace pintle::server::etcd {

// `auth_revision`: of the state that will be asked what the caller may; a token that names one
// itself keeps to it.
absl::StatusOr<kv::auth::Caller> CallerOf(const Service& service, const net::GrpcCall& call,
                                          uint64_t auth_revision);

// The HTTP endpoints that change something: the caller of a request with these headers is root.
absl::Status CheckHttpRoot(const Service& service, const net::Headers& headers);

// The token says that it was issued in an entry that is not applied here yet.
bool TokenIsAhead(const Service& service, const net::GrpcCall& call);

// Waits for a token that is ahead.
using UseCaller = absl::AnyInvocable<void(const kv::auth::Caller&)>;
void WithCaller(const Service& service, std::shared_ptr<net::GrpcCall> call, UseCaller use);

// Goes on when the rule lets the caller. kAnybody and kInside let everybody.
void Admit(const Service& service, AuthRule rule, std::shared_ptr<net::GrpcCall> call,
           absl::AnyInvocable<void()> go);

// WithView for a read on behalf of the caller: `use` asks the view's own auth state, and
// `Recheck` when it has read.
using UseViewAs = absl::AnyInvocable<void(const kv::ReadView&, const kv::auth::Caller&)>;
void ReadAs(const Service& service, bool serializable, std::shared_ptr<net::GrpcCall> call,
            UseViewAs use);

// ErrAuthOldRevision: users, roles or permissions have changed since the caller was let.
absl::Status Recheck(const Service& service, const kv::auth::Caller& caller);

}  // namespace pintle::server::etcd
