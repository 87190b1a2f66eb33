#include "server/replica/peer_http.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace pintle::server::replica {
namespace {

constexpr std::string_view kMethods[] = {"GET ",    "HEAD ",  "POST ",   "PUT ",
                                         "DELETE ", "PATCH ", "OPTIONS "};

std::string Answer(std::string_view status, const std::string& headers, std::string_view body,
                   bool with_body = true) {
  return absl::StrCat("HTTP/1.1 ", std::string(status), "\r\n", headers,
                      "Content-Length: ", body.size(), "\r\nConnection: close\r\n\r\n",
                      std::string(with_body ? body : ""));
}

std::string Plain(const std::string& headers = "") {
  return headers + "Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n";
}

}  // namespace

bool IsHttpRequest(std::string_view bytes) {
  return std::ranges::any_of(kMethods,
                             [&](std::string_view method) { return bytes.starts_with(method); });
}

std::optional<std::string> AnswerHttp(std::string_view head, const PeerPageAt& pages) {
  const std::string_view line = head.substr(0, head.find("\r\n"));
  const size_t space = line.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const std::string_view method = line.substr(0, space);
  const std::string_view target = line.substr(space + 1);
  const std::optional<PeerPage> page = pages(target.substr(0, target.find_first_of("? ")));
  if (!page) return std::nullopt;
  if (method == "GET")
    return Answer("200 OK", "Content-Type: application/json\r\n" + page->headers, page->body);
  return Answer("405 Method Not Allowed", Plain("Allow: GET\r\n"), "Method Not Allowed\n",
                method != "HEAD");
}

std::string HttpNotFound() { return Answer("404 Not Found", Plain(), "404 page not found\n"); }

}  // namespace pintle::server::replica
