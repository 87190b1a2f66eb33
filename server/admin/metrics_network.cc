// Calls and traffic on the /metrics page.
#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <string_view>

#include "server/admin/metrics.h"

namespace pintle::server::admin {
namespace {

using Numbers = net::GrpcMethodStats::Numbers;

constexpr std::string_view kCodes[net::kGrpcCodes] = {
    "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
    "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
    "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
    "DataLoss", "Unauthenticated"};

// What Prometheus' clients use when nothing else is said.
constexpr std::array kDefaultEdges = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                      0.5,   1.0,  2.5,   5.0,  10.0};

std::string TypeOf(const google::protobuf::MethodDescriptor& method) {
  if (method.client_streaming()) return method.server_streaming() ? "bidi_stream" : "client_stream";
  return method.server_streaming() ? "server_stream" : "unary";
}

// "/etcdserverpb.KV/Range"
Labels LabelsOf(std::string_view path) {
  std::string name(path.substr(1));
  const size_t slash = name.rfind('/');
  const std::string service = name.substr(0, slash);
  const std::string method = name.substr(slash + 1);
  name[slash] = '.';
  const auto* descriptor =
      google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(name);
  return {{"grpc_method", method},
          {"grpc_service", service},
          {"grpc_type", descriptor == nullptr ? "unary" : TypeOf(*descriptor)}};
}

// Counts by finer edges as counts by some of them.
template <size_t N>
std::array<uint64_t, N + 1> Coarser(std::span<const uint64_t> counts,
                                    const std::array<double, N>& edges) {
  std::array<uint64_t, N + 1> coarse{};
  for (size_t i = 0; i < counts.size(); ++i) {
    const bool above = i == net::GrpcMethodStats::kEdges.size();
    const size_t at =
        above
            ? N
            : static_cast<size_t>(std::ranges::lower_bound(edges, net::GrpcMethodStats::kEdges[i]) -
                                  edges.begin());
    coarse[at] += counts[i];
  }
  return coarse;
}

void AddMethod(Page& page, const std::string& path, const Numbers& numbers, bool extensive) {
  const Labels labels = LabelsOf(path);
  page.Counter("grpc_server_started_total", "Calls begun.", static_cast<double>(numbers.started),
               labels);
  page.Counter("grpc_server_msg_received_total", "Messages received in calls.",
               static_cast<double>(numbers.received), labels);
  page.Counter("grpc_server_msg_sent_total", "Messages sent in calls.",
               static_cast<double>(numbers.sent), labels);
  for (size_t code = 0; code < net::kGrpcCodes; ++code) {
    Labels with_code = labels;
    with_code.emplace_back("grpc_code", kCodes[code]);
    page.Counter("grpc_server_handled_total", "Calls ended, by code.",
                 static_cast<double>(numbers.handled[code]), with_code);
  }
  if (!extensive) return;
  auto all = numbers.took_ok;
  for (size_t i = 0; i < all.size(); ++i) all[i] += numbers.took_failed[i];
  page.Histogram("grpc_server_handling_seconds", "How long calls took.", kDefaultEdges,
                 Coarser(all, kDefaultEdges), numbers.seconds_ok + numbers.seconds_failed, labels);
}

// Requests on a stream that were too large, or no messages; etcd's names for two of the streams.
void AddStreamFailures(Page& page, const std::string& path, const Numbers& numbers) {
  const bool watch = path == "/etcdserverpb.Watch/Watch";
  if (!watch && path != "/etcdserverpb.Lease/LeaseKeepAlive") return;
  constexpr auto kTooLarge = static_cast<size_t>(absl::StatusCode::kResourceExhausted);
  constexpr auto kNoMessage = static_cast<size_t>(absl::StatusCode::kInternal);
  page.Counter("etcd_network_server_stream_failures_total",
               "Streams that ended because a request could not be received.",
               static_cast<double>(numbers.handled[kTooLarge] + numbers.handled[kNoMessage]),
               {{"API", watch ? "watch" : "lease-keepalive"}, {"Type", "receive"}});
}

// etcd's own histogram of the calls that go to the log or to the store.
void AddRequest(Page& page, const std::string& path, const Numbers& numbers) {
  constexpr std::string_view kService = "/etcdserverpb.";
  if (!path.starts_with(kService)) return;
  const auto edges = base::Edges<14>(0.001, 2);
  const std::string method = path.substr(path.rfind('/') + 1);
  const char* help = "How long requests took, by kind.";
  page.Histogram("etcd_server_request_duration_seconds", help, edges,
                 Coarser(numbers.took_ok, edges), numbers.seconds_ok,
                 {{"type", method}, {"success", "true"}});
  page.Histogram("etcd_server_request_duration_seconds", help, edges,
                 Coarser(numbers.took_failed, edges), numbers.seconds_failed,
                 {{"type", method}, {"success", "false"}});
}

void AddPeers(Page& page, const MetricsSources& sources) {
  const auto peers = sources.counters.peers.Read();
  for (const auto& [id, peer] : peers) {
    if (peer.round_trips == nullptr) continue;
    page.Histogram("etcd_network_peer_round_trip_time_seconds",
                   "Time from a leader's heartbeat to its answer.", *peer.round_trips,
                   {{"To", HexId(id)}});
  }
  const uint64_t self = sources.member.status().member_id;
  for (const replica::ClusterMember& member : sources.member.members()) {
    if (member.id == self) continue;
    const Labels labels = {{"Local", HexId(self)}, {"Remote", HexId(member.id)}};
    const auto known = peers.find(member.id);
    const bool met = known != peers.end();
    page.Gauge("etcd_network_known_peers", "The other members, 1 each.", 1, labels);
    page.Gauge("etcd_network_active_peers", "Other members that nothing is known against: 1, or 0.",
               !met || known->second.reachable, labels);
    page.Counter("etcd_network_disconnected_peers_total",
                 "How often another member became unreachable.",
                 met ? static_cast<double>(known->second.losses) : 0, labels);
  }
}

}  // namespace

