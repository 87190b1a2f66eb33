#include "server/etcd/replace_member.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "server/etcd/auth_caller.h"
#include "server/etcd/cluster_service.h"
#include "server/etcd/http_replies.h"
#include "server/replica/errors.h"

namespace pintle::server::etcd {
namespace {

using replica::MemberChange;
using ExchangePtr = std::shared_ptr<net::HttpExchange>;

constexpr size_t kMostBytes = size_t{64} << 10;

absl::StatusOr<uint64_t> ParseId(const nlohmann::json& request) {
  const auto found = request.find("id");
  if (found == request.end() || !found->is_string()) {
    return absl::InvalidArgumentError("\"id\" is missing: the old member's, hexadecimal");
  }
  const auto& text = found->get_ref<const std::string&>();
  uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id, 16);
  if (error != std::errc() || end != text.data() + text.size()) {
    return absl::InvalidArgumentError("\"id\" is not a hexadecimal number");
  }
  return id;
}

absl::StatusOr<MemberChange> ParseRequest(std::string_view body) {
  const auto request = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!request.is_object()) return absl::InvalidArgumentError("the body is not a JSON object");
  const absl::StatusOr<uint64_t> replaced = ParseId(request);
  if (!replaced.ok()) return replaced.status();
  std::vector<std::string> urls;
  const auto given = request.find("peerURLs");
  if (given == request.end() || !given->is_array()) return replica::ErrBadMemberUrls();
  for (const auto& url : *given) {
    if (!url.is_string()) return replica::ErrBadMemberUrls();
    urls.push_back(url.get<std::string>());
  }
  absl::StatusOr<MemberChange> change = NewMember(std::move(urls));
  if (change.ok()) change->replaces = *replaced;
  return change;
}

int HttpStatusOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return 400;
    case absl::StatusCode::kUnauthenticated:
      return 401;
    case absl::StatusCode::kPermissionDenied:
      return 403;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kUnknown:
      return 409;
    default:
      return 503;
  }
}

void Respond(net::HttpExchange& exchange, const absl::Status& status, uint64_t id,
             uint64_t replaced) {
  if (!status.ok())
    return RespondError(exchange, HttpStatusOf(status), std::string(status.message()));
  exchange.Respond(200, PlainHeaders("application/json"),
                   absl::StrFormat("{\"id\":\"%x\",\"replaces\":\"%x\"}\n", id, replaced));
}

}  // namespace

void ReplaceMember(const ServicePtr& service, const net::HttpRequest& request,
                   ExchangePtr exchange) {
  if (request.method != "POST") return RespondError(*exchange, 405, "Method Not Allowed");
  if (request.body.size() > kMostBytes) return RespondError(*exchange, 413, "too large");
  if (const absl::Status refused = CheckHttpRoot(*service, request.headers); !refused.ok()) {
    return RespondError(*exchange, HttpStatusOf(refused), std::string(refused.message()));
  }
  absl::StatusOr<MemberChange> change = ParseRequest(request.body);
  if (!change.ok()) {
    return RespondError(*exchange, HttpStatusOf(change.status()),
                        std::string(change.status().message()));
  }
  const uint64_t id = change->id;
  const uint64_t replaced = change->replaces;
  service->member.ChangeMembers(*std::move(change), [exchange, id, replaced](const auto& members) {
    exchange->executor().Post([exchange, id, replaced, status = members.status()] {
      Respond(*exchange, status, id, replaced);
    });
  });
}

}  // namespace pintle::server::etcd
