// The same controllers over real sockets: HttpTransport against net::Server on loopback, in real
// time.
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/check.h"
#include "client/controllers/controllers_main.h"
#include "client/controllers/manager.h"
#include "client/controllers/pod_util.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "net/server.h"
#include "tests/client/fake_api_server.h"

namespace pintle::client::controllers {
namespace {

using testing::FakeApiServer;

// HTTP on the outside, the API server in memory on the inside.
class HttpFace final : public net::HttpHandler {
 public:
  HttpFace(FakeApiServer& server, size_t endpoint) : server_(server), endpoint_(endpoint) {}

  void Handle(net::HttpRequest request, std::shared_ptr<net::HttpExchange> exchange) override {
    net::HttpClientRequest forward;
    forward.method = request.method;
    forward.target = request.query.empty() ? request.path : request.path + "?" + request.query;
    forward.headers = request.headers;
    forward.body = request.body;
    const bool watch = request.query.find("watch=true") != std::string::npos;
    auto handle = std::make_shared<std::unique_ptr<Transport::Handle>>();
    exchange->OnClose([handle] { handle->reset(); });
    if (!watch) {
      *handle = server_.Send(endpoint_, std::move(forward),
                             [exchange](absl::StatusOr<net::HttpClientResponse> answer) {
                               net::Headers headers;
                               headers.Add("content-type", "application/json");
                               if (!answer.ok()) return exchange->Respond(503, headers, "{}");
                               exchange->Respond(answer->status, headers, answer->body);
                             });
      return;
    }
    net::HttpClient::StreamCallbacks callbacks;
    callbacks.on_head = [exchange](int status, const net::Headers&) {
      exchange->Start(status, {});
    };
    callbacks.on_piece = [exchange](std::string_view piece) {
      exchange->Write(std::string(piece));
    };
    callbacks.on_end = [exchange](absl::Status) { exchange->Finish(); };
    *handle = server_.Stream(endpoint_, std::move(forward), std::move(callbacks));
  }

 private:
  FakeApiServer& server_;
  const size_t endpoint_;
};

class LoopbackTest : public ::testing::Test {
 protected:
  static constexpr size_t kMembers = 2;

  LoopbackTest() : threads_(1) {
    OnLoop([this] {
      server_ = std::make_unique<FakeApiServer>(executor(), [] { return absl::Now(); });
      for (size_t i = 0; i < kMembers; ++i) {
        faces_.push_back(std::make_unique<HttpFace>(*server_, i));
      }
    });
    for (size_t i = 0; i < kMembers; ++i) {
      listeners_.push_back(
          std::make_unique<net::Server>(threads_, net::ServerOptions{}, nullptr, *faces_[i]));
      const absl::StatusOr<uint16_t> port = listeners_.back()->Listen("127.0.0.1", 0);
      PINTLE_CHECK(port.ok(), port.status().ToString());
      endpoints_.push_back({"127.0.0.1", *port});
    }
  }

  ~LoopbackTest() override {
    OnLoop([this] {
      manager_.reset();
      transport_.reset();
    });
    listeners_.clear();
    OnLoop([this] { server_.reset(); });
    threads_.Stop();
  }

  net::Executor& executor() { return threads_.executor(0); }

  void OnLoop(std::function<void()> work) {
    std::promise<void> done;
    executor().Post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }

  // The limit is there for a test that fails; one that passes takes a second or two.
  bool Eventually(const std::function<bool()>& condition) {
    const absl::Time limit = absl::Now() + absl::Seconds(90);
    while (absl::Now() < limit) {
      bool holds = false;
      OnLoop([&] { holds = condition(); });
      if (holds) return true;
      absl::SleepFor(absl::Milliseconds(20));
    }
    return false;
  }