void AddCalls(Page& page, const MetricsSources& sources) {
  for (const auto& [path, entry] : sources.methods.unary()) {
    const Numbers numbers = entry.stats->Read();
    AddMethod(page, path, numbers, sources.extensive);
    AddRequest(page, path, numbers);
  }
  for (const auto& [path, entry] : sources.methods.stream()) {
    const Numbers numbers = entry.stats->Read();
    AddMethod(page, path, numbers, sources.extensive);
    AddStreamFailures(page, path, numbers);
  }
  const char* help = "Calls by the version that the client says it has.";
  for (const auto& calls : sources.face.client_versions.Read()) {
    page.Counter("etcd_server_client_requests_total", help, static_cast<double>(calls.unary),
                 {{"type", "unary"}, {"client_api_version", calls.version}});
    page.Counter("etcd_server_client_requests_total", help, static_cast<double>(calls.stream),
                 {{"type", "stream"}, {"client_api_version", calls.version}});
  }
}

void AddNetwork(Page& page, const MetricsSources& sources) {
  const net::Server::Counters traffic = sources.client_traffic();
  page.Counter("etcd_network_client_grpc_received_bytes_total", "Bytes received from clients.",
               static_cast<double>(traffic.bytes_received));
  page.Counter("etcd_network_client_grpc_sent_bytes_total", "Bytes sent to clients.",
               static_cast<double>(traffic.bytes_sent));
  const PeerTraffic peers = sources.peers();
  for (const auto& [id, bytes] : peers.sent_bytes) {
    page.Counter("etcd_network_peer_sent_bytes_total", "Bytes sent to another member.",
                 static_cast<double>(bytes), {{"To", HexId(id)}});
  }
  for (const auto& [id, bytes] : peers.received_bytes) {
    page.Counter("etcd_network_peer_received_bytes_total", "Bytes received from another member.",
                 static_cast<double>(bytes), {{"From", HexId(id)}});
  }
  for (const auto& [id, failures] : peers.send_failures) {
    page.Counter("etcd_network_peer_sent_failures_total",
                 "Connections to another member that were lost or refused.",
                 static_cast<double>(failures), {{"To", HexId(id)}});
  }
  for (const auto& [id, failures] : peers.receive_failures) {
    page.Counter("etcd_network_peer_received_failures_total",
                 "Messages of another member that were damaged or could not be understood.",
                 static_cast<double>(failures), {{"From", HexId(id)}});
  }
  AddPeers(page, sources);
}

}  // namespace pintle::server::admin
