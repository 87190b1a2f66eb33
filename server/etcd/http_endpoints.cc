#include "server/etcd/http_endpoints.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kv/alarm_set.h"
#include "server/etcd/debug_vars.h"
#include "server/etcd/downgrade.h"
#include "server/etcd/health_checks.h"
#include "server/etcd/http_replies.h"
#include "server/etcd/pprof.h"
#include "server/etcd/replace_member.h"

namespace pintle::server::etcd {
namespace {

// The reason is a status text or one of our words: what JSON must have escaped is a quote, a
// backslash or a control character, and becomes a space.
std::string HealthBody(bool healthy, std::string reason) {
  for (char& c : reason) {
    if (c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return absl::StrCat("{\"health\":\"", healthy ? "true" : "false", "\",\"reason\":\"", reason,
                      "\"}");
}

// Healthy when there is no reason against it.
void RespondHealth(net::HttpExchange& exchange, FaceCounters& counters, const std::string& why) {
  (why.empty() ? counters.health_successes : counters.health_failures).Add();
  net::Headers headers = PlainHeaders(kPlainText);
  if (!why.empty()) headers.Add("x-content-type-options", "nosniff");
  exchange.Respond(why.empty() ? 200 : 503, std::move(headers), HealthBody(why.empty(), why));
}

}  // namespace

void HttpEndpoints::Handle(net::HttpRequest request, ExchangePtr exchange) {
  if (request.path == "/health") {
    Health(request, std::move(exchange));
  } else if (request.path == kReplacePath) {
    ReplaceMember(service_, request, std::move(exchange));
  } else if (request.path == "/version") {
    Version(request, exchange);
  } else if (request.path == "/debug/vars") {
    Vars(request, exchange);
  } else if (request.path == "/metrics" && service_->options.metrics_text != nullptr) {
    Metrics(exchange);
  } else if (!(service_->options.pprof && HandlePprof(request, exchange)) &&
             !HandleProbe(service_, request, exchange) &&
             (gateway_ == nullptr || !gateway_->Handle(request, exchange))) {
    RespondNotFound(*exchange);
  }
}

void HttpEndpoints::Health(const net::HttpRequest& request, ExchangePtr exchange) const {
  if (!RequireGet(request, *exchange)) return;
  const std::vector<std::string> excluded = QueryValues(request.query, "exclude");
  for (const kv::Alarm& alarm : service_->member.view()->Alarms()) {
    const std::string name = kv::NameOf(alarm.type);
    if (std::find(excluded.begin(), excluded.end(), name) != excluded.end()) continue;
    return RespondHealth(*exchange, *service_->counters, "ALARM " + name);
  }
  const auto values = QueryValues(request.query, "serializable");
  const bool serializable = !values.empty() && values.front() == "true";
  if (!serializable && service_->member.status().leader_id == 0) {
    return RespondHealth(*exchange, *service_->counters, "RAFT NO LEADER");
  }
  net::Executor& executor = exchange->executor();
  CheckRead(
      *service_, serializable, executor,
      [exchange = std::move(exchange), counters = service_->counters](const absl::Status& read) {
        RespondHealth(*exchange, *counters,
                      read.ok() ? "" : absl::StrCat("RANGE ERROR:", read.message()));
      });
}

void HttpEndpoints::Version(const net::HttpRequest& request, const ExchangePtr& exchange) const {
  if (!RequireGet(request, *exchange)) return;
  exchange->Respond(200, PlainHeaders("application/json"),
                    VersionJson(service_->options.version, ClusterVersion(*service_)));
}

void HttpEndpoints::Vars(const net::HttpRequest& request, const ExchangePtr& exchange) const {
  if (!RequireGet(request, *exchange)) return;
  exchange->Respond(200, PlainHeaders("application/json; charset=utf-8"),
                    DebugVars(service_->member.status()));
}

// By every method, as with etcd.
void HttpEndpoints::Metrics(const ExchangePtr& exchange) const {
  exchange->Respond(200, PlainHeaders("text/plain; version=0.0.4; charset=utf-8"),
                    service_->options.metrics_text());
}

}  // namespace pintle::server::etcd
