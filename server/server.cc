#include "server/server.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "net/server.h"
#include "server/admin/metrics.h"
#include "server/clean_paths.h"
#include "server/etcd/etcd_face.h"
#include "server/etcd/peer_pages.h"
#include "server/flags.h"
#include "server/http_access.h"
#include "server/kube/kube_face.h"
#include "server/listeners.h"
#include "server/logging.h"
#include "server/membership.h"
#include "server/replica/replica_node.h"
#include "server/storage/leveldb_backend.h"
#include "server/tls_policies.h"
#include "server/version.h"

namespace pintle::server {
namespace {

// A stop, counted from its beginning: leadership is with another by then, who waits for an answer
// has it, streams are closed. What is left is to end threads and to flush the store.
constexpr absl::Duration kHandedOverBy = absl::Milliseconds(600);
constexpr absl::Duration kAnsweredBy = absl::Milliseconds(800);
constexpr absl::Duration kClosedBy = absl::Milliseconds(1100);
constexpr absl::Duration kStopGrace = absl::Milliseconds(400);  // for streams that do not end

// With less than that free, writes are refused: what is under way, the tables that LevelDB has yet
// to write and the last of the log have to find room.
constexpr uint64_t kLeastRoomBytes = uint64_t{16} << 20;

int IoThreadCount(const Config& config) {
  if (config.io_threads > 0) return static_cast<int>(config.io_threads);
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()) / 2, 1, 4);
}

absl::StatusOr<std::unique_ptr<kv::Backend>> OpenLeveldb(const std::string& folder) {
  PINTLE_ASSIGN_OR_RETURN(std::unique_ptr<storage::LeveldbBackend> backend,
                          storage::LeveldbBackend::Open({.directory = folder}));
  return std::unique_ptr<kv::Backend>(std::move(backend));
}

// As etcd tells it in its Status: 0 when there is none.
int64_t QuotaOf(const Config& config) {
  constexpr int64_t kDefaultQuota = int64_t{2} << 30;
  if (config.quota_backend_bytes < 0) return 0;
  return config.quota_backend_bytes == 0 ? kDefaultQuota : config.quota_backend_bytes;
}

// A bare number means hours, or revisions, by the mode; anything else is a duration.
absl::StatusOr<replica::AutoCompactor::Options> AutoCompactionOf(const Config& config) {
  replica::AutoCompactor::Options options;
  const std::string& retention = config.auto_compaction_retention;
  const bool by_revision = config.auto_compaction_mode == "revision";
  int64_t number = 0;
  if (absl::SimpleAtoi(retention, &number)) {
    if (by_revision) {
      options.revisions = number;
    } else {
      options.period = absl::Hours(number);
    }
    return options;
  }
  if (by_revision) {
    return absl::FailedPreconditionError(absl::StrCat("--auto-compaction-retention=", retention,
                                                      ": the mode revision wants a whole number"));
  }
  PINTLE_ASSIGN_OR_RETURN(options.period, ParseGoDuration(retention));
  return options;
}

