// Whole members with their threads and real sockets, three in one process. Waits have deadlines far
// beyond what they need: a slow machine makes these tests slow, not red.
#include "server/replica/replica_node.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <functional>
#include <future>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "kv/memory_backend.h"
#include "proto/etcd/rpc.pb.h"
#include "server/replica/downgrade_codec.h"
#include "server/replica/errors.h"
#include "server/replica/member_ids.h"
#include "server/storage/leveldb_backend.h"

namespace pintle::server::replica {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr size_t kMembers = 3;
constexpr absl::Duration kPatience = absl::Seconds(60);

// A port that stays ours: bound but not listening, so that a member may listen on it and nobody
// else is given it.
class ReservedPort {
 public:
  ReservedPort() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int on = 1;
    setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    socklen_t size = sizeof address;
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  ~ReservedPort() { close(fd_); }
  ReservedPort(const ReservedPort&) = delete;
  ReservedPort& operator=(const ReservedPort&) = delete;
  uint16_t port() const { return port_; }

 private:
  int fd_;
  uint16_t port_ = 0;
};

template <typename T>
using Answer = std::future<absl::StatusOr<T>>;

Answer<Applied> Propose(Member& node, RequestKind kind, std::string body) {
  auto promise = std::make_shared<std::promise<absl::StatusOr<Applied>>>();
  auto future = promise->get_future();
  node.Propose(kind, std::move(body), [promise](absl::StatusOr<Applied> applied) {
    promise->set_value(std::move(applied));
  });
  return future;
}

Answer<Applied> Put(Member& node, const std::string& key, int64_t lease = 0) {
  etcdserverpb::PutRequest request;
  request.set_key(key);
  request.set_value("value of " + key);
  request.set_lease(lease);
  return Propose(node, RequestKind::kPut, request.SerializeAsString());
}

using View = std::shared_ptr<const kv::ReadView>;
Answer<View> Read(Member& node) {
  auto promise = std::make_shared<std::promise<absl::StatusOr<View>>>();
  auto future = promise->get_future();
  node.LinearizableRead(
      [promise](absl::StatusOr<View> view) { promise->set_value(std::move(view)); });
  return future;
}

bool Has(const kv::ReadView& view, const std::string& key) {
  return view.Range({.range = {key, ""}})->count == 1;
}

template <typename Condition>
bool Eventually(Condition condition) {
  const absl::Time deadline = absl::Now() + kPatience;
  while (!condition()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(10));
  }
  return true;
}

class ReplicaNodeTest : public ::testing::Test {
 protected:
  ReplicaNodeTest() {
    char folder[] = "/tmp/pintle_replica_XXXXXX";
    folder_ = mkdtemp(folder);
    std::vector<uint64_t> ids;
    for (const ReservedPort& port : ports_) {
      const std::string url = absl::StrCat("http://127.0.0.1:", port.port());
      members_.push_back({.id = MemberIdOf({url}, "test"), .peer_urls = {url}});
      ids.push_back(members_.back().id);
    }
    cluster_id_ = ClusterIdOf(ids);
  }
  ~ReplicaNodeTest() override {
    for (auto& node : nodes_) node.reset();
    std::filesystem::remove_all(folder_);
  }

  ReplicaOptions Options(size_t place) {
    PeerOptions peers;
    peers.cluster_id = cluster_id_;
    peers.self = raft::MemberId(members_[place].id);
    peers.listen = {{"127.0.0.1", ports_[place].port()}};
    ReplicaOptions options;
    MemberOptions& member = options.member;
    member.cluster_id = cluster_id_;
    member.member_id = members_[place].id;
    member.members = members_;
    member.name = absl::StrCat("m", place);
    member.client_urls = {absl::StrCat("http://client-", place)};
    member.data_dir = absl::StrCat(folder_, "/", place);
    member.heartbeat_interval_ms = 50;
    member.election_timeout_ms = 500;
    member.wal = {.first_segment_bytes = 1 << 16, .largest_segment_bytes = 1 << 20};
    member.open_backend = open_backend_;
    member.feature_level = feature_levels_[place];
    options.transport = MakeAsioPeerTransport(std::move(peers));
    return options;
  }
  void Start(size_t place) {
    auto node = ReplicaNode::Start(Options(place));
    ASSERT_TRUE(node.ok()) << node.status();
    nodes_[place] = *std::move(node);
  }
  void StartAll() {
    for (size_t place = 0; place < kMembers; ++place) ASSERT_NO_FATAL_FAILURE(Start(place));
  }
  void KeepStoresOnDisk() {
    open_backend_ = [](const std::string& folder) -> absl::StatusOr<std::unique_ptr<kv::Backend>> {
      auto opened = storage::LeveldbBackend::Open({.directory = folder});
      if (!opened.ok()) return opened.status();
      return *std::move(opened);
    };
  }
  Member& node(size_t place) { return nodes_[place]->member(); }

