// Auth: users, roles and tokens by gRPC, and who may call what (etcd-api 1.8). Texts and codes were
// seen at etcd 3.5.30; where its main branch differs, the comment of the case says so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "proto/etcd/election.pb.h"
#include "proto/etcd/health.pb.h"
#include "proto/etcd/lock.pb.h"
#include "server/etcd/auth_rules.h"
#include "tests/etcd/harness.h"

namespace pintle::server::etcd::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsSupersetOf;

constexpr char kDenied[] = "PERMISSION_DENIED: etcdserver: permission denied";
constexpr char kNobody[] = "INVALID_ARGUMENT: etcdserver: user name is empty";
constexpr char kBadToken[] = "UNAUTHENTICATED: etcdserver: invalid auth token";

EtcdFaceOptions Options() {
  EtcdFaceOptions options;
  options.auth.bcrypt_cost = kMinBcryptCost;
  options.auth.client_certificates = true;
  return options;
}

class AuthServiceTest : public ::testing::Test {
 protected:
  std::string As(const std::string& user, const std::string& method, const std::string& request) {
    harness_.member.tokens[user + ".1"] = user;
    return harness_.Ask("etcdserverpb." + method, request, Metadata("token", user + ".1"));
  }
  std::string Ask(const std::string& method, const std::string& request,
                  net::Headers metadata = {}) {
    return harness_.Ask("etcdserverpb." + method, request, std::move(metadata));
  }
  void Must(const std::string& method, const std::string& request) {
    EXPECT_EQ(Ask("Auth/" + method, request), "header { revision: 1 }") << method << request;
  }
  // Users root, "u" with the role "r", "w" with none, "np" without password; r may read a to m,
  // and write w to z.
  void Enable() {
    for (const char* user : {"root", "u", "w"}) {
      Must("UserAdd", absl::StrCat(R"(name: ")", user, R"(" password: "p")"));
    }
    Must("UserAdd", R"(name: "np" options { no_password: true })");
    Must("RoleAdd", R"(name: "r")");
    Must("RoleAdd", R"(name: "root")");
    Must("RoleGrantPermission", R"(name: "r" perm { permType: READ key: "a" range_end: "m" })");
    Must("RoleGrantPermission", R"(name: "r" perm { permType: WRITE key: "w" range_end: "z" })");
    Must("UserGrantRole", R"(user: "root" role: "root")");
    Must("UserGrantRole", R"(user: "u" role: "r")");
    Must("AuthEnable", "");
  }

  // What does nothing needs no rule.
  bool IsBuilt(const std::string& path) {
    return !harness_.AskBytes(path.substr(1), "").starts_with("UNIMPLEMENTED");
  }

  Harness harness_{Options()};
};

// Every method of every service that etcd has.
std::set<std::string> AllMethods() {
  const std::vector<const google::protobuf::FileDescriptor*> files = {
      etcdserverpb::RangeRequest::descriptor()->file(), v3lockpb::LockRequest::descriptor()->file(),
      v3electionpb::CampaignRequest::descriptor()->file(),
      grpc::health::v1::HealthCheckRequest::descriptor()->file()};
  std::set<std::string> methods;
  for (const auto* file : files) {
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        methods.insert(absl::StrCat("/", file->service(s)->full_name(), "/",
                                    file->service(s)->method(m)->name()));
      }
    }
  }
  return methods;
}

TEST_F(AuthServiceTest, EveryMethodHasARule) {
  std::set<std::string> rows;
  for (const AuthRow& row : AuthTable()) {
    EXPECT_TRUE(rows.emplace(row.path).second) << row.path << " twice";
  }
  EXPECT_THAT(rows, IsSupersetOf(AllMethods()));
  for (const auto& [path, method] : harness_.router.unary())
    EXPECT_TRUE(rows.contains(path)) << path;
  for (const auto& [path, method] : harness_.router.stream()) {
    EXPECT_TRUE(rows.contains(path)) << path;
  }
  EXPECT_EQ(AuthRuleOf("/etcdserverpb.KV/Nonsense"), AuthRule::kRoot);
}

