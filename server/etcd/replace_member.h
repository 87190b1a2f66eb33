// POST /admin/members/replace: a member is replaced in one step, which no RPC of etcd's can do.
//
//   request    {"id": "<the old member, hexadecimal>", "peerURLs": ["http://…"]}
//   answer     200 {"id": "<the new member, hexadecimal>", "replaces": "<old>"}
//
// The new member is started with --initial-cluster-state=existing. Until it is in sync the old one
// counts as before; then one change takes the old one out and the new one in. Errors are the
// leader's (server/replica/member_rules.h), as text: 400 bad request, 401 and 403 not root's token
// in "Authorization" while authentication is on, 404 no such member, 409 not now, 503 no leader or
// quorum. Limit: 64 KiB of body. Thread: the exchange's.
#pragma once

#include <memory>

#include "net/http.h"
#include "server/etcd/service.h"

namespace pintle::server::etcd {

inline constexpr std::string_view kReplacePath = "/admin/members/replace";

void ReplaceMember(const ServicePtr& service, const net::HttpRequest& request,
                   std::shared_ptr<net::HttpExchange> exchange);

}  // namespace pintle::server::etcd
