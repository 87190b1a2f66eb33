// Users, roles, permissions: etcd-api 1.8, the part that is state. What etcd answers was seen at
// 3.5.30.
#include <gmock/gmock.h>

#include <random>

#include "kv/auth/auth_record.h"
#include "kv/auth/authorize.h"
#include "kv/auth/errors.h"
#include "kv/auth/key_intervals.h"
#include "kv/content_hash.h"
#include "tests/kv/store_fixture.h"

namespace pintle::kv::testing {
namespace {

using auth::Caller;
using auth::CoverRange;
using auth::KeyIntervals;
using ::testing::ElementsAre;

const std::string kEnd(1, '\0');

class AuthTest : public StoreTest {
 protected:
  std::string As(const Caller& caller, const Command& command) {
    ApplyResult result = store_->ApplyFor(caller, command);
    EXPECT_TRUE(store_->Write(++sequence_, 1).ok());
    store_->Publish();
    return Text(result.result);
  }
  std::string Auth(const auth::Request& request) { return Ask(request); }
  std::string Grant(const std::string& role, int32_t type, const KeyRange& range) {
    return Auth(auth::RoleGrantPermission{role, auth::Permission{type, range}});
  }
  Caller User(const std::string& name) {
    return Caller::User(name, store_->view()->auth().revision());
  }
  // Users root and "u", who has the role "r".
  void Enable() {
    Auth(auth::UserAdd{"root", "hash"});
    Auth(auth::UserGrantRole{"root", "root"});
    Auth(auth::UserAdd{"u", "hash"});
    Auth(auth::RoleAdd{"r"});
    Auth(auth::UserGrantRole{"u", "r"});
    ASSERT_EQ(Auth(auth::Enable{}), "auth@6");
    ASSERT_TRUE(store_->auth_enabled());
  }
};

TEST_F(AuthTest, EveryChangeIsARevisionAndMistakesAreEtcds) {
  EXPECT_EQ(Auth(auth::Enable{}), "etcdserver: root user does not exist");
  EXPECT_EQ(Auth(auth::UserAdd{"", "h"}), "etcdserver: user name is empty");
  EXPECT_EQ(Auth(auth::UserAdd{"root", "h"}), "auth@2");
  EXPECT_EQ(Auth(auth::UserAdd{"root", "h"}), "etcdserver: user name already exists");
  EXPECT_EQ(Auth(auth::Enable{}), "etcdserver: root user does not have root role");
  EXPECT_EQ(Auth(auth::UserGrantRole{"root", "none"}), "etcdserver: role name not found");
  EXPECT_EQ(Auth(auth::UserGrantRole{"none", "root"}), "etcdserver: user name not found");
  EXPECT_EQ(Auth(auth::UserGrantRole{"root", "root"}), "auth@3") << "a role that is not there";
  EXPECT_EQ(Auth(auth::UserGrantRole{"root", "root"}), "auth@3") << "again: nothing";
  EXPECT_EQ(Auth(auth::RoleAdd{""}), "etcdserver: role name is empty");
  EXPECT_EQ(Auth(auth::RoleAdd{"r"}), "auth@4");
  EXPECT_EQ(Auth(auth::RoleAdd{"r"}), "etcdserver: role name already exists");
  EXPECT_EQ(Auth(auth::Authenticate{"root", "x"}), "etcdserver: authentication is not enabled");
  EXPECT_EQ(Auth(auth::Disable{}), "auth@4") << "is off: nothing";
  EXPECT_EQ(Auth(auth::Enable{}), "auth@4") << "no revision of its own";
  EXPECT_EQ(Auth(auth::Authenticate{"root", "x"}), "auth@4");
  EXPECT_EQ(Auth(auth::Authenticate{"none", "x"}),
            "etcdserver: authentication failed, invalid user ID or password");
  EXPECT_EQ(Auth(auth::UserRevokeRole{"root", "root"}), "etcdserver: invalid auth management");
  EXPECT_EQ(Auth(auth::UserDelete{"root"}), "etcdserver: invalid auth management");
  EXPECT_EQ(Auth(auth::RoleDelete{"root"}), "etcdserver: invalid auth management");
  EXPECT_EQ(Auth(auth::UserRevokeRole{"root", "r"}), "etcdserver: role is not granted to the user");
  EXPECT_EQ(Auth(auth::UserChangePassword{"none", "h"}), "etcdserver: user name not found");
  EXPECT_EQ(Auth(auth::UserChangePassword{"root", "new"}), "auth@5");
  EXPECT_EQ(store_->view()->auth().FindUser("root")->password_hash, "new");
  EXPECT_EQ(Auth(auth::Disable{}), "auth@6");
  EXPECT_EQ(Auth(auth::UserDelete{"root"}), "auth@7") << "while it is off, even that";
  EXPECT_EQ(store_->view()->revision(), 1) << "the keys' revision is another one";
}

TEST_F(AuthTest, PermissionsAreKeptByKeyAndReplaced) {
  EXPECT_EQ(Auth(auth::RoleGrantPermission{"r", std::nullopt}), "etcdserver: permission not given");
  EXPECT_EQ(Grant("r", auth::kRead, {"", ""}), "etcdserver: invalid auth management");
  EXPECT_EQ(Grant("r", auth::kRead, {"b", "a"}), "etcdserver: invalid auth management");
  EXPECT_EQ(Grant("r", auth::kRead, {"b", "b"}), "etcdserver: invalid auth management");
  EXPECT_EQ(Grant("r", auth::kRead, {"a", ""}), "etcdserver: role name not found");
  Auth(auth::RoleAdd{"r"});
  Grant("r", auth::kRead, {"m", ""});
  Grant("r", auth::kWrite, {"a", "c"});
  Grant("r", 5, {"a", kEnd});  // a type that nobody knows is kept, and permits nothing
  EXPECT_EQ(Grant("r", auth::kReadWrite, {"m", ""}), "auth@6");
  EXPECT_THAT(
      store_->view()->auth().FindRole("r")->permissions,
      ElementsAre(auth::Permission{auth::kWrite, {"a", "c"}}, auth::Permission{5, {"a", kEnd}},
                  auth::Permission{auth::kReadWrite, {"m", ""}}));
  EXPECT_EQ(Auth(auth::RoleRevokePermission{"r", {"a", ""}}),
            "etcdserver: permission is not granted to the role");
  EXPECT_EQ(Auth(auth::RoleRevokePermission{"none", {"a", ""}}), "etcdserver: role name not found");
  EXPECT_EQ(Auth(auth::RoleRevokePermission{"r", {"a", "c"}}), "auth@7");
}

TEST_F(AuthTest, ARoleThatGoesLeavesItsUsers) {
  Enable();
  Auth(auth::RoleAdd{"s"});
  Auth(auth::UserGrantRole{"u", "s"});
  EXPECT_THAT(store_->view()->auth().FindUser("u")->roles, ElementsAre("r", "s"));
  EXPECT_EQ(Auth(auth::RoleDelete{"r"}), "auth@9") << "one step";
  EXPECT_THAT(store_->view()->auth().FindUser("u")->roles, ElementsAre("s"));
  EXPECT_EQ(Auth(auth::RoleDelete{"r"}), "etcdserver: role name not found");
}

TEST_F(AuthTest, UsersWithoutPasswordHaveNone) {
  Auth(auth::UserAdd{.name = "u", .password_hash = "h", .no_password = true});
  EXPECT_EQ(store_->view()->auth().FindUser("u")->password_hash, "");
  Auth(auth::UserChangePassword{"u", "h"});
  EXPECT_EQ(store_->view()->auth().FindUser("u")->password_hash, "");
}

TEST_F(AuthTest, ChangesNeedWriteAndPreviousValuesRead) {
  Enable();
  Grant("r", auth::kWrite, {"w", "x"});
  const Caller u = User("u");
  const std::string denied = "etcdserver: permission denied";
  EXPECT_EQ(As(u, PutOf("w1", "v")), "put@2");
  EXPECT_EQ(As(u, PutOf("a", "v")), denied);
  EXPECT_EQ(As(u, PutRequest{.key = "w1", .prev_kv = true}), denied);
  EXPECT_EQ(As(u, DeleteOf({"w", "x"}, /*prev_kv=*/true)), denied);
  EXPECT_EQ(As(u, DeleteOf({"w", "y"})), denied);
  EXPECT_EQ(As(u, DeleteOf({"w", kEnd})), denied);
  EXPECT_EQ(As(u, DeleteOf({"w", "x"})), "deleted@3 1");
  EXPECT_EQ(As(u, CompactRequest{2}), denied);
  EXPECT_EQ(As(u, AlarmRequest{AlarmRequest::Action::kActivate, {1, AlarmType::kNoSpace}}), denied);
  EXPECT_EQ(As(u, auth::Request(auth::RoleAdd{"t"})), denied);
  EXPECT_EQ(As(User("root"), CompactRequest{2}), "compacted@3");
  EXPECT_EQ(As(Caller(), PutOf("w1", "v")), "etcdserver: user name is empty");
  EXPECT_EQ(As(Caller(), CompactRequest{3}), "etcdserver: user name is empty");
  EXPECT_EQ(As(Caller(), auth::Request(auth::Enable{})), "etcdserver: user name is empty");
  EXPECT_EQ(As(User("gone"), PutOf("w1", "v")), denied);
  EXPECT_EQ(Put("a", "v"), "put@4") << "the cluster itself";
}

TEST_F(AuthTest, ANameFromBeforeAChangeIsOld) {
  Enable();
  Grant("r", auth::kReadWrite, {"a", ""});
  const Caller u = User("u");
  const Caller root = User("root");
  Auth(auth::RoleAdd{"other"});
  EXPECT_EQ(As(u, PutOf("a", "v")), "etcdserver: revision of auth store is old");
  EXPECT_EQ(As(root, PutOf("a", "v")), "etcdserver: revision of auth store is old");
  EXPECT_EQ(As(User("u"), PutOf("a", "v")), "put@2");
  EXPECT_EQ(As(root, CompactRequest{2}), "compacted@2") << "as etcd: root by name alone";
  EXPECT_EQ(As(Caller::User("u", 0), PutOf("a", "v")), "etcdserver: user name is empty");
}

TEST_F(AuthTest, TransactionsNeedEveryPartOfBothBranches) {
  Enable();
  Grant("r", auth::kRead, {"r", "s"});
  Grant("r", auth::kWrite, {"w", "x"});
  const Caller u = User("u");
  const std::string denied = "etcdserver: permission denied";
  const auto txn = [](std::vector<TxnOp> success, std::vector<TxnOp> failure = {}) {
    return TxnRequest{.success = std::move(success), .failure = std::move(failure)};
  };
  EXPECT_EQ(As(u, txn({PutOf("w", "1")}, {RangeOf({"r", "s"})})), "txn@2 yes{put@2}");
  EXPECT_EQ(As(u, txn({PutOf("w", "1")}, {PutOf("a", "1")})), denied) << "the branch not taken";
  EXPECT_EQ(As(u, txn({RangeOf({"r", "t"})})), denied);
  EXPECT_EQ(As(u, txn({DeleteOf({"w", ""}, /*prev_kv=*/true)})), denied);
  EXPECT_EQ(As(u, txn({PutRequest{.key = "w", .prev_kv = true}})), denied);
  EXPECT_EQ(As(u, txn({Nested(txn({}, {Nested(txn({PutOf("a", "1")}))}))})), denied) << "deep";
  TxnRequest compares{.compares = {Compare{.range = {"a", ""}}}};
  EXPECT_EQ(As(u, compares), denied);
  compares.compares[0].range = {"r", ""};
  EXPECT_EQ(As(u, txn({Nested(compares)})), "txn@2 yes{txn@0 yes{}}");
  EXPECT_EQ(As(Caller(), TxnRequest()), "txn@2 yes{}") << "as etcd: nothing is asked for";
}

TEST_F(AuthTest, LeasesBelongToWhoMayWriteTheirKeys) {
  Enable();
  Grant("r", auth::kWrite, {"w", "x"});
  const Caller u = User("u");
  const std::string denied = "etcdserver: permission denied";
  EXPECT_EQ(As(Caller(), LeaseGrantRequest{LeaseId(7), 60}), "etcdserver: user name is empty");
  EXPECT_EQ(As(u, LeaseGrantRequest{LeaseId(7), 60}), "lease@1 7 ttl 60");
  EXPECT_EQ(As(u, LeaseGrantRequest{LeaseId(8), 60}), "lease@1 8 ttl 60");
  EXPECT_EQ(Put("secret", "v", 7), "put@2");
  EXPECT_EQ(As(u, PutOf("w1", "v", 7)), denied) << "a lease with a key of others";
  EXPECT_EQ(As(u, TxnRequest{.success = {PutOf("w1", "v", 7)}}), denied);
  EXPECT_EQ(As(u, PutOf("w1", "v", 8)), "put@3");
  EXPECT_EQ(As(u, PutOf("w1", "v", 99)), "etcdserver: requested lease not found");
  EXPECT_EQ(As(u, LeaseRevokeRequest{LeaseId(7)}), denied);
  EXPECT_EQ(As(Caller(), LeaseRevokeRequest{LeaseId(99)}), "etcdserver: user name is empty");
  EXPECT_EQ(As(u, LeaseRevokeRequest{LeaseId(99)}), "etcdserver: requested lease not found");
  EXPECT_EQ(As(u, LeaseRevokeRequest{LeaseId(8)}), "lease@4 8 ttl 60");
  EXPECT_EQ(As(User("root"), LeaseRevokeRequest{LeaseId(7)}), "lease@5 7 ttl 60");
}

TEST_F(AuthTest, ViewsKeepTheirMoment) {
  Enable();
  const auto before = store_->view();
  Grant("r", auth::kRead, {"a", ""});
  const Caller u = User("u");
  EXPECT_TRUE(store_->view()->auth().CheckRead(u, {"a", ""}).ok());
  EXPECT_EQ(before->auth().CheckRead(u, {"a", ""}), auth::ErrPermissionDenied());
  EXPECT_EQ(store_->view()->auth().CheckWrite(u, {"a", ""}), auth::ErrPermissionDenied());
}

TEST_F(AuthTest, IsStoredAndHashed) {
  Enable();
  Grant("r", auth::kReadWrite, {"a", "b"});
  Auth(auth::UserAdd{.name = "n", .no_password = true});
  Auth(auth::UserAdd{"gone", "h"});
  Auth(auth::UserDelete{"gone"});
  Auth(auth::RoleAdd{"gone"});
  Auth(auth::RoleDelete{"gone"});
  const auto hash = [this] {
    ContentHash content(store_->NewSnapshot());
    while (!content.done()) EXPECT_TRUE(content.Step(1).ok());
    return content.hash();
  };
  const uint64_t before = hash();
  const auto old = store_->view();
  Reopen();
  const auth::AuthState& now = store_->view()->auth();
  EXPECT_TRUE(store_->auth_enabled());
  EXPECT_EQ(now.revision(), old->auth().revision());
  ASSERT_EQ(now.users().size(), 3u);
  for (const auto& [name, user] : old->auth().users()) EXPECT_EQ(*now.FindUser(name), *user);
  ASSERT_EQ(now.roles().size(), 1u);
  EXPECT_EQ(now.FindRole("r")->permissions, old->auth().FindRole("r")->permissions);
  EXPECT_EQ(hash(), before);
  Auth(auth::UserChangePassword{"u", "other"});
  EXPECT_NE(hash(), before) << "users are part of the content";
}

TEST_F(AuthTest, DamagedUsersAreDamage) {
  Enable();
  BackendBatch batch;
  batch.Put(auth::UserKey("u"), auth::EncodeUser({.name = "other"}));
  ASSERT_TRUE(backend_->Apply(batch).ok());
  EXPECT_EQ(Store::Open(*backend_, {}).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(AuthTest, HasALimit) {
  Auth(auth::RoleAdd{"r"});
  const std::string large(size_t{16} << 20, 'k');
  for (const char* first : {"a", "b", "c"}) Grant("r", auth::kRead, {first + large, ""});
  EXPECT_EQ(Grant("r", auth::kRead, {"d" + large, ""}),
            "pintle: too many users, roles and permissions");
  EXPECT_EQ(Grant("r", auth::kRead, {"d", ""}), "auth@6");
  EXPECT_EQ(Auth(auth::RoleDelete{"r"}), "auth@7");
  EXPECT_EQ(Auth(auth::RoleAdd{"d" + large}), "auth@8") << "there is room again";
}

TEST(AuthRecord, LayoutIsEtcds) {
  const auth::User user{.name = "n", .password_hash = "h", .roles = {"a", "b"}};
  EXPECT_EQ(auth::EncodeUser(user), std::string("\x0a\x01n\x12\x01h\x1a\x01"
                                                "a\x1a\x01"
                                                "b\x22\x00",
                                                14));
  EXPECT_EQ(auth::ParseUser(auth::EncodeUser(user)), user);
  EXPECT_EQ(auth::EncodeUser({.name = "n", .no_password = true}),
            std::string("\x0a\x01n\x22\x02\x08\x01"));
  EXPECT_EQ(auth::EncodeRole("r", {{auth::kReadWrite, {"k", "l"}}, {auth::kRead, {"m", ""}}}),
            std::string("\x0a\x01r\x12\x08\x08\x02\x12\x01k\x1a\x01l\x12\x03\x12\x01m"));
  EXPECT_EQ(auth::EncodeSwitch({true, 258}), std::string("\x01\x02\x01\0\0\0\0\0\0", 9));
  EXPECT_FALSE(auth::ParseSwitch(std::string("\x02\x02\x01\0\0\0\0\0\0", 9)).has_value());
  EXPECT_FALSE(auth::ParseUser("\x0a\x05n").has_value());
  EXPECT_FALSE(auth::ParseRole("\x12\x05n").has_value());
}

// Keys of one or two letters out of three, and every end that etcd knows: against a list of all
// keys there can be.
class IntervalModel {
 public:
  IntervalModel() {
    const std::string letters = "abc";
    for (const char first : letters) {
      keys_.emplace_back(1, first);
      for (const char second : letters) keys_.push_back({first, second});
    }
  }

  std::string Key() { return keys_[Below(keys_.size())]; }
  KeyRange Range() {
    switch (Below(4)) {
      case 0:
        return {Key(), ""};
      case 1:
        return {Key(), kEnd};
      default:
        return {Key(), Key()};
    }
  }
  size_t Below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }

  // Every point where an answer can change: each key, and what comes right behind it.
  std::vector<std::string> Points() const {
    std::vector<std::string> points;
    for (const std::string& key : keys_) {
      points.push_back(key);
      points.push_back(key + '\0');
    }
    points.emplace_back("zzz");
    return points;
  }

 private:
  std::vector<std::string> keys_;
  std::mt19937 random_{4};
};

TEST(KeyIntervals, AnswerLikeAListOfAllKeys) {
  IntervalModel model;
  const std::vector<std::string> points = model.Points();
  int covered = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::vector<KeyRange>> roles(1 + model.Below(3));
    for (auto& role : roles) {
      for (size_t i = model.Below(4); i > 0; --i) role.push_back(model.Range());
    }
    const KeyRange asked = model.Range();
    bool expected = true;
    for (const std::string& point : points) {
      const bool wanted =
          asked.single() ? point == asked.key : asked.Contains(point) || point == asked.key;
      bool permitted = false;
      for (const auto& role : roles) {
        for (const KeyRange& range : role) permitted = permitted || range.Contains(point);
      }
      expected = expected && (!wanted || permitted);
    }
    std::vector<KeyIntervals> sets;
    for (const auto& role : roles) sets.emplace_back(role);
    std::vector<const KeyIntervals*> pointers;
    for (const auto& set : sets) pointers.push_back(&set);
    ASSERT_EQ(CoverRange(pointers, asked), expected)
        << "round " << round << ", " << asked.key << " to " << asked.end;
    if (expected) ++covered;
  }
  EXPECT_GT(covered, 2000);
}

TEST(KeyIntervals, OpenEndsNeedAnOpenEnd) {
  const KeyIntervals all(std::vector<KeyRange>{{kEnd, kEnd}});
  const KeyIntervals most(std::vector<KeyRange>{{"a", "\xff\xff\xff"}});
  EXPECT_TRUE(CoverRange({&all}, {"a", kEnd}));
  EXPECT_TRUE(CoverRange({&all}, {kEnd, kEnd}));
  EXPECT_FALSE(CoverRange({&most}, {"a", kEnd}));
  EXPECT_TRUE(CoverRange({&most}, {"a", "\xff\xff"}));
  const KeyIntervals rest(std::vector<KeyRange>{{"\xff\xff\xff", kEnd}});
  EXPECT_TRUE(CoverRange({&most, &rest}, {"a", kEnd})) << "side by side";
}

}  // namespace
}  // namespace pintle::kv::testing
