#include "server/clean_paths.h"

#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "server/etcd/http_replies.h"

namespace pintle::server {
namespace {

// What a path may hold as it is.
std::string PercentEncode(std::string_view path) {
  constexpr std::string_view kAsIs = "-_.~$&+,/:;=@";
  std::string out;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(byte) || kAsIs.find(c) != std::string_view::npos) {
      out.push_back(c);
    } else {
      absl::StrAppendFormat(&out, "%%%02X", byte);
    }
  }
  return out;
}

}  // namespace

std::string CleanPath(std::string_view path) {
  std::vector<std::string> pieces;
  for (const auto view : absl::StrSplit(std::string(path), '/')) {
    std::string piece(view);
    if (piece == "..") {
      if (!pieces.empty()) pieces.pop_back();
    } else if (!piece.empty() && piece != ".") {
      pieces.push_back(std::move(piece));
    }
  }
  const bool folder = path.ends_with('/') && !pieces.empty();
  return absl::StrCat("/", absl::StrJoin(pieces, "/"), folder ? "/" : "");
}

void CleanPaths::Handle(net::HttpRequest request, std::shared_ptr<net::HttpExchange> exchange) {
  std::string path;
  if (net::PercentDecode(request.path, /*plus_is_space=*/false, path)) {
    request.path = std::move(path);
  }
  const std::string clean = CleanPath(request.path);
  if (clean == request.path) return inner_.Handle(std::move(request), std::move(exchange));
  std::string location = PercentEncode(clean);
  if (!request.query.empty()) absl::StrAppend(&location, "?", request.query);
  etcd::RespondMoved(*exchange, request.method, std::move(location));
}

}  // namespace pintle::server
