#include "server/http_access.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"

namespace pintle::server {
namespace {

bool Allows(const std::vector<std::string>& list, std::string_view one) {
  return list.empty() || std::ranges::any_of(list, [one](const std::string& allowed) {
           return allowed == "*" || allowed == one;
         });
}

// "host:port", "[::1]:port", "host" → the host.
std::string_view HostOf(std::string_view text) {
  if (text.starts_with('[')) return text.substr(1, text.find(']') - 1);
  return text.substr(0, text.find(':'));
}

std::string UnknownHostText(std::string_view host) {
  return absl::StrCat(
      "\netcd received your request, but the Host header was unrecognized.\n\n"
      "To fix this, choose one of the following options:\n"
      "- Enable TLS, then any HTTPS request will be allowed.\n"
      "- Add the hostname you want to use to the whitelist in settings.\n"
      "  - e.g. etcd --host-whitelist \"",
      std::string(host),
      "\"\n\nThis requirement has been added to help prevent \"DNS Rebinding\" attacks "
      "(CVE-2018-5702).\n\n");
}

net::Headers PlainText() {
  net::Headers headers;
  headers.Add("content-type", "text/plain; charset=utf-8");
  headers.Add("x-content-type-options", "nosniff");
  return headers;
}

// The exchange with three more headers.
class ForOrigin final : public net::HttpExchange {
 public:
  ForOrigin(std::shared_ptr<net::HttpExchange> inner, std::string origin)
      : inner_(std::move(inner)), origin_(std::move(origin)) {}

  void Respond(int status, net::Headers headers, std::string body) override {
    AddHeaders(headers);
    inner_->Respond(status, std::move(headers), std::move(body));
  }
  void Start(int status, net::Headers headers) override {
    AddHeaders(headers);
    inner_->Start(status, std::move(headers));
  }
  bool Write(std::string chunk) override { return inner_->Write(std::move(chunk)); }
  void Finish() override { inner_->Finish(); }
  // As with etcd, which is not asked by a browser's script then.
  bool Upgrade(net::Headers headers, absl::AnyInvocable<void(std::string)> on_message) override {
    return inner_->Upgrade(std::move(headers), std::move(on_message));
  }
  bool HasRoom(size_t answer_bytes) const override { return inner_->HasRoom(answer_bytes); }
  void OnRoom(size_t answer_bytes, absl::AnyInvocable<void()> work) override {
    inner_->OnRoom(answer_bytes, std::move(work));
  }
  bool WantsMore(size_t most_unsent_bytes) override { return inner_->WantsMore(most_unsent_bytes); }
  size_t unsent_bytes() const override { return inner_->unsent_bytes(); }
  void OnDrain(absl::AnyInvocable<void()> callback) override {
    inner_->OnDrain(std::move(callback));
  }
  void OnClose(absl::AnyInvocable<void()> callback) override {
    inner_->OnClose(std::move(callback));
  }
  net::Executor& executor() override { return inner_->executor(); }

 private:
  void AddHeaders(net::Headers& headers) const {
    headers.Add("access-control-allow-methods", "POST, GET, OPTIONS, PUT, DELETE");
    headers.Add("access-control-allow-origin", origin_);
    headers.Add("access-control-allow-headers", "accept, content-type, authorization");
  }

  const std::shared_ptr<net::HttpExchange> inner_;
  const std::string origin_;
};

}  // namespace

void HttpAccess::Handle(net::HttpRequest request, std::shared_ptr<net::HttpExchange> exchange) {
  if (!request.secure) {
    const std::string_view host = HostOf(request.headers.Get("host"));
    if (!Allows(allowed_.hosts, host)) {
      return exchange->Respond(421, PlainText(), UnknownHostText(host));
    }
  }
  const std::string_view origin = request.headers.Get("origin");
  if (Allows(allowed_.origins, "*")) {
    exchange = std::make_shared<ForOrigin>(std::move(exchange), "*");
  } else if (Allows(allowed_.origins, origin)) {
    exchange = std::make_shared<ForOrigin>(std::move(exchange), std::string(origin));
  }
  if (request.method == "OPTIONS") return exchange->Respond(200, {}, "");
  inner_.Handle(std::move(request), std::move(exchange));
}

void MetricsOnly::Handle(net::HttpRequest request, std::shared_ptr<net::HttpExchange> exchange) {
  const std::string_view path = request.path;
  const bool known = path == "/metrics" || path == "/health" || path == "/livez" ||
                     path == "/readyz" || path.starts_with("/livez/") ||
                     path.starts_with("/readyz/");
  if (known) return inner_.Handle(std::move(request), std::move(exchange));
  exchange->Respond(404, PlainText(), "404 page not found\n");
}

void NoHttp::Handle(net::HttpRequest, std::shared_ptr<net::HttpExchange> exchange) {
  exchange->Respond(404, PlainText(), "404 page not found\n");
}

}  // namespace pintle::server
