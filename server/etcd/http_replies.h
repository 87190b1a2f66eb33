// Plain HTTP answers; what lets browsers' scripts ask is added by server/http_access.h.
#pragma once

#include <string>
#include <string_view>

#include "net/http.h"

namespace pintle::server::etcd {

inline constexpr std::string_view kPlainText = "text/plain; charset=utf-8";

net::Headers PlainHeaders(std::string_view content_type);
// An error as Go's http.Error writes it: plain text, not to be sniffed, a line break at the end.
void RespondError(net::HttpExchange& exchange, int status, std::string_view text);
void RespondNotFound(net::HttpExchange& exchange);
// 301 to a path (and query) of this server, as Go's http.Redirect writes it. The location is
// written as it is: percent-encoded.
void RespondMoved(net::HttpExchange& exchange, std::string_view method, std::string location);
// False, and answered with 405, when the method is not GET.
bool RequireGet(const net::HttpRequest& request, net::HttpExchange& exchange);

}  // namespace pintle::server::etcd