absl::StatusOr<replica::ReplicaOptions> ReplicaOptionsOf(const Config& config,
                                                         std::shared_ptr<net::TlsPolicy> tls,
                                                         Server::MustStop must_stop) {
  PINTLE_ASSIGN_OR_RETURN(Membership membership, MembershipOf(config, tls));
  replica::PeerOptions peers;
  peers.cluster_id = membership.cluster_id;
  peers.self = raft::MemberId(membership.self);
  peers.listen = PeerListenersOf(config);
  peers.tls = tls;

  replica::ReplicaOptions options;
  replica::MemberOptions& member = options.member;
  member.cluster_id = membership.cluster_id;
  member.member_id = membership.self;
  member.members = std::move(membership.members);
  member.ask_members = [config, tls = std::move(tls)] { return AskMembers(config, tls); };
  member.name = config.name;
  member.client_urls = config.advertise_client_urls;
  member.data_dir = config.data_dir;
  member.wal_dir = config.wal_dir;
  member.peer_page = etcd::PeerPageAt;
  member.must_stop = std::move(must_stop);
  member.on_compacted = [](int64_t revision, absl::Duration took) {
    Log(spdlog::level::info, "finished scheduled compaction",
        {{"compact-revision", revision}, {"took", absl::FormatDuration(took)}});
  };
  member.strict_reconfig_check = config.strict_reconfig_check;
  member.force_new_cluster = config.force_new_cluster;
  member.peer_urls = config.initial_advertise_peer_urls;
  member.heartbeat_interval_ms = config.heartbeat_interval_ms;
  member.election_timeout_ms = config.election_timeout_ms;
  member.max_request_bytes = static_cast<size_t>(config.max_request_bytes);
  member.quota_bytes = QuotaOf(config);
  if (config.auth_token_ttl_seconds > 0) {
    member.auth_token_ttl = absl::Seconds(config.auth_token_ttl_seconds);
  }
  member.store.compaction_slice = static_cast<int>(config.compaction_batch_limit);
  PINTLE_ASSIGN_OR_RETURN(member.auto_compaction, AutoCompactionOf(config));
  if (config.corrupt_check_time > absl::ZeroDuration()) {
    member.content_check_interval = config.corrupt_check_time;
  }
  member.retention.entries = static_cast<uint64_t>(config.snapshot_catchup_entries);
  member.open_backend = OpenLeveldb;
  member.least_room_bytes = kLeastRoomBytes;
  member.wal.keep_free_bytes = 2 * kLeastRoomBytes;
  options.transport = replica::MakeAsioPeerTransport(std::move(peers));
  if (config.unsafe_no_fsync) options.syncs = storage::Syncs::kNever;
  return options;
}

absl::StatusOr<etcd::AuthOptions> AuthOptionsOf(const Config& config) {
  etcd::AuthOptions auth;
  PINTLE_ASSIGN_OR_RETURN(auth.jwt, etcd::Jwt::FromFlag(config.auth_token));
  if (config.bcrypt_cost >= etcd::kMinBcryptCost && config.bcrypt_cost <= etcd::kMaxBcryptCost) {
    auth.bcrypt_cost = static_cast<int>(config.bcrypt_cost);
  }
  auth.client_certificates = config.client_tls.client_cert_auth;
  auth.password_threads =
      std::clamp(static_cast<int>(std::thread::hardware_concurrency()) / 2, 1, 4);
  return auth;
}

admin::LogFacts LogFactsOf(const replica::Member& member) {
  static_assert(storage::Wal::kBuckets == admin::kDiskBuckets + 1);
  const storage::Wal::Stats& stats = member.wal_stats();
  admin::LogFacts facts;
  for (size_t i = 0; i < stats.syncs.size(); ++i) facts.syncs.counts[i] = stats.syncs[i];
  facts.syncs.sum_seconds = static_cast<double>(stats.sync_nanoseconds) / 1e9;
  facts.writes = {.counts = stats.writes.counts(), .sum_seconds = stats.writes.sum()};
  facts.bytes_written = stats.bytes_written;
  return facts;
}

admin::PeerTraffic PeerTrafficOf(const replica::Member& member) {
  replica::PeerTransport::Stats stats = member.peer_stats();
  return {.sent_bytes = std::move(stats.sent_bytes),
          .received_bytes = std::move(stats.received_bytes),
          .send_failures = std::move(stats.send_failures),
          .receive_failures = std::move(stats.receive_failures)};
}

