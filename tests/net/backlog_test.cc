// Many connections that each keep to the limits of one (net/backlog.h).
#include "net/backlog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "net/http2_session.h"
#include "net/server_session.h"
#include "tests/net/test_support.h"

namespace pintle::net {
namespace {

constexpr size_t kLimitBytes = 1 << 20;
constexpr size_t kShareBytes = BacklogPart::kShareBytes;
constexpr size_t kSmall = 60'000;
constexpr size_t kLarge = 100'000;

class BacklogTest : public ::testing::Test {
 protected:
  using CallPtr = std::shared_ptr<GrpcCall>;

  struct Client {
    explicit Client(const ServerContext& context) : session(host, context) {}
    ~Client() { session.Closed(); }

    std::vector<ReceivedFrame> Exchange(std::string_view sent) {
      bytes += host.Exchange(session, sent);
      return TakeFrames(bytes);
    }
    std::vector<ReceivedFrame> Call(int count, std::string_view path, std::string_view message) {
      std::string sent;
      for (int i = 0; i < count; ++i, next += 2) sent += UnaryCall(next, path, message);
      return Exchange(sent);
    }
    // So much of every stream.
    std::vector<ReceivedFrame> Read(uint32_t count) {
      std::string windows = Frame(kWindowUpdateFrame, 0, 0, Fixed32(count * (next / 2)));
      for (uint32_t stream = 1; stream < next; stream += 2) {
        windows += Frame(kWindowUpdateFrame, 0, stream, Fixed32(count));
      }
      return Exchange(windows);
    }
    std::vector<ReceivedFrame> Wait(absl::Duration time) {
      host.manual.Advance(time);
      bytes += host.Flush(session);
      return TakeFrames(bytes);
    }

    FakeHost host;
    ServerSession session;
    std::string bytes;
    uint32_t next = 1;
  };

  BacklogTest() {
    router_.Unary("/t.T/Answer", [this](const std::string& size, CallPtr call) {
      calls_.push_back(call);
      Answer(call, std::stoul(size));
    });
    router_.Stream("/t.T/Chat", [this](CallPtr call) {
      chats_.push_back(std::move(call));
      return std::make_unique<LambdaStream>();
    });
  }

  // As a handler that makes what it does not know the size of.
  static void Answer(const CallPtr& call, size_t size) {
    if (call->HasRoom(size)) return call->Reply(std::string(size, 'a'));
    call->OnRoom(size, [call, size] { Answer(call, size); });
  }
  std::unique_ptr<Client> Connect() {
    auto client = std::make_unique<Client>(context_);
    client->Exchange(Hello() + Frame(kSettingsFrame, kAck, 0, ""));
    return client;
  }
  // Who ask for much and read nothing, until there is no room for more.
  void Fill() {
    for (int i = 0; i < 30; ++i) {
      silent_.push_back(Connect());
      silent_.back()->Call(20, "/t.T/Answer", std::to_string(kSmall));
    }
  }
  size_t UnsentBytes() const {
    size_t sum = 0;
    for (const CallPtr& call : calls_) sum += call->unsent_bytes();
    for (const CallPtr& call : chats_) sum += call->unsent_bytes();
    return sum;
  }
  // Sends pieces as long as the client wants more.
  static void Pump(const CallPtr& call) {
    while (call->WantsMore(1 << 20)) call->Send(std::string(kSmall, 's'));
  }
  CallPtr OpenChat(Client& client) {
    client.Exchange(Frame(kHeadersFrame, kEndHeaders, client.next, GrpcHead("/t.T/Chat")));
    client.next += 2;
    const CallPtr chat = chats_.back();
    chat->OnDrain([call = chat.get(), this] {
      ++drains_[call];
      while (call->WantsMore(1 << 20)) call->Send(std::string(kSmall, 's'));
    });
    return chat;
  }
  static bool Answered(const std::vector<ReceivedFrame>& frames, uint32_t stream) {
    return !Select(frames, kHeadersFrame, stream).empty();
  }

