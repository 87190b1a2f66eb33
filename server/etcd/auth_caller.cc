#include "server/etcd/auth_caller.h"

#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "kv/auth/errors.h"
#include "server/etcd/auth_jwt.h"

namespace pintle::server::etcd {
namespace {

using kv::auth::Caller;

// nullopt: the call has none. etcd's Go clients say "token"; the gateway, and others who think in
// HTTP, "authorization".
std::optional<std::string_view> TokenOf(const net::Headers& metadata) {
  constexpr std::string_view kBearer = "Bearer ";
  if (metadata.Has("token")) return metadata.Get("token");
  if (!metadata.Has("authorization")) return std::nullopt;
  std::string_view token = metadata.Get("authorization");
  if (token.starts_with(kBearer)) token.remove_prefix(kBearer.size());
  return token;
}

// The number behind the dot of a simple token.
std::optional<uint64_t> IndexOf(std::string_view token) {
  const size_t dot = token.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view digits = token.substr(dot + 1);
  uint64_t index = 0;
  if (!absl::SimpleAtoi({digits.data(), digits.size()}, &index)) return std::nullopt;
  return index;
}

absl::StatusOr<Caller> OwnerOf(const Service& service, std::string_view token,
                               uint64_t auth_revision) {
  if (const Jwt* jwt = service.options.auth.jwt.get()) {
    auto caller = jwt->Verify(token, absl::Now());
    if (!caller.has_value()) return kv::auth::ErrInvalidAuthToken();
    return *std::move(caller);
  }
  auto user = service.member.UserOfToken(token);
  if (!user.has_value()) return kv::auth::ErrInvalidAuthToken();
  return Caller::User(*std::move(user), auth_revision);
}

// What came in through the gateway would be the gateway's own certificate.
bool CertificateCounts(const Service& service, const net::GrpcCall& call) {
  return service.options.auth.client_certificates && !call.common_name().empty() &&
         !call.metadata().Has("grpcgateway-accept");
}

absl::Status CheckRule(AuthRule rule, const kv::auth::AuthState& state, const Caller& caller) {
  switch (rule) {
    case AuthRule::kRoot:
      return state.CheckRoot(caller);
    case AuthRule::kUser:
      return state.CheckUser(caller);
    case AuthRule::kAnybody:
    case AuthRule::kInside:
      break;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Caller> CallerOf(const Service& service, const net::GrpcCall& call,
                                uint64_t auth_revision) {
  const std::optional<std::string_view> token = TokenOf(call.metadata());
  if (token.has_value()) return OwnerOf(service, *token, auth_revision);
  if (!CertificateCounts(service, call)) return Caller();
  return Caller::User(std::string(call.common_name()), auth_revision);
}

absl::Status CheckHttpRoot(const Service& service, const net::Headers& headers) {
  if (!service.member.auth_enabled()) return absl::OkStatus();
  const auto view = service.member.view();
  const std::optional<std::string_view> token = TokenOf(headers);
  if (!token.has_value()) return view->auth().CheckRoot(Caller());
  const auto caller = OwnerOf(service, *token, view->auth().revision());
  return caller.ok() ? view->auth().CheckRoot(*caller) : caller.status();
}

bool TokenIsAhead(const Service& service, const net::GrpcCall& call) {
  if (service.options.auth.jwt != nullptr) return false;
  const std::optional<std::string_view> token = TokenOf(call.metadata());
  if (!token.has_value()) return false;
  const std::optional<uint64_t> index = IndexOf(*token);
  return index.has_value() && *index > service.member.view()->sequence().value();
}

void WithCaller(const Service& service, std::shared_ptr<net::GrpcCall> call, UseCaller use) {
  if (!service.member.auth_enabled()) return use(Caller());
  // Whoever got the token got it from a member that had applied it: it is committed, and whoever
  // has caught up knows it. One that comes of nowhere costs its sender a round of the leader's.
  const bool serializable = !TokenIsAhead(service, *call);
  ReadAs(
      service, serializable, std::move(call),
      [use = std::move(use)](const kv::ReadView&, const Caller& caller) mutable { use(caller); });
}

void Admit(const Service& service, AuthRule rule, std::shared_ptr<net::GrpcCall> call,
           absl::AnyInvocable<void()> go) {
  const bool asks = rule == AuthRule::kRoot || rule == AuthRule::kUser;
  if (!asks || !service.member.auth_enabled()) return go();
  net::GrpcCall& called = *call;
  WithCaller(service, std::move(call),
             [&service, &called, rule, go = std::move(go)](const Caller& caller) mutable {
               const absl::Status refused = CheckRule(rule, service.member.view()->auth(), caller);
               if (!refused.ok()) return called.Finish(refused);
               go();
             });
}

void ReadAs(const Service& service, bool serializable, std::shared_ptr<net::GrpcCall> call,
            UseViewAs use) {
  net::GrpcCall& called = *call;
  const bool newest =
      serializable && !(service.member.auth_enabled() && TokenIsAhead(service, called));
  WithView(service, newest, std::move(call),
           [&service, &called, use = std::move(use)](const kv::ReadView& view) mutable {
             if (!view.auth().enabled()) return use(view, Caller());
             const auto caller = CallerOf(service, called, view.auth().revision());
             if (!caller.ok()) return called.Finish(caller.status());
             use(view, *caller);
           });
}

absl::Status Recheck(const Service& service, const Caller& caller) {
  if (caller.auth_revision == 0) return absl::OkStatus();
  return caller.auth_revision == service.member.view()->auth().revision()
             ? absl::OkStatus()
             : kv::auth::ErrAuthOldRevision();
}

}  // namespace pintle::server::etcd
