// GrpcChannel against our own server.
#include "net/grpc_client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>

#include "net/grpc_client_session.h"
#include "tests/net/test_support.h"

namespace pintle::net {
namespace {

class GrpcClientTest : public ::testing::Test {
 protected:
  explicit GrpcClientTest() { Connect(); }
  ~GrpcClientTest() override { Disconnect(); }

  void AddMethods(GrpcRouter& router) {
    router.Unary("/t.T/Hold", [this](std::string, std::shared_ptr<GrpcCall> call) {
      call->OnClose([this] { ++closed_; });
      held_ = std::move(call);
      ++holding_;
    });
    router.Unary("/t.T/Fail", [](std::string, std::shared_ptr<GrpcCall> call) {
      call->Finish(absl::Status(absl::StatusCode::kOutOfRange, "etcdserver: \xC3\xBC 100%"));
    });
    router.Unary("/t.T/Token", [](std::string, std::shared_ptr<GrpcCall> call) {
      call->Reply(call->metadata().Has("token") ? std::string(call->metadata().Get("token"))
                                                : "none");
    });
    // Sends that many messages of 16 KiB, on drain.
    router.Unary("/t.T/Flood", [](std::string request, std::shared_ptr<GrpcCall> call) {
      auto left = std::make_shared<int>(std::stoi(request));
      auto produce = [left, call = call.get()] {
        while (*left > 0 && call->unsent_bytes() < 200000) {
          call->Send(std::string(16384, static_cast<char>('a' + *left % 26)));
          --*left;
        }
        if (*left == 0) call->Finish(absl::OkStatus());
      };
      produce();
      call->OnDrain(produce);
    });
  }

  void Connect() {
    RunOn(client_.executor(0), [this] {
      channel_ = std::make_unique<GrpcChannel>(client_.executor(0), "127.0.0.1", server_->port());
    });
  }
  void Disconnect() {
    RunOn(client_.executor(0), [this] { channel_.reset(); });
  }
  absl::StatusOr<std::string> Call(std::string path, std::string request,
                                   absl::Duration timeout = absl::Seconds(20),
                                   std::string token = {}) {
    absl::StatusOr<std::string> answer;
    Notification done;
    client_.executor(0).Post([&] {
      channel_->Unary(
          std::move(path), std::move(request), timeout,
          [&](absl::StatusOr<std::string> result) {
            answer = std::move(result);
            done.Notify();
          },
          std::move(token));
    });
    done.WaitForNotification();
    return answer;
  }
  std::unique_ptr<TestServer> MakeServer(uint16_t port = 0) {
    ServerOptions options;
    options.max_grpc_message_bytes = 5 << 20;
    return std::make_unique<TestServer>(
        options, [this](GrpcRouter& router) { AddMethods(router); }, EchoHandler, port);
  }

  std::shared_ptr<GrpcCall> held_;  // the server's thread only
  std::atomic<int> holding_ = 0;
  std::atomic<int> closed_ = 0;
  std::unique_ptr<TestServer> server_ = MakeServer();
  IoThreads client_{1};
  std::unique_ptr<GrpcChannel> channel_;
};

// A stream whose events are collected.
struct Collected {
  std::mutex mutex;
  std::vector<std::string> messages;
  std::unique_ptr<GrpcChannel::Stream> stream;
  absl::Status status;
  Notification ended;

