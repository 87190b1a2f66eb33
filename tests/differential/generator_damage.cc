#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "tests/differential/generator.h"
#include "tests/differential/not_asked.h"

namespace pintle::tests {
namespace {

using namespace etcdserverpb;  // NOLINT: a page of its messages
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr int kNoSuchNumber = 7;  // no enumeration of etcd's goes so far
constexpr int kNoSuchField = 5000;

// Every message in it, itself too.
void Collect(Message& message, std::vector<Message*>& all) {
  all.push_back(&message);
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      Collect(*reflection.MutableMessage(&message, field), all);
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      Collect(*reflection.MutableRepeatedMessage(&message, field, i), all);
    }
  }
}

std::vector<const FieldDescriptor*> Enumerations(const Message& message) {
  std::vector<const FieldDescriptor*> found;
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = message.GetDescriptor()->field(i);
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM && !field->is_repeated()) {
      found.push_back(field);
    }
  }
  return found;
}

}  // namespace

// Bytes that no client would send.
Request Generator::Damaged(Request request) {
  const Request intact = request;
  request.damaged = true;
  for (int changes = 1 + Below(3); changes > 0 && !request.bytes.empty(); --changes) {
    const size_t at = static_cast<size_t>(Below(static_cast<int>(request.bytes.size())));
    switch (Below(3)) {
      case 0:
        request.bytes[at] = static_cast<char>(Below(256));
        break;
      case 1:
        request.bytes.resize(at);
        break;
      default:
        request.bytes.insert(at, 1, static_cast<char>(Below(256)));
    }
  }
  return IsNotAsked(request) ? intact : request;
}

// A message that parses, with a number that the enumeration does not have, or a field that nobody
// knows (etcd's later releases have some, and must be understood by earlier ones).
Request Generator::Odd(Request request) {
  const Request intact = request;
  const std::unique_ptr<Message> message = NewMessage(*MethodOf(request.path).request);
  if (!message->ParseFromString(request.bytes)) return intact;
  std::vector<Message*> all;
  Collect(*message, all);
  Message& one = *all.at(static_cast<size_t>(Below(static_cast<int>(all.size()))));
  const std::vector<const FieldDescriptor*> numbers = Enumerations(one);
  if (numbers.empty() || OneIn(3)) {
    auto& unknown = *one.GetReflection()->MutableUnknownFields(&one);
    if (OneIn(2))
      unknown.AddVarint(kNoSuchField, 1);
    else
      unknown.AddLengthDelimited(kNoSuchField)->assign("of another release");
  } else {
    const auto* field = numbers.at(static_cast<size_t>(Below(static_cast<int>(numbers.size()))));
    one.GetReflection()->SetEnumValue(&one, field, kNoSuchNumber);
  }
  request.bytes = message->SerializeAsString();
  return IsNotAsked(request) ? intact : request;
}

// What is no message of an RPC at all.
Request Generator::Unknown() {
  PutRequest put;
  put.set_key("large");
  switch (Below(5)) {
    case 0:
      return RequestOf("KV/Nothing", put, false);
    case 1:
      return RequestOf("Nothing/Range", put, false);
    case 2:
      return RequestOf("KV/Range", RangeRequest(), true);
    case 3:  // more than etcd proposes, and more than gRPC takes
      put.set_value(std::string(OneIn(2) ? 1600000 : 2200000, 'v'));
      return RequestOf("KV/Put", put, false);
    default:
      return RequestOf("KV/Txn", TxnRequest(), false);
  }
}

Request Generator::BadCall() {
  if (OneIn(30)) return Unknown();
  if (OneIn(3)) {
    switch (Below(5)) {
      case 0:
        return Odd(RequestOf("Lease/LeaseTimeToLive", LeaseTimeToLiveRequest(), true));
      case 1:
        return Odd(RequestOf("Maintenance/Alarm", AlarmRequest(), false));
      case 2:
        return Odd(RoleGrant("role1"));
      default:
        return Odd(KvCall());
    }
  }
  return Damaged(KvCall());
}

}  // namespace pintle::tests
