// Http2Session, its HTTP exchanges and the traps, on bytes alone (through ServerSession, which
// detects the preface).
#include "net/http2_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/server_session.h"
#include "tests/net/test_support.h"

namespace pintle::net {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string HttpHead(std::string_view method, std::string_view path, std::string_view more = {}) {
  return Field(":method", method) + Field(":scheme", "http") + Field(":path", path) +
         Field(":authority", "h:1") + std::string(more);
}

class Http2SessionTest : public ::testing::Test {
 protected:
  Http2SessionTest() {
    router_.Unary("/t.T/Echo", [](std::string request, std::shared_ptr<GrpcCall> call) {
      call->Reply(std::move(request));
    });
    router_.Unary("/t.T/Hold", [this](std::string, std::shared_ptr<GrpcCall> call) {
      calls_.push_back(std::move(call));
    });
    options_.max_header_bytes = 4096;
    options_.max_http_body_bytes = 1000;
    options_.max_concurrent_streams = 100;
  }

  void Open() {
    context_ =
        std::make_unique<ServerContext>(options_, &router_, handler_, std::make_shared<Backlogs>());
    session_ = std::make_unique<ServerSession>(host_, *context_);
  }
  // Feeds the bytes, adds the answer's frames to frames_.
  std::vector<ReceivedFrame> Exchange(std::string_view bytes) {
    if (session_ == nullptr) Open();
    bytes_ += host_.Exchange(*session_, bytes);
    return TakeFrames(bytes_);
  }
  std::vector<ReceivedFrame> Flush() {
    bytes_ += host_.Flush(*session_);
    return TakeFrames(bytes_);
  }
  Headers Head(const std::vector<ReceivedFrame>& frames, uint32_t stream) {
    const auto heads = Select(frames, kHeadersFrame, stream);
    return heads.empty() ? Headers() : decoder_.Decode(heads[0].payload);
  }