// A request of the method that gets past its static checks.
std::string SampleRequest(const std::string& path) {
  if (path.ends_with("KV/Range") || path.ends_with("KV/Put") || path.ends_with("/DeleteRange") ||
      path.ends_with("KV/RangeStream")) {
    return R"(key: "a")";
  }
  if (path.ends_with("KV/Txn")) return R"(success { request_put { key: "a" } })";
  if (path.ends_with("/MemberAdd") || path.ends_with("/MemberUpdate")) {
    return R"(peerURLs: "http://127.0.0.1:1")";
  }
  if (path.ends_with("Auth/UserGet")) return R"(name: "u")";
  if (path.ends_with("Lock/Unlock")) return R"(key: "a")";
  if (path.ends_with("/Proclaim") || path.ends_with("/Resign")) {
    return R"(leader { name: "a" key: "a/1" rev: 1 lease: 1 })";
  }
  if (path.starts_with("/v3electionpb.")) return R"(name: "a")";
  if (path.ends_with("Watch/Watch")) return R"(create_request { key: "a" })";
  return "";
}

// Lock and Election are clients of the other services: their errors have lost their codes, as
// etcd's.
bool IsMadeOfOthers(const std::string& path) {
  return path.starts_with("/v3lockpb.") || path.starts_with("/v3electionpb.");
}

TEST_F(AuthServiceTest, NobodyGetsPastARule) {
  Enable();
  for (const auto& [path, method] : harness_.router.unary()) {
    if (AuthRuleOf(path) == AuthRule::kAnybody || !IsBuilt(path)) continue;
    const std::string request = SampleRequest(path);
    const std::string nobody = harness_.Ask(path.substr(1), request);
    const std::string stranger = harness_.Ask(path.substr(1), request, Metadata("token", "bad"));
    if (IsMadeOfOthers(path)) {
      EXPECT_EQ(nobody, "UNKNOWN: etcdserver: user name is empty") << path;
      EXPECT_EQ(stranger, "UNKNOWN: etcdserver: invalid auth token") << path;
    } else {
      EXPECT_EQ(nobody, kNobody) << path;
      EXPECT_EQ(stranger, kBadToken) << path;
    }
  }
  for (const auto& [path, method] : harness_.router.stream()) {
    if (AuthRuleOf(path) == AuthRule::kAnybody || path.ends_with("Watch/Watch")) continue;
    StreamClient client(harness_, path.substr(1));
    if (absl::IsUnimplemented(client.call().status())) continue;
    client.Send(SampleRequest(path));
    if (IsMadeOfOthers(path)) {  // Observe: etcd ends it without saying why
      EXPECT_TRUE(client.call().ended() && client.call().status().ok()) << path;
      EXPECT_TRUE(client.Take().empty()) << path;
    } else {
      EXPECT_EQ(Text(client.call().status()), kNobody) << path;
    }
  }
  EXPECT_EQ(harness_.member.changes.size(), 0u);
}

