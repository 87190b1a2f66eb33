// Http1Session on bytes alone.
#include "net/http1_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/net/test_support.h"

namespace pintle::net {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class Http1SessionTest : public ::testing::Test {
 protected:
  std::string Exchange(std::string_view bytes) { return host_.Exchange(session_, bytes); }
  std::string Flush() { return host_.Flush(session_); }

  FakeHost host_;
  std::vector<HttpRequest> requests_;
  std::vector<std::shared_ptr<HttpExchange>> held_;  // of paths that begin with /hold
  LambdaHandler handler_{[this](HttpRequest request, std::shared_ptr<HttpExchange> exchange) {
    requests_.push_back(request);
    if (request.path.starts_with("/hold")) {
      held_.push_back(std::move(exchange));
    } else {
      EchoHandler(std::move(request), std::move(exchange));
    }
  }};
  Backlogs backlogs_;
  Http1Session session_{
      host_, handler_, backlogs_, {.max_header_bytes = 1000, .max_body_bytes = 100}};
};

std::string Get(std::string_view target) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n\r\n";
}

TEST_F(Http1SessionTest, AnswersAndStaysOpen) {
  const std::string answer = Exchange(Get("/a/b?c=d%20e"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: "));
  EXPECT_THAT(answer, EndsWith("Content-Length: 18\r\n\r\nGET /a/b c=d%20e 0"));
  EXPECT_FALSE(session_.done());
  EXPECT_THAT(Exchange(Get("/again")), HasSubstr("GET /again  0"));
}

TEST_F(Http1SessionTest, TakesTheRequestInAnyPieces) {
  const std::string request =
      "POST /p HTTP/1.1\r\nHost: x\r\nX-Empty:\r\nX-Twice: 1\r\nX-Twice:  2 \r\nContent-Length: "
      "5\r\n\r\nhello";
  for (size_t step = 1; step <= request.size(); ++step) {
    std::string out;
    for (size_t at = 0; at < request.size(); at += step) out += Exchange(request.substr(at, step));
    ASSERT_THAT(out, EndsWith("POST /p  5")) << "step " << step;
    const HttpRequest& seen = requests_.back();
    ASSERT_EQ(seen.body, "hello");
    ASSERT_EQ(seen.peer, "127.0.0.1:1");
    ASSERT_TRUE(seen.headers.Has("x-empty"));
    ASSERT_EQ(seen.headers.fields().size(), 5u);
    ASSERT_EQ(seen.headers.fields()[3], (std::pair<std::string, std::string>("x-twice", "2")));
  }
}

TEST_F(Http1SessionTest, AnswersPipelinedRequestsInOrder) {
  EXPECT_EQ(Exchange(Get("/hold1") + Get("/two") + Get("/hold3") + Get("/four")), "");
  ASSERT_EQ(held_.size(), 1u);  // the second waits for the first
  held_[0]->Respond(200, {}, "one");
  const std::string first = Flush();
  EXPECT_THAT(first, HasSubstr("one"));
  EXPECT_THAT(first, HasSubstr("GET /two"));
  EXPECT_THAT(first, Not(HasSubstr("/four")));
  ASSERT_EQ(held_.size(), 2u);
  held_[1]->Respond(200, {}, "three");
  EXPECT_THAT(Flush(), EndsWith("GET /four  0"));
}

TEST_F(Http1SessionTest, StopsReadingFromAClientThatPipelinesWithoutEnd) {
  Exchange(Get("/hold"));
  EXPECT_TRUE(session_.WantsRead());
  while (session_.WantsRead()) ASSERT_EQ(Exchange(Get("/" + std::string(500, 'a'))), "");
  held_[0]->Respond(200, {}, "");
  Flush();
  EXPECT_TRUE(session_.WantsRead());
  EXPECT_GT(requests_.size(), 100u);
}

TEST_F(Http1SessionTest, TakesChunkedBodiesAndIgnoresTrailers) {
  const std::string answer = Exchange(
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\nA;ext=1\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n");
  EXPECT_THAT(answer, EndsWith("POST /  13"));
  EXPECT_EQ(requests_[0].body, "abc0123456789");
  EXPECT_FALSE(requests_[0].headers.Has("x-trailer"));
}

TEST_F(Http1SessionTest, SendsContinueWhenAsked) {
  EXPECT_EQ(
      Exchange("PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n"),
      "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_THAT(Exchange("ab"), EndsWith("PUT /  2"));
}

TEST_F(Http1SessionTest, StreamsInChunks) {
  Exchange(Get("/hold"));
  held_[0]->Start(200, {});
  EXPECT_THAT(Flush(), EndsWith("Transfer-Encoding: chunked\r\n\r\n"));
  EXPECT_TRUE(held_[0]->Write("hello world, 16+"));
  EXPECT_TRUE(held_[0]->Write(""));  // must not end the answer
  EXPECT_EQ(Flush(), "10\r\nhello world, 16+\r\n");
  held_[0]->Finish();
  EXPECT_EQ(Flush(), "0\r\n\r\n");
  EXPECT_FALSE(held_[0]->Write("late"));
  EXPECT_THAT(Exchange(Get("/next")), EndsWith("GET /next  0"));
}

TEST_F(Http1SessionTest, StreamsToHttp10UntilTheEndOfTheConnection) {
  Exchange("GET /hold HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  held_[0]->Start(200, {});
  held_[0]->Write("plain");
  held_[0]->Finish();
  const std::string answer = Flush();
  EXPECT_THAT(answer, Not(HasSubstr("chunked")));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nplain"));
  EXPECT_TRUE(session_.done());
}

TEST_F(Http1SessionTest, HeadGetsNoBody) {
  EXPECT_THAT(Exchange("HEAD /x HTTP/1.1\r\nHost: x\r\n\r\n"),
              EndsWith("Content-Length: 10\r\n\r\n"));
  Exchange("HEAD /hold HTTP/1.1\r\nHost: x\r\n\r\n");
  held_[0]->Start(200, {});
  held_[0]->Write("nothing of this");
  held_[0]->Finish();
  EXPECT_THAT(Flush(), EndsWith("chunked\r\n\r\n"));
  EXPECT_THAT(Exchange(Get("/next")), EndsWith("GET /next  0"));
}

TEST_F(Http1SessionTest, NoContentHasNeitherBodyNorLength) {
  Exchange(Get("/hold"));
  held_[0]->Respond(204, {}, "ignored");
  const std::string answer = Flush();
  EXPECT_THAT(answer, Not(HasSubstr("Content-Length")));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST_F(Http1SessionTest, HeadersCannotBeInjected) {
  Exchange(Get("/hold"));
  Headers headers;
  headers.Add("x-echo", "a\r\nSet-Cookie: b");
  headers.Add("content-length", "99");
  held_[0]->Respond(200, std::move(headers), "ok");
  const std::string answer = Flush();
  EXPECT_THAT(answer, HasSubstr("X-Echo: a  Set-Cookie: b\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("99")));
}

TEST_F(Http1SessionTest, TakesAbsoluteTargetsAndAsterisk) {
  EXPECT_THAT(Exchange(Get("http://h:1/p?q")), EndsWith("GET /p q 0"));
  EXPECT_THAT(Exchange(Get("http://h")), EndsWith("GET /  0"));
  EXPECT_THAT(Exchange(Get("http://h?q")), EndsWith("GET / q 0"));
  EXPECT_THAT(Exchange("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"), EndsWith("OPTIONS *  0"));
}

TEST_F(Http1SessionTest, IgnoresAnOfferToUpgrade) {
  const std::string upgrade =
      "GET /up HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
  EXPECT_THAT(Exchange(upgrade + Get("/after")), EndsWith("GET /after  0"));
}

TEST_F(Http1SessionTest, ClosesWhenAsked) {
  const std::string answer =
      Exchange("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + Get("/no"));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(session_.done());
  EXPECT_EQ(requests_.size(), 1u);
}

TEST_F(Http1SessionTest, KeepsHttp10OpenOnlyWhenAsked) {
  EXPECT_THAT(Exchange("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
              HasSubstr("Connection: keep-alive\r\n"));
  EXPECT_FALSE(session_.done());
  Exchange("GET / HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(session_.done());
}

TEST_F(Http1SessionTest, TellsTheHandlerWhenTheClientLeavesAnIdleStream) {
  Exchange(Get("/hold"));
  bool closed = false;
  held_[0]->OnClose([&closed] { closed = true; });
  held_[0]->Start(200, {});
  Flush();
  session_.ReceiveEnd();
  EXPECT_FALSE(closed);  // not from inside
  host_.RequestFlush();
  Flush();
  EXPECT_TRUE(closed);
  EXPECT_TRUE(session_.done());
  EXPECT_FALSE(held_[0]->Write("x"));
}

TEST_F(Http1SessionTest, AnswersAClientThatEndedItsHalf) {
  Exchange(Get("/hold"));
  session_.ReceiveEnd();
  EXPECT_FALSE(session_.done());
  held_[0]->Respond(200, {}, "still");
  EXPECT_THAT(Flush(), EndsWith("still"));
  EXPECT_TRUE(session_.done());
}

TEST_F(Http1SessionTest, AClientThatEndedItsHalfIsGoneAfterAWhile) {
  Exchange(Get("/hold"));
  bool closed = false;
  held_[0]->OnClose([&closed] { closed = true; });
  session_.ReceiveEnd();
  host_.manual.Advance(absl::Seconds(2));
  EXPECT_FALSE(closed);
  host_.manual.Advance(absl::Seconds(2));
  EXPECT_TRUE(closed);
  EXPECT_TRUE(session_.done());
}

TEST_F(Http1SessionTest, DrainsAreToldAndBytesCounted) {
  Exchange(Get("/hold"));
  int drains = 0;
  held_[0]->OnDrain([&drains] { ++drains; });
  held_[0]->Start(200, {});
  Flush();
  EXPECT_EQ(drains, 0);  // was never above the mark
  held_[0]->Write(std::string(200000, 'x'));
  EXPECT_GE(held_[0]->unsent_bytes(), 200000u);
  std::string out;
  session_.Produce(out, 64 * 1024);
  EXPECT_EQ(out.size(), 64u * 1024);
  EXPECT_EQ(drains, 0);
  Flush();
  EXPECT_EQ(drains, 1);
  EXPECT_EQ(held_[0]->unsent_bytes(), 0u);
}

TEST_F(Http1SessionTest, CallbacksRunOnceAndAlsoWhenTheConnectionIsLost) {
  Exchange(Get("/hold"));
  int closed = 0;
  held_[0]->OnClose([&closed] { ++closed; });
  session_.Closed();
  EXPECT_EQ(closed, 1);
  held_[0]->Respond(200, {}, "too late");
  held_[0]->OnClose([&closed] { ++closed; });
  host_.manual.RunPosted();
  EXPECT_EQ(closed, 2);
}

TEST_F(Http1SessionTest, ShutdownFinishesTheAnswerUnderWay) {
  Exchange(Get("/hold"));
  session_.Shutdown();
  EXPECT_FALSE(session_.done());
  held_[0]->Respond(200, {}, "last");
  EXPECT_THAT(Flush(), HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(session_.done());
}

TEST_F(Http1SessionTest, ShutdownClosesAnIdleConnection) {
  session_.Shutdown();
  EXPECT_TRUE(session_.done());
}

TEST_F(Http1SessionTest, SlowRequestsAreTimedOut) {
  Exchange("GET / HT");
  host_.manual.Advance(absl::Seconds(9));
  EXPECT_FALSE(session_.done());
  host_.manual.Advance(absl::Seconds(2));
  EXPECT_THAT(Flush(), StartsWith("HTTP/1.1 408 Request Timeout\r\n"));
  EXPECT_TRUE(session_.done());
}

TEST_F(Http1SessionTest, SlowBodiesAreTimedOut) {
  Exchange("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
  host_.manual.Advance(absl::Seconds(59));
  EXPECT_FALSE(session_.done());
  host_.manual.Advance(absl::Seconds(2));
  EXPECT_THAT(Flush(), StartsWith("HTTP/1.1 408 "));
}

TEST_F(Http1SessionTest, IdleConnectionsAndSlowHandlersAreNotTimedOut) {
  Exchange(Get("/hold"));
  host_.manual.Advance(absl::Hours(1));
  held_[0]->Respond(200, {}, "");
  EXPECT_THAT(Flush(), HasSubstr("200 OK"));
  host_.manual.Advance(absl::Hours(1));
  EXPECT_FALSE(session_.done());
  EXPECT_EQ(host_.manual.pending_timers(), 0u);
}

struct Refusal {
  const char* name;
  int status;
  std::string bytes;
};

class Http1RefusalTest : public Http1SessionTest, public ::testing::WithParamInterface<Refusal> {};

TEST_P(Http1RefusalTest, IsRefusedAndCloses) {
  const std::string answer = Exchange(GetParam().bytes);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 " + std::to_string(GetParam().status) + " "));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(session_.done());
  EXPECT_TRUE(requests_.empty());
  EXPECT_EQ(Exchange(Get("/ignored")), "");
}

TEST_F(Http1SessionTest, AHeadThatIsTooLargeIsSpokenOf) {
  std::vector<std::string> refused;
  Http1Session session(
      host_, handler_, backlogs_,
      {.max_header_bytes = 1000, .on_refused = [&](const auto& why) { refused.push_back(why); }});
  const std::string head = "GET / HTTP/1.1\r\nHost: x\r\nA: ";
  EXPECT_THAT(host_.Exchange(session, head + std::string(900, 'a') + "\r\n\r\n"),
              StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(refused, IsEmpty());
  EXPECT_THAT(host_.Exchange(session, head + std::string(1000, 'a')), StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(refused, ElementsAre("a request's header fields are larger than 1000 bytes"));
}

INSTANTIATE_TEST_SUITE_P(
    Http1, Http1RefusalTest,
    ::testing::Values(
        Refusal{"Garbage", 400, "hello there\r\n\r\n"},
        Refusal{"UnknownMethod", 400, "FROBNICATE / HTTP/1.1\r\nHost: x\r\n\r\n"},
        Refusal{"NoHost", 400, "GET / HTTP/1.1\r\n\r\n"},
        Refusal{"TwoHosts", 400, "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"},
        Refusal{"LengthAndChunked", 400,
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: "
                "chunked\r\n\r\n0\r\n\r\n"},
        Refusal{"ChunkedAndLength", 400,
                "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: "
                "3\r\n\r\n0\r\n\r\n"},
        Refusal{"UnknownCoding", 400,
                "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n"},
        Refusal{"TwoLengths", 400,
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"},
        Refusal{"NegativeLength", 400, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"},
        Refusal{"HugeLength", 400,
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n"},
        Refusal{"SpaceBeforeColon", 400, "GET / HTTP/1.1\r\nHost : x\r\n\r\n"},
        Refusal{"ControlInHeader", 400,
                std::string("GET / HTTP/1.1\r\nHost: x\r\nA: b") + std::string(1, 0) + "c\r\n\r\n"},
        Refusal{"BadChunkSize", 400,
                "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"},
        Refusal{"RelativeTarget", 400, "GET foo HTTP/1.1\r\nHost: x\r\n\r\n"},
        Refusal{"AsteriskGet", 400, "GET * HTTP/1.1\r\nHost: x\r\n\r\n"},
        Refusal{"Connect", 405, "CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n"},
        Refusal{"LengthTooLarge", 413, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n"},
        Refusal{"ChunksTooLarge", 413,
                "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" +
                    std::string(101, 'x')},
        Refusal{"Expectation", 417, "GET / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n"},
        Refusal{"LongTarget", 431, "GET /" + std::string(1000, 'a')},
        Refusal{"LongHeader", 431, "GET / HTTP/1.1\r\nA: " + std::string(1000, 'a')},
        Refusal{"ManyHeaders", 431,
                [] {
                  std::string bytes = "GET / HTTP/1.1\r\n";
                  for (int i = 0; i < 40; ++i) bytes += "a: b\r\n";
                  return bytes;
                }()},
        Refusal{"Version", 505, "GET / HTTP/2.0\r\nHost: x\r\n\r\n"}),
    [](const auto& param_info) { return std::string(param_info.param.name); });

}  // namespace
}  // namespace pintle::net
