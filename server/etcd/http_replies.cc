#include "server/etcd/http_replies.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace pintle::server::etcd {

net::Headers PlainHeaders(std::string_view content_type) {
  net::Headers headers;
  if (!content_type.empty()) headers.Add("content-type", std::string(content_type));
  return headers;
}

void RespondError(net::HttpExchange& exchange, int status, std::string_view text) {
  net::Headers headers = PlainHeaders(kPlainText);
  headers.Add("x-content-type-options", "nosniff");
  exchange.Respond(status, std::move(headers), std::string(text) + "\n");
}

void RespondNotFound(net::HttpExchange& exchange) {
  RespondError(exchange, 404, "404 page not found");
}

void RespondMoved(net::HttpExchange& exchange, std::string_view method, std::string location) {
  const bool read = method == "GET" || method == "HEAD";
  net::Headers headers = PlainHeaders(read ? "text/html; charset=utf-8" : "");
  std::string body;
  if (method == "GET") {
    body = absl::StrCat(
        "<a href=\"",
        absl::StrReplaceAll(
            location,
            {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&#34;"}, {"'", "&#39;"}}),
        "\">Moved Permanently</a>.\n\n");
  }
  headers.Add("location", std::move(location));
  exchange.Respond(301, std::move(headers), std::move(body));
}

bool RequireGet(const net::HttpRequest& request, net::HttpExchange& exchange) {
  if (request.method == "GET") return true;
  net::Headers headers = PlainHeaders(kPlainText);
  headers.Add("allow", "GET");
  headers.Add("x-content-type-options", "nosniff");
  exchange.Respond(405, std::move(headers), "Method Not Allowed\n");
  return false;
}

}  // namespace pintle::server::etcd
