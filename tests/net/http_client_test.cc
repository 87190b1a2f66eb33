// HttpClient against our own server, and against hand-written answers.
#include "net/http_client.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "tests/net/test_support.h"

namespace pintle::net {
namespace {

using ::testing::HasSubstr;

// Accepts connections one after another and plays `script` on each: reads a request head, writes
// the answer, closes.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<std::string> answers) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(::listen(listener_, 16), 0);
    socklen_t size = sizeof(address);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    thread_ = std::thread([this, answers = std::move(answers)] {
      for (const std::string& answer : answers) Play(answer);
    });
  }
  ~ScriptedServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  uint16_t port = 0;

 private:
  void Play(const std::string& answer) {
    const int fd = ::accept(listener_, nullptr, nullptr);
    if (fd < 0) return;
    std::string request;
    char buffer[4096];
    while (request.find("\r\n\r\n") == std::string::npos) {
      const ssize_t count = ::recv(fd, buffer, sizeof(buffer), 0);
      if (count <= 0) break;
      request.append(buffer, static_cast<size_t>(count));
    }
    ::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
    ::close(fd);
  }

  int listener_ = -1;
  std::thread thread_;
};

class HttpClientTest : public ::testing::Test {
 protected:
  ~HttpClientTest() override {
    RunOn(executor(), [this] {
      handles_.clear();
      client_.reset();
    });
  }
  Executor& executor() { return threads_.executor(0); }

  void Connect(uint16_t port, HttpClientOptions options = {}) {
    RunOn(executor(),
          [&] { client_ = std::make_unique<HttpClient>(executor(), "127.0.0.1", port, options); });
  }
  void ServeWith(LambdaHandler::Function handler, HttpClientOptions options = {}) {
    server_ = std::make_unique<TestServer>(ServerOptions{}, std::function<void(GrpcRouter&)>(),
                                           std::move(handler));
    Connect(server_->port(), options);
  }
  absl::StatusOr<HttpClientResponse> Send(HttpClientRequest request) {
    absl::StatusOr<HttpClientResponse> answer;
    Notification done;
    RunOn(executor(), [&] {
      handles_.push_back(
          client_->Send(std::move(request), [&](absl::StatusOr<HttpClientResponse> result) {
            answer = std::move(result);
            done.Notify();
          }));
    });
    done.WaitForNotification();
    return answer;
  }
  absl::StatusOr<HttpClientResponse> Get(std::string target) {
    HttpClientRequest request;
    request.target = std::move(target);
    return Send(std::move(request));
  }

  std::unique_ptr<TestServer> server_;
  IoThreads threads_{1};
  std::unique_ptr<HttpClient> client_;
  std::vector<std::unique_ptr<HttpClient::Handle>> handles_;
};

TEST_F(HttpClientTest, SendsAndReceives) {
  HttpRequest seen;
  ServeWith([&seen](HttpRequest request, std::shared_ptr<HttpExchange> exchange) {
    seen = request;
    EchoHandler(std::move(request), std::move(exchange));
  });
  HttpClientRequest request;
  request.method = "POST";
  request.target = "/p/q?a=b";
  request.body = std::string(2000000, 'x');
  request.headers.Add("accept", "text/*");
  const auto answer = Send(std::move(request));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->headers.Get("content-type"), "text/plain");
  EXPECT_EQ(answer->body, "POST /p/q a=b 2000000");
  EXPECT_EQ(seen.headers.Get("accept"), "text/*");
  EXPECT_EQ(seen.headers.Get("host"), "127.0.0.1:" + std::to_string(server_->port()));
}

