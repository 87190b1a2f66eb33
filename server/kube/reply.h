// Reply: one answer of the façade on its way out: headers that every answer has, Status errors,
// warnings, pretty printing. Belongs to its exchange's thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.h"
#include "server/kube/media.h"
#include "server/kube/status_error.h"

namespace pintle::server::kube {

inline constexpr std::string_view kJsonType = "application/json";

struct Reply {
  std::shared_ptr<net::HttpExchange> exchange;
  bool pretty = false;
  std::vector<std::string> warnings;  // Warning: 299 - "…"

  void Send(int status, const Json& body) const;
  void SendBytes(int status, std::string_view content_type, std::string body) const;
  void SendError(const StatusError& error) const;
  net::Headers MakeHeaders(std::string_view content_type) const;
};

}  // namespace pintle::server::kube
