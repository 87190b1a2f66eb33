#include "tests/differential/comparison.h"

#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <memory>
#include <tuple>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace pintle::tests {
namespace {

using namespace etcdserverpb;  // NOLINT: a page of its messages
using google::protobuf::Message;

std::string Text(const Message& message) {
  google::protobuf::TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  std::string text;
  printer.PrintToString(message, &text);
  return text;
}

std::unique_ptr<Message> Parse(const google::protobuf::Descriptor& type, const std::string& bytes) {
  std::unique_ptr<Message> message = NewMessage(type);
  if (!message->ParsePartialFromString(bytes)) return nullptr;
  return message;
}

// Whose answer it is does not matter, that it says so does.
void HideServer(ResponseHeader& header) {
  if (header.cluster_id() != 0) header.set_cluster_id(1);
  if (header.member_id() != 0) header.set_member_id(1);
  if (header.raft_term() != 0) header.set_raft_term(1);
}

void HideServer(Message& message) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const auto* field : fields) {
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    const int count = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      Message& part = field->is_repeated() ? *reflection.MutableRepeatedMessage(&message, field, i)
                                           : *reflection.MutableMessage(&message, field);
      if (auto* header = dynamic_cast<ResponseHeader*>(&part))
        HideServer(*header);
      else
        HideServer(part);
    }
  }
}

std::tuple<int64_t, std::string> SortKey(RangeRequest::SortTarget target,
                                         const mvccpb::KeyValue& pair) {
  switch (target) {
    case RangeRequest::VERSION:
      return {pair.version(), ""};
    case RangeRequest::CREATE:
      return {pair.create_revision(), ""};
    case RangeRequest::MOD:
      return {pair.mod_revision(), ""};
    case RangeRequest::VALUE:
      return {0, pair.value()};
    default:
      return {0, pair.key()};
  }
}

// Pairs that sort the same come in any order; where a limit cuts among them, any of them come.
void HideOpenOrder(const RangeRequest& request, RangeResponse& response) {
  if (request.sort_target() == RangeRequest::KEY) return;
  if (request.sort_target() == RangeRequest::VALUE && request.keys_only()) {
    // Sorted by what is not shown.
    if (response.more()) response.clear_kvs();
    std::sort(response.mutable_kvs()->begin(), response.mutable_kvs()->end(),
              [](const auto& a, const auto& b) { return a.key() < b.key(); });
    return;
  }
  auto& pairs = *response.mutable_kvs();
  const auto key = [&](const mvccpb::KeyValue& pair) {
    return SortKey(request.sort_target(), pair);
  };
  for (auto first = pairs.begin(); first != pairs.end();) {
    const auto last = std::find_if(first, pairs.end(),
                                   [&](const auto& pair) { return key(pair) != key(*first); });
    std::sort(first, last, [](const auto& a, const auto& b) { return a.key() < b.key(); });
    if (last == pairs.end() && response.more()) {
      for (auto pair = first; pair != last; ++pair) pair->Clear();
    }
    first = last;
  }
}

void HideOpenOrder(const TxnRequest& request, TxnResponse& response) {
  const auto& operations = response.succeeded() ? request.success() : request.failure();
  for (int i = 0; i < std::min(operations.size(), response.responses_size()); ++i) {
    ResponseOp& answer = *response.mutable_responses(i);
    if (operations[i].has_request_range() && answer.has_response_range()) {
      HideOpenOrder(operations[i].request_range(), *answer.mutable_response_range());
    }
    if (operations[i].has_request_txn() && answer.has_response_txn()) {
      HideOpenOrder(operations[i].request_txn(), *answer.mutable_response_txn());
    }
  }
}

void HideMoment(LeaseTimeToLiveResponse& response) {
  constexpr int64_t kLongestRun = 3500;
  if (response.ttl() >= 0 && response.grantedttl() - response.ttl() <= kLongestRun) {
    response.set_ttl(response.grantedttl());
  }
  std::sort(response.mutable_keys()->begin(), response.mutable_keys()->end());
}

void HideServer(StatusResponse& response) {
  ResponseHeader header = response.header();
  StatusResponse rest;
  *rest.mutable_header() = header;
  *rest.mutable_errors() = response.errors();
  rest.set_islearner(response.islearner());
  rest.set_leader(response.leader());
  response = rest;
}

void HideWhatMayDiffer(const Message* request, Message& response) {
  if (auto* range = dynamic_cast<RangeResponse*>(&response);
      range != nullptr && request != nullptr) {
    HideOpenOrder(dynamic_cast<const RangeRequest&>(*request), *range);
  } else if (auto* txn = dynamic_cast<TxnResponse*>(&response);
             txn != nullptr && request != nullptr) {
    HideOpenOrder(dynamic_cast<const TxnRequest&>(*request), *txn);
  } else if (auto* lease = dynamic_cast<LeaseTimeToLiveResponse*>(&response)) {
    HideMoment(*lease);
  } else if (auto* leases = dynamic_cast<LeaseLeasesResponse*>(&response)) {
    std::sort(leases->mutable_leases()->begin(), leases->mutable_leases()->end(),
              [](const auto& a, const auto& b) { return a.id() < b.id(); });
  } else if (auto* status = dynamic_cast<StatusResponse*>(&response)) {
    HideServer(*status);
  } else if (auto* whole = dynamic_cast<HashResponse*>(&response)) {
    whole->set_hash(whole->hash() != 0 ? 1 : 0);  // of the files
  } else if (auto* login = dynamic_cast<AuthenticateResponse*>(&response)) {
    login->set_token(login->token().empty() ? "" : "a token");
  } else if (auto* hash = dynamic_cast<HashKVResponse*>(&response)) {
    hash->clear_hash_revision();  // of 3.6
  }
}

}  // namespace

std::string Describe(const Request& request, const Answer& answer, const Names& names) {
  if (!answer.ok()) {
    // The texts of two protobuf libraries.
    if (request.damaged && answer.status().code() == absl::StatusCode::kInternal) return "code 13";
    // The same URLs again are the same member within a second, and another one after it.
    const bool again = answer.status().message() == "etcdserver: member ID already exist";
    return absl::StrCat("code ", static_cast<int>(answer.status().code()), ": ",
                        again ? "etcdserver: Peer URLs already exists" : answer.status().message());
  }
  const Method method = MethodOf(request.path);
  if (method.request == nullptr) return absl::StrCat("OK, though there is no such method");
  const std::unique_ptr<Message> asked = Parse(*method.request, request.bytes);
  const std::unique_ptr<Message> message = Parse(*method.response, *answer);
  if (message == nullptr)
    return absl::StrCat("OK, but no message: ", absl::BytesToHexString(*answer));
  HideServer(*message);
  names.Hide(*message);
  HideWhatMayDiffer(asked.get(), *message);
  return absl::StrCat("OK {", Text(*message), "}");
}

std::string DescribeRequest(const Request& request) {
  const Method method = MethodOf(request.path);
  if (method.request == nullptr) return request.path;
  const std::unique_ptr<Message> message = Parse(*method.request, request.bytes);
  return absl::StrCat(request.path, request.user.empty() ? "" : " as ", request.user, " {",
                      message == nullptr ? "?" : Text(*message), "}",
                      request.damaged ? " bytes " : "",
                      request.damaged ? absl::BytesToHexString(request.bytes) : "");
}

std::string DescribeControl(const WatchResponse& response) {
  WatchResponse copy = response;
  copy.clear_events();
  HideServer(*copy.mutable_header());
  return Text(copy);
}

std::string DescribeEvent(const mvccpb::Event& event) { return Text(event); }

}  // namespace pintle::tests