  // The member that leads, as at least two see it.
  size_t Leader() {
    size_t leader = kMembers;
    EXPECT_TRUE(Eventually([&] {
      for (size_t place = 0; place < kMembers; ++place) {
        size_t followers = 0;
        for (const auto& other : nodes_) {
          followers += other != nullptr && nodes_[place] != nullptr &&
                       other->member().status().leader_id == members_[place].id;
        }
        if (followers >= 2 && node(place).status().is_leader) leader = place;
      }
      return leader != kMembers;
    }));
    return leader;
  }
  // Tries again as a client would; a key may then be written twice.
  void MustPut(size_t place, const std::string& key) {
    ASSERT_TRUE(Eventually([&] { return Put(node(place), key).get().ok(); })) << key;
  }
  void MustRead(size_t place, const std::string& key) {
    bool found = false;
    ASSERT_TRUE(Eventually([&] {
      const absl::StatusOr<View> view = Read(node(place)).get();
      if (view.ok()) found = Has(**view, key);
      return view.ok();
    }));
    EXPECT_TRUE(found) << key << " at member " << place;
  }

  // The store is made anew from the log at every start, unless a test says otherwise.
  std::function<absl::StatusOr<std::unique_ptr<kv::Backend>>(const std::string&)> open_backend_ =
      [](const std::string&) -> absl::StatusOr<std::unique_ptr<kv::Backend>> {
    return std::make_unique<kv::MemoryBackend>();
  };
  std::string folder_;
  std::array<ReservedPort, kMembers> ports_;
  std::vector<ClusterMember> members_;
  uint64_t cluster_id_ = 0;
  std::array<uint32_t, kMembers> feature_levels_{kFeatureLevel, kFeatureLevel, kFeatureLevel};
  std::array<std::unique_ptr<ReplicaNode>, kMembers> nodes_;
};

TEST_F(ReplicaNodeTest, EveryMemberWritesAndReads) {
  ASSERT_NO_FATAL_FAILURE(StartAll());
  const size_t leader = Leader();
  for (size_t place = 0; place < kMembers; ++place) {
    const std::string key = absl::StrCat("key-", place);
    ASSERT_NO_FATAL_FAILURE(MustPut(place, key));
    for (size_t reader = 0; reader < kMembers; ++reader)
      ASSERT_NO_FATAL_FAILURE(MustRead(reader, key));
  }
  const MemberStatus status = node(leader).status();
  EXPECT_EQ(status.cluster_id, cluster_id_);
  EXPECT_EQ(status.member_id, members_[leader].id);
  EXPECT_TRUE(status.ready);
  EXPECT_GE(status.committed_index, status.applied_index);
  EXPECT_GT(node(leader).wal_stats().bytes_written.load(), 0u);
  for (const auto& [peer, bytes] : node(leader).peer_stats().sent_bytes) EXPECT_GT(bytes, 0u);
}

