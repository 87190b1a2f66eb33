// The checks behind /health, /livez and /readyz: one small read, local or confirmed by a quorum.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "net/http.h"
#include "server/etcd/service.h"

namespace pintle::server::etcd {

// One read of one key. `done` runs on the exchange's thread.
void CheckRead(const Service& service, bool serializable, net::Executor& executor,
               absl::AnyInvocable<void(absl::Status)> done);

// Answers /livez, /readyz, /livez/<check>, /readyz/<check>; false when the path is none of them.
bool HandleProbe(const ServicePtr& service, const net::HttpRequest& request,
                 const std::shared_ptr<net::HttpExchange>& exchange);

// Values of a query parameter that may be repeated, decoded.
std::vector<std::string> QueryValues(std::string_view query, std::string_view name);

}  // namespace pintle::server::etcd