TEST_F(HttpClientTest, KeepsConnectionsAndLimitsThem) {
  ServeWith(EchoHandler, {.max_connections = 3});
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(Get("/").ok());
  EXPECT_EQ(server_->server().counters().connections_open, 1u);
  BlockingCounter left(50);
  std::atomic<int> good = 0;
  RunOn(executor(), [&] {
    for (int i = 0; i < 50; ++i) {
      HttpClientRequest request;
      request.target = "/" + std::to_string(i);
      handles_.push_back(
          client_->Send(std::move(request), [&, i](absl::StatusOr<HttpClientResponse> answer) {
            good += answer.ok() && answer->body == "GET /" + std::to_string(i) + "  0" ? 1 : 0;
            left.DecrementCount();
          }));
    }
  });
  left.Wait();
  EXPECT_EQ(good, 50);
  EXPECT_LE(server_->server().counters().connections_open, 3u);
}

TEST_F(HttpClientTest, HeadHasNoBodyAndTheConnectionGoesOn) {
  ServeWith(EchoHandler);
  HttpClientRequest request;
  request.method = "HEAD";
  request.target = "/x";
  const auto answer = Send(std::move(request));
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->headers.Get("content-length"), "10");
  EXPECT_EQ(answer->body, "");
  EXPECT_EQ(Get("/y")->body, "GET /y  0");
  EXPECT_EQ(server_->server().counters().connections_open, 1u);
}

TEST_F(HttpClientTest, StreamsPieceByPiece) {
  std::shared_ptr<HttpExchange> watch;
  std::atomic<bool> closed = false;
  ServeWith([&](HttpRequest, std::shared_ptr<HttpExchange> exchange) {
    watch = exchange;
    exchange->OnClose([&closed] { closed = true; });
    Headers headers;
    headers.Add("x-kind", "watch");
    exchange->Start(200, std::move(headers));
  });
  std::mutex mutex;
  std::string received;
  std::atomic<int> status = 0;
  Notification ended;
  const auto has = [&](std::string_view text) {
    return Eventually([&] {
      std::lock_guard lock(mutex);
      return received == text;
    });
  };
  RunOn(executor(), [&] {
    HttpClientRequest request;
    request.timeout = absl::Seconds(10);
    handles_.push_back(
        client_->Stream(std::move(request), {.on_head =
                                                 [&](int code, const Headers& headers) {
                                                   EXPECT_EQ(headers.Get("x-kind"), "watch");
                                                   status = code;
                                                 },
                                             .on_piece =
                                                 [&](std::string_view piece) {
                                                   std::lock_guard lock(mutex);
                                                   received += piece;
                                                 },
                                             .on_end =
                                                 [&](absl::Status end) {
                                                   EXPECT_TRUE(end.ok()) << end;
                                                   ended.Notify();
                                                 }}));
  });
  ASSERT_TRUE(Eventually([&] { return status == 200; }));
  Executor& server_executor = server_->threads().executor(0);
  RunOn(server_executor, [&] { watch->Write("one"); });
  ASSERT_TRUE(has("one"));
  RunOn(server_executor, [&] { watch->Write("two"); });
  ASSERT_TRUE(has("onetwo"));
  RunOn(server_executor, [&] { watch->Finish(); });
  ended.WaitForNotification();
  RunOn(server_executor, [&] { watch.reset(); });
}

TEST_F(HttpClientTest, DestroyingTheHandleCancelsAndTellsTheServer) {
  std::atomic<bool> started = false, closed = false;
  ServeWith([&](HttpRequest, std::shared_ptr<HttpExchange> exchange) {
    exchange->OnClose([&closed, exchange] { closed = true; });
    exchange->Start(200, {});
    exchange->Write("x");
    started = true;
  });
  RunOn(executor(), [&] {
    handles_.push_back(client_->Stream(
        {}, {.on_head = {}, .on_piece = {}, .on_end = [](absl::Status) { ADD_FAILURE(); }}));
  });
  ASSERT_TRUE(Eventually([&] { return started.load(); }));
  RunOn(executor(), [&] { handles_.clear(); });
  EXPECT_TRUE(Eventually([&] { return closed.load(); }));
}

