// Asking the face in Protobuf's text form. A request that succeeds answers with its response's text
// (cluster id, member id and term of the header are checked and left out), one that fails with
// "CODE: text".
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "proto/etcd/election.pb.h"
#include "proto/etcd/health.pb.h"
#include "proto/etcd/lock.pb.h"
#include "proto/etcd/rpc.pb.h"
#include "server/etcd/etcd_face.h"
#include "tests/etcd/fakes.h"

namespace pintle::server::etcd::testing {

inline std::unique_ptr<google::protobuf::Message> NewMessage(
    const google::protobuf::Descriptor* type) {
  return std::unique_ptr<google::protobuf::Message>(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
}

// "etcdserverpb.KV/Range"
inline const google::protobuf::MethodDescriptor* FindMethod(std::string path) {
  std::replace(path.begin(), path.end(), '/', '.');
  return google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(path);
}

inline std::string Encode(const google::protobuf::Descriptor* type, const std::string& text) {
  auto message = NewMessage(type);
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, message.get())) << text;
  return message->SerializeAsString();
}

inline std::string Text(const absl::Status& status) {
  return absl::StrCat(absl::StatusCodeToString(status.code()), ": ", status.message());
}

class Harness {
 public:
  explicit Harness(EtcdFaceOptions options = {}) : face(member, std::move(options)) {
    face.Register(router);
  }
  ~Harness() { executor.Run(); }

  std::string Ask(const std::string& path, const std::string& request, net::Headers metadata = {}) {
    const auto* method = FindMethod(path);
    EXPECT_NE(method, nullptr) << path;
    return AskBytes(path, Encode(method->input_type(), request), std::move(metadata));
  }

  std::string AskBytes(const std::string& path, std::string bytes, net::Headers metadata = {}) {
    const auto handler = router.unary().find("/" + path);
    if (handler == router.unary().end()) return "no such method";
    auto call = std::make_shared<FakeCall>(executor, std::move(metadata));
    handler->second(std::move(bytes), call);
    executor.Run();
    EXPECT_TRUE(call->ended());
    if (!call->status().ok()) return Text(call->status());
    const auto sent = call->TakeSent();
    EXPECT_EQ(sent.size(), 1u);
    return Show(FindMethod(path)->output_type(), sent.at(0));
  }

  // The response as text, its header without what every header says.
  std::string Show(const google::protobuf::Descriptor* type, const std::string& bytes) const {
    auto message = NewMessage(type);
    EXPECT_TRUE(message->ParseFromString(bytes));
    const auto* field = type->FindFieldByName("header");
    if (field != nullptr && message->GetReflection()->HasField(*message, field)) {
      auto& header = dynamic_cast<etcdserverpb::ResponseHeader&>(
          *message->GetReflection()->MutableMessage(message.get(), field));
      EXPECT_EQ(header.cluster_id(), member.facts.cluster_id);
      EXPECT_EQ(header.member_id(), member.facts.member_id);
      EXPECT_EQ(header.raft_term(), member.facts.raft_term);
      header.clear_cluster_id();
      header.clear_member_id();
      header.clear_raft_term();
    }
    return message->ShortDebugString();
  }

  // Everything that waits in the background, and what it leads to on the call's thread.
  void RunBackground() {
    executor.Run();
    while (!member.background.empty()) {
      const auto work = member.background.front();
      member.background.pop_front();
      work();
      executor.Run();
    }
  }

  FakeMember member;
  FakeExecutor executor;
  net::GrpcRouter router;
  EtcdFace face;
};

// One streaming call.
class StreamClient {
 public:
  StreamClient(Harness& harness, std::string path, net::Headers metadata = {})
      : harness_(harness),
        method_(FindMethod(path)),
        call_(std::make_shared<FakeCall>(harness.executor, std::move(metadata))),
        handler_(harness.router.stream().at("/" + path)(call_)) {}
  ~StreamClient() {
    call_->Cancel();
    harness_.executor.Run();
  }

  void Send(const std::string& request) {
    if (!call_->ended()) handler_->OnMessage(Encode(method_->input_type(), request));
    harness_.executor.Run();
  }
  void SendBytes(const std::string& bytes) { handler_->OnMessage(bytes); }
  void HalfClose() { handler_->OnHalfClose(); }

  std::vector<std::string> Take() {
    harness_.executor.Run();
    std::vector<std::string> texts;
    for (const std::string& bytes : call_->TakeSent()) {
      texts.push_back(harness_.Show(method_->output_type(), bytes));
    }
    return texts;
  }
  FakeCall& call() { return *call_; }

 private:
  Harness& harness_;
  const google::protobuf::MethodDescriptor* const method_;
  const std::shared_ptr<FakeCall> call_;
  const std::unique_ptr<net::GrpcStreamHandler> handler_;
};

inline net::Headers Metadata(std::string name, std::string value) {
  net::Headers headers;
  headers.Add(std::move(name), std::move(value));
  return headers;
}

}  // namespace pintle::server::etcd::testing
