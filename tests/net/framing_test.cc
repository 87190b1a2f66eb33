// Pure parts: gRPC framing, percent-coding, the byte queue, the filter of idle resets.
#include <gtest/gtest.h>

#include "net/byte_queue.h"
#include "net/frame_filter.h"
#include "net/grpc_framing.h"
#include "net/http.h"
#include "net/http_text.h"
#include "tests/net/test_support.h"

namespace pintle::net {
namespace {

TEST(GrpcDeframer, CutsMessagesWhereverTheBytesAreSplit) {
  const std::string bytes =
      GrpcMessage("first") + GrpcMessage("") + GrpcMessage(std::string(1000, 'x'));
  for (size_t step = 1; step <= bytes.size(); ++step) {
    GrpcDeframer deframer(1000);
    std::vector<std::string> messages;
    for (size_t at = 0; at < bytes.size(); at += step) {
      std::string_view piece = std::string_view(bytes).substr(at, step);
      std::string message;
      while (deframer.Next(piece, message) == GrpcDeframer::Result::kMessage)
        messages.push_back(message);
      ASSERT_TRUE(deframer.error().ok());
    }
    ASSERT_EQ(messages, (std::vector<std::string>{"first", "", std::string(1000, 'x')}))
        << "step " << step;
    ASSERT_FALSE(deframer.mid_message());
  }
}

TEST(GrpcDeframer, RefusesByLengthBeforeTheBytesCome) {
  GrpcDeframer deframer(1000);
  const std::string head = GrpcMessage(std::string(1001, 'x')).substr(0, 5);
  std::string_view bytes = head;
  std::string message;
  EXPECT_EQ(deframer.Next(bytes, message), GrpcDeframer::Result::kError);
  EXPECT_EQ(deframer.error(),
            absl::ResourceExhaustedError("grpc: received message larger than max (1001 vs. 1000)"));
}

TEST(GrpcDeframer, RefusesCompressedAndUnknownFlags) {
  for (const char flag : {'\1', '\2'}) {
    GrpcDeframer deframer(1000);
    const std::string head = std::string(1, flag) + Fixed32(0);
    std::string_view bytes = head;
    std::string message;
    EXPECT_EQ(deframer.Next(bytes, message), GrpcDeframer::Result::kError);
    EXPECT_EQ(deframer.error().code(), absl::StatusCode::kInternal);
  }
}

TEST(GrpcTimeout, ParsesEveryUnitAndRefusesTheRest) {
  EXPECT_EQ(ParseGrpcTimeout("1H"), absl::Hours(1));
  EXPECT_EQ(ParseGrpcTimeout("2M"), absl::Minutes(2));
  EXPECT_EQ(ParseGrpcTimeout("3S"), absl::Seconds(3));
  EXPECT_EQ(ParseGrpcTimeout("99999999m"), absl::Milliseconds(99999999));
  EXPECT_EQ(ParseGrpcTimeout("5u"), absl::Microseconds(5));
  EXPECT_EQ(ParseGrpcTimeout("6n"), absl::Nanoseconds(6));
  for (const char* bad : {"", "m", "1", "1x", "123456789m", "-1m", "1.5S", " 1S"}) {
    EXPECT_EQ(ParseGrpcTimeout(bad), std::nullopt) << bad;
  }
}

TEST(GrpcTimeout, FormatsWithinEightDigits) {
  EXPECT_EQ(FormatGrpcTimeout(absl::Seconds(5)), "5000m");
  EXPECT_EQ(FormatGrpcTimeout(absl::Nanoseconds(1)), "1m");
  EXPECT_EQ(FormatGrpcTimeout(absl::Hours(48)), "172800S");
}

TEST(GrpcMessageText, SurvivesPercentCoding) {
  EXPECT_EQ(EncodeGrpcMessage("100% \xC3\xBC\n"), "100%25 %C3%BC%0A");
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
  EXPECT_EQ(DecodeGrpcMessage(EncodeGrpcMessage(all)), all);
  EXPECT_EQ(DecodeGrpcMessage("50%, %zz, %4"), "50%, %zz, %4");
}

TEST(GrpcContentType, IsToldFromOthers) {
  EXPECT_TRUE(IsGrpcContentType("application/grpc"));
  EXPECT_TRUE(IsGrpcContentType("application/grpc+proto"));
  EXPECT_TRUE(IsGrpcContentType("application/grpc;charset=utf-8"));
  EXPECT_FALSE(IsGrpcContentType("application/grpc-web"));
  EXPECT_FALSE(IsGrpcContentType("application/json"));
}

TEST(PercentCoding, DecodesAndRefusesMalformed) {
  std::string out;
  EXPECT_TRUE(PercentDecode("a%2Fb+c%20d", false, out));
  EXPECT_EQ(out, "a/b+c d");
  EXPECT_TRUE(PercentDecode("a+b", true, out));
  EXPECT_EQ(out, "a b");
  for (const char* bad : {"%", "%2", "%2g", "a%"})
    EXPECT_FALSE(PercentDecode(bad, false, out)) << bad;
  EXPECT_EQ(PercentEncode("a b/~\xff"), "a%20b%2F~%FF");
}

TEST(HttpText, MakesHeaderValuesSafe) {
  EXPECT_EQ(SafeHeaderValue(std::string_view("a\r\nb\0c", 6)), "a  b c");
}

TEST(ByteQueue, GivesBackWhatWasAppendedInAnySteps) {
  ByteQueue queue;
  std::string expected, taken;
  for (int i = 0; i < 500; ++i) {
    const std::string piece(static_cast<size_t>(i * 7 % 23), static_cast<char>('a' + i % 26));
    expected += piece;
    queue.Append(piece);
    if (i % 3 == 0) queue.Take(taken, 11);  // slower than it fills, so that the front is compacted
  }
  EXPECT_EQ(queue.size(), expected.size() - taken.size());
  queue.Take(taken, 1 << 20);
  EXPECT_EQ(taken, expected);
  EXPECT_TRUE(queue.empty());
}

// Trap 1, on bytes: only resets of streams never opened are dropped, wherever the bytes are split.
TEST(FrameFilter, DropsOnlyResetsOfIdleStreams) {
  const std::string opened = Frame(kHeadersFrame, kEndHeaders | kEndStream, 3, "block");
  const std::string honest = Frame(kRstStreamFrame, 0, 3, Fixed32(8));
  const std::string lower = Frame(kRstStreamFrame, 0, 1, Fixed32(8));
  const std::string idle = Frame(kRstStreamFrame, 0, 5, Fixed32(8));
  const std::string wrong_size = Frame(kRstStreamFrame, 0, 7, "12345");
  const std::string even = Frame(kRstStreamFrame, 0, 8, Fixed32(8));
  const std::string in =
      Hello() + opened + idle + honest + idle + idle + lower + wrong_size + even + idle;
  const std::string expected = Hello() + opened + honest + lower + wrong_size + even;
  for (size_t step = 1; step <= in.size(); ++step) {
    FrameFilter filter;
    std::string out;
    for (size_t at = 0; at < in.size(); at += step) {
      ASSERT_TRUE(
          filter.Feed(std::string_view(in).substr(at, step), [&out](std::string_view bytes) {
            out += bytes;
            return true;
          }));
    }
    ASSERT_EQ(out, expected) << "step " << step;
  }
}

TEST(FrameFilter, PassesOnTheSinksRefusal) {
  FrameFilter filter;
  EXPECT_FALSE(filter.Feed(Hello(), [](std::string_view) { return false; }));
}

}  // namespace
}  // namespace pintle::net