TEST_F(ReplicaNodeTest, MembersPublishTheirNames) {
  ASSERT_NO_FATAL_FAILURE(StartAll());
  for (size_t place = 0; place < kMembers; ++place) {
    EXPECT_TRUE(Eventually([&] {
      const std::vector<ClusterMember> known = node(place).members();
      return std::all_of(known.begin(), known.end(), [](const auto& m) { return !m.name.empty(); });
    }));
  }
  for (const ClusterMember& member : node(0).members()) {
    for (size_t place = 0; place < kMembers; ++place) {
      if (members_[place].id != member.id) continue;
      EXPECT_EQ(member.name, absl::StrCat("m", place));
      EXPECT_THAT(member.client_urls, ElementsAre(absl::StrCat("http://client-", place)));
      EXPECT_EQ(member.peer_urls, members_[place].peer_urls);
    }
  }
}

TEST_F(ReplicaNodeTest, WithoutTheirLeaderTheOthersGoOnAndItCatchesUpWhenBack) {
  ASSERT_NO_FATAL_FAILURE(StartAll());
  const size_t down = Leader();
  const size_t other = (down + 1) % kMembers;
  ASSERT_NO_FATAL_FAILURE(MustPut(other, "before"));
  nodes_[down].reset();
  ASSERT_NO_FATAL_FAILURE(MustPut(other, "during"));
  EXPECT_NE(Leader(), down);
  ASSERT_NO_FATAL_FAILURE(Start(down));
  ASSERT_NO_FATAL_FAILURE(MustRead(down, "before"));
  ASSERT_NO_FATAL_FAILURE(MustRead(down, "during"));
  EXPECT_TRUE(Eventually([&] { return node(down).status().ready; }));
}

TEST_F(ReplicaNodeTest, AllStopAndStartAndEverythingIsThere) {
  ASSERT_NO_FATAL_FAILURE(StartAll());
  for (int i = 0; i < 50; ++i) ASSERT_NO_FATAL_FAILURE(MustPut(i % kMembers, absl::StrCat("k", i)));
  const int64_t revision = node(0).view()->revision();
  for (auto& node : nodes_) node.reset();
  ASSERT_NO_FATAL_FAILURE(StartAll());
  for (int i = 0; i < 50; ++i) ASSERT_NO_FATAL_FAILURE(MustRead(0, absl::StrCat("k", i)));
  EXPECT_GE(node(0).view()->revision(), revision);
}

TEST_F(ReplicaNodeTest, AStoreOnDiskGoesOnWhereItWas) {
  KeepStoresOnDisk();
  for (int round = 0; round < 3; ++round) {
    ASSERT_NO_FATAL_FAILURE(StartAll());
    for (int earlier = 0; earlier < round; ++earlier) {
      for (size_t place = 0; place < kMembers; ++place)
        ASSERT_NO_FATAL_FAILURE(MustRead(place, absl::StrCat("round-", earlier)));
    }
    ASSERT_NO_FATAL_FAILURE(MustPut(round % kMembers, absl::StrCat("round-", round)));
    for (auto& node : nodes_) node.reset();
  }
}

// Member 2 is of an older version, is updated, and may not go back.
TEST_F(ReplicaNodeTest, TheFeatureLevelWaitsForTheLastMember) {
  KeepStoresOnDisk();
  feature_levels_ = {2, 3, 0};
  ASSERT_NO_FATAL_FAILURE(StartAll());
  const auto all_have = [this](uint32_t level) {
    return std::ranges::all_of(
        nodes_, [&](const auto& each) { return each->member().feature_level() == level; });
  };
  ASSERT_TRUE(Eventually([this] {
    return std::ranges::all_of(node(0).members(),
                               [](auto& member) { return !member.name.empty(); });
  }));
  ASSERT_NO_FATAL_FAILURE(MustPut(0, "key"));
  EXPECT_TRUE(all_have(0));
  nodes_[2].reset();
  feature_levels_[2] = 5;
  ASSERT_NO_FATAL_FAILURE(Start(2));
  EXPECT_TRUE(Eventually([&] { return all_have(2); }));
  nodes_[2].reset();
  feature_levels_[2] = 1;
  const auto old = ReplicaNode::Start(Options(2));
  ASSERT_FALSE(old.ok());
  EXPECT_THAT(std::string(old.status().message()),
              HasSubstr("uses feature level 2, this version knows up to 1 only"));
}

