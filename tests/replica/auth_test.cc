// Users and tokens in whole clusters: the same on every member, and what a restart leaves of them.
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "proto/etcd/rpc.pb.h"
#include "tests/replica/virtual_cluster.h"

namespace pintle::server::replica {
namespace {

constexpr size_t kMembers = VirtualCluster::kMembers;

class AuthClusterTest : public ::testing::Test {
 protected:
  AuthClusterTest() { leader_ = cluster_.RunUntilLeader(); }

  Applied Do(RequestKind kind, const std::string& body) {
    std::optional<absl::StatusOr<Applied>> answer;
    cluster_.member(leader_).Propose(kind, body,
                                     [&](auto applied) { answer = std::move(applied); });
    cluster_.Run(3);
    EXPECT_TRUE(answer.has_value() && answer->ok()) << static_cast<int>(kind);
    return answer.has_value() && answer->ok() ? **answer : Applied();
  }

  void Enable() {
    etcdserverpb::AuthUserAddRequest user;
    user.set_name("root");
    user.set_hashedpassword("aGFzaA==");
    Do(RequestKind::kAuthUserAdd, user.SerializeAsString());
    GrantToRoot("root");
    Do(RequestKind::kAuthEnable, "");
  }

  void GrantToRoot(const std::string& role) {
    etcdserverpb::AuthUserGrantRoleRequest grant;
    grant.set_user("root");
    grant.set_role(role);
    Do(RequestKind::kAuthUserGrantRole, grant.SerializeAsString());
  }

  std::string LogIn(const std::string& prefix) {
    etcdserverpb::InternalAuthenticateRequest request;
    request.set_name("root");
    request.set_simple_token(prefix);
    const Applied applied = Do(RequestKind::kAuthenticate, request.SerializeAsString());
    return absl::StrCat(prefix, ".", applied.raft_index);
  }

  std::optional<std::string> UserAt(size_t place, const std::string& token) {
    return cluster_.member(place).UserOfToken(token);
  }

  // A short log: who was away gets a snapshot.
  VirtualCluster cluster_{7, {.entries = 5, .bytes = 1, .most_bytes = 1}};
  size_t leader_ = 0;
};

TEST_F(AuthClusterTest, TokensAreGoodEverywhereUntilThePasswordChanges) {
  Enable();
  const std::string token = LogIn("abc");
  for (size_t i = 0; i < kMembers; ++i) EXPECT_EQ(UserAt(i, token), "root") << i;
  etcdserverpb::AuthUserChangePasswordRequest change;
  change.set_name("root");
  change.set_hashedpassword("b3RoZXI=");
  Do(RequestKind::kAuthUserChangePassword, change.SerializeAsString());
  for (size_t i = 0; i < kMembers; ++i) EXPECT_EQ(UserAt(i, token), std::nullopt) << i;
  const std::string second = LogIn("abc");
  Do(RequestKind::kAuthDisable, "");
  for (size_t i = 0; i < kMembers; ++i) EXPECT_EQ(UserAt(i, second), std::nullopt) << i;
}

TEST_F(AuthClusterTest, WhoGotASnapshotDecidesLikeTheOthers) {
  cluster_.Run(20);  // who belongs to the cluster is written down
  const size_t away = (leader_ + 1) % kMembers;
  cluster_.CutOff(away);
  Enable();
  const auto first = [this] { return cluster_.member(leader_).replica().log().FirstIndex(); };
  for (int i = 0; i < 400; ++i) LogIn("abc");
  ASSERT_GT(first(), cluster_.member(away).applied_index() + 1);
  cluster_.Heal();
  cluster_.Run(60);
  etcdserverpb::AuthRoleAddRequest role;
  role.set_name("r");
  Do(RequestKind::kAuthRoleAdd, role.SerializeAsString());
  GrantToRoot("r");
  EXPECT_EQ(cluster_.member(away).applied_index(), cluster_.member(leader_).applied_index());
  EXPECT_EQ(cluster_.member(away).store().hash(), cluster_.member(leader_).store().hash());
}

TEST_F(AuthClusterTest, ARestartKeepsUsersAndForgetsTokens) {
  Enable();
  const std::string token = LogIn("abc");
  cluster_.Run(3);
  const size_t other = (leader_ + 1) % kMembers;
  cluster_.Crash(other);
  cluster_.member(other).Start();
  cluster_.Run(10);
  EXPECT_EQ(UserAt(other, token), std::nullopt) << "applied again, not issued again";
  EXPECT_EQ(UserAt(leader_, token), "root");
  const std::string later = LogIn("def");
  for (size_t i = 0; i < kMembers; ++i) {
    EXPECT_EQ(UserAt(i, later), "root") << i;
    EXPECT_TRUE(cluster_.member(i).store().auth_enabled()) << i;
    EXPECT_EQ(cluster_.member(i).store().hash(), cluster_.member(leader_).store().hash()) << i;
  }
}

}  // namespace
}  // namespace pintle::server::replica
