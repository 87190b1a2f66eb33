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
  std::unique_ptr<Message> message(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type)->New());
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
  constexpr int64_t kLongestRun = 600;
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
  rest.set_leader(response.leader() == 0 ? 0 : 1);
  response = rest;
}

void HideServer(MemberListResponse& response) {
  for (Member& member : *response.mutable_members()) {
    member.set_id(1);
    for (auto* urls : {member.mutable_peerurls(), member.mutable_clienturls()}) {
      for (std::string& url : *urls) url = "url";
    }
  }
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
  } else if (auto* members = dynamic_cast<MemberListResponse*>(&response)) {
    HideServer(*members);
  } else if (auto* hash = dynamic_cast<HashKVResponse*>(&response)) {
    hash->clear_hash_revision();  // of 3.6
  }
}

}  // namespace

std::string Describe(const Request& request, const Answer& answer) {
  if (!answer.ok()) {
    // The texts of two protobuf libraries.
    if (request.damaged && answer.status().code() == absl::StatusCode::kInternal) return "code 13";
    return absl::StrCat("code ", static_cast<int>(answer.status().code()), ": ",
                        answer.status().message());
  }
  const Method method = MethodOf(request.path);
  const std::unique_ptr<Message> asked = Parse(*method.request, request.bytes);
  const std::unique_ptr<Message> message = Parse(*method.response, *answer);
  if (message == nullptr)
    return absl::StrCat("OK, but no message: ", absl::BytesToHexString(*answer));
  HideServer(*message);
  HideWhatMayDiffer(asked.get(), *message);
  return absl::StrCat("OK {", Text(*message), "}");
}

std::string DescribeRequest(const Request& request) {
  const std::unique_ptr<Message> message = Parse(*MethodOf(request.path).request, request.bytes);
  return absl::StrCat(request.path, " {", message == nullptr ? "?" : Text(*message), "}",
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

const std::vector<Difference>& KnownDifferences() {
  static const std::vector<Difference> kAll = {
      {.name = "alarm-without-header",
       .releases = "3.4",
       .why = "3.4 leaves the header of AlarmResponse away; 3.5 and we fill it",
       .is =
           [](const Request& request, const Answer& pintle, const Answer& etcd) {
             AlarmResponse ours;
             AlarmResponse theirs;
             if (request.path != "/etcdserverpb.Maintenance/Alarm" || !pintle.ok() || !etcd.ok() ||
                 !ours.ParseFromString(*pintle) || !theirs.ParseFromString(*etcd)) {
               return false;
             }
             ours.clear_header();
             return ours.SerializeAsString() == theirs.SerializeAsString();
           }},
      {.name = "alarm-of-no-kind",
       .releases = "3.4",
       .why = "3.4 stores an alarm NONE when asked to raise it; 3.5 and we raise nothing",
       .is =
           [](const Request& request, const Answer& pintle, const Answer& etcd) {
             AlarmResponse theirs;
             if (request.path != "/etcdserverpb.Maintenance/Alarm" || !pintle.ok() || !etcd.ok() ||
                 !theirs.ParseFromString(*etcd)) {
               return false;
             }
             return std::any_of(theirs.alarms().begin(), theirs.alarms().end(),
                                [](const AlarmMember& alarm) { return alarm.alarm() == NONE; });
           }},
      {.name = "hash-after-a-compaction-at-zero",
       .releases = "3.5",
       .why = "etcd answers HashKV of now from what it remembers of Compact(0): of nothing",
       .is =
           [](const Request& request, const Answer& pintle, const Answer& etcd) {
             HashKVRequest asked;
             HashKVResponse theirs;
             constexpr uint32_t kOfNothing = 1084519789;
             return request.path == "/etcdserverpb.Maintenance/HashKV" && pintle.ok() &&
                    etcd.ok() && asked.ParseFromString(request.bytes) && asked.revision() == 0 &&
                    theirs.ParseFromString(*etcd) && theirs.hash() == kOfNothing &&
                    theirs.compact_revision() == -1;
           }},
      {.name = "hash-at-the-compact-revision",
       .releases = "3.4",
       .why = "3.4 does not remember the hashes of compactions; 3.5 and we do",
       .is =
           [](const Request& request, const Answer& pintle, const Answer& etcd) {
             return request.path == "/etcdserverpb.Maintenance/HashKV" && pintle.ok() &&
                    etcd.status().message() ==
                        "etcdserver: mvcc: required revision has been compacted";
           }},
      {.name = "lease-while-corrupt",
       .releases = "3.4 3.5",
       .why = "a TTL that is too large is refused before the log, and so before the alarm is "
              "looked at",
       .is =
           [](const Request&, const Answer& pintle, const Answer& etcd) {
             return pintle.status().message() == "etcdserver: too large lease TTL" &&
                    etcd.status().message() == "etcdserver: corrupt cluster";
           }},
      {.name = "unknown-sort-order",
       .releases = "3.4 3.5",
       .why = "up to 3.5 an order that does not exist is none; from 3.6 on it is refused, as by us",
       .is =
           [](const Request&, const Answer& pintle, const Answer& etcd) {
             return etcd.ok() && pintle.status().message() == "etcdserver: invalid sort option";
           }},
  };
  return kAll;
}

}  // namespace pintle::tests