// Member 2 does not know what a downgrade is: it would have to stop at the entry.
TEST_F(ReplicaNodeTest, ADowngradeWaitsForTheFeatureLevelThenHoldsItAndIsKept) {
  KeepStoresOnDisk();
  feature_levels_ = {3, 3, 1};
  ASSERT_NO_FATAL_FAILURE(StartAll());
  const auto all_have = [this](uint32_t level) {
    return std::ranges::all_of(
        nodes_, [&](const auto& each) { return each->member().feature_level() == level; });
  };
  const auto restart = [this](size_t place, uint32_t level) {
    nodes_[place].reset();
    feature_levels_[place] = level;
    Start(place);
  };
  ASSERT_TRUE(Eventually([&] { return all_have(1); }));
  const std::string body = EncodeDowngrade("3.6.0");
  EXPECT_EQ(Propose(node(0), RequestKind::kDowngrade, body).get().status(), ErrNotCapable());
  ASSERT_NO_FATAL_FAILURE(restart(2, 2));
  ASSERT_TRUE(Eventually([&] { return all_have(2); }));
  ASSERT_TRUE(
      Eventually([&] { return Propose(node(2), RequestKind::kDowngrade, body).get().ok(); }));
  ASSERT_NO_FATAL_FAILURE(restart(2, 3));
  ASSERT_TRUE(Eventually([this] {
    return std::ranges::all_of(node(0).members(),
                               [](const auto& member) { return member.feature_level == 3; });
  }));
  ASSERT_NO_FATAL_FAILURE(MustPut(0, "key"));
  EXPECT_TRUE(all_have(2)) << "whoever wants to go back must be able to";
  for (auto& node : nodes_) node.reset();
  ASSERT_NO_FATAL_FAILURE(StartAll());
  for (size_t place = 0; place < kMembers; ++place) {
    EXPECT_TRUE(Eventually([&] { return node(place).downgrade_target() == "3.6.0"; }));
  }
  ASSERT_TRUE(Eventually(
      [&] { return Propose(node(0), RequestKind::kDowngrade, EncodeDowngrade("")).get().ok(); }));
  EXPECT_TRUE(Eventually([&] { return all_have(3); }));
}

TEST_F(ReplicaNodeTest, WithoutAQuorumRequestsTimeOutAndNothingIsReadThatMayBeOld) {
  ASSERT_NO_FATAL_FAILURE(StartAll());
  const size_t alone = Leader();
  ASSERT_NO_FATAL_FAILURE(MustPut(alone, "before"));
  for (size_t place = 0; place < kMembers; ++place) {
    if (place != alone) nodes_[place].reset();
  }
  Answer<View> read = Read(node(alone));
  Answer<Applied> write = Put(node(alone), "never");
  EXPECT_THAT(std::string(read.get().status().message()),
              HasSubstr("etcdserver: request timed out"));
  EXPECT_THAT(std::string(write.get().status().message()),
              HasSubstr("etcdserver: request timed out"));
  // A serializable read needs nobody.
  EXPECT_TRUE(Has(*node(alone).view(), "before"));
  EXPECT_FALSE(Has(*node(alone).view(), "never"));
}

TEST_F(ReplicaNodeTest, StoppingAnswersWhoWaits) {
  ASSERT_NO_FATAL_FAILURE(Start(0));  // one of three: no leader
  Answer<Applied> write = Put(node(0), "key");
  Answer<View> read = Read(node(0));
  nodes_[0]->Stop();
  EXPECT_EQ(write.get().status(), ErrStopped());
  EXPECT_EQ(read.get().status(), ErrStopped());
  EXPECT_EQ(Put(node(0), "key").get().status(), ErrStopped());
}

TEST_F(ReplicaNodeTest, LimitsAreAnsweredAtOnce) {
  auto options = Options(0);
  options.member.max_request_bytes = 100;
  options.member.max_pending_requests = 1;
  auto started = ReplicaNode::Start(std::move(options));
  ASSERT_TRUE(started.ok()) << started.status();
  nodes_[0] = *std::move(started);
  EXPECT_EQ(Put(node(0), std::string(200, 'k')).get().status(), ErrRequestTooLarge());
  Answer<Applied> waiting = Put(node(0), "a");
  EXPECT_EQ(Put(node(0), "b").get().status(), ErrTooManyRequests());
  nodes_[0]->Stop();
  EXPECT_EQ(waiting.get().status(), ErrStopped());
}