TEST_F(AuthServiceTest, WhatIsRootsIsRefusedToOthers) {
  Enable();
  int refused = 0;
  for (const AuthRow& row : AuthTable()) {
    const std::string whole(row.path);
    const bool served = harness_.router.unary().contains(whole) && IsBuilt(whole);
    if (row.rule != AuthRule::kRoot || !served) continue;
    const std::string path(row.path.substr(std::string("/etcdserverpb.").size()));
    EXPECT_EQ(As("u", path, SampleRequest(std::string(row.path))), kDenied) << path;
    ++refused;
  }
  EXPECT_GE(refused, 5);
  for (const char* method :
       {"AuthEnable", "AuthDisable", "UserList", "UserDelete", "UserGrantRole", "UserRevokeRole",
        "RoleAdd", "RoleList", "RoleDelete", "RoleGrantPermission", "RoleRevokePermission"}) {
    EXPECT_EQ(As("u", std::string("Auth/") + method, ""), kDenied) << method;
  }
  EXPECT_EQ(As("u", "KV/Compact", "revision: 1"), kDenied);
  EXPECT_EQ(As("u", "Maintenance/Alarm", "action: ACTIVATE alarm: NOSPACE"), kDenied);
  EXPECT_EQ(As("u", "Cluster/MemberAdd", R"(peerURLs: "http://127.0.0.1:1")"), kDenied);
  EXPECT_EQ(As("u", "Cluster/MemberAdd", R"(peerURLs: "bad")"),
            "INVALID_ARGUMENT: etcdserver: given member URLs are invalid");
  EXPECT_EQ(harness_.member.changes.size(), 0u);
  As("root", "Cluster/MemberAdd", R"(peerURLs: "http://127.0.0.1:1")");
  EXPECT_EQ(harness_.member.changes.size(), 1u);
}

TEST_F(AuthServiceTest, UsersMayWhatEveryUserMay) {
  Enable();
  EXPECT_EQ(As("w", "Auth/AuthStatus", ""),
            "header { revision: 1 } enabled: true authRevision: 11");  // 3.5.30: root only
  EXPECT_EQ(As("w", "Maintenance/Alarm", ""), "header { revision: 1 }");
  EXPECT_THAT(As("w", "Maintenance/Status", ""), ::testing::HasSubstr("dbSize"));  // as above
  EXPECT_THAT(As("w", "Cluster/MemberList", ""), ::testing::HasSubstr("one"));
  EXPECT_EQ(As("w", "Lease/LeaseGrant", "ID: 5 TTL: 60"), "header { revision: 1 } ID: 5 TTL: 60");
}

TEST_F(AuthServiceTest, UsersAndRolesAreShown) {
  EXPECT_EQ(Ask("Auth/AuthStatus", ""), "header { revision: 1 } authRevision: 1");
  Enable();
  EXPECT_EQ(As("root", "Auth/UserList", ""),
            R"(header { revision: 1 } users: "np" users: "root" users: "u" users: "w")");
  EXPECT_EQ(As("root", "Auth/RoleList", ""), R"(header { revision: 1 } roles: "r" roles: "root")");
  EXPECT_EQ(As("u", "Auth/UserGet", R"(name: "u")"), R"(header { revision: 1 } roles: "r")");
  EXPECT_EQ(As("u", "Auth/UserGet", R"(name: "w")"), kDenied);
  EXPECT_EQ(As("u", "Auth/UserGet", R"(name: "none")"), kDenied);
  EXPECT_EQ(As("root", "Auth/UserGet", R"(name: "none")"),
            "FAILED_PRECONDITION: etcdserver: user name not found");
  EXPECT_EQ(Ask("Auth/UserGet", ""), "FAILED_PRECONDITION: etcdserver: user name not found");
  EXPECT_EQ(As("u", "Auth/RoleGet", R"(role: "r")"),
            R"(header { revision: 1 } perm { key: "a" range_end: "m" } )"
            R"(perm { permType: WRITE key: "w" range_end: "z" })");
  EXPECT_EQ(As("w", "Auth/RoleGet", R"(role: "r")"), kDenied);
  EXPECT_EQ(As("root", "Auth/RoleGet", R"(role: "none")"),
            "FAILED_PRECONDITION: etcdserver: role name not found");
  EXPECT_EQ(As("root", "Auth/RoleGet", R"(role: "root")"),  // 3.5.30: empty
            R"(header { revision: 1 } perm { permType: READWRITE range_end: "\000" })");
}

TEST_F(AuthServiceTest, MistakesAreEtcds) {
  EXPECT_EQ(Ask("Auth/UserAdd", R"(password: "x")"), kNobody);
  EXPECT_EQ(
      Ask("Auth/UserAdd", absl::StrCat(R"(name: "x" password: ")", std::string(73, 'x'), R"(")")),
      "UNKNOWN: bcrypt: password length exceeds 72 bytes");
  EXPECT_EQ(Ask("Auth/UserAdd", R"(name: "x" password: "a\000b")"),
            "INVALID_ARGUMENT: pintle: a password cannot have a zero byte");
  EXPECT_EQ(Ask("Auth/RoleAdd", ""), "INVALID_ARGUMENT: etcdserver: role name is empty");
  EXPECT_EQ(Ask("Auth/RoleGrantPermission", R"(name: "none")"),
            "INVALID_ARGUMENT: etcdserver: permission not given");
  EXPECT_EQ(Ask("Auth/RoleGrantPermission", R"(name: "none" perm { range_end: "a" })"),
            "INVALID_ARGUMENT: etcdserver: invalid auth management");
  EXPECT_EQ(Ask("Auth/AuthEnable", ""),
            "FAILED_PRECONDITION: etcdserver: root user does not exist");
  EXPECT_EQ(Ask("Auth/Authenticate", R"(name: "u" password: "p")"),
            "FAILED_PRECONDITION: etcdserver: authentication is not enabled");
  EXPECT_EQ(Ask("KV/Range", R"(key: "a")", Metadata("token", "bad")), "header { revision: 1 }")
      << "nobody looks at it";
}

TEST_F(AuthServiceTest, PasswordsGiveTokens) {
  Enable();
  const std::string failed =
      "INVALID_ARGUMENT: etcdserver: authentication failed, invalid user ID or password";
  EXPECT_THAT(Ask("Auth/Authenticate", R"(name: "u" password: "p")"),
              ::testing::MatchesRegex(R"(header \{ revision: 1 \} token: "[a-zA-Z]{16}\.[0-9]+")"));
  EXPECT_EQ(Ask("Auth/Authenticate", R"(name: "u" password: "q")"), failed);
  EXPECT_EQ(Ask("Auth/Authenticate", R"(name: "none" password: "p")"), failed);
  EXPECT_EQ(Ask("Auth/Authenticate", ""), failed);
  EXPECT_EQ(Ask("Auth/Authenticate", R"(name: "np" password: "p")"),
            "UNKNOWN: auth: authentication failed, password was given for no password user");
  EXPECT_EQ(As("root", "Auth/UserChangePassword", R"(name: "u" password: "new")"),
            "header { revision: 1 }");
  EXPECT_EQ(Ask("Auth/Authenticate", R"(name: "u" password: "p")"), failed);
  EXPECT_THAT(Ask("Auth/Authenticate", R"(name: "u" password: "new")"),
              ::testing::HasSubstr("token"));
  EXPECT_EQ(As("root", "Auth/UserChangePassword", R"(name: "u" hashedPassword: "aGFzaA==")"),
            "header { revision: 1 }");
  EXPECT_EQ(Ask("Auth/Authenticate", R"(name: "u")"), failed) << "an empty one is none";
  EXPECT_EQ(As("root", "Auth/UserAdd", R"(name: "e")"), "header { revision: 1 }");
  EXPECT_THAT(Ask("Auth/Authenticate", R"(name: "e")"), ::testing::HasSubstr("token"))
      << "a new user's empty one is one";
  const kv::auth::User* user = harness_.member.view()->auth().FindUser("w");
  EXPECT_TRUE(user->password_hash.starts_with("$2a$04$")) << user->password_hash;
}

TEST_F(AuthServiceTest, TokensComeInEveryCostume) {
  Enable();
  harness_.member.tokens["t.1"] = "u";
  const std::string request = R"(key: "a")";
  const std::string fine = "header { revision: 1 }";
  EXPECT_EQ(Ask("KV/Range", request, Metadata("token", "t.1")), fine);
  EXPECT_EQ(Ask("KV/Range", request, Metadata("authorization", "t.1")), fine);
  EXPECT_EQ(Ask("KV/Range", request, Metadata("authorization", "Bearer t.1")), fine);
  EXPECT_EQ(Ask("KV/Range", request, Metadata("token", "Bearer t.1")), kBadToken);
  EXPECT_EQ(Ask("KV/Range", request, Metadata("token", "")), kBadToken);
  harness_.member.tokens["late.1000000"] = "u";
  const int reads = harness_.member.reads;
  EXPECT_EQ(Ask("KV/Range", R"(key: "a" serializable: true)", Metadata("token", "late.1000000")),
            fine);
  EXPECT_EQ(harness_.member.reads, reads + 1) << "has caught up before it says no";
}

TEST_F(AuthServiceTest, ReadsNeedPermission) {
  Enable();
  EXPECT_EQ(As("u", "KV/Range", R"(key: "a" range_end: "m")"), "header { revision: 1 }");
  EXPECT_EQ(As("u", "KV/Range", R"(key: "a" range_end: "n")"), kDenied);
  EXPECT_EQ(As("u", "KV/Range", R"(key: "a" range_end: "n" serializable: true)"), kDenied);
  EXPECT_EQ(As("w", "KV/Range", R"(key: "a")"), kDenied);
  EXPECT_EQ(As("root", "KV/Range", R"(key: "\000" range_end: "\000")"), "header { revision: 1 }");
  EXPECT_EQ(Ask("KV/Range", ""), "INVALID_ARGUMENT: etcdserver: key is not provided")
      << "before anybody asks who that is";
  const std::string read = R"(success { request_range { key: "z" } })";
  EXPECT_EQ(As("u", "KV/Txn", read), kDenied);
  EXPECT_EQ(As("u", "KV/Txn", R"(compare { key: "z" } success { request_range { key: "a" } })"),
            kDenied);
  EXPECT_EQ(As("u", "KV/Txn", R"(success { request_range { key: "a" } })"),
            "header { revision: 1 } succeeded: true responses { response_range { header { "
            "revision: 1 } } }");
  EXPECT_EQ(As("u", "KV/Txn", R"(failure { request_range { key: "z" serializable: true } })"),
            kDenied);
}

TEST_F(AuthServiceTest, LeasesOfOthersAreLeftAlone) {
  Enable();
  As("root", "Lease/LeaseGrant", "ID: 7 TTL: 60");
  As("root", "KV/Put", R"(key: "secret" lease: 7)");
  As("u", "Lease/LeaseGrant", "ID: 8 TTL: 60");
  EXPECT_EQ(As("u", "KV/Put", R"(key: "w" lease: 7)"), kDenied);
  EXPECT_EQ(As("u", "KV/Put", R"(key: "w" lease: 8)"), "header { revision: 3 }");
  EXPECT_EQ(As("u", "Lease/LeaseRevoke", "ID: 7"), kDenied);
  EXPECT_EQ(As("u", "Lease/LeaseTimeToLive", "ID: 7"),
            "header { revision: 3 } ID: 7 TTL: 59 grantedTTL: 60");
  EXPECT_EQ(As("u", "Lease/LeaseTimeToLive", "ID: 7 keys: true"), kDenied);
  EXPECT_EQ(As("u", "Lease/LeaseTimeToLive", "ID: 8 keys: true"), kDenied) << "written, not read";
  EXPECT_EQ(As("u", "Lease/LeaseLeases", ""), kDenied);
  EXPECT_EQ(As("root", "Lease/LeaseLeases", ""),
            "header { revision: 3 } leases { ID: 7 } leases { ID: 8 }");
  StreamClient keep_alive(harness_, "etcdserverpb.Lease/LeaseKeepAlive", Metadata("token", "u.1"));
  keep_alive.Send("ID: 8");
  EXPECT_THAT(keep_alive.Take(), ElementsAre("header { revision: 3 } ID: 8 TTL: 60"));
  keep_alive.Send("ID: 7");
  EXPECT_EQ(Text(keep_alive.call().status()), kDenied);
  EXPECT_EQ(As("u", "Lease/LeaseRevoke", "ID: 8"), "header { revision: 4 }");
}

TEST_F(AuthServiceTest, WatchesAreRefusedWithAReason) {
  Enable();
  const std::string path = "etcdserverpb.Watch/Watch";
  const auto refusal = [](const std::string& reason) {
    return "header { revision: 1 } watch_id: -1 created: true canceled: true cancel_reason: \"" +
           reason + "\"";
  };
  StreamClient nobody(harness_, path);
  nobody.Send(R"(create_request { key: "a" })");
  EXPECT_THAT(nobody.Take(), ElementsAre(refusal("rpc error: code = InvalidArgument desc = "
                                                 "etcdserver: user name is empty")));
  nobody.Send(R"(create_request { key: "a" start_revision: -1 })");
  EXPECT_THAT(nobody.Take(),
              ElementsAre(refusal("etcdserver: mvcc: required revision has been compacted")));
  StreamClient unknown(harness_, path, Metadata("token", "bad"));
  unknown.Send(R"(create_request { key: "a" })");
  EXPECT_THAT(unknown.Take(), ElementsAre(refusal("rpc error: code = Unauthenticated desc = "
                                                  "etcdserver: invalid auth token")));
  harness_.member.tokens["u.2000"] = "u";
  StreamClient user(harness_, path, Metadata("token", "u.2000"));
  const std::string denied =
      refusal("rpc error: code = PermissionDenied desc = etcdserver: permission denied");
  user.Send(R"(create_request { key: "a" range_end: "n" })");
  user.Send(R"(create_request { key: "a" range_end: "\000" })");  // etcd 3.5.30 allows it
  user.Send(R"(create_request { key: "a" range_end: "m" })");
  EXPECT_THAT(user.Take(), ElementsAre(denied, denied, "header { revision: 1 } created: true"));
}

TEST_F(AuthServiceTest, CertificatesNameUsers) {
  Enable();
  const auto ask = [&](const std::string& name, net::Headers metadata) {
    const std::string path = "/etcdserverpb.KV/Range";
    auto call = std::make_shared<FakeCall>(harness_.executor, std::move(metadata), name);
    etcdserverpb::RangeRequest request;
    request.set_key("a");
    harness_.router.unary().at(path)(request.SerializeAsString(), call);
    return Text(call->status());
  };
  EXPECT_EQ(ask("u", {}), "OK: ");
  EXPECT_EQ(ask("w", {}), kDenied);
  EXPECT_EQ(ask("stranger", {}), kDenied);
  EXPECT_EQ(ask("", {}), kNobody);
  EXPECT_EQ(ask("u", Metadata("grpcgateway-accept", "*/*")), kNobody) << "the gateway's own";
  EXPECT_EQ(ask("u", Metadata("token", "bad")), kBadToken) << "a token counts first";
}

TEST_F(AuthServiceTest, MembersAreReplacedByRoot) {
  Enable();
  const auto replace = [&](const std::string& token) {
    net::HttpRequest request{.method = "POST", .path = "/admin/members/replace"};
    request.body = R"({"id": "31", "peerURLs": ["http://127.0.0.1:1"]})";
    if (!token.empty()) request.headers.Add("authorization", token);
    auto exchange = std::make_shared<FakeExchange>(harness_.executor);
    harness_.face.http().Handle(std::move(request), exchange);
    harness_.executor.Run();
    return exchange->status();
  };
  harness_.member.tokens = {{"u.1", "u"}, {"root.1", "root"}};
  EXPECT_EQ(replace(""), 400);
  EXPECT_EQ(replace("bad"), 401);
  EXPECT_EQ(replace("u.1"), 403);
  EXPECT_EQ(harness_.member.changes.size(), 0u);
  EXPECT_EQ(replace("root.1"), 200);
  EXPECT_EQ(harness_.member.changes.size(), 1u);
}

TEST_F(AuthServiceTest, OffAgainEverythingIsOpen) {
  Enable();
  EXPECT_EQ(Ask("Auth/AuthDisable", ""), kNobody);
  EXPECT_EQ(As("root", "Auth/AuthDisable", ""), "header { revision: 1 }");
  EXPECT_EQ(Ask("Auth/AuthDisable", ""), "header { revision: 1 }");
  EXPECT_EQ(Ask("KV/Put", R"(key: "a")"), "header { revision: 2 }");
  EXPECT_EQ(Ask("Auth/AuthStatus", ""), "header { revision: 2 } authRevision: 12");
}

// The hashes are those of the tests of Go's bcrypt and of OpenBSD's.
TEST(Passwords, AreGos) {
  EXPECT_TRUE(PasswordFits("$2a$10$XajjQvNhvvRt5GSeFk1xFeyqRrsxkhBkUiQeg0dt.wU1qD4aFDcga",
                           "allmine", kMinBcryptCost));
  EXPECT_TRUE(PasswordFits("$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i", "abc",
                           kMinBcryptCost));
  EXPECT_FALSE(PasswordFits("$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i", "abd",
                            kMinBcryptCost));
  const auto hash = HashPassword("secret", kMinBcryptCost);
  ASSERT_TRUE(hash.ok());
  EXPECT_EQ(hash->size(), 60u);
  EXPECT_TRUE(PasswordFits(*hash, "secret", kMinBcryptCost));
  EXPECT_FALSE(PasswordFits(*hash, "secreT", kMinBcryptCost));
  EXPECT_FALSE(PasswordFits(*hash, std::string("secret\0", 7), kMinBcryptCost));
  EXPECT_FALSE(PasswordFits("", "", kMinBcryptCost)) << "no hash, no password";
  EXPECT_FALSE(PasswordFits("secret", "secret", kMinBcryptCost));
  EXPECT_NE(*hash, *HashPassword("secret", kMinBcryptCost)) << "salted";
  const auto longest = HashPassword(std::string(72, 'x'), kMinBcryptCost);
  EXPECT_TRUE(PasswordFits(*longest, std::string(80, 'x'), kMinBcryptCost))
      << "as Go: 72 bytes count";
}

TEST(Passwords, NobodysTakesAsLongAsAnybodys) {
  constexpr int kCost = 8;
  const auto hash = HashPassword("secret", kCost);
  ASSERT_TRUE(hash.ok());
  const auto least_of_three = [](const std::string& of) {
    absl::Duration least = absl::InfiniteDuration();
    for (int i = 0; i < 3; ++i) {
      timespec begun{};
      timespec ended{};
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begun);
      EXPECT_FALSE(PasswordFits(of, "wrong", kCost));
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ended);
      least =
          std::min(least, absl::DurationFromTimespec(ended) - absl::DurationFromTimespec(begun));
    }
    return least;
  };
  const absl::Duration known = least_of_three(*hash);
  for (const char* none : {"", "no hash"}) {
    EXPECT_GT(least_of_three(none), known / 2) << none;
    EXPECT_LT(least_of_three(none), known * 2) << none;
  }
}

TEST(PasswordWorker, WorksBesideAndIsBounded) {
  PasswordWorker worker(1);
  std::mutex gate;
  std::atomic<size_t> done{0};
  gate.lock();
  ASSERT_TRUE(worker.Do([&] { const std::lock_guard lock(gate); }));
  size_t taken = 0;
  while (worker.Do([&] { ++done; })) ++taken;
  EXPECT_LE(taken, PasswordWorker::kMostWaiting);
  EXPECT_GE(taken, PasswordWorker::kMostWaiting - 1);
  gate.unlock();
  worker.Stop();
  EXPECT_LE(done, taken) << "what waits is dropped";
  EXPECT_FALSE(worker.Do([] {}));
}

}  // namespace
}  // namespace pintle::server::etcd::testing