// Where etcd leaves it to grpc-go, it is grpc-go's.
net::Keepalive KeepaliveOf(const Config& config) {
  net::Keepalive keepalive{.least_between_pings = absl::Minutes(5),
                           .silence = absl::Hours(2),
                           .answer = absl::Seconds(20)};
  constexpr absl::Duration kZero = absl::ZeroDuration();
  if (config.grpc_keepalive_min_time > kZero) {
    keepalive.least_between_pings = config.grpc_keepalive_min_time;
  }
  if (config.grpc_keepalive_interval > kZero && config.grpc_keepalive_timeout > kZero) {
    keepalive.silence = std::max(config.grpc_keepalive_interval, absl::Seconds(1));
    keepalive.answer = config.grpc_keepalive_timeout;
  }
  return keepalive;
}

std::string Addresses(const std::vector<Url>& urls) {
  std::vector<std::string> texts;
  texts.reserve(urls.size());
  for (const Url& url : urls) {
    texts.push_back(url.local() ? url.host : absl::StrCat(url.host, ":", url.port));
  }
  return absl::StrJoin(texts, ",");
}

void SayServing(const std::vector<Url>& urls, const std::string& traffic) {
  for (const Url& url : urls) {
    Log(spdlog::level::info,
        url.tls() ? "serving client traffic securely"
                  : "serving client traffic insecurely; this is strongly discouraged!",
        {{"traffic", traffic}, {"address", Addresses({url})}});
  }
}

}  // namespace

// Destroyed from the bottom: listeners first, then what they call.
struct Server::Impl {
  std::unique_ptr<replica::ReplicaNode> node;
  std::unique_ptr<etcd::EtcdFace> etcd_face;
  std::unique_ptr<kube::KubeFace> kube_face;
  std::unique_ptr<CleanPaths> clean_paths;  // before the face's HTTP, and before metrics_only
  std::unique_ptr<CleanPaths> clean_metrics_paths;
  std::unique_ptr<HttpAccess> client_access;
  std::unique_ptr<MetricsOnly> metrics_only;
  NoHttp no_http;
  net::GrpcRouter router;
  std::unique_ptr<net::IoThreads> io;
  std::unique_ptr<net::Server> clients;
  std::unique_ptr<net::Server> metrics;
  std::unique_ptr<net::Server> client_http;  // with --listen-client-http-urls
  std::unique_ptr<net::Server> api;
  TlsPolicies tls;
  bool stopped = false;

  absl::Status StartFaces(const Config& config);
  absl::Status StartListeners(const Config& config);
};

absl::Status Server::Impl::StartFaces(const Config& config) {
  etcd::EtcdFaceOptions options;
  options.max_txn_ops = static_cast<int>(config.max_txn_ops);
  options.gateway = config.grpc_gateway;
  options.pprof = config.enable_pprof;
  options.max_request_bytes = static_cast<size_t>(config.max_request_bytes);
  options.quota_backend_bytes = QuotaOf(config);
  options.election_timeout = absl::Milliseconds(config.election_timeout_ms);
  options.watch_progress_interval = config.watch_progress_notify_interval;
  PINTLE_ASSIGN_OR_RETURN(options.auth, AuthOptionsOf(config));
  options.move_leader = [this](uint64_t target, absl::AnyInvocable<void(absl::Status)> done) {
    node->MoveLeader(target, std::move(done));
  };
  options.metrics_text = [this, quota = QuotaOf(config),
                          extensive = config.metrics == "extensive"] {
    return admin::MetricsText(
        {.member = node->member(),
         .counters = node->member().counters(),
         .face = etcd_face->counters(),
         .methods = router,
         .client_traffic = [this] { return clients->counters(); },
         .log = [this] { return LogFactsOf(node->member()); },
         .peers = [this] { return PeerTrafficOf(node->member()); },
         .store_disk_bytes = [this] { return node->member().store_disk_bytes(); },
         .quota_bytes = quota,
         .extensive = extensive});
  };
  etcd_face = std::make_unique<etcd::EtcdFace>(node->member(), std::move(options));
  etcd_face->Register(router);
  if (config.api_listen_urls.empty()) return absl::OkStatus();
  kube::KubeOptions kube_options;
  kube_options.service_cluster_ip_range = config.service_cluster_ip_range;
  const Url& api_url = config.api_listen_urls.front();
  kube_options.advertised_address = absl::StrCat(api_url.host, ":", api_url.port);
  PINTLE_ASSIGN_OR_RETURN(kube_face,
                          kube::KubeFace::Create(node->member(), std::move(kube_options)));
  return absl::OkStatus();
}

