// GrpcChannel and HttpClient under TLS, against our own server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/endpoint.h"
#include "net/grpc_client.h"
#include "net/http_client.h"
#include "tests/net/test_support.h"
#include "tests/net/tls_support.h"

namespace pintle::net {
namespace {

using ::testing::HasSubstr;

class TlsClientTest : public ::testing::Test {
 protected:
  TlsClientTest() {
    authority_.Sign("server", "server", "IP:127.0.0.1");
    authority_.Sign("alice", "alice", "");
    Listen({.cert_file = authority_.CertificateOf("server"),
            .key_file = authority_.KeyOf("server"),
            .trusted_ca_file = authority_.certificate(),
            .client_cert_auth = true});
  }

  void Listen(const TlsOptions& options) {
    auto policy = TlsPolicy::Create(options, [](TlsPolicy::Event, std::string_view) {});
    ASSERT_TRUE(policy.ok()) << policy.status();
    router_.Unary("/t.T/Name", [](std::string, const std::shared_ptr<GrpcCall>& call) {
      call->Reply(std::string(call->common_name()));
    });
    server_ = std::make_unique<Server>(threads_, ServerOptions(), &router_, http_);
    port_ = server_->Listen("127.0.0.1", 0, {.tls = *policy}).value();
  }
  ClientTlsFlags Alice() const {
    return {.ca_file = authority_.certificate(),
            .cert_file = authority_.CertificateOf("alice"),
            .key_file = authority_.KeyOf("alice")};
  }
  Endpoint EndpointWith(const ClientTlsFlags& flags) const {
    return ParseEndpoints("https://127.0.0.1:" + std::to_string(port_), flags).value().front();
  }
  absl::StatusOr<std::string> Call(const Endpoint& endpoint) {
    absl::StatusOr<std::string> answer;
    std::unique_ptr<GrpcChannel> channel;
    Notification done;
    RunOn(client_.executor(0), [&] {
      channel = std::make_unique<GrpcChannel>(client_.executor(0), endpoint.host, endpoint.port,
                                              endpoint.tls);
      channel->Unary("/t.T/Name", "", absl::Seconds(20), [&](absl::StatusOr<std::string> result) {
        answer = std::move(result);
        done.Notify();
      });
    });
    done.WaitForNotification();
    RunOn(client_.executor(0), [&] { channel.reset(); });
    return answer;
  }
  // Twice, so that the second goes over the same connection.
  absl::StatusOr<HttpClientResponse> Post(const Endpoint& endpoint) {
    absl::StatusOr<HttpClientResponse> answer;
    std::unique_ptr<HttpClient> client;
    RunOn(client_.executor(0), [&] {
      client = std::make_unique<HttpClient>(client_.executor(0), endpoint.host, endpoint.port,
                                            HttpClientOptions{.tls = endpoint.tls});
    });
    std::unique_ptr<HttpClient::Handle> handle;
    for (int i = 0; i < 2; ++i) {
      Notification done;
      RunOn(client_.executor(0), [&] {
        handle = client->Send({.method = "POST", .target = "/x", .body = std::string(100000, 'b')},
                              [&](absl::StatusOr<HttpClientResponse> result) {
                                answer = std::move(result);
                                done.Notify();
                              });
      });
      done.WaitForNotification();
    }
    RunOn(client_.executor(0), [&] {
      handle.reset();
      client.reset();
    });
    return answer;
  }

  TestAuthority authority_;
  TestAuthority stranger_{"stranger"};
  IoThreads threads_{1};
  GrpcRouter router_;
  LambdaHandler http_{EchoHandler};
  std::unique_ptr<Server> server_;
  uint16_t port_ = 0;
  IoThreads client_{1};
};

TEST_F(TlsClientTest, CallsAndRequestsGoThrough) {
  EXPECT_EQ(Call(EndpointWith(Alice())).value(), "alice");
  const auto answer = Post(EndpointWith(Alice()));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->status, 200);
  EXPECT_THAT(answer->body, HasSubstr("100000")) << "as many came";
}

TEST_F(TlsClientTest, AServerOfAnotherAuthorityIsNotTaken) {
  ClientTlsFlags flags = Alice();
  flags.ca_file = stranger_.certificate();
  for (const absl::Status& status :
       {Call(EndpointWith(flags)).status(), Post(EndpointWith(flags)).status()}) {
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    EXPECT_THAT(status.message(), HasSubstr("certificate")) << status;
  }
  flags.skip_verify = true;
  EXPECT_TRUE(Call(EndpointWith(flags)).ok());
}

// With TLS 1.3 the server says so only after the client takes the handshake for done.
TEST_F(TlsClientTest, WhoShowsNoCertificateIsToldSo) {
  const Endpoint endpoint = EndpointWith({.ca_file = authority_.certificate()});
  for (const absl::Status& status : {Call(endpoint).status(), Post(endpoint).status()}) {
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    EXPECT_THAT(status.message(), HasSubstr("certificate required")) << status;
  }
}

TEST_F(TlsClientTest, APlainServerIsNoTlsServer) {
  const TestServer plain;
  Endpoint endpoint = EndpointWith(Alice());
  endpoint.port = plain.port();
  EXPECT_TRUE(absl::IsUnavailable(Call(endpoint).status()));
  EXPECT_TRUE(absl::IsUnavailable(Post(endpoint).status()));
}

}  // namespace
}  // namespace pintle::net
