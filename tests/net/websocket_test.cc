// WebSocket frames, and a WebSocket in an Http1Session, on bytes alone.
#include "net/websocket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/http1_session.h"
#include "tests/net/test_support.h"

namespace pintle::net {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using Event = WebSocketReader::Event;

// As a client sends it. `first`: the final bit and the opcode.
std::string Masked(uint8_t first, std::string_view payload) {
  std::string frame = WebSocketFrame(WebSocketOpcode::kText, payload);
  const size_t head = frame.size() - payload.size();
  frame[0] = static_cast<char>(first);
  frame[1] = static_cast<char>(frame[1] | 0x80);
  const std::string_view mask = "\x12\x34\x56\x78";
  frame.insert(head, mask);
  for (size_t i = 0; i < payload.size(); ++i) {
    char& c = frame[head + mask.size() + i];
    c = static_cast<char>(c ^ mask[i % mask.size()]);
  }
  return frame;
}

// All that comes of these bytes, given in pieces of that size.
std::vector<std::pair<Event, std::string>> Read(std::string_view bytes, size_t step,
                                                size_t limit = 100'000) {
  WebSocketReader reader(limit);
  std::vector<std::pair<Event, std::string>> events;
  for (size_t at = 0; at < bytes.size(); at += step) {
    std::string_view piece = bytes.substr(at, step);
    for (;;) {
      const Event event = reader.Next(piece);
      if (event == Event::kNothing) break;
      events.emplace_back(
          event, event == Event::kBroken ? std::to_string(reader.close_code()) : reader.payload());
      if (event == Event::kBroken) return events;
    }
  }
  return events;
}

TEST(WebSocketTest, AcceptIsThatOfTheStandard) {
  Headers offer;
  offer.Add("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
  EXPECT_EQ(WebSocketAccept(offer), std::nullopt) << "no version";
  offer.Add("sec-websocket-version", "13");
  EXPECT_EQ(WebSocketAccept(offer), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WebSocketTest, MessagesOfAnyLengthInAnyPieces) {
  for (const size_t size : {0, 1, 125, 126, 127, 65535, 65536}) {
    std::string payload(size, 'x');
    for (size_t i = 0; i < size; ++i) payload[i] = static_cast<char>(i * 7);
    const std::string frame = Masked(0x81, payload);
    for (const size_t step : {size_t{1}, size_t{3}, frame.size()}) {
      EXPECT_THAT(Read(frame, step), ElementsAre(std::pair(Event::kMessage, payload)))
          << size << " by " << step;
    }
  }
}

TEST(WebSocketTest, PiecesOfAMessageWithAPingBetweenThem) {
  const std::string bytes = Masked(0x01, "one ") + Masked(0x89, "ping") + Masked(0x00, "message") +
                            Masked(0x8a, "unasked pong") + Masked(0x80, "!") + Masked(0x82, "two");
  for (const size_t step : {size_t{1}, bytes.size()}) {
    EXPECT_THAT(Read(bytes, step), ElementsAre(std::pair(Event::kPing, "ping"),
                                               std::pair(Event::kMessage, "one message!"),
                                               std::pair(Event::kMessage, "two")));
  }
}

TEST(WebSocketTest, WhatTheStandardForbids) {
  const std::string long_ping = Masked(0x89, std::string(126, 'p'));
  const std::string broken[] = {
      WebSocketFrame(WebSocketOpcode::kText, "not masked"),
      Masked(0xc1, "reserved bit"),
      Masked(0x83, "reserved opcode"),
      Masked(0x8b, "reserved opcode"),
      Masked(0x09, "a ping in pieces"),
      Masked(0x80, "nothing to continue"),
      Masked(0x01, "one") + Masked(0x81, "another inside"),
      long_ping,
  };
  for (const std::string& bytes : broken) {
    EXPECT_THAT(Read(bytes, 1), ElementsAre(std::pair(Event::kBroken, "1002")));
  }
}

TEST(WebSocketTest, TooMuchIsRefusedBeforeItComes) {
  EXPECT_THAT(Read(Masked(0x81, "12345678"), 100, 8),
              ElementsAre(std::pair(Event::kMessage, "12345678")));
  for (const std::string& bytes :
       {Masked(0x81, "123456789").substr(0, 6), Masked(0x01, "12345") + Masked(0x80, "6789"),
        std::string("\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 14)}) {
    EXPECT_THAT(Read(bytes, 1, 8), ElementsAre(std::pair(Event::kBroken, "1009")));
  }
}

class WebSocketSessionTest : public ::testing::Test {
 protected:
  std::string Exchange(std::string_view bytes) { return host_.Exchange(session_, bytes); }
  static std::string Offer(std::string_view path, std::string_view version = "13") {
    return "GET " + std::string(path) +
           " HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: " +
           std::string(version) + "\r\n\r\n";
  }

  FakeHost host_;
  std::shared_ptr<HttpExchange> socket_;
  bool closed_ = false;
  // Says everything back, until "end".
  LambdaHandler handler_{[this](const HttpRequest&, std::shared_ptr<HttpExchange> exchange) {
    const bool taken = exchange->Upgrade({}, [this](std::string message) {
      if (message == "end") return socket_->Finish();
      socket_->Write("you said " + message);
    });
    if (!taken) return exchange->Respond(200, {}, "plain");
    exchange->OnClose([this] { closed_ = true; });
    socket_ = std::move(exchange);
  }};
  Backlogs backlogs_;
  Http1Session session_{host_, handler_, backlogs_, {.max_body_bytes = 100}};
};

TEST_F(WebSocketSessionTest, TalksUntilTheServerEndsIt) {
  // With a message right behind the offer.
  const std::string answer = Exchange(Offer("/") + Masked(0x81, "hi"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 101 Switching Protocols\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"));
  EXPECT_THAT(answer, EndsWith(WebSocketFrame(WebSocketOpcode::kText, "you said hi")));
  EXPECT_EQ(Exchange(Masked(0x89, "x")), WebSocketFrame(WebSocketOpcode::kPong, "x"));
  EXPECT_EQ(Exchange(Masked(0x81, "a") + Masked(0x81, "end") + Masked(0x81, "too late")),
            WebSocketFrame(WebSocketOpcode::kText, "you said a") + WebSocketCloseFrame(1000));
  EXPECT_TRUE(session_.done());
  EXPECT_FALSE(socket_->Write("nobody hears"));
}

TEST_F(WebSocketSessionTest, TheClientMayEndIt) {
  Exchange(Offer("/"));
  EXPECT_EQ(Exchange(Masked(0x88, "\x03\xe9")), WebSocketCloseFrame(1000));
  EXPECT_TRUE(closed_);
  EXPECT_TRUE(session_.done());
}

TEST_F(WebSocketSessionTest, WhatIsTooLargeEndsIt) {
  Exchange(Offer("/"));
  EXPECT_EQ(Exchange(Masked(0x81, std::string(101, 'x'))), WebSocketCloseFrame(1009));
  EXPECT_TRUE(session_.done());
}

TEST_F(WebSocketSessionTest, AClientThatVanishesIsNoticed) {
  Exchange(Offer("/"));
  session_.ReceiveEnd();
  Exchange("");
  EXPECT_TRUE(closed_);
}

TEST_F(WebSocketSessionTest, OnlyAGoodOfferIsTaken) {
  EXPECT_THAT(Exchange(Offer("/", "8")), EndsWith("plain"));
  EXPECT_THAT(Exchange("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n"),
              EndsWith("plain"));
  EXPECT_EQ(socket_, nullptr);
}

}  // namespace
}  // namespace pintle::net
