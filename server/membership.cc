#include "server/membership.h"

#include <spdlog/spdlog.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "server/replica/member_ids.h"
#include "server/replica/peer_greeting.h"
#include "server/replica/peer_join.h"
#include "server/storage/data_dir.h"
#include "server/storage/file_system.h"

namespace pintle::server {
namespace {

constexpr absl::Duration kJoinPatience = absl::Seconds(30);

// What a data-dir that has been used says. Whether it may be used is DataDir::Claim's.
std::optional<storage::DataDirIdentity> IdentityIn(const std::string& data_dir) {
  const std::unique_ptr<storage::FileSystem> files = storage::MakePosixFileSystem();
  for (const char* name : {"/member/identity", "/member/identity.copy"}) {
    const absl::StatusOr<std::string> text = files->ReadWhole(data_dir + name);
    if (!text.ok()) continue;
    const absl::StatusOr<storage::DataDirIdentity> identity = storage::ParseIdentity(*text);
    if (identity.ok()) return *identity;
  }
  return std::nullopt;
}

replica::Join QuestionTo(const Config& config, const std::shared_ptr<net::TlsPolicy>& tls) {
  std::vector<std::vector<replica::PeerAddress>> others;
  for (const InitialMember& member : config.initial_cluster) {
    if (member.name != config.name) others.push_back(replica::PeerAddressesOf(member.peer_urls));
  }
  return {std::move(others), tls};
}

absl::StatusOr<Membership> Join(const Config& config, const std::shared_ptr<net::TlsPolicy>& tls) {
  PINTLE_ASSIGN_OR_RETURN(
      const replica::JoinFacts facts,
      QuestionTo(config, tls).AskWhoWeAre(config.initial_advertise_peer_urls, kJoinPatience));
  PINTLE_ASSIGN_OR_RETURN(const uint64_t self,
                          replica::JoinAs(facts, config.initial_advertise_peer_urls));
  spdlog::info("joining cluster {:x} as member {:x}", facts.cluster_id, self);
  return Membership{.cluster_id = facts.cluster_id, .self = self};
}

// What to type: the flags that a restored member needs are those that this one was given.
absl::Status RefuseEtcdFolder(const Config& config) {
  const std::unique_ptr<storage::FileSystem> files = storage::MakePosixFileSystem();
  const std::string snapshots = config.data_dir + "/member/snap";
  const bool log_there = config.wal_dir.empty() && files->Exists(config.data_dir + "/member/wal");
  if (!files->Exists(snapshots) && !log_there) return absl::OkStatus();
  std::vector<std::string> cluster;
  for (const InitialMember& member : config.initial_cluster) {
    for (const auto& url : member.peer_urls) cluster.push_back(member.name + "=" + url);
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "the data-dir ", config.data_dir,
      " is etcd's. Import it, with etcd stopped: pintle snapshot "
      "restore ",
      snapshots, "/db --skip-hash-check=true --name=", config.name, " --initial-cluster=",
      absl::StrJoin(cluster, ","), " --initial-cluster-token=", config.initial_cluster_token,
      " --initial-advertise-peer-urls=", absl::StrJoin(config.initial_advertise_peer_urls, ","),
      " --data-dir=", config.data_dir, ".pintle",
      config.wal_dir.empty() ? "" : absl::StrCat(" --wal-dir=", config.wal_dir, ".pintle"),
      " and start with ", config.wal_dir.empty() ? "that data-dir" : "these two"));
}

}  // namespace

Membership InitialMembership(const Config& config) {
  Membership membership;
  std::vector<uint64_t> ids;
  for (const InitialMember& member : config.initial_cluster) {
    const uint64_t id = replica::MemberIdOf(member.peer_urls, config.initial_cluster_token);
    ids.push_back(id);
    membership.members.push_back({.id = id, .peer_urls = member.peer_urls});
    if (member.name == config.name) membership.self = id;
  }
  membership.cluster_id = replica::ClusterIdOf(ids);
  return membership;
}

absl::StatusOr<Membership> MembershipOf(const Config& config,
                                        const std::shared_ptr<net::TlsPolicy>& tls) {
  const bool existing = config.initial_cluster_state == "existing";
  const std::optional<storage::DataDirIdentity> identity = IdentityIn(config.data_dir);
  if (!identity) {
    PINTLE_RETURN_IF_ERROR(RefuseEtcdFolder(config));
    PINTLE_RETURN_IF_ERROR(CheckInitialCluster(config));
    return existing ? Join(config, tls) : InitialMembership(config);
  }
  Membership flags = InitialMembership(config);
  const bool same = identity->cluster_id == flags.cluster_id;
  // Another member's data-dir is refused by DataDir::Claim.
  if (same && !existing && flags.self != 0) return flags;
  if (!same && config.initial_cluster_given && !existing && !config.force_new_cluster) {
    spdlog::warn(
        "the data-dir {} is of member {:x} of cluster {:x}, and that counts; --initial-cluster and "
        "its token say another one, and are ignored",
        config.data_dir, identity->member_id, identity->cluster_id);
  }
  return Membership{.cluster_id = identity->cluster_id, .self = identity->member_id};
}

absl::StatusOr<replica::MemberList> AskMembers(const Config& config,
                                               const std::shared_ptr<net::TlsPolicy>& tls) {
  return QuestionTo(config, tls).AskWhoTheyAre(kJoinPatience);
}

}  // namespace pintle::server
