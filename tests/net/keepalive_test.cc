// Pings: who asks too often is sent away, who is silent is asked.
#include "net/keepalive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/server_session.h"
#include "tests/net/test_support.h"

namespace pintle::net {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class KeepaliveTest : public testing::Test {
 protected:
  KeepaliveTest() {
    router_.Unary("/t.T/Hold", [this](std::string, std::shared_ptr<GrpcCall> call) {
      calls_.push_back(std::move(call));
    });
    options_.keepalive = {.least_between_pings = absl::Seconds(5),
                          .silence = absl::Seconds(8),
                          .answer = absl::Seconds(3)};
  }
  void Open() {
    context_ =
        std::make_unique<ServerContext>(options_, &router_, handler_, std::make_shared<Backlogs>());
    session_ = std::make_unique<ServerSession>(host_, *context_);
    host_.Exchange(*session_, Hello());
  }
  std::vector<ReceivedFrame> Exchange(std::string_view bytes) {
    std::string out = host_.Exchange(*session_, bytes);
    return TakeFrames(out);
  }
  std::vector<ReceivedFrame> Ping() { return Exchange(Frame(kPingFrame, 0, 0, "12345678")); }
  std::vector<ReceivedFrame> Advance(absl::Duration by) {
    host_.manual.Advance(by);
    std::string out = host_.Flush(*session_);
    return TakeFrames(out);
  }
  void OpenCall() { Exchange(UnaryCall(1, "/t.T/Hold", "x")); }
  static bool Ended(const std::vector<ReceivedFrame>& frames) {
    return !Select(frames, kGoawayFrame, 0).empty();
  }

  ServerOptions options_;
  FakeHost host_;
  GrpcRouter router_;
  std::vector<std::shared_ptr<GrpcCall>> calls_;
  LambdaHandler handler_{EchoHandler};
  std::unique_ptr<ServerContext> context_;
  std::unique_ptr<ServerSession> session_;
};

TEST_F(KeepaliveTest, ThirdPingTooSoonEndsTheConnection) {
  Open();
  OpenCall();
  EXPECT_FALSE(Ended(Ping())) << "the first";
  EXPECT_FALSE(Ended(Ping()));
  EXPECT_FALSE(Ended(Ping()));
  const auto last = Select(Ping(), kGoawayFrame, 0);
  ASSERT_THAT(last, SizeIs(1));
  EXPECT_EQ(ErrorCode(last[0]), NGHTTP2_ENHANCE_YOUR_CALM);
  EXPECT_THAT(last[0].payload, HasSubstr("too_many_pings"));
  EXPECT_TRUE(session_->done());
}

TEST_F(KeepaliveTest, ABurstInOneReadIsAnsweredOnce) {
  Open();
  std::string burst;
  for (int i = 0; i < 50; ++i) burst += Frame(kPingFrame, 0, 0, "12345678");
  EXPECT_THAT(Select(Exchange(burst), kGoawayFrame, 0), SizeIs(1));
  EXPECT_TRUE(session_->done());
}

TEST_F(KeepaliveTest, PingsInGoodTimeAreFine) {
  Open();
  OpenCall();
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(Ended(Ping()));
    Advance(absl::Seconds(5));
  }
}

TEST_F(KeepaliveTest, WithoutCallsEveryPingIsOneTooMany) {
  Open();
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(Ended(Ping()));
    Advance(absl::Seconds(7));
  }
  EXPECT_TRUE(Ended(Ping()));
}

TEST_F(KeepaliveTest, WhatIsSentForgives) {
  Open();
  router_ = {};
  for (uint32_t i = 0; i < 10; ++i) {
    EXPECT_FALSE(Ended(Exchange(UnaryCall(2 * i + 1, "/t.T/Unknown", "x")))) << i;
    EXPECT_FALSE(Ended(Ping()));
    EXPECT_FALSE(Ended(Ping()));
  }
}

TEST_F(KeepaliveTest, WithoutALimitNobodyIsSentAway) {
  options_.keepalive = {};
  Open();
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(Ended(Ping()));
}

TEST_F(KeepaliveTest, TheSilentArePingedAndClosed) {
  Open();
  for (int i = 0; i < 4; ++i)
    EXPECT_THAT(Select(Advance(absl::Seconds(2)), kPingFrame, 0), IsEmpty());
  EXPECT_THAT(Select(Advance(absl::Seconds(2)), kPingFrame, 0), SizeIs(1));
  Exchange(Frame(kPingFrame, kAck, 0, std::string(8, '\0')));
  Advance(absl::Seconds(3));
  EXPECT_FALSE(session_->done()) << "it answered";
  bool asked = false;
  for (int i = 0; i < 5; ++i) {
    asked = asked || !Select(Advance(absl::Seconds(2)), kPingFrame, 0).empty();
  }
  EXPECT_TRUE(asked);
  Advance(absl::Seconds(3));
  EXPECT_TRUE(session_->done());
  session_->Closed();
}

}  // namespace
}  // namespace pintle::net