  GrpcRouter router_;
  std::vector<CallPtr> calls_, chats_;
  std::map<const GrpcCall*, int> drains_;
  LambdaHandler handler_{[](HttpRequest request, std::shared_ptr<HttpExchange> exchange) {
    const size_t size = std::stoul(request.path.substr(1));
    const auto answer = [exchange, size] { exchange->Respond(200, {}, std::string(size, 'h')); };
    if (exchange->HasRoom(size)) return answer();
    exchange->OnRoom(size, answer);
  }};
  const std::shared_ptr<Backlogs> backlogs_ = std::make_shared<Backlogs>(kLimitBytes);
  const ServerContext context_{ServerOptions(), &router_, handler_, backlogs_};
  std::vector<std::unique_ptr<Client>> silent_;
};

TEST_F(BacklogTest, ManyClientsThatDoNotReadKeepAShareEach) {
  Fill();
  EXPECT_TRUE(backlogs_->answers.full());
  EXPECT_LE(UnsentBytes(), kLimitBytes + silent_.size() * (kShareBytes + 2 * kSmall));
  // Each has what was ready when the sum was reached; of the later ones none has much.
  const size_t before = UnsentBytes();
  auto late = Connect();
  late->Call(20, "/t.T/Answer", std::to_string(kSmall));
  EXPECT_LE(UnsentBytes() - before, kShareBytes + kSmall);
}

TEST_F(BacklogTest, SmallClientsGoOnAndLargeAnswersWait) {
  Fill();
  auto small = Connect();
  auto large = Connect();
  EXPECT_TRUE(Answered(small->Call(1, "/t.T/Answer", "100"), 1));
  EXPECT_FALSE(Answered(large->Call(1, "/t.T/Answer", std::to_string(kLarge)), 1));
  // Nor does it hold up what is small, of the same connection.
  EXPECT_TRUE(Answered(large->Call(1, "/t.T/Answer", "100"), 3));
  EXPECT_FALSE(Answered(large->Wait(absl::Minutes(1)), 1));
  silent_.clear();
  EXPECT_FALSE(backlogs_->answers.full());
  EXPECT_TRUE(Answered(large->Wait(BacklogPart::kLookAgain), 1));
}

TEST_F(BacklogTest, OfManyLargeAnswersOneIsMadeAtATime) {
  Fill();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(Connect());
    clients.back()->Call(1, "/t.T/Answer", std::to_string(3 * kLimitBytes));
  }
  silent_.clear();
  for (size_t i = 0; i < clients.size(); ++i) {
    std::vector<Client*> answered;
    for (auto& client : clients) {
      if (Answered(client->Wait(BacklogPart::kLookAgain), 1)) answered.push_back(client.get());
    }
    ASSERT_EQ(answered.size(), 1u) << "its size alone is above the limit";
    answered[0]->Read(4 * kLimitBytes);
  }
}

TEST_F(BacklogTest, WhoTakesNothingIsClosedWhileTheOthersNeedTheRoom) {
  Fill();
  const auto is_closed = [this](uint32_t bytes_per_tenth) {
    auto reader = Connect();
    reader->Call(20, "/t.T/Answer", std::to_string(kSmall));
    for (int i = 0; i < 10; ++i) {
      reader->Exchange(Frame(kWindowUpdateFrame, 0, 0, Fixed32(bytes_per_tenth)));
      reader->Wait(BacklogPart::kPatience / 10);
    }
    return reader->host.aborted;
  };
  EXPECT_FALSE(is_closed(BacklogPart::kLeastTakenBytes / 5));
  EXPECT_TRUE(is_closed(BacklogPart::kLeastTakenBytes / 20));
  for (auto& client : silent_) {
    client->Wait(BacklogPart::kPatience);
    if (client->host.aborted) client->session.Closed();
  }
  EXPECT_FALSE(backlogs_->answers.full());
  // Not all had to go: those that are left are patient.
  size_t left = 0;
  for (auto& client : silent_) {
    client->Wait(10 * BacklogPart::kPatience);
    left += client->host.aborted ? 0 : 1;
  }
  EXPECT_GT(left, 0u);
}

TEST_F(BacklogTest, WhatIsNotFullClosesNobody) {
  auto silent = Connect();
  silent->Call(10, "/t.T/Answer", std::to_string(kSmall));
  ASSERT_FALSE(backlogs_->answers.full());
  silent->Wait(10 * BacklogPart::kPatience);
  EXPECT_FALSE(silent->host.aborted);
}

TEST_F(BacklogTest, StreamsOfAConnectionShareABound) {
  auto roomy = std::make_shared<Backlogs>();
  const ServerContext context{ServerOptions(), &router_, handler_, roomy};
  Client client(context);
  client.Exchange(Hello() + Frame(kSettingsFrame, kAck, 0, ""));
  constexpr size_t kStreams = 20;
  for (size_t i = 0; i < kStreams; ++i) Pump(OpenChat(client));
  EXPECT_LE(UnsentBytes(), Http2Session::kMaxUnsentStreamBytes + kStreams * kSmall);
  // One that nobody reads holds up none that has nothing unsent.
  const CallPtr fresh = OpenChat(client);
  EXPECT_TRUE(fresh->WantsMore(1 << 20));
  // And all go on when the client does.
  size_t received = 0;
  for (int i = 0; i < 40; ++i) {
    for (const ReceivedFrame& frame : client.Read(kSmall)) {
      received += frame.type == kDataFrame ? frame.payload.size() : 0;
    }
  }
  EXPECT_GT(received, 3 * Http2Session::kMaxUnsentStreamBytes);
  for (size_t i = 0; i < kStreams; ++i) EXPECT_GT(drains_[chats_[i].get()], 3) << i;
}

TEST_F(BacklogTest, StreamsPauseWhileTheBacklogIsFull) {
  auto client = Connect();
  const CallPtr chat = OpenChat(*client);
  Fill();
  Pump(chat);
  EXPECT_LE(chat->unsent_bytes(), kShareBytes + kSmall);
  client->Exchange("");
  EXPECT_FALSE(chat->WantsMore(1 << 20));
  silent_.clear();
  client->Wait(BacklogPart::kLookAgain);
  EXPECT_GE(chat->unsent_bytes(), kLimitBytes - kSmall);
}

TEST_F(BacklogTest, RequestsThatWouldFillItAreReset) {
  const auto begin = [](Client& client, size_t size) {
    std::string bytes = Frame(kHeadersFrame, kEndHeaders, client.next, GrpcHead("/t.T/Answer"));
    const std::string message = GrpcMessage(std::string(size + 1, '1'));
    for (size_t at = 0; at + 16384 < message.size(); at += 16384) {
      bytes += Frame(kDataFrame, 0, client.next, std::string_view(message).substr(at, 16384));
    }
    client.next += 2;
    return client.Exchange(bytes);
  };
  int reset = 0;
  for (int i = 0; i < 30; ++i) {
    silent_.push_back(Connect());
    for (int call = 0; call < 5; ++call) {
      for (const ReceivedFrame& frame : begin(*silent_.back(), 150'000)) {
        if (frame.type != kRstStreamFrame) continue;
        ++reset;
        EXPECT_EQ(ErrorCode(frame), 11u);  // ENHANCE_YOUR_CALM
      }
    }
  }
  EXPECT_GT(reset, 120) << "a few fill it, and each may keep one that is not large yet";
  // Who asks for little is served. Then what is left goes, too.
  auto client = Connect();
  EXPECT_TRUE(Answered(client->Call(1, "/t.T/Answer", "100"), 1));
  for (int call = 0; !backlogs_->requests.full(); ++call) {
    ASSERT_LT(call, 100);
    silent_.push_back(Connect());
    begin(*silent_.back(), kShareBytes - 20'000);
  }
  // Nor does HTTP/1.1 keep more.
  Client http(context_);
  const std::string head = "POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n";
  http.bytes = http.host.Exchange(http.session, head + std::string(kShareBytes / 2, 'b'));
  EXPECT_EQ(http.bytes, "");
  http.bytes = http.host.Exchange(http.session, std::string(kShareBytes, 'b'));
  EXPECT_TRUE(http.bytes.starts_with("HTTP/1.1 503 ")) << http.bytes;
}

TEST_F(BacklogTest, OpenStreamsAreBoundedTogether) {
  const std::string long_field = Field("x", std::string(15'000, 'v'));
  const auto open = [&](Client& client, size_t streams) {
    size_t refused = 0;
    for (size_t i = 0; i < streams; ++i, client.next += 2) {
      const auto frames = client.Exchange(
          Frame(kHeadersFrame, kEndHeaders, client.next, GrpcHead("/t.T/Chat", long_field)));
      refused += Select(frames, kHeadersFrame, client.next).size();
    }
    return refused;
  };
  auto greedy = Connect();
  EXPECT_NEAR(static_cast<double>(open(*greedy, 200)), 200 - (1 << 20) / 16'000, 5);
  EXPECT_TRUE(backlogs_->heads.full());
  auto modest = Connect();
  EXPECT_EQ(open(*modest, 20), 0u);
  greedy.reset();
  EXPECT_EQ(open(*modest, 20), 0u);
}

TEST_F(BacklogTest, LargeAnswersOfHttp1WaitToo) {
  Fill();
  Client http(context_);
  const auto get = [&http](size_t size) {
    const std::string head = "GET /" + std::to_string(size) + " HTTP/1.1\r\nHost: x\r\n\r\n";
    return http.host.Exchange(http.session, head);
  };
  EXPECT_NE(get(100), "");
  EXPECT_EQ(get(kLarge), "");
  silent_.clear();
  http.host.manual.Advance(BacklogPart::kLookAgain);
  EXPECT_GT(http.host.Flush(http.session).size(), kLarge);
}

}  // namespace
}  // namespace pintle::net
