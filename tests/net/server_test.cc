// Server on loopback sockets: what bytes alone cannot show.
#include "net/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "tests/net/test_support.h"

namespace pintle::net {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Get(std::string_view target) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n\r\n";
}

TEST(Server, SpeaksHttp1AndHttp2OnOnePort) {
  TestServer server;
  RawSocket http1(server.port());
  ASSERT_TRUE(http1.Send(Get("/health")));
  EXPECT_THAT(http1.ReadUntil("GET /health  0"), StartsWith("HTTP/1.1 200 OK\r\n"));
  RawSocket http2(server.port());
  ASSERT_TRUE(http2.Send(Hello() + UnaryCall(1, "/t.T/Echo", "hi")));
  const auto frames =
      http2.ReadFrames([](const ReceivedFrame& frame) { return frame.type == kDataFrame; });
  EXPECT_EQ(Select(frames, kDataFrame, 1).at(0).payload, GrpcMessage("hi"));
}

TEST(Server, SpeaksOnAUnixSocketWhoseFileGoesWithIt) {
  const std::string path = testing::TempDir() + "/pintle-server-test.sock";
  IoThreads threads(1);
  std::string peer;
  LambdaHandler http([&](HttpRequest request, std::shared_ptr<HttpExchange> exchange) {
    peer = request.peer;
    EchoHandler(std::move(request), std::move(exchange));
  });
  Server server(threads, {}, nullptr, http);
  for (int i = 0; i < 2; ++i) {  // the second replaces what a crash left behind
    ASSERT_TRUE(server.ListenUnix(path, {}).ok());
  }
  const int file = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{.sun_family = AF_UNIX};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(connect(file, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const std::string request = Get("/health");
  ASSERT_EQ(write(file, request.data(), request.size()), static_cast<ssize_t>(request.size()));
  char answer[1000];
  const ssize_t size = read(file, answer, sizeof answer);
  EXPECT_THAT(std::string(answer, size < 0 ? 0 : static_cast<size_t>(size)),
              StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(peer, "@");
  close(file);
  server.Stop(absl::ZeroDuration());
  EXPECT_NE(access(path.c_str(), F_OK), 0);
  EXPECT_EQ(server.ListenUnix(std::string(200, 'x'), {}).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Server, PortInUseIsSaidInGosWords) {
  TestServer first;
  IoThreads threads(1);
  LambdaHandler http(EchoHandler);
  Server second(threads, {}, nullptr, http);
  const absl::StatusOr<uint16_t> listening = second.Listen("127.0.0.1", first.port());
  EXPECT_EQ(listening.status(),
            absl::FailedPreconditionError("listen tcp 127.0.0.1:" + std::to_string(first.port()) +
                                          ": bind: address already in use"));
  EXPECT_EQ(second.Listen("not-an-address", 0).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(second.Listen("localhost", 0).ok());
}

TEST(Server, WithoutRouterEveryMethodIsUnknown) {
  IoThreads threads(1);
  LambdaHandler http(EchoHandler);
  Server server(threads, {}, nullptr, http);
  const absl::StatusOr<uint16_t> port = server.Listen("127.0.0.1", 0);
  ASSERT_TRUE(port.ok());
  RawSocket socket(*port);
  ASSERT_TRUE(socket.Send(Hello() + UnaryCall(1, "/t.T/Echo", "hi")));
  const auto frames =
      socket.ReadFrames([](const ReceivedFrame& frame) { return frame.type == kHeadersFrame; });
  HeaderDecoder decoder;
  EXPECT_EQ(decoder.Decode(Select(frames, kHeadersFrame, 1).at(0).payload).Get("grpc-message"),
            "unknown service t.T");
}

TEST(Server, AnswersFromOtherThreadsComeBackThroughTheExecutor) {
  std::mutex mutex;
  std::vector<std::thread> workers;
  TestServer server(
      {},
      [&](GrpcRouter& router) {
        router.Unary("/t.T/Threaded", [&](std::string request, std::shared_ptr<GrpcCall> call) {
          std::lock_guard lock(mutex);
          workers.emplace_back([call, request] {
            call->executor().Post([call, request] { call->Reply(request + "!"); });
          });
        });
      },
      EchoHandler, 0, 2);
  RawSocket socket(server.port());
  std::string bytes = Hello();
  for (uint32_t stream = 1; stream < 41; stream += 2)
    bytes += UnaryCall(stream, "/t.T/Threaded", "x");
  ASSERT_TRUE(socket.Send(bytes));
  std::set<uint32_t> answered;
  socket.ReadFrames([&answered](const ReceivedFrame& frame) {
    if (frame.type == kDataFrame && frame.payload == GrpcMessage("x!"))
      answered.insert(frame.stream);
    return answered.size() == 20;
  });
  EXPECT_EQ(answered.size(), 20u);
  std::lock_guard lock(mutex);
  for (std::thread& worker : workers) worker.join();
}

TEST(Server, HandlerLearnsThatTheClientLeftAnIdleStream) {
  Notification closed;
  TestServer server({}, {}, [&closed](HttpRequest, std::shared_ptr<HttpExchange> exchange) {
    exchange->OnClose([&closed] { closed.Notify(); });
    exchange->Start(200, {});
    exchange->Write("first");
  });
  RawSocket socket(server.port());
  ASSERT_TRUE(socket.Send(Get("/watch")));
  EXPECT_THAT(socket.ReadUntil("first\r\n"), HasSubstr("5\r\nfirst\r\n"));
  EXPECT_FALSE(closed.HasBeenNotified());
  socket.Close();
  EXPECT_TRUE(closed.WaitForNotificationWithTimeout(absl::Seconds(5)));
}

// Trap 7: a producer that heeds unsent_bytes holds little, however slow the reader.
TEST(Server, SlowReaderOfAStreamIsServedOnDrain) {
  constexpr size_t kTotal = 32 << 20, kBound = 256 * 1024;
  std::atomic<size_t> most_unsent = 0;
  TestServer server({}, {}, [&](HttpRequest, std::shared_ptr<HttpExchange> exchange) {
    exchange->Start(200, {});
    auto left = std::make_shared<size_t>(kTotal);
    auto produce = std::make_shared<std::function<void()>>();
    *produce = [exchange = exchange.get(), left, &most_unsent] {
      while (*left > 0 && exchange->unsent_bytes() < kBound) {
        exchange->Write(std::string(16384, 'x'));
        *left -= 16384;
        most_unsent = std::max(most_unsent.load(), exchange->unsent_bytes());
      }
      if (*left == 0) exchange->Finish();
    };
    exchange->OnDrain([produce, keep = exchange] { (*produce)(); });
    (*produce)();
  });
  RawSocket socket(server.port(), 16384);
  ASSERT_TRUE(socket.Send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  size_t received = 0;
  for (std::string piece = socket.ReadSome(); !piece.empty(); piece = socket.ReadSome())
    received += piece.size();
  EXPECT_GT(received, kTotal);
  EXPECT_LT(most_unsent.load(), kBound + 17000);
}

TEST(Server, LastAnswerArrivesAlthoughTheClientStillSends) {
  TestServer server;
  RawSocket socket(server.port());
  ASSERT_TRUE(socket.Send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n"));
  const std::string block(1 << 16, 'x');
  for (int i = 0; i < 50 && socket.Send(block); ++i) {
  }
  EXPECT_THAT(socket.ReadUntil("Too Large"), StartsWith("HTTP/1.1 413 "));
}

TEST(Server, ConnectionsAreLimitedAndCounted) {
  ServerOptions options;
  options.max_connections = 2;
  TestServer server(options);
  auto first = std::make_unique<RawSocket>(server.port());
  RawSocket second(server.port());
  ASSERT_TRUE(first->Send(Get("/")));
  ASSERT_TRUE(second.Send(Get("/")));
  first->ReadUntil("GET");
  second.ReadUntil("GET");
  EXPECT_EQ(server.server().counters().connections_open, 2u);
  EXPECT_GT(server.server().counters().bytes_received, 40u);
  EXPECT_GT(server.server().counters().bytes_sent, 100u);
  RawSocket third(server.port());
  EXPECT_TRUE(third.AtEnd());
  first.reset();
  EXPECT_TRUE(Eventually([&server] { return server.server().counters().connections_open == 1; }));
  RawSocket fourth(server.port());
  ASSERT_TRUE(fourth.Send(Get("/")));
  EXPECT_THAT(fourth.ReadUntil("GET /"), HasSubstr("200 OK"));
}

// An accept that fails for want of descriptors is tried again later, without spinning, and works
// then.
TEST(Server, SurvivesRunningOutOfDescriptors) {
  TestServer server;
  RawSocket before(server.port());
  ASSERT_TRUE(before.Send(Get("/")));
  before.ReadUntil("GET");
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  const int probe = dup(0);
  close(probe);
  RawSocket waiting_socket(server.port());  // takes `probe`'s number; its accept is what fails
  rlimit low = limit;
  low.rlim_cur = static_cast<rlim_t>(probe);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  rusage usage_before{}, usage_after{};
  getrusage(RUSAGE_SELF, &usage_before);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  getrusage(RUSAGE_SELF, &usage_after);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  const auto micros = [](const timeval& t) { return t.tv_sec * 1000000 + t.tv_usec; };
  EXPECT_LT(micros(usage_after.ru_utime) + micros(usage_after.ru_stime) -
                micros(usage_before.ru_utime) - micros(usage_before.ru_stime),
            150000);
  ASSERT_TRUE(waiting_socket.Send(Get("/later")));
  EXPECT_THAT(waiting_socket.ReadUntil("GET /later"), HasSubstr("200 OK"));
}

TEST(Server, StopDrainsWithGoawayAndClosesIdleConnections) {
  std::mutex mutex;
  std::shared_ptr<GrpcCall> held;
  TestServer server({}, [&](GrpcRouter& router) {
    router.Unary("/t.T/Hold", [&](std::string, std::shared_ptr<GrpcCall> call) {
      std::lock_guard lock(mutex);
      held = std::move(call);
    });
  });
  RawSocket idle1(server.port()), idle2(server.port()), busy(server.port());
  ASSERT_TRUE(idle1.Send(Get("/")));
  idle1.ReadUntil("GET");
  ASSERT_TRUE(idle2.Send(Hello()));
  ASSERT_TRUE(busy.Send(Hello() + UnaryCall(1, "/t.T/Hold", "")));
  ASSERT_TRUE(Eventually([&] {
    std::lock_guard lock(mutex);
    return held != nullptr;
  }));
  std::thread stopping([&server] { server.server().Stop(absl::Seconds(10)); });
  EXPECT_TRUE(idle1.AtEnd());
  EXPECT_TRUE(idle2.AtEnd());
  const auto goaway =
      busy.ReadFrames([](const ReceivedFrame& frame) { return frame.type == kGoawayFrame; });
  EXPECT_EQ(ErrorCode(goaway.back()), 0u);
  {
    std::lock_guard lock(mutex);
    held->executor().Post([held] { held->Reply("finished"); });
    held.reset();
  }
  const auto frames =
      busy.ReadFrames([](const ReceivedFrame& frame) { return frame.type == kDataFrame; });
  EXPECT_EQ(Select(frames, kDataFrame, 1).at(0).payload, GrpcMessage("finished"));
  EXPECT_TRUE(busy.AtEnd());
  stopping.join();
  EXPECT_EQ(server.server().counters().connections_open, 0u);
}

TEST(Server, DrainTakesNothingNewAndCutsNothingOff) {
  std::atomic<bool> closed = false;
  TestServer server({}, {}, [&closed](HttpRequest, std::shared_ptr<HttpExchange> exchange) {
    exchange->OnClose([&closed, exchange] { closed = true; });
    exchange->Start(200, {});
    exchange->Write("endless");
  });
  RawSocket idle(server.port()), busy(server.port());
  ASSERT_TRUE(idle.Send(Hello()));
  ASSERT_TRUE(busy.Send(Get("/")));
  busy.ReadUntil("endless");
  server.server().Drain();
  EXPECT_TRUE(idle.AtEnd());
  EXPECT_FALSE(closed);
  server.server().Stop(absl::ZeroDuration());
  EXPECT_TRUE(closed);
  EXPECT_TRUE(busy.AtEnd());
}

TEST(Server, StopEndsWhatOutlastsTheGrace) {
  std::atomic<bool> closed = false;
  TestServer server({}, {}, [&closed](HttpRequest, std::shared_ptr<HttpExchange> exchange) {
    exchange->OnClose([&closed, exchange] { closed = true; });
    exchange->Start(200, {});
    exchange->Write("endless");
  });
  RawSocket socket(server.port());
  ASSERT_TRUE(socket.Send(Get("/")));
  socket.ReadUntil("endless");
  server.server().Stop(absl::Milliseconds(20));
  EXPECT_TRUE(closed);
  EXPECT_TRUE(socket.AtEnd());
  EXPECT_EQ(server.server().counters().connections_open, 0u);
}

TEST(Server, StopAfterTheThreadsHaveStoppedReturns) {
  TestServer server;
  RawSocket socket(server.port());
  ASSERT_TRUE(socket.Send(Get("/")));
  socket.ReadUntil("GET");
  server.threads().Stop();
  server.server().Stop(absl::Seconds(30));
}

TEST(Server, DealsConnectionsToAllThreads) {
  std::mutex mutex;
  std::set<Executor*> executors;
  TestServer server(
      {}, {},
      [&](HttpRequest request, std::shared_ptr<HttpExchange> exchange) {
        {
          std::lock_guard lock(mutex);
          executors.insert(&exchange->executor());
        }
        EchoHandler(std::move(request), std::move(exchange));
      },
      0, 3);
  for (int i = 0; i < 6; ++i) {
    RawSocket socket(server.port());
    ASSERT_TRUE(socket.Send(Get("/")));
    EXPECT_THAT(socket.ReadUntil("GET /"), HasSubstr("200 OK"));
  }
  std::lock_guard lock(mutex);
  EXPECT_EQ(executors.size(), 3u);
}

// Replies of one burst leave in one write: the client sees them in few reads, whole.
TEST(Server, LargePipelinedBurstIsAnsweredInOrder) {
  TestServer server;
  RawSocket socket(server.port());
  std::string burst;
  for (int i = 0; i < 2000; ++i) burst += Get("/" + std::to_string(i));
  std::thread sender([&] { EXPECT_TRUE(socket.Send(burst)); });
  const std::string all = socket.ReadUntil("GET /1999  0");
  sender.join();
  size_t at = 0;
  for (int i = 0; i < 2000; ++i) {
    at = all.find("GET /" + std::to_string(i) + "  0", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
}

}  // namespace
}  // namespace pintle::net
