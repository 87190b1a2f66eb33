#include "server/kube/reply.h"

#include "server/kube/stored_form.h"
#include "server/kube/text.h"

namespace pintle::server::kube {

net::Headers Reply::MakeHeaders(std::string_view content_type) const {
  net::Headers headers;
  headers.Add("content-type", std::string(content_type));
  headers.Add("cache-control", "no-cache, private");
  for (const std::string& warning : warnings)
    headers.Add("warning", StrCat("299 - ", Quoted(warning)));
  return headers;
}

void Reply::SendBytes(int status, std::string_view content_type, std::string body) const {
  exchange->Respond(status, MakeHeaders(content_type), std::move(body));
}

void Reply::Send(int status, const Json& body) const {
  SendBytes(status, kJsonType,
            pretty ? body.dump(2, ' ', false, Json::error_handler_t::replace) : Dump(body));
}

void Reply::SendError(const StatusError& error) const {
  net::Headers headers = MakeHeaders(kJsonType);
  if (error.retry_after_seconds > 0) headers.Add("retry-after", StrCat(error.retry_after_seconds));
  exchange->Respond(error.code, std::move(headers), Dump(error.ToJson()));
}

}  // namespace pintle::server::kube
