// JWT tokens: RFC 7515, 7518, 8037, as etcd makes them. Keys are made here, with OpenSSL.
#include "server/etcd/auth_jwt.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace pintle::server::etcd::testing {
namespace {

using kv::auth::Caller;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

class JwtTest : public ::testing::Test {
 protected:
  ~JwtTest() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << text;
    return path;
  }

  // Files with both halves; `kind`: "RSA", "P-256", …, "ED25519".
  std::pair<std::string, std::string> MakeKey(const std::string& kind, const std::string& name) {
    EVP_PKEY* key = nullptr;
    if (kind == "RSA") {
      key = EVP_RSA_gen(2048);
    } else if (kind == "ED25519") {
      key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
    } else {
      key = EVP_EC_gen(kind.c_str());
    }
    EXPECT_NE(key, nullptr) << kind;
    const std::string priv = folder_ + "/" + name + ".key";
    const std::string pub = folder_ + "/" + name + ".pub";
    FILE* file = std::fopen(priv.c_str(), "w");
    PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    file = std::fopen(pub.c_str(), "w");
    PEM_write_PUBKEY(file, key);
    std::fclose(file);
    EVP_PKEY_free(key);
    return {priv, pub};
  }

  std::shared_ptr<const Jwt> Make(const std::string& options) {
    auto jwt = Jwt::FromFlag("jwt," + options);
    EXPECT_TRUE(jwt.ok()) << jwt.status();
    return jwt.ok() ? *jwt : nullptr;
  }

  std::string folder_ = [] {
    std::string name = std::filesystem::temp_directory_path().string() + "/pintle-jwt-XXXXXX";
    return std::string(mkdtemp(name.data()));
  }();
};

TEST_F(JwtTest, EveryMethodSignsAndChecks) {
  const auto rsa = MakeKey("RSA", "rsa");
  const std::vector<std::pair<std::string, std::pair<std::string, std::string>>> methods = {
      {"RS256", rsa},
      {"RS384", rsa},
      {"RS512", rsa},
      {"PS256", rsa},
      {"PS384", rsa},
      {"PS512", rsa},
      {"ES256", MakeKey("P-256", "p256")},
      {"ES384", MakeKey("P-384", "p384")},
      {"ES512", MakeKey("P-521", "p521")},
      {"EdDSA", MakeKey("ED25519", "ed")},
  };
  for (const auto& [method, key] : methods) {
    const auto both = Make(
        absl::StrCat("sign-method=", method, ",priv-key=", key.first, ",pub-key=", key.second));
    const auto checker = Make(absl::StrCat("sign-method=", method, ",pub-key=", key.second));
    ASSERT_TRUE(both != nullptr && checker != nullptr) << method;
    const auto token = both->Issue("ann", 7, kNow);
    ASSERT_TRUE(token.ok()) << method << token.status();
    EXPECT_EQ(both->Verify(*token, kNow), Caller::User("ann", 7)) << method;
    EXPECT_EQ(checker->Verify(*token, kNow), Caller::User("ann", 7)) << method;
    EXPECT_EQ(checker->Issue("ann", 7, kNow).status().message(),
              "auth: token signing attempted with verify-only key");
    for (size_t i = 0; i < token->size(); i += 7) {
      std::string forged = *token;
      forged[i] = forged[i] == 'A' ? 'B' : 'A';
      EXPECT_EQ(checker->Verify(forged, kNow), std::nullopt) << method << " byte " << i;
    }
  }
}

