#include "server/etcd/downgrade.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "proto/etcd/rpc.pb.h"
#include "server/etcd/replies.h"
#include "server/replica/downgrade_codec.h"

namespace pintle::server::etcd {
namespace {

using etcdserverpb::DowngradeRequest;
using CallPtr = std::shared_ptr<net::GrpcCall>;

struct Version {
  int64_t major = 0;
  int64_t minor = 0;
};

bool ParseNumber(std::string_view text, int64_t& number) {
  return text.find_first_not_of("0123456789") == std::string_view::npos &&
         absl::SimpleAtoi({text.data(), text.size()}, &number);
}

// What semantic versioning calls a version.
std::optional<Version> Parse(std::string_view text) {
  const std::string numbers(text.substr(0, text.find_first_of("+-")));
  const std::vector<std::string> parts = absl::StrSplit(numbers, '.');
  Version version;
  int64_t patch = 0;
  if (parts.size() != 3 || !ParseNumber(parts[0], version.major) ||
      !ParseNumber(parts[1], version.minor) || !ParseNumber(parts[2], patch)) {
    return std::nullopt;
  }
  return version;
}

absl::Status CheckTarget(const Service& service, std::string_view target) {
  const std::optional<std::string> before = VersionBefore(ClusterVersion(service));
  if (target != before) return ErrInvalidDowngradeTarget();
  return service.member.downgrade_target().empty() ? absl::OkStatus() : ErrDowngradeInProcess();
}

void Answer(const Service& service, net::GrpcCall& call) {
  etcdserverpb::DowngradeResponse response;
  const HeaderFacts facts = FactsOf(service.member);
  response.mutable_header()->set_cluster_id(facts.cluster_id);
  response.mutable_header()->set_member_id(facts.member_id);
  response.mutable_header()->set_raft_term(facts.raft_term);
  response.mutable_header()->set_revision(service.member.view()->revision());
  response.set_version(ClusterVersion(service));
  call.Reply(response.SerializeAsString());
}

// Empty: none any more.
void SetTarget(const ServicePtr& service, std::string_view target, const CallPtr& call) {
  ProposeThen(*service, replica::RequestKind::kDowngrade, replica::EncodeDowngrade(target), call,
              [service, call](const replica::Applied&) { Answer(*service, *call); });
}

void Validate(const ServicePtr& service, const DowngradeRequest& request, const CallPtr& call) {
  std::optional<std::string> target = ParseClusterVersion(request.version());
  if (!target.has_value()) return call->Finish(ErrWrongDowngradeFormat());
  const bool enable = request.action() == DowngradeRequest::ENABLE;
  WithView(*service, /*serializable=*/false, call,
           [service, call, enable, target = *std::move(target)](const kv::ReadView&) {
             const absl::Status refused = CheckTarget(*service, target);
             if (!refused.ok()) return call->Finish(refused);
             if (!enable) return Answer(*service, *call);
             SetTarget(service, target, call);
           });
}

// That there is nothing to cancel is no error, as in etcd since 3.6.
void Cancel(const ServicePtr& service, const CallPtr& call) {
  WithView(*service, /*serializable=*/false, call, [service, call](const kv::ReadView&) {
    if (service->member.downgrade_target().empty()) return Answer(*service, *call);
    SetTarget(service, "", call);
  });
}

void Downgrade(const ServicePtr& service, const DowngradeRequest& request, const std::string&,
               const CallPtr& call) {
  switch (request.action()) {
    case DowngradeRequest::VALIDATE:
    case DowngradeRequest::ENABLE:
      return Validate(service, request, call);
    case DowngradeRequest::CANCEL:
      return Cancel(service, call);
    default:
      return call->Finish(ErrUnknownMethod());
  }
}

}  // namespace

std::optional<std::string> ParseClusterVersion(std::string_view text) {
  std::optional<Version> version = Parse(text);
  if (!version.has_value()) version = Parse(absl::StrCat(std::string(text), ".0"));
  if (!version.has_value()) return std::nullopt;
  return absl::StrCat(version->major, ".", version->minor, ".0");
}

std::optional<std::string> VersionBefore(std::string_view cluster_version) {
  const std::optional<Version> version = Parse(cluster_version);
  if (!version.has_value() || version->minor == 0) return std::nullopt;
  return absl::StrCat(version->major, ".", version->minor - 1, ".0");
}

std::string ClusterVersion(const replica::LocalMember& member, const std::string& own) {
  std::string target = member.downgrade_target();
  return target.empty() ? own : target;
}

std::string ClusterVersion(const Service& service) {
  return ClusterVersion(service.member, service.options.cluster_version);
}

std::string VersionJson(const std::string& version, const std::string& cluster) {
  return absl::StrCat("{\"etcdserver\":\"", version, "\",\"etcdcluster\":\"", cluster,
                      "\",\"storage\":\"", cluster, "\"}");
}

void RegisterDowngrade(net::GrpcRouter& router, ServicePtr service) {
  AddUnary<DowngradeRequest>(router, "/etcdserverpb.Maintenance/Downgrade", std::move(service),
                             Downgrade);
}

}  // namespace pintle::server::etcd
