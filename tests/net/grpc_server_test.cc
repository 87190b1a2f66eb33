// gRPC calls on the server, on bytes alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/server_session.h"
#include "tests/net/test_support.h"

namespace pintle::net {
namespace {

class GrpcServerTest : public ::testing::Test {
 protected:
  GrpcServerTest() {
    router_.Unary("/t.T/Echo", [](std::string request, std::shared_ptr<GrpcCall> call) {
      call->Reply(std::move(request));
    });
    router_.Unary("/t.T/Hold",
                  [this](std::string, std::shared_ptr<GrpcCall> call) { call_ = std::move(call); });
    router_.Stream("/t.T/Chat", [this](std::shared_ptr<GrpcCall> call) {
      call_ = call;
      auto stream = std::make_unique<LambdaStream>();
      stream->on_message = [this](std::string message) { messages_.push_back(std::move(message)); };
      stream->on_half_close = [this] { half_closed_ = true; };
      return stream;
    });
    router_.Stream("/t.T/Refuse",
                   [](std::shared_ptr<GrpcCall> call) -> std::unique_ptr<GrpcStreamHandler> {
                     call->Finish(absl::FailedPreconditionError("not \xC3\xBC now"));
                     return nullptr;
                   });
    host_.Exchange(session_, Hello() + Frame(kSettingsFrame, kAck, 0, ""));
  }

  std::vector<ReceivedFrame> Exchange(std::string_view bytes) {
    return Take(host_.Exchange(session_, bytes));
  }
  std::vector<ReceivedFrame> Flush() { return Take(host_.Flush(session_)); }
  std::vector<ReceivedFrame> Take(const std::string& bytes) {
    bytes_ += bytes;
    return TakeFrames(bytes_);
  }
  // The fields of the last HEADERS frame: trailers, or a head that is both.
  Headers Last(const std::vector<ReceivedFrame>& frames, uint32_t stream) {
    Headers headers;
    for (const ReceivedFrame& frame : Select(frames, kHeadersFrame, stream))
      headers = decoder_.Decode(frame.payload);
    return headers;
  }
  // A call that is refused at once.
  Headers Refused(std::string_view bytes) {
    Headers headers = Last(Exchange(bytes), stream_);
    stream_ += 2;
    return headers;
  }

  ServerOptions Options() {
    ServerOptions options;
    options.max_grpc_message_bytes = 100000;
    return options;
  }