absl::Status Server::Impl::StartListeners(const Config& config) {
  net::ServerOptions options;
  options.max_grpc_message_bytes =
      static_cast<size_t>(config.max_request_bytes) + (size_t{512} << 10);  // as etcd
  options.max_concurrent_streams = config.max_concurrent_streams == 0
                                       ? UINT32_MAX
                                       : static_cast<uint32_t>(config.max_concurrent_streams);
  io = std::make_unique<net::IoThreads>(IoThreadCount(config));
  options.reuse_port = config.socket_reuse_port;
  options.on_refused = [](const std::string& address, const std::string& why) {
    Log(spdlog::level::warn, "rejected a request", {{"remote-addr", address}, {"error", why}});
  };
  net::ServerOptions for_clients = options;
  for_clients.keepalive = KeepaliveOf(config);
  clean_paths = std::make_unique<CleanPaths>(etcd_face->http());
  client_access = std::make_unique<HttpAccess>(
      HttpAccess::Allowed{.origins = config.cors, .hosts = config.host_whitelist}, *clean_paths);
  metrics_only = std::make_unique<MetricsOnly>(etcd_face->http());
  clean_metrics_paths = std::make_unique<CleanPaths>(*metrics_only);
  const bool separate = !config.listen_client_http_urls.empty();
  net::HttpHandler& beside_grpc =
      separate ? static_cast<net::HttpHandler&>(no_http) : *client_access;
  clients = std::make_unique<net::Server>(*io, for_clients, &router, beside_grpc);
  client_http = std::make_unique<net::Server>(*io, options, nullptr, *client_access);
  metrics = std::make_unique<net::Server>(*io, options, nullptr, *clean_metrics_paths);
  PINTLE_RETURN_IF_ERROR(ListenOn(*clients, config.listen_client_urls, tls.clients));
  PINTLE_RETURN_IF_ERROR(ListenOn(*client_http, config.listen_client_http_urls, tls.clients));
  PINTLE_RETURN_IF_ERROR(ListenOn(*metrics, config.listen_metrics_urls, tls.clients));
  if (kube_face == nullptr) return absl::OkStatus();
  api = std::make_unique<net::Server>(*io, options, nullptr, *kube_face);
  return ListenOn(*api, config.api_listen_urls, tls.clients);
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() { Stop(); }

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const Config& config, MustStop must_stop,
                                                      WaitForRoom wait_for_room) {
  PINTLE_ASSIGN_OR_RETURN(TlsPolicies tls, MakeTlsPolicies(config));
  PINTLE_ASSIGN_OR_RETURN(replica::ReplicaOptions options,
                          ReplicaOptionsOf(config, tls.peers, std::move(must_stop)));
  options.wait_for_room = std::move(wait_for_room);
  Log(spdlog::level::info, "starting an etcd server",
      {{"name", config.name}, {"data-dir", config.data_dir}, {"etcd-version", ReportedVersion()}});
  const std::string peers = Addresses(config.listen_peer_urls);
  const std::string clients = Addresses(config.listen_client_urls);
  Log(spdlog::level::info, "configuring peer listeners", {{"listen-peer-urls", peers}});
  Log(spdlog::level::info, "configuring client listeners", {{"listen-client-urls", clients}});
  std::unique_ptr<Server> server(new Server(std::make_unique<Impl>()));
  Impl& impl = *server->impl_;
  impl.tls = std::move(tls);
  PINTLE_ASSIGN_OR_RETURN(impl.node, replica::ReplicaNode::Start(std::move(options)));
  PINTLE_RETURN_IF_ERROR(impl.StartFaces(config));
  PINTLE_RETURN_IF_ERROR(impl.StartListeners(config));
  for (const Url& url : config.listen_peer_urls) {
    Log(spdlog::level::info, "serving peer traffic", {{"address", Addresses({url})}});
  }
  for (const Url& url : config.listen_metrics_urls) {
    Log(spdlog::level::info, "serving metrics", {{"address", url.text}});
  }
  Log(spdlog::level::info, "now serving peer/client/metrics",
      {{"local-member-id", absl::StrCat(absl::Hex(impl.node->member().status().member_id))},
       {"listen-peer-urls", peers},
       {"listen-client-urls", clients},
       {"listen-metrics-urls", Addresses(config.listen_metrics_urls)}});
  if (impl.api != nullptr) {
    Log(spdlog::level::info, "serving the Kubernetes API",
        {{"address", Addresses(config.api_listen_urls)}});
  }
  return server;
}

