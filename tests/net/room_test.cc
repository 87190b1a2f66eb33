// Clients that ask and do not read: whole answers wait for room (net/room.h), and nothing else
// does.
#include "net/room.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/http2_session.h"
#include "net/server_session.h"
#include "tests/net/test_support.h"

namespace pintle::net {
namespace {

constexpr size_t kAnswerBytes = 100'000;
constexpr size_t kRoomBytes = Http2Session::kMaxUnsentAnswerBytes;
// The largest stands aside, and the last one is made while there is still room.
constexpr size_t kMostUnsentBytes = kRoomBytes + 2 * kAnswerBytes;

class RoomTest : public ::testing::Test {
 protected:
  using CallPtr = std::shared_ptr<GrpcCall>;

  RoomTest() {
    router_.Unary("/t.T/Echo", [](std::string request, CallPtr call) { call->Reply(request); });
    router_.Unary("/t.T/Big", [this](const std::string&, CallPtr call) {
      calls_.push_back(call);
      call->Reply(std::string(kAnswerBytes, 'x'));
    });
    router_.Unary("/t.T/Later",
                  [this](const std::string&, CallPtr call) { calls_.push_back(std::move(call)); });
    router_.Stream("/t.T/Chat", [this](CallPtr call) {
      chat_ = call;
      auto stream = std::make_unique<LambdaStream>();
      stream->on_message = [call](std::string message) { call->Send(std::move(message)); };
      return stream;
    });
    options_.max_concurrent_streams = UINT32_MAX;
  }

  // As its connection does; a stream that is open holds its call.
  ~RoomTest() override {
    if (session_ != nullptr) session_->Closed();
  }

  std::vector<ReceivedFrame> Exchange(std::string_view bytes) {
    if (session_ == nullptr) {
      context_ = std::make_unique<ServerContext>(options_, &router_, handler_,
                                                 std::make_shared<Backlogs>());
      session_ = std::make_unique<ServerSession>(host_, *context_);
      bytes_ = host_.Exchange(*session_, Hello() + Frame(kSettingsFrame, kAck, 0, ""));
      TakeFrames(bytes_);
    }
    bytes_ += host_.Exchange(*session_, bytes);
    return TakeFrames(bytes_);
  }
  std::vector<ReceivedFrame> Flush() {
    bytes_ += host_.Flush(*session_);
    return TakeFrames(bytes_);
  }
  // So many calls on the next streams, in one read.
  std::vector<ReceivedFrame> Call(int count, std::string_view path, std::string_view message = "") {
    std::string bytes;
    for (int i = 0; i < count; ++i, next_ += 2) bytes += UnaryCall(next_, path, message);
    return Exchange(bytes);
  }
  // What Range does when its read is confirmed.
  static void AnswerWhenThereIsRoom(const CallPtr& call) {
    const auto answer = [call] { call->Reply(std::string(kAnswerBytes, 'y')); };
    if (call->HasRoom(0)) return answer();
    call->OnRoom(0, answer);
  }
  size_t UnsentBytes() const {
    size_t sum = 0;
    for (const CallPtr& call : calls_) sum += call->unsent_bytes();
    return sum;
  }
  // The client reads on: this much of every stream, and of the connection.
  std::vector<ReceivedFrame> Read(uint32_t bytes_of_each) {
    std::string windows = Frame(kWindowUpdateFrame, 0, 0, Fixed32(0x1000000));
    for (uint32_t stream = 1; stream < next_; stream += 2) {
      windows += Frame(kWindowUpdateFrame, 0, stream, Fixed32(bytes_of_each));
    }
    return Exchange(windows);
  }
  static size_t DataBytes(const std::vector<ReceivedFrame>& frames) {
    size_t sum = 0;
    for (const ReceivedFrame& frame : frames) {
      if (frame.type == kDataFrame) sum += frame.payload.size();
    }
    return sum;
  }