  FakeHost host_;
  GrpcRouter router_;
  LambdaHandler http_{EchoHandler};
  ServerContext context_{Options(), &router_, http_, std::make_shared<Backlogs>()};
  ServerSession session_{host_, context_};
  std::string bytes_;
  HeaderDecoder decoder_;
  uint32_t stream_ = 1;
  std::shared_ptr<GrpcCall> call_;
  std::vector<std::string> messages_;
  bool half_closed_ = false;
};

TEST_F(GrpcServerTest, UnaryAnswersInThreeFrames) {
  const auto frames = Exchange(UnaryCall(1, "/t.T/Echo", "hello"));
  std::string shape;
  for (const ReceivedFrame& frame : frames) {
    if (frame.stream == 1)
      shape += frame.type == kHeadersFrame ? 'H' : frame.type == kDataFrame ? 'D' : '?';
  }
  EXPECT_EQ(shape, "HDH");
  const auto heads = Select(frames, kHeadersFrame, 1);
  const Headers head = decoder_.Decode(heads.at(0).payload);
  EXPECT_EQ(head.Get(":status"), "200");
  EXPECT_EQ(head.Get("content-type"), "application/grpc");
  EXPECT_EQ(Select(frames, kDataFrame, 1).at(0).payload, GrpcMessage("hello"));
  EXPECT_EQ(decoder_.Decode(heads.at(1).payload).Get("grpc-status"), "0");
  EXPECT_TRUE(heads[1].flags & kEndStream);
}

TEST_F(GrpcServerTest, TakesHeadersAsClientsVaryThem) {
  const std::string no_te =
      Field(":method", "POST") + Field(":scheme", "http") + Field(":path", "/t.T/Echo") +
      Field(":authority", "x") + Field("content-type", "application/grpc+proto") +
      Field("grpc-encoding", "identity") + Field("grpc-accept-encoding", "gzip,identity");
  const auto frames = Exchange(Frame(kHeadersFrame, kEndHeaders, 1, no_te) +
                               Frame(kDataFrame, kEndStream, 1, GrpcMessage("x")));
  EXPECT_EQ(Last(frames, 1).Get("grpc-status"), "0");
}

TEST_F(GrpcServerTest, MetadataReachesTheService) {
  Exchange(UnaryCall(1, "/t.T/Hold", "", Field("hasleader", "true") + Field("token", "abc")));
  ASSERT_NE(call_, nullptr);
  EXPECT_EQ(call_->metadata().Get("hasleader"), "true");
  EXPECT_EQ(call_->metadata().Get("token"), "abc");
  EXPECT_EQ(call_->peer(), "127.0.0.1:1");
}

TEST_F(GrpcServerTest, ServiceErrorsArriveAsTheyAre) {
  Exchange(UnaryCall(1, "/t.T/Hold", ""));
  call_->Finish(absl::InvalidArgumentError("etcdserver: key is not provided"));
  const Headers trailers = Last(Flush(), 1);
  EXPECT_EQ(trailers.Get(":status"), "200");
  EXPECT_EQ(trailers.Get("grpc-status"), "3");
  EXPECT_EQ(trailers.Get("grpc-message"), "etcdserver: key is not provided");
  EXPECT_FALSE(call_->Send("late"));
}

TEST_F(GrpcServerTest, RefusesInGrpcGosWords) {
  Headers trailers = Refused(UnaryCall(1, "/no.Such/Method", ""));
  EXPECT_EQ(trailers.Get("grpc-status"), "12");
  EXPECT_EQ(trailers.Get("grpc-message"), "unknown service no.Such");
  trailers = Refused(UnaryCall(3, "/t.T/Nope", ""));
  EXPECT_EQ(trailers.Get("grpc-status"), "12");
  EXPECT_EQ(trailers.Get("grpc-message"), "unknown method Nope for service t.T");
  trailers = Refused(UnaryCall(5, "/nonsense", ""));
  EXPECT_EQ(trailers.Get("grpc-status"), "12");
  EXPECT_EQ(trailers.Get("grpc-message"), "malformed method name: \"/nonsense\"");
  trailers = Refused(UnaryCall(7, "/t.T/Echo", "", Field("grpc-encoding", "gzip")));
  EXPECT_EQ(trailers.Get("grpc-status"), "12");
  EXPECT_EQ(trailers.Get("grpc-message"),
            "grpc: Decompressor is not installed for grpc-encoding \"gzip\"");
  trailers = Refused(UnaryCall(9, "/t.T/Echo", "", Field("grpc-timeout", "soon")));
  EXPECT_EQ(trailers.Get("grpc-status"), "13");
  trailers = Refused(UnaryCall(11, "/t.T/Refuse", ""));
  EXPECT_EQ(trailers.Get("grpc-status"), "9");
  EXPECT_EQ(trailers.Get("grpc-message"), "not %C3%BC now");
}

TEST_F(GrpcServerTest, OversizeMessageIsRefusedAndTheConnectionKept) {
  const std::string large(100001, 'x');
  auto frames = Exchange(Frame(kHeadersFrame, kEndHeaders, 1, GrpcHead("/t.T/Echo")) +
                         Frame(kDataFrame, 0, 1, GrpcMessage(large).substr(0, 16000)));
  const Headers trailers = Last(frames, 1);
  EXPECT_EQ(trailers.Get("grpc-status"), "8");
  EXPECT_EQ(trailers.Get("grpc-message"),
            "grpc: received message larger than max (100001 vs. 100000)");
  // Trap 6: trailers came before the client's half ended.
  EXPECT_EQ(ErrorCode(Select(frames, kRstStreamFrame, 1).at(0)), 0u);
  frames = Exchange(Frame(kDataFrame, 0, 1, std::string(1000, 'x')) +
                    UnaryCall(3, "/t.T/Echo", "alive"));
  EXPECT_EQ(Last(frames, 3).Get("grpc-status"), "0");
}

TEST_F(GrpcServerTest, RequestsThatEndTooEarlyAreInternalErrors) {
  Headers trailers =
      Last(Exchange(Frame(kHeadersFrame, kEndHeaders | kEndStream, 1, GrpcHead("/t.T/Echo"))), 1);
  EXPECT_EQ(trailers.Get("grpc-status"), "13");
  trailers = Last(Exchange(Frame(kHeadersFrame, kEndHeaders, 3, GrpcHead("/t.T/Echo")) +
                           Frame(kDataFrame, kEndStream, 3, GrpcMessage("whole").substr(0, 7))),
                  3);
  EXPECT_EQ(trailers.Get("grpc-status"), "13");
  EXPECT_EQ(trailers.Get("grpc-message"), "unexpected EOF");
}

TEST_F(GrpcServerTest, DeadlineEndsTheCallOnBothSides) {
  Exchange(UnaryCall(1, "/t.T/Hold", "", Field("grpc-timeout", "200m")));
  bool closed = false;
  call_->OnClose([&closed] { closed = true; });
  host_.manual.Advance(absl::Milliseconds(199));
  EXPECT_FALSE(closed);
  host_.manual.Advance(absl::Milliseconds(1));
  EXPECT_TRUE(closed);
  const Headers trailers = Last(Flush(), 1);
  EXPECT_EQ(trailers.Get("grpc-status"), "4");
  EXPECT_EQ(trailers.Get("grpc-message"), "context deadline exceeded");
  call_->Reply("late");
  EXPECT_TRUE(Flush().empty());
}

TEST_F(GrpcServerTest, AnsweredCallsLeaveNoDeadlineBehind) {
  Exchange(UnaryCall(1, "/t.T/Echo", "", Field("grpc-timeout", "5S")));
  Exchange(UnaryCall(3, "/t.T/Hold", "", Field("grpc-timeout", "5S")));
  EXPECT_EQ(host_.manual.pending_timers(), 1u);
  call_->Reply("");
  Flush();
  EXPECT_EQ(host_.manual.pending_timers(), 0u);
}

TEST_F(GrpcServerTest, DeadlineResetsAStreamWhoseClientDoesNotRead) {
  Exchange(
      Frame(kHeadersFrame, kEndHeaders, 1, GrpcHead("/t.T/Chat", Field("grpc-timeout", "1S"))));
  call_->Send(std::string(100000, 'x'));  // above the initial window
  Flush();
  EXPECT_GT(call_->unsent_bytes(), 0u);
  host_.manual.Advance(absl::Seconds(1));
  EXPECT_EQ(ErrorCode(Select(Flush(), kRstStreamFrame, 1).at(0)), 8u);  // CANCEL
}

TEST_F(GrpcServerTest, StreamsMessagesHalfCloseAndStatus) {
  Exchange(Frame(kHeadersFrame, kEndHeaders, 1, GrpcHead("/t.T/Chat")) +
           Frame(kDataFrame, 0, 1, GrpcMessage("a") + GrpcMessage("b")));
  EXPECT_EQ(messages_, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(call_->Send("1"));
  EXPECT_TRUE(call_->Send("2"));
  EXPECT_EQ(Select(Flush(), kDataFrame, 1).at(0).payload, GrpcMessage("1") + GrpcMessage("2"));
  EXPECT_FALSE(half_closed_);
  Exchange(Frame(kDataFrame, kEndStream, 1, GrpcMessage("c")));
  EXPECT_TRUE(half_closed_);
  EXPECT_EQ(messages_.size(), 3u);
  call_->Send("3");
  call_->Finish(absl::OkStatus());
  const auto frames = Flush();
  EXPECT_EQ(Select(frames, kDataFrame, 1).at(0).payload, GrpcMessage("3"));
  EXPECT_EQ(Last(frames, 1).Get("grpc-status"), "0");
}

TEST_F(GrpcServerTest, CancelReachesTheServiceOnceAndFreesIt) {
  Exchange(Frame(kHeadersFrame, kEndHeaders, 1, GrpcHead("/t.T/Chat")));
  int closed = 0;
  call_->OnClose([&closed] { ++closed; });
  Exchange(Frame(kRstStreamFrame, 0, 1, Fixed32(8)));
  EXPECT_EQ(closed, 1);
  EXPECT_FALSE(call_->Send("x"));
  EXPECT_EQ(call_.use_count(), 1);
}

// Trap 8 (received data): a client that does not read its answers gets no more window for requests.
TEST_F(GrpcServerTest, CallsAreCountedByTheirEnd) {
  Exchange(UnaryCall(1, "/t.T/Echo", "hello"));
  Exchange(UnaryCall(3, "/t.T/Echo", "hello"));
  Exchange(UnaryCall(5, "/t.T/Hold", ""));
  call_->Finish(absl::NotFoundError("x"));
  Exchange(UnaryCall(7, "/t.T/Hold", "", Field("grpc-timeout", "1S")));
  host_.manual.Advance(absl::Seconds(2));
  Exchange(UnaryCall(9, "/t.T/Hold", ""));
  Exchange(Frame(kRstStreamFrame, 0, 9, Fixed32(8)));
  const auto echo = router_.unary().at("/t.T/Echo").stats->Read();
  EXPECT_EQ(echo.started, 2U);
  EXPECT_EQ(echo.received, 2U);
  EXPECT_EQ(echo.sent, 2U);
  EXPECT_EQ(echo.handled[0], 2U);
  const auto hold = router_.unary().at("/t.T/Hold").stats->Read();
  EXPECT_EQ(hold.started, 3U);
  EXPECT_EQ(hold.sent, 0U);
  EXPECT_EQ(hold.handled[static_cast<size_t>(absl::StatusCode::kNotFound)], 1U);
  EXPECT_EQ(hold.handled[static_cast<size_t>(absl::StatusCode::kDeadlineExceeded)], 1U);
  EXPECT_EQ(hold.handled[static_cast<size_t>(absl::StatusCode::kCancelled)], 1U);
  uint64_t took = 0;
  for (const uint64_t count : hold.took_failed) took += count;
  EXPECT_EQ(took, 3U);
}

TEST_F(GrpcServerTest, WindowStaysShutForAClientThatDoesNotRead) {
  Exchange(Frame(kHeadersFrame, kEndHeaders, 1, GrpcHead("/t.T/Chat")));
  const auto stream_window = [this](int frames_to_send) {
    size_t updates = 0;
    for (int i = 0; i < frames_to_send; ++i) {
      updates += Select(Exchange(Frame(kDataFrame, 0, 1, GrpcMessage(std::string(16000, 'x')))),
                        kWindowUpdateFrame, 1)
                     .size();
    }
    return updates;
  };
  EXPECT_GT(stream_window(60), 0u);        // consumed as it comes
  call_->Send(std::string(1000000, 'x'));  // of which 65535 leave
  EXPECT_EQ(stream_window(30), 0u);
  std::string open = Frame(kWindowUpdateFrame, 0, 0, Fixed32(2000000)) +
                     Frame(kWindowUpdateFrame, 0, 1, Fixed32(2000000));
  EXPECT_GT(Select(Exchange(open), kWindowUpdateFrame, 1).size(), 0u);
}

TEST_F(GrpcServerTest, HalfSentRequestsAreBoundedPerConnection) {
  ServerOptions options;
  options.max_grpc_message_bytes = 8 << 20;
  const ServerContext context(options, &router_, http_, std::make_shared<Backlogs>());
  ServerSession session(host_, context);
  host_.Exchange(session, Hello());
  const std::string half = GrpcMessage(std::string(1000000, 'x')).substr(0, 990000);
  size_t resets = 0;
  for (uint32_t stream = 1; stream < 160; stream += 2) {
    std::string bytes =
        host_.Exchange(session, Frame(kHeadersFrame, kEndHeaders, stream, GrpcHead("/t.T/Echo")));
    for (size_t at = 0; at < half.size(); at += 16000) {
      bytes += host_.Exchange(session, Frame(kDataFrame, 0, stream, half.substr(at, 16000)));
    }
    resets += Select(TakeFrames(bytes), kRstStreamFrame, stream).size();
  }
  EXPECT_GT(resets, 0u);  // 80 MB were sent, 64 MiB are kept
  EXPECT_LT(resets, 20u);
  EXPECT_FALSE(session.done());
}

TEST_F(GrpcServerTest, ManySmallEmptyDataFramesAreHarmless) {
  Exchange(Frame(kHeadersFrame, kEndHeaders, 1, GrpcHead("/t.T/Echo")));
  std::string empty;
  for (int i = 0; i < 1000; ++i) empty += Frame(kDataFrame, 0, 1, "");
  for (int i = 0; i < 100; ++i) Exchange(empty);
  EXPECT_EQ(Last(Exchange(Frame(kDataFrame, kEndStream, 1, GrpcMessage(""))), 1).Get("grpc-status"),
            "0");
}

}  // namespace
}  // namespace pintle::net
