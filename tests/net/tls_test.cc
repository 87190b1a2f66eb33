// TLS: who is let in, what they are told, and that new files count without a restart.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "net/tls_policy.h"
#include "net/tls_self_signed.h"
#include "net/tls_session.h"
#include "tests/net/test_support.h"
#include "tests/net/tls_support.h"

namespace pintle::net {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// Says who is there, and repeats what it hears.
class EchoSession final : public Session {
 public:
  explicit EchoSession(SessionHost& host) : host_(host) {}
  void Receive(std::string_view bytes) override {
    out_ += host_.peer()->common_name + ":" + std::string(bytes);
    host_.RequestFlush();
  }
  void ReceiveEnd() override { done_ = true; }
  void Produce(std::string& out, size_t) override {
    out += out_;
    out_.clear();
  }
  bool WantsRead() const override { return true; }
  bool done() const override { return done_; }
  void Shutdown() override { done_ = true; }
  void Closed() override {}

 private:
  SessionHost& host_;
  std::string out_;
  bool done_ = false;
};

class TlsTest : public testing::Test {
 protected:
  void SetUp() override {
    authority_.Sign("server", "server", "DNS:localhost,IP:127.0.0.1");
    authority_.Sign("alice", "alice", "");
    options_.cert_file = authority_.CertificateOf("server");
    options_.key_file = authority_.KeyOf("server");
    client_options_.trusted_ca_file = authority_.certificate();
  }

  std::shared_ptr<TlsPolicy> Policy(const TlsOptions& options) {
    auto policy = TlsPolicy::Create(options, [this](TlsPolicy::Event event, std::string_view text) {
      events_.emplace_back(event, text);
    });
    EXPECT_TRUE(policy.ok()) << policy.status();
    return *policy;
  }
  void UseClient(const std::string& name) {
    client_options_.cert_file = authority_.CertificateOf(name);
    client_options_.key_file = authority_.KeyOf(name);
  }
  std::unique_ptr<TlsSession> NewSession(const std::shared_ptr<TlsPolicy>& policy,
                                         bool plain_too = false) {
    return std::make_unique<TlsSession>(host_, policy, plain_too, [](SessionHost& host) {
      return std::make_unique<EchoSession>(host);
    });
  }
  // What the echo says to "hi"; empty: the connection did not come about.
  std::string Talk(const std::shared_ptr<TlsPolicy>& server, TlsPolicy& client_policy,
                   const std::string& host = "localhost", std::string_view alpn = "\x02h2") {
    const std::unique_ptr<TlsSession> session = NewSession(server);
    TestTlsClient client(client_policy, host, alpn);
    std::string to_server = client.Exchange("");
    for (int i = 0; i < 4 && !to_server.empty(); ++i) {
      to_server = client.Exchange(host_.Exchange(*session, to_server));
    }
    client_refusal_ = client.refusal();
    alpn_ = client.alpn();
    if (client.done() && !client.failed() && !session->done()) {
      client.Exchange(host_.Exchange(*session, client.Encrypt("hi")));
    }
    session->Closed();
    return client.plain();
  }
  std::string Talk() { return Talk(Policy(options_), *Policy(client_options_)); }

