// The whole façade without a network: the real KubeFace over a member whose store and hub are real,
// and exchanges that keep what they are sent.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/kube/kube_face.h"
#include "server/kube/resources/resource.h"
#include "tests/etcd/fakes.h"

namespace pintle::server::kube::testing {

class Exchange final : public net::HttpExchange {
 public:
  explicit Exchange(etcd::testing::FakeExecutor& executor) : executor_(executor) {}

  void Respond(int status, net::Headers headers, std::string body) override {
    EXPECT_EQ(status_, 0) << "answered twice";
    status_ = status;
    headers_ = std::move(headers);
    body_ = std::move(body);
    finished_ = true;
    Close();
  }
  void Start(int status, net::Headers headers) override {
    EXPECT_EQ(status_, 0) << "answered twice";
    status_ = status;
    headers_ = std::move(headers);
  }
  bool Write(std::string chunk) override {
    if (finished_) return false;
    unsent_ += hold_unsent ? chunk.size() : 0;
    body_ += chunk;
    return true;
  }
  void Finish() override {
    finished_ = true;
    Close();
  }
  size_t unsent_bytes() const override { return unsent_; }
  void OnDrain(absl::AnyInvocable<void()> callback) override { on_drain_ = std::move(callback); }
  void OnClose(absl::AnyInvocable<void()> callback) override { on_close_ = std::move(callback); }
  net::Executor& executor() override { return executor_; }
  bool HasRoom(size_t answer_bytes) const override { return room.Has(answer_bytes); }
  void OnRoom(size_t /*answer_bytes*/, absl::AnyInvocable<void()> work) override {
    room.waiting = std::move(work);
  }

  void Drain() {
    unsent_ = 0;
    if (on_drain_) on_drain_();
  }
  void Close() {
    if (auto callback = std::exchange(on_close_, nullptr)) callback();
  }

  int status() const { return status_; }
  const std::string& body() const { return body_; }
  const net::Headers& headers() const { return headers_; }
  bool finished() const { return finished_; }
  Json json() const { return Json::parse(body_, nullptr, false); }

  // The frames of a watch since the last call.
  std::vector<Json> TakeFrames() {
    std::vector<Json> frames;
    size_t end;
    while ((end = body_.find('\n')) != std::string::npos) {
      frames.push_back(Json::parse(body_.substr(0, end), nullptr, false));
      body_.erase(0, end + 1);
    }
    return frames;
  }

  bool hold_unsent = false;
  etcd::testing::FakeRoom room;

 private:
  etcd::testing::FakeExecutor& executor_;
  int status_ = 0;
  net::Headers headers_;
  std::string body_;
  size_t unsent_ = 0;
  bool finished_ = false;
  absl::AnyInvocable<void()> on_drain_;
  absl::AnyInvocable<void()> on_close_;
};

using HeaderList = std::vector<std::pair<std::string, std::string>>;

class FaceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    KubeOptions options;
    options.now = [this] { return now_; };
    Start(std::move(options));
  }

  void TearDown() override {
    for (const auto& exchange : streams_) exchange->Close();
    executor_.Run();
  }

  void Start(KubeOptions options) {
    auto face = KubeFace::Create(member_, std::move(options));
    ASSERT_TRUE(face.ok()) << face.status();
    face_ = *std::move(face);
  }

  std::shared_ptr<Exchange> Begin(const std::string& method, const std::string& target,
                                  std::string body = "", const HeaderList& headers = {}) {
    auto exchange = std::make_shared<Exchange>(executor_);
    BeginOn(exchange, method, target, std::move(body), headers);
    return exchange;
  }

  void BeginOn(const std::shared_ptr<Exchange>& exchange, const std::string& method,
               const std::string& target, std::string body = "", const HeaderList& headers = {}) {
    net::HttpRequest request;
    request.method = method;
    const size_t question = target.find('?');
    request.path = target.substr(0, question);
    if (question != std::string::npos) request.query = target.substr(question + 1);
    request.body = std::move(body);
    for (const auto& [name, value] : headers) request.headers.Add(name, value);
    face_->Handle(std::move(request), exchange);
  }

  std::shared_ptr<Exchange> Do(const std::string& method, const std::string& target,
                               const Json& body = nullptr, const HeaderList& headers = {}) {
    auto exchange = Begin(method, target, body.is_null() ? "" : body.dump(), headers);
    executor_.Run();
    EXPECT_NE(exchange->status(), 0) << method << " " << target << " was not answered";
    return exchange;
  }

  // The answer of a request that must succeed with `status`.
  Json Must(int status, const std::string& method, const std::string& target,
            const Json& body = nullptr, const HeaderList& headers = {}) {
    auto exchange = Do(method, target, body, headers);
    EXPECT_EQ(exchange->status(), status) << method << " " << target << ": " << exchange->body();
    return exchange->json();
  }

  Json Patch(int status, const std::string& target, const std::string& type, const Json& patch) {
    return Must(status, "PATCH", target, patch,
                {{"content-type", "application/" + type + "-patch+json"}});
  }

  std::shared_ptr<Exchange> Watch(const std::string& target, const HeaderList& headers = {}) {
    auto exchange = Begin("GET", target, "", headers);
    executor_.Run();
    streams_.push_back(exchange);
    return exchange;
  }

  static Json ConfigMap(const std::string& name, const Json& data = Json::object()) {
    return {{"kind", "ConfigMap"},
            {"apiVersion", "v1"},
            {"metadata", {{"name", name}}},
            {"data", data}};
  }
  static Json Pod(const std::string& name, const Json& labels = Json::object()) {
    return {{"kind", "Pod"},
            {"apiVersion", "v1"},
            {"metadata", {{"name", name}, {"labels", labels}}},
            {"spec", {{"containers", Json::array({{{"name", "c"}, {"image", "nginx:1.25"}}})}}}};
  }
  static Json Deployment(const std::string& name) {
    const Json labels = {{"app", name}};
    return {{"kind", "Deployment"},
            {"apiVersion", "apps/v1"},
            {"metadata", {{"name", name}}},
            {"spec",
             {{"replicas", 3},
              {"selector", {{"matchLabels", labels}}},
              {"template",
               {{"metadata", {{"labels", labels}}},
                {"spec",
                 {{"containers", Json::array({{{"name", "c"}, {"image", "nginx:1.25"}}})}}}}}}}};
  }
  static Json Service(const std::string& name, const Json& more = Json::object()) {
    Json spec = {{"selector", {{"app", "x"}}}, {"ports", Json::array({{{"port", 80}}})}};
    spec.update(more);
    return {
        {"kind", "Service"}, {"apiVersion", "v1"}, {"metadata", {{"name", name}}}, {"spec", spec}};
  }

  static std::string Version(const Json& object) {
    return object.value(Json::json_pointer("/metadata/resourceVersion"), std::string());
  }

  etcd::testing::FakeExecutor executor_;
  etcd::testing::FakeMember member_;
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  std::unique_ptr<KubeFace> face_;
  std::vector<std::shared_ptr<Exchange>> streams_;
};

inline constexpr char kDefault[] = "/api/v1/namespaces/default/";
inline constexpr char kMaps[] = "/api/v1/namespaces/default/configmaps";
inline constexpr char kPods[] = "/api/v1/namespaces/default/pods";
inline constexpr char kServices[] = "/api/v1/namespaces/default/services";
inline constexpr char kDeployments[] = "/apis/apps/v1/namespaces/default/deployments";

}  // namespace pintle::server::kube::testing
