// A unary call that need not be answered at once.
#pragma once

#include <memory>
#include <string>

#include "tests/etcd/harness.h"

namespace pintle::server::etcd::testing {

class WaitingCall {
 public:
  WaitingCall(Harness& harness, const std::string& path, const std::string& request)
      : harness_(harness),
        method_(FindMethod(path)),
        call_(std::make_shared<FakeCall>(harness.executor)) {
    harness.router.unary().at("/" + path)(Encode(method_->input_type(), request), call_);
    harness.executor.Run();
  }
  ~WaitingCall() { Cancel(); }

  // "waits", or the answer as Harness::Ask shows it.
  std::string Answer() {
    harness_.executor.Run();
    if (!call_->ended()) return "waits";
    if (!call_->status().ok()) return Text(call_->status());
    return harness_.Show(method_->output_type(), call_->TakeSent().at(0));
  }
  void Cancel() {
    call_->Cancel();
    harness_.executor.Run();
  }

 private:
  Harness& harness_;
  const google::protobuf::MethodDescriptor* const method_;
  const std::shared_ptr<FakeCall> call_;
};

}  // namespace pintle::server::etcd::testing