  net::IoThreads threads_;
  std::unique_ptr<FakeApiServer> server_;
  std::vector<std::unique_ptr<HttpFace>> faces_;
  std::vector<std::unique_ptr<net::Server>> listeners_;
  std::vector<net::Endpoint> endpoints_;
  Loop loop_{executor(), [] { return absl::Now(); }, std::mt19937_64(1)};
  std::unique_ptr<EndpointSet> set_ = std::make_unique<EndpointSet>(kMembers);
  std::unique_ptr<HttpTransport> transport_;
  std::unique_ptr<Manager> manager_;
};

TEST_F(LoopbackTest, ADeploymentRunsAndGoesOnWhenItsMemberIsGone) {
  OnLoop([this] {
    transport_ = std::make_unique<HttpTransport>(executor(), endpoints_, 64);
    ManagerOptions options;
    options.election.identity = "me";
    options.simulated_nodes.count = 2;
    manager_ = std::make_unique<Manager>(loop_, *transport_, *set_, options);
    manager_->Start();
    Json deployment =
        *Parse(R"({"metadata":{"name":"web","namespace":"default"},"spec":{"replicas":3,
        "selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},
        "spec":{"containers":[{"name":"c","image":"i"}]}}}})");
    server_->Do(CreateObject(Deployments(), std::move(deployment)));
  });
  const auto ready = [this](size_t wanted) {
    size_t count = 0;
    for (const Json& pod : server_->All(Pods())) count += IsReady(pod) ? 1 : 0;
    return count == wanted && server_->All(Pods()).size() == wanted;
  };
  ASSERT_TRUE(Eventually([&] { return ready(3); }));
  size_t victim = 0;
  OnLoop([&] { victim = set_->current(); });
  listeners_[victim]->Stop(absl::ZeroDuration());
  OnLoop([&] {
    Json deployment = server_->Find(Deployments(), "default/web");
    deployment["spec"]["replicas"] = 5;
    server_->Do(UpdateObject(Deployments(), std::move(deployment)));
  });
  EXPECT_TRUE(Eventually([&] { return ready(5); }));
  bool stopped = false;
  OnLoop([&] { manager_->Stop([&] { stopped = true; }); });
  EXPECT_TRUE(Eventually([&] { return stopped; }));
  const Json lease = server_->Find(Leases(), "kube-system/pintle-controllers");
  EXPECT_EQ(Str(lease, "spec.holderIdentity"), "") << "the lease was not given up";
}

int RunMain(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "controllers");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  return ControllersMain(static_cast<int>(argv.size()), argv.data());
}

TEST(ControllersMain, WrongFlagsAreOneLineAndAnExitCode) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> table = {
      {{"--sever=http://a:1"}, "--server is required"},
      {{}, "--server is required"},
      {{"--server=ftp://a:1"}, "must begin with http:// or https://"},
      {{"--server=http://a"}, "needs a port"},
      {{"--server=http://a:1", "--no-such-flag"}, "--no-such-flag"},
      {{"--server=http://a:1", "--node-monitor-grace-period=soon"}, "is not a positive duration"},
      {{"--server=http://a:1", "--node-monitor-grace-period=-1s"}, "is not a positive duration"},
      {{"--server=http://a:1", "--simulated-nodes=-1"}, "--simulated-nodes"},
      {{"--server=http://a:1", "--log-level=loud"}, "--log-level"},
      {{"--server=http://a:1", "--leader-elect-renew-deadline=20s"}, "must be longer than"}};
  for (const auto& [arguments, expected] : table) {
    ::testing::internal::CaptureStderr();
    EXPECT_EQ(RunMain(arguments), 2) << expected;
    const std::string told = ::testing::internal::GetCapturedStderr();
    EXPECT_THAT(told, ::testing::HasSubstr(expected));
    EXPECT_EQ(std::count(told.begin(), told.end(), '\n'), 1) << told;
  }
}

TEST(ControllersMain, HelpNamesEveryFlag) {
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(RunMain({"--help"}), 0);
  const std::string help = ::testing::internal::GetCapturedStdout();
  for (const char* flag : {"--server", "--simulated-nodes", "--leader-elect", "--kube-api-qps",
                           "--node-monitor-grace-period", "--pod-eviction-timeout"}) {
    EXPECT_THAT(help, ::testing::HasSubstr(flag));
  }
}

}  // namespace
}  // namespace pintle::client::controllers
