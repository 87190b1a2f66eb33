#include "net/http_text.h"

#include <ctime>

#include "net/concat.h"

namespace pintle::net {

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Request Entity Too Large";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Entity";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Unknown";
  }
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

void SplitTarget(std::string_view target, std::string& path, std::string& query) {
  const size_t mark = target.find('?');
  path = target.substr(0, mark);
  query = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
}

}  // namespace pintle::net