bool Server::Published() const {
  const replica::Member& member = impl_->node->member();
  const uint64_t self = member.status().member_id;
  const std::vector<replica::ClusterMember> members = member.members();
  const auto own = std::ranges::find(members, self, &replica::ClusterMember::id);
  return own != members.end() && !own->name.empty();
}

void Server::SayReady(const Config& config) const {
  const replica::MemberStatus status = impl_->node->member().status();
  Log(spdlog::level::info, "published local member to cluster through raft",
      {{"local-member-id", absl::StrCat(absl::Hex(status.member_id))},
       {"local-member-attributes",
        absl::StrCat("{Name:", config.name, " ClientURLs:[",
                     absl::StrJoin(config.advertise_client_urls, " "), "]}")},
       {"cluster-id", absl::StrCat(absl::Hex(status.cluster_id))}});
  Log(spdlog::level::info, "enabled capabilities for version",
      {{"cluster-version", ShortVersion(ReportedClusterVersion())}});
  Log(spdlog::level::info, "ready to serve client requests",
      {{"address", Addresses(config.listen_client_urls)}});
  const bool separate = !config.listen_client_http_urls.empty();
  SayServing(config.listen_client_urls, separate ? "grpc" : "grpc+http");
  SayServing(config.listen_client_http_urls, "http");
}

void Server::Stop() {
  if (std::exchange(impl_->stopped, true)) return;
  const auto begun = std::chrono::steady_clock::now();
  const auto gone = [begun] { return absl::FromChrono(std::chrono::steady_clock::now() - begun); };
  const auto left_until = [&gone](absl::Duration by) {
    return std::max(by - gone(), absl::ZeroDuration());
  };
  // First of all, while clients are still served: nobody is to wait for an election.
  if (impl_->node != nullptr) impl_->node->HandOver(left_until(kHandedOverBy));
  const auto listeners = {&impl_->api, &impl_->metrics, &impl_->client_http, &impl_->clients};
  for (auto* listener : listeners) {
    if (*listener != nullptr) (*listener)->Drain();
  }
  // What waits for an answer is answered, unless nobody can; watches would hold up a stop for ever.
  if (impl_->node != nullptr) impl_->node->WaitUntilAnswered(left_until(kAnsweredBy));
  const absl::Duration closed_by = std::min(gone() + kStopGrace, kClosedBy);
  for (auto* listener : listeners) {
    if (*listener != nullptr) (*listener)->Stop(left_until(closed_by));
  }
  if (impl_->etcd_face != nullptr) impl_->etcd_face->Stop();
  // Answers everybody who still waits (their posts find the I/O threads), then the threads end.
  if (impl_->node != nullptr) impl_->node->Stop();
  if (impl_->io != nullptr) impl_->io->Stop();
}

}  // namespace pintle::server