TEST_F(HttpClientTest, HandleMayBeDestroyedInItsOwnCallback) {
  ServeWith([](HttpRequest, std::shared_ptr<HttpExchange> exchange) {
    exchange->Start(200, {});
    exchange->Write("1");
    exchange->Write("2");
  });
  std::unique_ptr<HttpClient::Handle> handle;
  Notification got;
  RunOn(executor(), [&] {
    handle = client_->Stream({}, {.on_head = {},
                                  .on_piece =
                                      [&](std::string_view) {
                                        handle.reset();
                                        got.Notify();
                                      },
                                  .on_end = [](absl::Status) { ADD_FAILURE(); }});
  });
  got.WaitForNotification();
  EXPECT_TRUE(Eventually([this] { return server_->server().counters().connections_open == 0; }));
}

TEST_F(HttpClientTest, ClientMayBeDestroyedInACallback) {
  ServeWith([](HttpRequest, std::shared_ptr<HttpExchange> exchange) {
    exchange->Start(200, {});
    exchange->Write("1");
  });
  Notification ended;
  RunOn(executor(), [&] {
    handles_.push_back(client_->Stream({}, {.on_head = {},
                                            .on_piece = [&](std::string_view) { client_.reset(); },
                                            .on_end =
                                                [&](absl::Status status) {
                                                  EXPECT_TRUE(absl::IsCancelled(status));
                                                  ended.Notify();
                                                }}));
  });
  ended.WaitForNotification();
  EXPECT_TRUE(Eventually([this] { return server_->server().counters().connections_open == 0; }));
}

TEST_F(HttpClientTest, TimesOut) {
  std::shared_ptr<HttpExchange> held;
  ServeWith(
      [&held](HttpRequest, std::shared_ptr<HttpExchange> exchange) { held = std::move(exchange); });
  HttpClientRequest request;
  request.timeout = absl::Milliseconds(30);
  EXPECT_EQ(Send(std::move(request)).status().code(), absl::StatusCode::kDeadlineExceeded);
  RunOn(server_->threads().executor(0), [&held] { held.reset(); });
}

TEST_F(HttpClientTest, RefusedConnectionIsUnavailable) {
  uint16_t port = 0;
  {
    const TestServer gone;
    port = gone.port();
  }
  Connect(port);
  EXPECT_EQ(Get("/").status(), absl::UnavailableError("dial tcp 127.0.0.1:" + std::to_string(port) +
                                                      ": connect: connection refused"));
}

TEST_F(HttpClientTest, SurvivesARestartOfTheServer) {
  ServeWith(EchoHandler);
  ASSERT_TRUE(Get("/").ok());
  const uint16_t port = server_->port();
  server_.reset();
  server_ = std::make_unique<TestServer>(ServerOptions{}, std::function<void(GrpcRouter&)>(),
                                         EchoHandler, port);
  EXPECT_EQ(Get("/again")->body, "GET /again  0");
}

TEST_F(HttpClientTest, ReadsChunkedContinuedAndEndDelimitedAnswers) {
  ScriptedServer server({
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: "
      "1\r\n\r\n",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nA:  b \r\nContent-Length: 2\r\n\r\nhi",
      "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end",
  });
  Connect(server.port, {.max_connections = 1});
  EXPECT_EQ(Get("/")->body, "abcde");
  const auto created = Get("/");
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ(created->status, 201);
  EXPECT_EQ(created->headers.Get("a"), "b");
  EXPECT_EQ(Get("/")->body, "until the end");
}

TEST_F(HttpClientTest, BrokenAnswersAreUnavailable) {
  ScriptedServer server({
      "SSH-2.0-hello\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
      "",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      "HTTP/1.1 200 OK\r\nX: " + std::string(70000, 'x') + "\r\n\r\n",
  });
  Connect(server.port);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(Get("/").status().code(), absl::StatusCode::kUnavailable) << i;
  }
}

TEST_F(HttpClientTest, LimitsTheBody) {
  ServeWith(
      [](HttpRequest, std::shared_ptr<HttpExchange> exchange) {
        exchange->Respond(200, {}, std::string(1001, 'x'));
      },
      {.max_body_bytes = 1000});
  const absl::Status status = Get("/").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("1000 bytes"));
}

}  // namespace
}  // namespace pintle::net
