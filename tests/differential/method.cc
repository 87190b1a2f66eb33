#include "tests/differential/method.h"

#include <vector>

#include "absl/strings/str_split.h"

namespace pintle::tests {

Method MethodOf(const std::string& path) {
  const std::vector<std::string> parts = absl::StrSplit(path, '/');
  if (parts.size() != 3) return {};
  const auto* service =
      google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(parts[1]);
  const auto* method = service == nullptr ? nullptr : service->FindMethodByName(parts[2]);
  if (method == nullptr) return {};
  return {.request = method->input_type(),
          .response = method->output_type(),
          .client_streams = method->client_streaming(),
          .server_streams = method->server_streaming()};
}

std::unique_ptr<google::protobuf::Message> NewMessage(const google::protobuf::Descriptor& type) {
  return std::unique_ptr<google::protobuf::Message>(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type)->New());
}

}  // namespace pintle::tests