  GrpcChannel::StreamCallbacks Callbacks() {
    return {.on_message =
                [this](std::string message) {
                  std::lock_guard lock(mutex);
                  messages.push_back(std::move(message));
                },
            .on_end =
                [this](absl::Status end) {
                  status = std::move(end);
                  ended.Notify();
                }};
  }
  bool Has(size_t count) {
    return Eventually([this, count] {
      std::lock_guard lock(mutex);
      return messages.size() >= count;
    });
  }
};

TEST_F(GrpcClientTest, UnaryCallsAndTheirErrors) {
  EXPECT_EQ(Call("/t.T/Echo", "hello").value(), "hello");
  EXPECT_EQ(Call("/t.T/Echo", "").value(), "");
  EXPECT_EQ(Call("/t.T/Fail", "").status(),
            absl::Status(absl::StatusCode::kOutOfRange, "etcdserver: \xC3\xBC 100%"));
  EXPECT_EQ(Call("/t.T/Nope", "").status(),
            absl::UnimplementedError("unknown method Nope for service t.T"));
}

TEST_F(GrpcClientTest, TokensGoAlong) {
  EXPECT_EQ(Call("/t.T/Token", "", absl::Seconds(20), "abc.12").value(), "abc.12");
  EXPECT_EQ(Call("/t.T/Token", "", absl::InfiniteDuration(), "abc.12").value(), "abc.12");
  EXPECT_EQ(Call("/t.T/Token", "").value(), "none");
}

TEST_F(GrpcClientTest, FourMebibytesGoThroughFlowControl) {
  std::string large(4 << 20, '\0');
  for (size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 31 >> 3);
  EXPECT_EQ(Call("/t.T/Echo", large).value(), large);
}

TEST_F(GrpcClientTest, OversizeMessageKeepsTheConnection) {
  EXPECT_EQ(
      Call("/t.T/Echo", std::string((5 << 20) + 1, 'x')).status(),
      absl::ResourceExhaustedError("grpc: received message larger than max (5242881 vs. 5242880)"));
  EXPECT_EQ(Call("/t.T/Echo", "alive").value(), "alive");
  EXPECT_EQ(server_->server().counters().connections_open, 1u);
}

TEST_F(GrpcClientTest, DeadlineEndsBothSides) {
  EXPECT_EQ(Call("/t.T/Hold", "", absl::Milliseconds(50)).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(Eventually([this] { return closed_ == 1; }));
}

TEST_F(GrpcClientTest, StreamsBothWaysAndHalfCloses) {
  Collected collected;
  RunOn(client_.executor(0), [&] {
    collected.stream = channel_->Open("/t.T/Chat", collected.Callbacks());
    collected.stream->Send("before the connection stands");
  });
  ASSERT_TRUE(collected.Has(1));
  RunOn(client_.executor(0), [&] {
    for (int i = 0; i < 1000; ++i) collected.stream->Send(std::to_string(i));
    collected.stream->HalfClose();
  });
  collected.ended.WaitForNotification();
  EXPECT_TRUE(collected.status.ok()) << collected.status;
  ASSERT_EQ(collected.messages.size(), 1001u);
  for (int i = 0; i < 1000; ++i)
    ASSERT_EQ(collected.messages[static_cast<size_t>(i) + 1], std::to_string(i));
  RunOn(client_.executor(0), [&] { collected.stream.reset(); });
}

TEST_F(GrpcClientTest, ServerStreamOf25MebibytesComesWhole) {
  Collected collected;
  RunOn(client_.executor(0), [&] {
    collected.stream = channel_->Open("/t.T/Flood", collected.Callbacks());
    collected.stream->Send("1600");
    collected.stream->HalfClose();
  });
  collected.ended.WaitForNotification();
  EXPECT_TRUE(collected.status.ok()) << collected.status;
  EXPECT_EQ(collected.messages.size(), 1600u);
  RunOn(client_.executor(0), [&] { collected.stream.reset(); });
}

TEST_F(GrpcClientTest, DestroyingTheStreamCancelsIt) {
  Collected collected;
  RunOn(client_.executor(0), [&] {
    collected.stream = channel_->Open("/t.T/Hold", collected.Callbacks());
    collected.stream->Send("");
  });
  ASSERT_TRUE(Eventually([this] { return holding_ == 1; }));
  RunOn(client_.executor(0), [&] { collected.stream.reset(); });
  EXPECT_TRUE(Eventually([this] { return closed_ == 1; }));
  EXPECT_EQ(Call("/t.T/Echo", "alive").value(), "alive");
  EXPECT_FALSE(collected.ended.HasBeenNotified());
  EXPECT_EQ(server_->server().counters().connections_open, 1u);
}

TEST_F(GrpcClientTest, StreamMayBeDestroyedInItsOwnCallback) {
  std::unique_ptr<GrpcChannel::Stream> stream;
  Notification got;
  RunOn(client_.executor(0), [&] {
    stream = channel_->Open("/t.T/Chat", {.on_message =
                                              [&](std::string) {
                                                stream.reset();
                                                got.Notify();
                                              },
                                          .on_end = [](absl::Status) { ADD_FAILURE(); }});
    stream->Send("1");
    stream->Send("2");
  });
  got.WaitForNotification();
  EXPECT_EQ(Call("/t.T/Echo", "alive").value(), "alive");
}

TEST_F(GrpcClientTest, CancelledBeforeItsHeadersLeft) {
  EXPECT_EQ(Call("/t.T/Echo", "connect").value(), "connect");
  RunOn(client_.executor(0), [&] {
    for (int i = 0; i < 100; ++i) {
      const auto stream = channel_->Open("/t.T/Chat", {});
      stream->Send("x");
    }
  });
  EXPECT_EQ(Call("/t.T/Echo", "alive").value(), "alive");
  EXPECT_EQ(server_->server().counters().connections_open, 1u);
}

TEST_F(GrpcClientTest, TwoHundredStreamsAtOnce) {
  constexpr size_t kStreams = 200;
  std::vector<Collected> all(kStreams);
  RunOn(client_.executor(0), [&] {
    for (Collected& each : all) each.stream = channel_->Open("/t.T/Chat", each.Callbacks());
    for (int round = 0; round < 10; ++round) {
      for (Collected& each : all) each.stream->Send("m" + std::to_string(round));
    }
    for (Collected& each : all) each.stream->HalfClose();
  });
  for (Collected& each : all) {
    each.ended.WaitForNotification();
    EXPECT_TRUE(each.status.ok());
    EXPECT_EQ(each.messages.size(), 10u);
  }
  EXPECT_EQ(server_->server().counters().connections_open, 1u);
  RunOn(client_.executor(0), [&] {
    for (Collected& each : all) each.stream.reset();
  });
}

TEST_F(GrpcClientTest, FiveThousandUnaryCallsOnOneConnection) {
  constexpr int kCalls = 5000;
  BlockingCounter left(kCalls);
  std::atomic<int> good = 0;
  client_.executor(0).Post([&] {
    for (int i = 0; i < kCalls; ++i) {
      channel_->Unary("/t.T/Echo", std::to_string(i), absl::Seconds(60),
                      [&, i](absl::StatusOr<std::string> answer) {
                        good += answer.ok() && *answer == std::to_string(i) ? 1 : 0;
                        left.DecrementCount();
                      });
    }
  });
  left.Wait();
  EXPECT_EQ(good, kCalls);
}

TEST_F(GrpcClientTest, RefusedConnectionIsUnavailableInGrpcGosWords) {
  const std::string address = "127.0.0.1:" + std::to_string(server_->port());
  server_.reset();
  EXPECT_EQ(Call("/t.T/Echo", "x").status(),
            absl::UnavailableError(
                "connection error: desc = \"transport: Error while dialing: dial tcp " + address +
                ": connect: connection refused\""));
}

TEST_F(GrpcClientTest, DeadConnectionFailsItsCallsAndTheNextCallReconnects) {
  const uint16_t port = server_->port();
  Notification failed;
  client_.executor(0).Post([&] {
    channel_->Unary(
        "/t.T/Hold", "", absl::InfiniteDuration(), [&](absl::StatusOr<std::string> answer) {
          EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable) << answer.status();
          failed.Notify();
        });
  });
  ASSERT_TRUE(Eventually([this] { return holding_ == 1; }));
  server_->server().Stop(absl::ZeroDuration());
  failed.WaitForNotification();
  server_.reset();
  server_ = MakeServer(port);
  EXPECT_EQ(Call("/t.T/Echo", "again").value(), "again");
}

TEST_F(GrpcClientTest, GoawayLetsTheCallFinishAndNewCallsGoElsewhere) {
  const uint16_t port = server_->port();
  Notification finished;
  client_.executor(0).Post([&] {
    channel_->Unary("/t.T/Hold", "", absl::InfiniteDuration(),
                    [&](absl::StatusOr<std::string> answer) {
                      EXPECT_EQ(answer.value(), "finished");
                      finished.Notify();
                    });
  });
  ASSERT_TRUE(Eventually([this] { return holding_ == 1; }));
  std::thread stopping([this] { server_->server().Stop(absl::Seconds(10)); });
  // Refused once the listener is closed: the channel has seen GOAWAY and dials anew.
  ASSERT_TRUE(Eventually([this] {
    return std::string(Call("/t.T/Echo", "").status().message()).find("refused") !=
           std::string::npos;
  }));
  RunOn(server_->threads().executor(0), [this] {
    held_->Reply("finished");
    held_.reset();
  });
  finished.WaitForNotification();
  stopping.join();
  server_.reset();
  server_ = MakeServer(port);
  EXPECT_EQ(Call("/t.T/Echo", "again").value(), "again");
}

TEST_F(GrpcClientTest, DestroyedChannelCancelsItsCalls) {
  std::atomic<int> cancelled = 0;
  const auto count = [&cancelled](absl::StatusOr<std::string> answer) {
    if (absl::IsCancelled(answer.status())) ++cancelled;
  };
  client_.executor(0).Post(
      [&] { channel_->Unary("/t.T/Hold", "", absl::InfiniteDuration(), count); });
  ASSERT_TRUE(Eventually([this] { return holding_ == 1; }));
  RunOn(client_.executor(0), [&] {
    channel_->Unary("/t.T/Hold", "", absl::Seconds(60), count);
    channel_.reset();
    EXPECT_EQ(cancelled, 2);
    channel_ = std::make_unique<GrpcChannel>(client_.executor(0), "127.0.0.1", server_->port());
    channel_->Unary("/t.T/Hold", "", absl::Seconds(60), count);  // still dialling
    channel_.reset();
    EXPECT_EQ(cancelled, 3);
  });
  EXPECT_TRUE(Eventually([this] { return server_->server().counters().connections_open == 0; }));
}

// Answers that no gRPC server gives, on bytes alone.
TEST(GrpcClientSession, ForeignAnswersBecomeStatuses) {
  const std::string authority = "x";
  const auto outcome = [&authority](const std::string& answer) {
    FakeHost host;
    GrpcClientSession session(host, authority);
    const auto call = std::make_shared<GrpcClientCall>("/t.T/Echo", absl::InfiniteDuration());
    absl::Status status;
    call->done = [&status](absl::StatusOr<std::string> result) { status = result.status(); };
    call->Send("");
    call->HalfClose();
    session.Submit(call);
    host.Exchange(session, Frame(kSettingsFrame, 0, 0, ""));
    host.Exchange(session, answer);
    return status;
  };
  const auto head = [](const std::string& fields) {
    return Frame(kHeadersFrame, kEndHeaders | kEndStream, 1, fields);
  };
  EXPECT_EQ(outcome(head(Field(":status", "503"))),
            absl::UnavailableError(
                "unexpected HTTP status code received from server: 503 (Service Unavailable)"));
  EXPECT_EQ(outcome(head(Field(":status", "404"))).code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(outcome(head(Field(":status", "200"))).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(outcome(head(Field(":status", "200") + Field("grpc-status", "99"))).code(),
            absl::StatusCode::kUnknown);
  EXPECT_EQ(outcome(head(Field(":status", "200") + Field("grpc-status", "0"))).code(),
            absl::StatusCode::kInternal);
  EXPECT_EQ(outcome(Frame(kRstStreamFrame, 0, 1, Fixed32(7))).code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(outcome(Frame(kRstStreamFrame, 0, 1, Fixed32(11))).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(outcome(Frame(kGoawayFrame, 0, 0, Fixed32(0) + Fixed32(0))).code(),
            absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace pintle::net