  TestAuthority authority_;
  TlsOptions options_;
  TlsOptions client_options_;
  FakeHost host_;
  std::vector<std::pair<TlsPolicy::Event, std::string>> events_;
  std::string client_refusal_;
  std::string alpn_;
};

TEST_F(TlsTest, CarriesBytesBothWays) {
  EXPECT_EQ(Talk(), ":hi");
  EXPECT_EQ(alpn_, "h2");
  EXPECT_THAT(events_, IsEmpty());
}

TEST_F(TlsTest, AlpnChoosesHttp1WhereThatIsAllAndRefusesWhatIsNeither) {
  const auto server = Policy(options_);
  const auto client = Policy(client_options_);
  EXPECT_EQ(Talk(server, *client, "localhost", "\x08http/1.1"), ":hi");
  EXPECT_EQ(alpn_, "http/1.1");
  EXPECT_EQ(Talk(server, *client, "localhost", ""), ":hi");
  EXPECT_EQ(Talk(server, *client, "localhost", "\x03xyz"), "");
}

TEST_F(TlsTest, AServerMayKeepToHttp1) {
  options_.http2 = false;
  const auto server = Policy(options_);
  const auto client = Policy(client_options_);
  EXPECT_EQ(Talk(server, *client, "localhost", "\x02h2\x08http/1.1"), ":hi");
  EXPECT_EQ(alpn_, "http/1.1");
  EXPECT_EQ(Talk(server, *client, "localhost", "\x02h2"), "");
}

TEST_F(TlsTest, TheClientWantsTheRightNameAndAuthority) {
  const auto server = Policy(options_);
  EXPECT_EQ(Talk(server, *Policy(client_options_), "127.0.0.1"), ":hi");
  EXPECT_EQ(Talk(server, *Policy(client_options_), "other.example"), "");
  EXPECT_THAT(client_refusal_, HasSubstr("not valid for other.example"));
  const TestAuthority stranger("stranger");
  client_options_.trusted_ca_file = stranger.certificate();
  EXPECT_EQ(Talk(server, *Policy(client_options_)), "");
  client_options_.verify_server = false;
  EXPECT_EQ(Talk(server, *Policy(client_options_)), ":hi");
}

TEST_F(TlsTest, ClientCertificatesAreAskedForAndNamed) {
  options_.trusted_ca_file = authority_.certificate();
  EXPECT_EQ(Talk(), "") << "no certificate";
  UseClient("alice");
  EXPECT_EQ(Talk(), "alice:hi");
}

TEST_F(TlsTest, WrongAuthorityIsRefusedAndNoted) {
  options_.trusted_ca_file = authority_.certificate();
  const TestAuthority stranger("stranger");
  stranger.Sign("mallory", "alice", "");
  client_options_.cert_file = stranger.CertificateOf("mallory");
  client_options_.key_file = stranger.KeyOf("mallory");
  EXPECT_EQ(Talk(), "");
  ASSERT_EQ(events_.size(), 1u);
  EXPECT_EQ(events_[0].first, TlsPolicy::Event::kRefused);
  EXPECT_THAT(events_[0].second, HasSubstr("127.0.0.1:1: unable to get local issuer"));
}

TEST_F(TlsTest, ExpiredCertificatesAreRefused) {
  options_.trusted_ca_file = authority_.certificate();
  authority_.Sign("late", "late", "", -1);
  UseClient("late");
  EXPECT_EQ(Talk(), "");
  EXPECT_THAT(events_.at(0).second, HasSubstr("expired"));
}

TEST_F(TlsTest, CertificatesForOtherUsesAndWithoutEndAreRefused) {
  options_.client_cert_auth = true;
  options_.trusted_ca_file = authority_.certificate();
  authority_.Sign("printer", "printer", "", 10, "codeSigning");
  UseClient("printer");
  EXPECT_EQ(Talk(), "");
  std::string names = "DNS:a0";
  for (int i = 1; i < 4000; ++i) names += ",DNS:" + std::string(50, 'a') + std::to_string(i);
  authority_.Sign("fat", "fat", names);
  UseClient("fat");
  EXPECT_EQ(Talk(), "") << "200 KB of names";
  EXPECT_EQ(events_.size(), 2u);
  UseClient("alice");
  EXPECT_EQ(Talk(), "alice:hi");
}

TEST_F(TlsTest, RevokedOnesAreRefusedFromTheListsChangeOn) {
  options_.trusted_ca_file = authority_.certificate();
  authority_.Sign("bob", "bob", "");
  options_.crl_file = authority_.Revoke("bob");
  const auto server = Policy(options_);
  UseClient("alice");
  const auto alice = Policy(client_options_);
  UseClient("bob");
  EXPECT_EQ(Talk(server, *alice), "alice:hi");
  EXPECT_EQ(Talk(server, *Policy(client_options_)), "");
  EXPECT_THAT(events_.at(0).second, HasSubstr("revoked"));
  authority_.Revoke("alice");
  EXPECT_EQ(Talk(server, *alice), "");
}

TEST_F(TlsTest, AllowedNames) {
  options_.trusted_ca_file = authority_.certificate();
  authority_.Sign("node", "node", "DNS:node.example");
  options_.allowed_common_names = {"m1", "alice"};
  UseClient("alice");
  EXPECT_EQ(Talk(), "alice:hi");
  UseClient("node");
  EXPECT_EQ(Talk(), "");
  EXPECT_THAT(events_.at(0).second, HasSubstr("CommonName authentication failed"));
  options_.allowed_common_names = {};
  options_.allowed_hostnames = {"node.example"};
  EXPECT_EQ(Talk(), "node:hi");
  UseClient("alice");
  EXPECT_EQ(Talk(), "");
}

TEST_F(TlsTest, AMembersCertificateFitsItsAddress) {
  options_.trusted_ca_file = authority_.certificate();
  options_.check_client_address = true;
  UseClient("alice");
  EXPECT_EQ(Talk(), "alice:hi") << "no names, nothing to check";
  authority_.Sign("here", "here", "IP:127.0.0.1");
  UseClient("here");
  EXPECT_EQ(Talk(), "here:hi");
  authority_.Sign("elsewhere", "elsewhere", "IP:192.0.2.1");
  UseClient("elsewhere");
  EXPECT_EQ(Talk(), "");
  EXPECT_THAT(events_.at(0).second, HasSubstr("not valid for 127.0.0.1"));
}

TEST_F(TlsTest, NewFilesCountFromTheNextHandshakeOn) {
  const auto server = Policy(options_);
  const auto client = Policy(client_options_);
  EXPECT_EQ(Talk(server, *client, "new.example"), "");
  authority_.Sign("server", "server", "DNS:new.example");
  EXPECT_EQ(Talk(server, *client, "new.example"), ":hi");
  EXPECT_EQ(events_.back().first, TlsPolicy::Event::kReloaded);
}

TEST_F(TlsTest, HalfOfANewPairLeavesTheOldOneInForce) {
  const auto server = Policy(options_);
  const auto client = Policy(client_options_);
  authority_.Sign("next", "next", "DNS:new.example");
  namespace fs = std::filesystem;
  const auto kOver = fs::copy_options::overwrite_existing;
  fs::copy_file(authority_.CertificateOf("next"), options_.cert_file, kOver);
  EXPECT_EQ(Talk(server, *client), ":hi");
  ASSERT_EQ(events_.size(), 1u);
  EXPECT_EQ(events_[0].first, TlsPolicy::Event::kNotReloaded);
  EXPECT_EQ(Talk(server, *client), ":hi");
  EXPECT_EQ(events_.size(), 1u) << "said once";
  fs::copy_file(authority_.KeyOf("next"), options_.key_file, kOver);
  EXPECT_EQ(Talk(server, *client, "new.example"), ":hi");
}

TEST_F(TlsTest, VersionsAndCipherSuites) {
  TlsOptions only_13 = client_options_;
  only_13.min_version = "TLS1.3";
  options_.max_version = "TLS1.2";
  EXPECT_EQ(Talk(Policy(options_), *Policy(only_13)), "");
  EXPECT_EQ(Talk(), ":hi");
  options_.cipher_suites = {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"};
  client_options_.max_version = "TLS1.2";
  client_options_.cipher_suites = {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"};
  EXPECT_EQ(Talk(), "") << "no suite in common";
  client_options_.cipher_suites.push_back("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
  EXPECT_EQ(Talk(), ":hi");
  options_.cipher_suites = {"TLS_NO_SUCH"};
  EXPECT_EQ(TlsPolicy::Create(options_, nullptr).status().message(),
            "unexpected TLS cipher suite \"TLS_NO_SUCH\"");
}

TEST_F(TlsTest, BadFilesAreNamed) {
  TlsOptions half = options_;
  half.key_file.clear();
  EXPECT_THAT(std::string(TlsPolicy::Create(half, nullptr).status().message()),
              HasSubstr("KeyFile and CertFile must both be present[key: , cert: "));
  TlsOptions none = options_;
  none.cert_file = authority_.folder() + "/none";
  EXPECT_EQ(TlsPolicy::Create(none, nullptr).status().message(),
            "open " + none.cert_file + ": no such file or directory");
  TlsOptions other = options_;
  other.key_file = authority_.KeyOf("alice");
  EXPECT_THAT(std::string(TlsPolicy::Create(other, nullptr).status().message()),
              HasSubstr("not the private key"));
  TlsOptions list = options_;
  list.crl_file = options_.cert_file;
  EXPECT_THAT(std::string(TlsPolicy::Create(list, nullptr).status().message()),
              HasSubstr("no list of revoked certificates"));
}

TEST_F(TlsTest, WhoIsSilentOrSlowIsClosed) {
  const auto session = NewSession(Policy(options_));
  const auto client_policy = Policy(client_options_);
  TestTlsClient client(*client_policy, "localhost");
  const std::string hello = client.Exchange("");
  host_.Exchange(*session, hello.substr(0, 20));
  host_.manual.Advance(absl::Seconds(9));
  EXPECT_FALSE(session->done());
  host_.manual.Advance(absl::Seconds(2));
  EXPECT_TRUE(session->done());
  session->Closed();
}

TEST_F(TlsTest, PlainHttpIsToldSoAndNoiseIsClosed) {
  const auto policy = Policy(options_);
  const auto http = NewSession(policy);
  EXPECT_THAT(host_.Exchange(*http, "GET / HTTP/1.1\r\n\r\n"),
              HasSubstr("Client sent an HTTP request to an HTTPS server."));
  EXPECT_TRUE(http->done());
  const auto noise = NewSession(policy);
  host_.Exchange(*noise, "\x16\x03\x01\x02" + std::string(1000, '\xff'));
  EXPECT_TRUE(noise->done());
}

TEST_F(TlsTest, OneListenerSpeaksBothWhenAsked) {
  const auto policy = Policy(options_);
  const auto plain = NewSession(policy, /*plain_too=*/true);
  EXPECT_EQ(host_.Exchange(*plain, "hi"), ":hi");
  const auto secure = NewSession(policy, true);
  const auto client_policy = Policy(client_options_);
  TestTlsClient client(*client_policy, "localhost");
  std::string to_server = client.Exchange("");
  for (int i = 0; i < 4 && !to_server.empty(); ++i) {
    to_server = client.Exchange(host_.Exchange(*secure, to_server));
  }
  EXPECT_TRUE(client.done());
}

TEST_F(TlsTest, RefusalsAreNotedAFewTimesASecond) {
  const auto policy = Policy(options_);
  for (int i = 0; i < 100; ++i) policy->NoteRefused("1.2.3.4:5", "noise");
  EXPECT_LE(events_.size(), 10u);
  EXPECT_GE(events_.size(), 1u);
}

TEST_F(TlsTest, ACertificateMadeHereServesAndIsKept) {
  const std::string folder = authority_.folder() + "/fixtures/client";
  ASSERT_TRUE(MakeSelfSignedPair(folder, {"localhost", "127.0.0.1"}, 1).ok());
  struct stat facts {};
  ASSERT_EQ(stat((folder + "/key.pem").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
  options_.cert_file = folder + "/cert.pem";
  options_.key_file = folder + "/key.pem";
  client_options_.trusted_ca_file = options_.cert_file;
  EXPECT_EQ(Talk(), ":hi");
  const auto before = std::filesystem::last_write_time(options_.cert_file);
  ASSERT_TRUE(MakeSelfSignedPair(folder, {"localhost"}, 1).ok());
  EXPECT_EQ(std::filesystem::last_write_time(options_.cert_file), before);
}

}  // namespace
}  // namespace pintle::net