// The example of RFC 7515, appendix A.1 is signed by the key below; ours by a secret of our own, as
// other programs would check it: HS256 over "head.claims".
TEST_F(JwtTest, LayoutIsTheStandards) {
  const auto jwt = Make("sign-method=HS256,priv-key=" + Write("secret", "your-256-bit-secret"));
  const auto token = jwt->Issue("ann", 7, kNow);
  ASSERT_TRUE(token.ok());
  const std::vector<std::string> parts = {token->substr(0, token->find('.')),
                                          token->substr(token->find('.') + 1)};
  std::string head;
  std::string claims;
  ASSERT_TRUE(absl::WebSafeBase64Unescape(parts[0], &head));
  ASSERT_TRUE(absl::WebSafeBase64Unescape(parts[1].substr(0, parts[1].find('.')), &claims));
  EXPECT_EQ(head, R"({"alg":"HS256","typ":"JWT"})");
  EXPECT_EQ(claims, R"({"exp":1700000300,"revision":7,"username":"ann"})");
  // Made by another program (jwt.io's well-known example): signed right, but names no user.
  EXPECT_EQ(jwt->Verify("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
                        "eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ"
                        ".SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
                        kNow),
            std::nullopt);
}

TEST_F(JwtTest, TimeRunsOut) {
  const auto jwt = Make("sign-method=HS512,ttl=10s,priv-key=" + Write("secret", "s"));
  const auto token = jwt->Issue("ann", 7, kNow);
  ASSERT_TRUE(token.ok());
  EXPECT_TRUE(jwt->Verify(*token, kNow + absl::Seconds(9)).has_value());
  EXPECT_FALSE(jwt->Verify(*token, kNow + absl::Seconds(10)).has_value());
}

TEST_F(JwtTest, TheTokenDoesNotChooseItsAlgorithm) {
  const auto key = MakeKey("RSA", "rsa");
  const auto checker = Make("sign-method=RS256,pub-key=" + key.second);
  // The public key, which everybody has, as the secret of another method.
  const auto forger = Make("sign-method=HS256,priv-key=" + key.second);
  EXPECT_FALSE(checker->Verify(*forger->Issue("root", 7, kNow), kNow).has_value());
  const std::string none = "eyJhbGciOiJub25lIn0.eyJyZXZpc2lvbiI6NywidXNlcm5hbWUiOiJyb290In0.";
  EXPECT_FALSE(checker->Verify(none, kNow).has_value());
  for (const char* bad : {"", ".", "..", "a.b.c", "a", "=.=.="}) {
    EXPECT_FALSE(checker->Verify(bad, kNow).has_value()) << bad;
  }
  EXPECT_FALSE(checker->Verify(std::string(Jwt::kMostTokenBytes + 1, '.'), kNow).has_value());
}

TEST_F(JwtTest, BadOptionsAreNamed) {
  const auto refusal = [](const std::string& flag) {
    return std::string(Jwt::FromFlag(flag).status().message());
  };
  EXPECT_EQ(*Jwt::FromFlag("simple"), nullptr);
  EXPECT_EQ(refusal("other"), "--auth-token: must be simple, or jwt with its options");
  EXPECT_EQ(refusal("jwt"), "--auth-token: sign-method is missing");
  EXPECT_EQ(refusal("jwt,sign-method"), "--auth-token: \"sign-method\" is not name=value");
  EXPECT_EQ(refusal("jwt,ttl=1m,ttl=2m"), "--auth-token: ttl is given twice");
  EXPECT_EQ(refusal("jwt,sign-method=RS257"), "--auth-token: unknown sign-method RS257");
  EXPECT_EQ(refusal("jwt,sign-method=RS256"), "--auth-token: priv-key and pub-key are missing");
  EXPECT_EQ(refusal("jwt,sign-method=HS256"), "--auth-token: priv-key is missing");
  EXPECT_EQ(refusal("jwt,sign-method=HS256,ttl=x,priv-key=y"),
            "--auth-token: ttl x is no duration");
  EXPECT_EQ(refusal("jwt,sign-method=RS256,pub-key=/nowhere"),
            "--auth-token: cannot read pub-key /nowhere");
  const auto rsa = MakeKey("RSA", "rsa");
  const auto other = MakeKey("RSA", "other");
  EXPECT_EQ(refusal("jwt,sign-method=ES256,pub-key=" + rsa.second),
            "--auth-token: pub-key is no key for ES256");
  EXPECT_EQ(refusal("jwt,sign-method=RS256,priv-key=" + rsa.first + ",pub-key=" + other.second),
            "--auth-token: priv-key and pub-key do not belong together");
}

}  // namespace
}  // namespace pintle::server::etcd::testing