TEST_F(ReplicaNodeTest, ADataDirHasOneProcessAndOneMember) {
  ASSERT_NO_FATAL_FAILURE(Start(0));
  auto second = Options(1);
  second.member.data_dir = absl::StrCat(folder_, "/0");
  EXPECT_THAT(std::string(ReplicaNode::Start(std::move(second)).status().message()),
              HasSubstr("in use by another process"));
  nodes_[0].reset();
  auto other = Options(1);
  other.member.data_dir = absl::StrCat(folder_, "/0");
  EXPECT_THAT(std::string(ReplicaNode::Start(std::move(other)).status().message()),
              HasSubstr("belongs to another member"));
}

absl::StatusOr<int64_t> KeepAlive(Member& node, int64_t id) {
  auto promise = std::make_shared<std::promise<absl::StatusOr<int64_t>>>();
  auto future = promise->get_future();
  node.LeaseKeepAlive(kv::LeaseId(id),
                      [promise](absl::StatusOr<int64_t> ttl) { promise->set_value(ttl); });
  return future.get();
}

absl::StatusOr<LocalMember::LeaseTime> TimeToLive(Member& node, int64_t id) {
  auto promise = std::make_shared<std::promise<absl::StatusOr<LocalMember::LeaseTime>>>();
  auto future = promise->get_future();
  node.LeaseTimeToLive(kv::LeaseId(id), [promise](absl::StatusOr<LocalMember::LeaseTime> time) {
    promise->set_value(time);
  });
  return future.get();
}

Answer<Applied> Grant(Member& node, int64_t id, int64_t ttl) {
  etcdserverpb::LeaseGrantRequest request;
  request.set_id(id);
  request.set_ttl(ttl);
  return Propose(node, RequestKind::kLeaseGrant, request.SerializeAsString());
}

TEST_F(ReplicaNodeTest, AnyMemberSpeaksForTheLessor) {
  ASSERT_NO_FATAL_FAILURE(StartAll());
  const size_t leader = Leader();
  ASSERT_TRUE(Eventually([&] { return Grant(node(leader), 7, 1000).get().ok(); }));
  for (size_t place = 0; place < kMembers; ++place) {
    absl::StatusOr<int64_t> ttl = absl::UnknownError("not asked");
    EXPECT_TRUE(Eventually([&] { return (ttl = KeepAlive(node(place), 7)).ok(); }));
    EXPECT_EQ(*ttl, 1000);
    absl::StatusOr<LocalMember::LeaseTime> time = absl::UnknownError("not asked");
    EXPECT_TRUE(Eventually([&] { return (time = TimeToLive(node(place), 7)).ok(); }));
    EXPECT_EQ(time->granted_ttl_seconds, 1000);
    EXPECT_GT(time->ttl_seconds, 900);
    EXPECT_TRUE(Eventually([&] { return (ttl = KeepAlive(node(place), 8)).ok(); }));
    EXPECT_EQ(*ttl, 0);  // unknown: no error, as in etcd
  }
}

TEST_F(ReplicaNodeTest, AnExpiredLeaseTakesItsKeysEverywhere) {
  ASSERT_NO_FATAL_FAILURE(StartAll());
  const size_t leader = Leader();
  ASSERT_NO_FATAL_FAILURE(MustPut(leader, "stays"));
  // Again with another lease when it was gone before the put came.
  int64_t id = 9;
  ASSERT_TRUE(Eventually([&] {
    return Grant(node(leader), ++id, 1).get().ok() && Put(node(leader), "goes", id).get().ok();
  }));
  for (size_t place = 0; place < kMembers; ++place) {
    EXPECT_TRUE(Eventually([&] {
      const View view = node(place).view();
      return Has(*view, "stays") && !Has(*view, "goes") && view->Leases().empty();
    }));
  }
}

}  // namespace
}  // namespace pintle::server::replica
