#include "server/etcd/health_checks.h"

#include <algorithm>
#include <utility>

#include "server/etcd/http_replies.h"
#include "server/replica/errors.h"

namespace pintle::server::etcd {
namespace {

absl::Status ReadOneKey(const kv::ReadView& view) {
  return view.Range({.range = {"health", ""}, .limit = 1}).status();
}

struct CheckResult {
  std::string name;
  absl::Status status;
};

using ExchangePtr = std::shared_ptr<net::HttpExchange>;

std::string Line(const CheckResult& result) {
  if (result.status.ok()) return "[+]" + result.name + " ok\n";
  return "[-]" + result.name + " failed: " + std::string(result.status.message()) + "\n";
}

void RespondChecks(net::HttpExchange& exchange, const std::vector<CheckResult>& results,
                   bool verbose) {
  bool healthy = true;
  std::string lines;
  for (const CheckResult& result : results) {
    healthy = healthy && result.status.ok();
    lines += Line(result);
  }
  if (!healthy) {
    RespondError(exchange, 503, lines);
    return;
  }
  net::Headers headers = PlainHeaders(kPlainText);
  headers.Add("x-content-type-options", "nosniff");
  exchange.Respond(200, std::move(headers), (verbose ? lines : std::string()) + "ok\n");
}

absl::Status CheckNonLearner(const replica::LocalMember& member) {
  const uint64_t id = member.status().member_id;
  for (const replica::ClusterMember& other : member.members()) {
    if (other.id == id && other.is_learner) {
      return absl::FailedPreconditionError("not supported for learner");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckNotCorrupt(const replica::LocalMember& member) {
  for (const kv::Alarm& alarm : member.view()->Alarms()) {
    if (alarm.type == kv::AlarmType::kCorrupt) {
      return absl::DataLossError("alarm activated: CORRUPT");
    }
  }
  return absl::OkStatus();
}

// One probe under way: runs its checks one after the other, then answers.
class Probe : public std::enable_shared_from_this<Probe> {
 public:
  Probe(ServicePtr service, ExchangePtr exchange, std::string type, std::vector<std::string> names,
        bool verbose)
      : service_(std::move(service)),
        exchange_(std::move(exchange)),
        type_(std::move(type)),
        names_(std::move(names)),
        verbose_(verbose) {}

  void Next() {
    if (results_.size() == names_.size()) {
      RespondChecks(*exchange_, results_, verbose_);
      return;
    }
    const std::string& name = names_[results_.size()];
    if (name == "serializable_read" || name == "linearizable_read") {
      CheckRead(*service_, name == "serializable_read", exchange_->executor(),
                [self = shared_from_this()](absl::Status status) { self->Got(std::move(status)); });
    } else if (name == "non_learner") {
      Got(CheckNonLearner(service_->member));
    } else {
      Got(CheckNotCorrupt(service_->member));
    }
  }

 private:
  void Got(absl::Status status) {
    service_->counters->probes.Count(type_, names_[results_.size()], status.ok());
    results_.push_back({names_[results_.size()], std::move(status)});
    Next();
  }

  const ServicePtr service_;
  const ExchangePtr exchange_;
  const std::string type_;
  const std::vector<std::string> names_;
  const bool verbose_;
  std::vector<CheckResult> results_;
};

}  // namespace

void CheckRead(const Service& service, bool serializable, net::Executor& executor,
               absl::AnyInvocable<void(absl::Status)> done) {
  if (serializable && !service.member.store_usable()) {
    done(replica::ErrStoreUnderRepair());
    return;
  }
  if (serializable) {
    done(ReadOneKey(*service.member.view()));
    return;
  }
  service.member.LinearizableRead(
      [&executor,
       done = std::move(done)](absl::StatusOr<std::shared_ptr<const kv::ReadView>> view) mutable {
        executor.Post([done = std::move(done), view = std::move(view)]() mutable {
          done(view.ok() ? ReadOneKey(**view) : view.status());
        });
      });
}

std::vector<std::string> QueryValues(std::string_view query, std::string_view name) {
  std::vector<std::string> values;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const size_t equals = std::min(pair.find('='), pair.size());
    if (pair.substr(0, equals) != name) continue;
    std::string value;
    const std::string_view raw =
        equals < pair.size() ? pair.substr(equals + 1) : std::string_view();
    if (net::PercentDecode(raw, /*plus_is_space=*/true, value)) values.push_back(std::move(value));
  }
  return values;
}

bool HandleProbe(const ServicePtr& service, const net::HttpRequest& request,
                 const ExchangePtr& exchange) {
  std::string_view path = request.path;
  std::vector<std::string> checks;
  const std::string type = path.starts_with("/livez") ? "livez" : "readyz";
  if (path.starts_with("/livez")) {
    path.remove_prefix(6);
    checks = {"serializable_read"};
  } else if (path.starts_with("/readyz")) {
    path.remove_prefix(7);
    checks = {"data_corruption", "serializable_read", "linearizable_read", "non_learner"};
  } else {
    return false;
  }
  if (!path.empty()) {
    if (path[0] != '/') return false;
    const std::string name(path.substr(1));
    if (std::find(checks.begin(), checks.end(), name) == checks.end()) return false;
    checks = {name};
  }
  if (!RequireGet(request, *exchange)) return true;
  for (const std::string& excluded : QueryValues(request.query, "exclude")) {
    std::erase(checks, excluded);
  }
  const bool verbose = !QueryValues(request.query, "verbose").empty();
  std::make_shared<Probe>(service, exchange, type, std::move(checks), verbose)->Next();
  return true;
}

}  // namespace pintle::server::etcd