  ServerOptions options_;
  FakeHost host_;
  GrpcRouter router_;
  std::vector<std::shared_ptr<GrpcCall>> calls_;
  std::vector<std::shared_ptr<HttpExchange>> held_;
  std::vector<HttpRequest> requests_;
  LambdaHandler handler_{[this](HttpRequest request, std::shared_ptr<HttpExchange> exchange) {
    requests_.push_back(request);
    if (request.path.starts_with("/hold")) {
      held_.push_back(std::move(exchange));
    } else {
      EchoHandler(std::move(request), std::move(exchange));
    }
  }};
  std::unique_ptr<ServerContext> context_;
  std::unique_ptr<ServerSession> session_;
  std::string bytes_;
  HeaderDecoder decoder_;
};

TEST_F(Http2SessionTest, TellsThePrefaceFromHttp1) {
  Open();
  EXPECT_EQ(host_.Exchange(*session_, "P"), "");
  EXPECT_EQ(host_.Exchange(*session_, "R"), "");
  EXPECT_THAT(host_.Exchange(*session_, "OPFIND / HTTP/1.1\r\nHost: x\r\n\r\n"),
              StartsWith("HTTP/1.1 "));
}

TEST_F(Http2SessionTest, ClosesWhoStopsInThePreface) {
  Open();
  EXPECT_EQ(host_.Exchange(*session_, "PRI * HTT"), "");
  host_.manual.Advance(absl::Seconds(9));
  EXPECT_FALSE(session_->done());
  host_.manual.Advance(absl::Seconds(2));
  EXPECT_TRUE(session_->done());
}

TEST_F(Http2SessionTest, RefusesABrokenPreface) {
  Exchange(std::string(kPreface) + Frame(kDataFrame, 0, 1, "x"));  // SETTINGS must come first
  EXPECT_TRUE(session_->done());
}

TEST_F(Http2SessionTest, AnswersHttp) {
  const auto frames =
      Exchange(Hello() +
               Frame(kHeadersFrame, kEndHeaders, 1,
                     HttpHead("POST", "/p?q=1", Field("content-type", "a/b") + Field("x-y", "z"))) +
               Frame(kDataFrame, 0, 1, "hel") + Frame(kDataFrame, kEndStream, 1, "lo"));
  const Headers head = Head(frames, 1);
  EXPECT_EQ(head.Get(":status"), "200");
  EXPECT_EQ(head.Get("content-length"), "13");
  EXPECT_FALSE(head.Get("date").empty());
  const auto data = Select(frames, kDataFrame, 1);
  ASSERT_EQ(data.size(), 1u);
  EXPECT_EQ(data[0].payload, "POST /p q=1 5");
  EXPECT_EQ(data[0].flags & kEndStream, kEndStream);
  ASSERT_EQ(requests_.size(), 1u);
  EXPECT_EQ(requests_[0].headers.Get("host"), "h:1");
  EXPECT_EQ(requests_[0].headers.Get("content-type"), "a/b");
  EXPECT_EQ(requests_[0].headers.Get("x-y"), "z");
}

TEST_F(Http2SessionTest, HeadGetsLengthButNoData) {
  const auto frames =
      Exchange(Hello() + Frame(kHeadersFrame, kEndHeaders | kEndStream, 1, HttpHead("HEAD", "/x")));
  EXPECT_EQ(Head(frames, 1).Get("content-length"), "10");
  EXPECT_TRUE(Select(frames, kDataFrame, 1).empty());
  EXPECT_TRUE(Select(frames, kHeadersFrame, 1)[0].flags & kEndStream);
}

TEST_F(Http2SessionTest, StreamsAnswers) {
  Exchange(Hello() + Frame(kHeadersFrame, kEndHeaders | kEndStream, 1, HttpHead("GET", "/hold")));
  held_.at(0)->Start(200, {});
  EXPECT_EQ(Head(Flush(), 1).Get(":status"), "200");
  EXPECT_TRUE(held_[0]->Write("one"));
  EXPECT_EQ(Select(Flush(), kDataFrame, 1).at(0).payload, "one");
  held_[0]->Finish();
  EXPECT_TRUE(Select(Flush(), kDataFrame, 1).at(0).flags & kEndStream);
  EXPECT_FALSE(held_[0]->Write("late"));
}

TEST_F(Http2SessionTest, CancelledStreamTellsTheHandlerOutsideNghttp2) {
  Exchange(Hello() + Frame(kHeadersFrame, kEndHeaders | kEndStream, 1, HttpHead("GET", "/hold1")) +
           Frame(kHeadersFrame, kEndHeaders | kEndStream, 3, HttpHead("GET", "/hold2")));
  held_.at(0)->Start(200, {});
  held_.at(1)->Start(200, {});
  Flush();
  // Trap 4: what a callback queues on another stream must leave without nghttp2 being entered
  // twice.
  held_[0]->OnClose([this] { held_[1]->Write("from a callback"); });
  const auto frames = Exchange(Frame(kRstStreamFrame, 0, 1, Fixed32(8)));
  EXPECT_EQ(Select(frames, kDataFrame, 3).at(0).payload, "from a callback");
}

TEST_F(Http2SessionTest, RefusesLargeBodiesAndKeepsTheConnection) {
  const auto frames =
      Exchange(Hello() + Frame(kHeadersFrame, kEndHeaders, 1, HttpHead("PUT", "/big")) +
               Frame(kDataFrame, 0, 1, std::string(1001, 'x')));
  EXPECT_EQ(Head(frames, 1).Get(":status"), "413");
  // Trap 6: the client is still sending, so it is told that nobody needs the rest, and that this is
  // no error.
  const auto resets = Select(frames, kRstStreamFrame, 1);
  ASSERT_EQ(resets.size(), 1u);
  EXPECT_EQ(ErrorCode(resets[0]), 0u);
  const auto more =
      Exchange(Frame(kDataFrame, 0, 1, "late") +
               Frame(kHeadersFrame, kEndHeaders | kEndStream, 3, HttpHead("GET", "/ok")));
  EXPECT_EQ(Head(more, 3).Get(":status"), "200");
  EXPECT_TRUE(requests_.size() == 1 && requests_[0].path == "/ok");
}

// Trap 1.
TEST_F(Http2SessionTest, ResetOfAnIdleStreamKeepsTheConnection) {
  auto frames = Exchange(Hello() + Frame(kRstStreamFrame, 0, 1, Fixed32(8)) +
                         UnaryCall(3, "/t.T/Echo", "hi"));
  EXPECT_TRUE(Select(frames, kGoawayFrame, 0).empty());
  EXPECT_EQ(Select(frames, kDataFrame, 3).at(0).payload, GrpcMessage("hi"));
}

TEST_F(Http2SessionTest, ResetOfAnIdleStreamIsAnErrorWithoutTheOption) {
  Open();
  ServerSession application(host_, *context_);
  Backlogs backlogs;
  Http2Session session(host_, application, backlogs, {.drop_idle_rst_stream = false});
  std::string bytes = host_.Exchange(session, Hello() + Frame(kRstStreamFrame, 0, 1, Fixed32(8)));
  EXPECT_EQ(Select(TakeFrames(bytes), kGoawayFrame, 0).size(), 1u);
  EXPECT_TRUE(session.done());
}

// Trap 2: nghttp2's default would end it at 1000.
TEST_F(Http2SessionTest, ManyHonestCancelsAreFineAndAFloodIsNot) {
  Exchange(Hello());
  uint32_t stream = 1;
  const auto cancel = [&] {
    const auto frames =
        Exchange(Frame(kHeadersFrame, kEndHeaders | kEndStream, stream, GrpcHead("/t.T/Hold")) +
                 Frame(kRstStreamFrame, 0, stream, Fixed32(8)));
    stream += 2;
    return !Select(frames, kGoawayFrame, 0).empty();
  };
  for (int i = 0; i < 5000; ++i) ASSERT_FALSE(cancel()) << i;
  bool refused = false;
  // 10 000 at once and 1000 more per second: even a slow machine gets there.
  for (int i = 0; i < 200000 && !refused; ++i) refused = cancel();
  EXPECT_TRUE(refused);
}

// Trap 3: refused by status above the limit, and the connection lives.
TEST_F(Http2SessionTest, TooManyStreamsAreRefusedSoftly) {
  std::string bytes = Hello() + Frame(kSettingsFrame, kAck, 0, "");
  uint32_t stream = 1;
  for (int i = 0; i < 100; ++i, stream += 2) bytes += UnaryCall(stream, "/t.T/Hold", "");
  auto frames = Exchange(bytes);
  ASSERT_EQ(calls_.size(), 100u);
  frames = Exchange(UnaryCall(stream, "/t.T/Echo", ""));
  EXPECT_EQ(Head(frames, stream).Get("grpc-status"), "8");
  stream += 2;
  frames = Exchange(Frame(kHeadersFrame, kEndHeaders | kEndStream, stream, HttpHead("GET", "/")));
  EXPECT_EQ(Head(frames, stream).Get(":status"), "503");
  stream += 2;
  calls_[0]->Reply("");
  Flush();
  frames = Exchange(UnaryCall(stream, "/t.T/Echo", "free again"));
  EXPECT_EQ(Select(frames, kDataFrame, stream).at(0).payload, GrpcMessage("free again"));
}

// As grpc-go has it: no limit is no entry.
TEST_F(Http2SessionTest, ALimitIsAdvertisedTwiceAndNoneNotAtAll) {
  constexpr char kId = 3;
  const auto advertised = [&](uint32_t most) -> std::optional<uint32_t> {
    options_.max_concurrent_streams = most;
    bytes_.clear();
    Open();
    const auto settings = Select(Exchange(Hello()), kSettingsFrame, 0);
    std::optional<uint32_t> value;
    for (const ReceivedFrame& frame : settings) {
      for (size_t at = 0; at + 6 <= frame.payload.size(); at += 6) {
        if (frame.payload[at + 1] != kId) continue;
        value = 0;
        for (size_t i = 2; i < 6; ++i)
          value = *value << 8 | static_cast<uint8_t>(frame.payload[at + i]);
      }
    }
    return value;
  };
  EXPECT_EQ(advertised(100), 200u);
  EXPECT_EQ(advertised(1u << 30), 1u << 31);
  EXPECT_EQ(advertised((1u << 30) + 1), std::nullopt);
  EXPECT_EQ(advertised(UINT32_MAX), std::nullopt);
}

// Trap 5: a small block that names much is stopped where the limit is.
TEST_F(Http2SessionTest, HpackBombIsBounded) {
  Exchange(Hello());
  const std::string large(3000, 'v');
  // Literal with incremental indexing puts it into the dynamic table; 0xbe names it again (RFC 7541
  // §6.1, §6.2.1).
  std::string indexed = Field("x", large);
  indexed[0] = 0x40;
  auto frames = Exchange(
      Frame(kHeadersFrame, kEndHeaders | kEndStream, 1, HttpHead("GET", "/hold") + indexed));
  ASSERT_EQ(held_.size(), 1u);
  frames = Exchange(Frame(kHeadersFrame, kEndHeaders | kEndStream, 3,
                          HttpHead("GET", "/hold") + std::string(16000, '\xbe')));
  EXPECT_EQ(Select(frames, kRstStreamFrame, 3).size(), 1u);
  EXPECT_EQ(held_.size(), 1u);
  frames = Exchange(UnaryCall(5, "/t.T/Echo", "alive"));
  EXPECT_EQ(Select(frames, kDataFrame, 5).size(), 1u);
}

TEST_F(Http2SessionTest, ALargeHeadIsTakenAndOneThatIsTooLargeIsSpokenOf) {
  std::vector<std::string> refused;
  options_.max_header_bytes = kMostHeadBytes;
  options_.on_refused = [&](const std::string& address, const std::string& why) {
    refused.push_back(address + ": " + why);
  };
  const auto ask = [&](uint32_t stream, size_t fields, size_t bytes) {
    std::string sent = Frame(kHeadersFrame, kEndStream, stream, HttpHead("GET", "/"));
    for (size_t i = 1; i <= fields; ++i) {
      sent += Frame(kContinuationFrame, i == fields ? kEndHeaders : 0, stream,
                    Field("x-" + std::to_string(i), std::string(bytes, 'v')));
    }
    return Exchange(sent);
  };
  Exchange(Hello());
  EXPECT_EQ(Head(ask(1, 60, 16000), 1).Get(":status"), "200");
  ASSERT_EQ(requests_.size(), 1u);
  EXPECT_EQ(requests_[0].headers.Get("x-60").size(), 16000u);
  EXPECT_TRUE(refused.empty());
  // Bytes that name it again, as of the table.
  std::string indexed = Field("x", std::string(4000, 'v'));
  indexed[0] = 0x40;
  const auto frames = Exchange(Frame(kHeadersFrame, kEndHeaders | kEndStream, 3,
                                     HttpHead("GET", "/") + indexed + std::string(300, '\xbe')));
  EXPECT_EQ(Select(frames, kRstStreamFrame, 3).size(), 1u);
  EXPECT_THAT(refused, ElementsAre(EndsWith("larger than 1048576 bytes")));
  EXPECT_EQ(Select(Exchange(UnaryCall(5, "/t.T/Echo", "alive")), kDataFrame, 5).size(), 1u);
}

// nghttp2 takes no larger one, and grpc-go does.
TEST_F(Http2SessionTest, AFieldOfMoreThan64KiBEndsTheConnectionAndIsSpokenOf) {
  std::vector<std::string> refused;
  options_.max_header_bytes = kMostHeadBytes;
  options_.on_refused = [&](const std::string&, const std::string& why) { refused.push_back(why); };
  const std::string one(70000, 'v');
  std::string literal("\x00\x01x\x7f", 4);
  for (size_t left = one.size() - 127;; left >>= 7) {
    literal.push_back(static_cast<char>(left < 128 ? left : left % 128 + 128));
    if (left < 128) break;
  }
  literal += one;
  std::string sent = Hello() + Frame(kHeadersFrame, kEndStream, 1, HttpHead("GET", "/"));
  for (size_t at = 0; at < literal.size(); at += 16000) {
    sent += Frame(kContinuationFrame, at + 16000 < literal.size() ? 0 : kEndHeaders, 1,
                  literal.substr(at, 16000));
  }
  Exchange(sent);
  EXPECT_TRUE(session_->done());
  EXPECT_THAT(refused, ElementsAre(HasSubstr("larger than 64 KiB")));
}

TEST_F(Http2SessionTest, ContinuationFloodEndsTheConnection) {
  Exchange(Hello() + Frame(kHeadersFrame, kEndStream, 1, HttpHead("GET", "/")));
  for (int i = 0; i < 70; ++i) Exchange(Frame(kContinuationFrame, 0, 1, Field("a", "b")));
  EXPECT_TRUE(session_->done());
}

TEST_F(Http2SessionTest, PingsAreAnsweredAndAFloodThatReadsNothingIsNot) {
  EXPECT_EQ(
      Select(Exchange(Hello() + Frame(kPingFrame, 0, 0, "12345678")), kPingFrame, 0).at(0).payload,
      "12345678");
  for (int i = 0; i < 1100; ++i) session_->Receive(Frame(kPingFrame, 0, 0, "12345678"));
  host_.RequestFlush();
  Flush();
  EXPECT_TRUE(session_->done());
}

// Trap 7: what the peer's window does not take stays with the exchange, which is told when it
// shrinks.
TEST_F(Http2SessionTest, AnswersWaitForTheWindowAndDrain) {
  Exchange(Hello() + Frame(kHeadersFrame, kEndHeaders | kEndStream, 1, HttpHead("GET", "/hold")));
  int drains = 0;
  held_.at(0)->OnDrain([&drains] { ++drains; });
  held_[0]->Start(200, {});
  held_[0]->Write(std::string(300000, 'x'));
  size_t sent = 0;
  for (const auto& frame : Select(Flush(), kDataFrame, 1)) sent += frame.payload.size();
  EXPECT_EQ(sent, 65535u);  // the initial window, RFC 9113 §6.9.2
  EXPECT_EQ(held_[0]->unsent_bytes(), 300000u - 65535u);
  EXPECT_EQ(drains, 0);
  const std::string open = Fixed32(200000);
  for (const auto& frame : Select(
           Exchange(Frame(kWindowUpdateFrame, 0, 0, open) + Frame(kWindowUpdateFrame, 0, 1, open)),
           kDataFrame, 1)) {
    sent += frame.payload.size();
  }
  EXPECT_EQ(sent, 265535u);
  EXPECT_EQ(drains, 1);
}

TEST_F(Http2SessionTest, BrokenFramesEndTheConnectionOnly) {
  const std::vector<std::string> attacks = {
      Frame(kDataFrame, 0, 1, std::string(17000, 'x')),      // above MAX_FRAME_SIZE
      Frame(kDataFrame, 0, 1, "idle"),                       // DATA on an idle stream
      Frame(kWindowUpdateFrame, 0, 0, Fixed32(0x7fffffff)),  // overflow
      Frame(kWindowUpdateFrame, 0, 0, Fixed32(0)),
      Frame(kHeadersFrame, kEndHeaders | kEndStream, 2, HttpHead("GET", "/")),  // even stream
      Frame(kHeadersFrame, kEndHeaders | kEndStream, 1,
            "\xff\xff\xff\xff\xff\xff"),  // broken HPACK
      Frame(kPingFrame, 0, 0, "short"),
  };
  for (const std::string& attack : attacks) {
    session_.reset();
    bytes_.clear();
    const auto frames = Exchange(Hello() + attack);
    EXPECT_EQ(Select(frames, kGoawayFrame, 0).size(), 1u);
    EXPECT_TRUE(session_->done());
  }
}

TEST_F(Http2SessionTest, ShutdownSaysGoawayAndFinishesWhatRuns) {
  Exchange(Hello() + UnaryCall(1, "/t.T/Hold", ""));
  session_->Shutdown();
  host_.RequestFlush();
  const auto goaway = Select(Flush(), kGoawayFrame, 0);
  ASSERT_EQ(goaway.size(), 1u);
  EXPECT_EQ(goaway[0].payload.substr(0, 4), Fixed32(1));  // the last stream that is served
  EXPECT_FALSE(session_->done());
  EXPECT_TRUE(Select(Exchange(UnaryCall(3, "/t.T/Echo", "late")), kHeadersFrame, 3).empty());
  calls_.at(0)->Reply("last");
  EXPECT_EQ(Select(Flush(), kDataFrame, 1).at(0).payload, GrpcMessage("last"));
  EXPECT_TRUE(session_->done());
}

TEST_F(Http2SessionTest, LostConnectionEndsEveryCallOnce) {
  Exchange(Hello() + UnaryCall(1, "/t.T/Hold", "") +
           Frame(kHeadersFrame, kEndHeaders | kEndStream, 3, HttpHead("GET", "/hold")));
  int closed = 0;
  calls_.at(0)->OnClose([&closed] { ++closed; });
  held_.at(0)->OnClose([&closed] { ++closed; });
  session_->Closed();
  EXPECT_EQ(closed, 2);
  calls_[0]->Reply("late");
  held_[0]->Respond(200, {}, "late");
  session_.reset();
  calls_[0]->Finish(absl::OkStatus());
  EXPECT_EQ(calls_[0]->unsent_bytes(), 0u);
}

}  // namespace
}  // namespace pintle::net