  ServerOptions options_;
  FakeHost host_;
  GrpcRouter router_;
  std::vector<CallPtr> calls_;
  CallPtr chat_;
  int exchanges_ = 0;
  LambdaHandler handler_{[this](HttpRequest, std::shared_ptr<HttpExchange> exchange) {
    ++exchanges_;
    exchange->Respond(200, {}, std::string(kAnswerBytes, 'h'));
  }};
  std::unique_ptr<ServerContext> context_;
  std::unique_ptr<ServerSession> session_;
  std::string bytes_;
  HeaderDecoder decoder_;
  uint32_t next_ = 1;
};

TEST_F(RoomTest, CallsAreHandedOverOnlyWhileThereIsRoom) {
  Call(200, "/t.T/Big");
  EXPECT_GE(UnsentBytes(), kRoomBytes - kAnswerBytes);
  EXPECT_LE(UnsentBytes(), kMostUnsentBytes);
  const size_t handed_over = calls_.size();
  EXPECT_LT(handed_over, 20u);
  Call(1, "/t.T/Big");
  EXPECT_EQ(calls_.size(), handed_over) << "nothing was read, and more was made";
  size_t received = 65535;  // the first window of the connection
  for (int i = 0; i < 100 && calls_.size() < 201; ++i) {
    received += DataBytes(Read(60'000));
    EXPECT_LE(UnsentBytes(), kMostUnsentBytes);
  }
  EXPECT_EQ(calls_.size(), 201u);
  received += DataBytes(Read(200'000));
  EXPECT_EQ(received, 201 * (kAnswerBytes + 5));
  EXPECT_EQ(UnsentBytes(), 0u);
}

TEST_F(RoomTest, AnswersThatComeBackTogetherAreMadeOnlyWhileThereIsRoom) {
  Call(200, "/t.T/Later");
  ASSERT_EQ(calls_.size(), 200u) << "there was room for all: nothing was unsent";
  for (const CallPtr& call : calls_) AnswerWhenThereIsRoom(call);
  EXPECT_GE(UnsentBytes(), kRoomBytes - kAnswerBytes);
  EXPECT_LE(UnsentBytes(), kMostUnsentBytes);
  size_t received = DataBytes(Flush());
  for (int i = 0; i < 100 && received < 200 * kAnswerBytes; ++i) {
    received += DataBytes(Read(60'000));
    EXPECT_LE(UnsentBytes(), kMostUnsentBytes);
  }
  EXPECT_EQ(received, 200 * (kAnswerBytes + 5));
}

TEST_F(RoomTest, HttpRequestsWaitToo) {
  std::string bytes;
  for (; next_ < 400; next_ += 2) {
    bytes += Frame(kHeadersFrame, kEndHeaders | kEndStream, next_,
                   Field(":method", "GET") + Field(":scheme", "http") + Field(":path", "/") +
                       Field(":authority", "h"));
  }
  Exchange(bytes);
  EXPECT_LT(exchanges_, 20);
  for (int i = 0; i < 100 && exchanges_ < 200; ++i) Read(60'000);
  EXPECT_EQ(exchanges_, 200);
}

TEST_F(RoomTest, TheLargestAnswerHoldsUpNobody) {
  Call(1, "/t.T/Later");
  calls_[0]->Reply(std::string(10 * kRoomBytes, 'x'));
  Flush();
  Exchange(Frame(kWindowUpdateFrame, 0, 0, Fixed32(1000)));
  EXPECT_EQ(Select(Call(1, "/t.T/Echo", "small"), kDataFrame, 3).size(), 1u);
  // Two of them do.
  Call(1, "/t.T/Later");
  calls_[1]->Reply(std::string(10 * kRoomBytes, 'x'));
  EXPECT_FALSE(calls_[1]->HasRoom(0));
}

TEST_F(RoomTest, StreamsAndControlFramesGoOn) {
  Exchange(Frame(kHeadersFrame, kEndHeaders, 1, GrpcHead("/t.T/Chat")));
  next_ = 3;
  Call(200, "/t.T/Big");
  const size_t handed_over = calls_.size();
  ASSERT_LT(handed_over, 20u);
  const auto frames = Exchange(Frame(kPingFrame, 0, 0, "12345678") +
                               Frame(kWindowUpdateFrame, 0, 0, Fixed32(1000)) +
                               Frame(kDataFrame, 0, 1, GrpcMessage("event")));
  EXPECT_EQ(Select(frames, kPingFrame, 0).size(), 1u);
  EXPECT_EQ(chat_->unsent_bytes() + DataBytes(Select(frames, kDataFrame, 1)),
            GrpcMessage("event").size());
  EXPECT_TRUE(chat_->HasRoom(0));
  // A reset makes room: for those behind it.
  Exchange(Frame(kRstStreamFrame, 0, 3, Fixed32(8)) + Frame(kRstStreamFrame, 0, 5, Fixed32(8)));
  EXPECT_GT(calls_.size(), handed_over);
}

TEST_F(RoomTest, AStreamThatNobodyReadsTakesNoRoom) {
  Exchange(Frame(kHeadersFrame, kEndHeaders, 1, GrpcHead("/t.T/Chat")));
  next_ = 3;
  chat_->Send(std::string(5 * kRoomBytes, 's'));
  Flush();
  Exchange(Frame(kWindowUpdateFrame, 0, 0, Fixed32(1000)));
  EXPECT_EQ(Select(Call(1, "/t.T/Echo", "small"), kDataFrame, 3).size(), 1u);
}

TEST_F(RoomTest, WhoIsResetWhileItWaitsIsNotHandedOver) {
  Call(100, "/t.T/Big");
  const size_t handed_over = calls_.size();
  std::string resets;
  for (auto stream = static_cast<uint32_t>(2 * handed_over + 1); stream < next_; stream += 2) {
    resets += Frame(kRstStreamFrame, 0, stream, Fixed32(8));
  }
  Exchange(resets);
  for (int i = 0; i < 10; ++i) Read(60'000);
  EXPECT_EQ(calls_.size(), handed_over);
  EXPECT_EQ(UnsentBytes(), 0u);
  Call(1, "/t.T/Big");
  EXPECT_EQ(calls_.size(), handed_over + 1) << "the room was not given back";
}

TEST_F(RoomTest, WhoWaitsIsToldWhenItsTimeIsOver) {
  Call(100, "/t.T/Big");
  const size_t handed_over = calls_.size();
  const uint32_t last = next_;
  Exchange(UnaryCall(last, "/t.T/Big", "", Field("grpc-timeout", "2S")));
  host_.manual.Advance(absl::Seconds(3));
  const auto frames = Flush();
  ASSERT_EQ(Select(frames, kHeadersFrame, last).size(), 1u);
  next_ += 2;
  for (int i = 0; i < 100; ++i) Read(60'000);
  EXPECT_EQ(calls_.size(), 100u);
  EXPECT_LT(handed_over, 20u);
}

TEST_F(RoomTest, WorkThatWaitsEndsWithTheConnection) {
  Call(100, "/t.T/Later");
  int answered = 0;
  for (const CallPtr& call : calls_) {
    const auto answer = [call, &answered] {
      ++answered;
      call->Reply(std::string(kAnswerBytes, 'y'));
    };
    if (call->HasRoom(0)) {
      answer();
    } else {
      call->OnRoom(0, answer);
    }
  }
  const int before = answered;
  ASSERT_LT(before, 20);
  session_->Closed();
  EXPECT_EQ(answered, before);
  std::weak_ptr<GrpcCall> last = calls_.back();
  calls_.clear();
  EXPECT_TRUE(last.expired()) << "the work and its call hold each other";
}

TEST_F(RoomTest, RequestsThatWaitAreBounded) {
  Call(20, "/t.T/Big");
  const std::string request(1 << 20, 'q');
  int calm = 0;
  for (int i = 0; i < 80; ++i) {
    const uint32_t stream = next_;
    next_ += 2;
    const std::string message = GrpcMessage(request);
    std::string bytes = Frame(kHeadersFrame, kEndHeaders, stream, GrpcHead("/t.T/Big"));
    for (size_t at = 0; at < message.size(); at += 16384) {
      bytes += Frame(kDataFrame, 0, stream, std::string_view(message).substr(at, 16384));
    }
    for (const ReceivedFrame& frame : Select(Exchange(bytes), kRstStreamFrame, stream)) {
      calm += ErrorCode(frame) == 11 ? 1 : 0;
    }
  }
  EXPECT_GE(calm, 10);  // 64 MiB are kept
  EXPECT_LE(calm, 20);
}

TEST_F(RoomTest, OpenStreamsAreBoundedByWhatTheyCost) {
  const std::string long_field = Field("x", std::string(15'000, 'v'));
  const size_t most = Http2Session::kMaxHeadBytes / 15'000;
  size_t refused_at = 0;
  for (size_t i = 0; i < most + 1 && refused_at == 0; ++i, next_ += 2) {
    const auto frames =
        Exchange(Frame(kHeadersFrame, kEndHeaders, next_, GrpcHead("/t.T/Chat", long_field)));
    const auto heads = Select(frames, kHeadersFrame, next_);
    if (heads.empty()) continue;
    EXPECT_EQ(decoder_.Decode(heads[0].payload).Get("grpc-status"), "8");
    refused_at = i;
  }
  EXPECT_GT(refused_at, most * 9 / 10);
  Exchange(Frame(kRstStreamFrame, 0, 1, Fixed32(8)) + Frame(kRstStreamFrame, 0, 3, Fixed32(8)));
  const auto frames = Call(1, "/t.T/Echo", "again");
  EXPECT_EQ(Select(frames, kDataFrame, next_ - 2).size(), 1u);
}

}  // namespace
}  // namespace pintle::net
