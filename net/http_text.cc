#include "net/http_text.h"

#include <ctime>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "net/concat.h"

namespace pintle::net {

namespace {

struct Reason {
  int status;
  std::string_view phrase;
};

// RFC 9110 §15; 413 and 422 in the words that Go uses.
constexpr Reason kReasons[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Request Entity Too Large"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Entity"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

// Among words with commas between them, in any case.
bool HasToken(std::string_view list, absl::string_view token) {
  for (const absl::string_view piece :
       absl::StrSplit(absl::string_view(list.data(), list.size()), ',')) {
    if (absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(piece), token)) return true;
  }
  return false;
}

}  // namespace

std::string_view ReasonPhrase(int status) {
  for (const Reason& reason : kReasons) {
    if (reason.status == status) return reason.phrase;
  }
  return "Unknown";
}

std::string_view HttpDate() {
  thread_local std::time_t made_for = 0;
  thread_local char text[32];
  thread_local size_t size = 0;
  const std::time_t now = std::time(nullptr);
  if (now != made_for) {
    std::tm parts;
    gmtime_r(&now, &parts);
    size = std::strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    made_for = now;
  }
  return {text, size};
}

std::string SafeHeaderValue(std::string_view value) {
  std::string safe(value);
  for (char& c : safe) {
    if (c == '\r' || c == '\n' || c == '\0') c = ' ';
  }
  return safe;
}

bool StatusForbidsBody(int status) { return status < 200 || status == 204 || status == 304; }

bool IsSessionHeader(std::string_view name) {
  return name == "connection" || name == "content-length" || name == "transfer-encoding" ||
         name == "keep-alive" || name == "upgrade" || name == "date";
}

std::string PlainErrorBody(int status) { return Concat(status, " ", ReasonPhrase(status)); }

std::string HeadTooLarge(size_t most_bytes) {
  return Concat("a request's header fields are larger than ", most_bytes, " bytes");
}

void SplitTarget(std::string_view target, std::string& path, std::string& query) {
  const size_t mark = target.find('?');
  path = target.substr(0, mark);
  query = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
}

bool HttpExchange::Upgrade(Headers, absl::AnyInvocable<void(std::string)>) { return false; }

bool OffersWebSocket(const HttpRequest& request) {
  return request.method == "GET" && HasToken(request.headers.Get("connection"), "upgrade") &&
         HasToken(request.headers.Get("upgrade"), "websocket");
}

}  // namespace pintle::net
