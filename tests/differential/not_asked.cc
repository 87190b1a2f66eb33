#include "tests/differential/not_asked.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <string>

namespace pintle::tests {
namespace {

using namespace etcdserverpb;  // NOLINT: a page of its messages
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;

// What there is in a transaction and those nested in it.
struct Parts {
  bool no_such_sort = false;
  bool needs_its_key = false;
  bool deletes_all_from = false;
};

void Look(const TxnRequest& txn, Parts& parts) {
  for (const auto* operations : {&txn.success(), &txn.failure()}) {
    for (const RequestOp& operation : *operations) {
      const RangeRequest& range = operation.request_range();
      parts.no_such_sort |= !RangeRequest::SortTarget_IsValid(range.sort_target()) ||
                            !RangeRequest::SortOrder_IsValid(range.sort_order());
      const PutRequest& put = operation.request_put();
      parts.needs_its_key |= put.ignore_value() || put.ignore_lease();
      parts.deletes_all_from |=
          operation.request_delete_range().range_end() == std::string(1, '\0');
      if (operation.has_request_txn()) Look(operation.request_txn(), parts);
    }
  }
}

bool IsOfItsWireType(const FieldDescriptor& field, WireFormatLite::WireType type) {
  return WireFormatLite::WireTypeForFieldType(
             static_cast<WireFormatLite::FieldType>(field.type())) == type ||
         (field.is_packable() && type == WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
}

// Looks as far as the bytes make sense.
bool MeansNothing(const Descriptor& type, const std::string& bytes) {
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const uint8_t*>(bytes.data()),
                                            static_cast<int>(bytes.size()));
  while (const uint32_t tag = in.ReadTag()) {
    const WireFormatLite::WireType wire = WireFormatLite::GetTagWireType(tag);
    if (wire == WireFormatLite::WIRETYPE_START_GROUP || wire == WireFormatLite::WIRETYPE_END_GROUP)
      return true;
    const FieldDescriptor* field = type.FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag));
    if (field != nullptr && !IsOfItsWireType(*field, wire)) return true;
    if (field == nullptr || wire != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      if (!WireFormatLite::SkipField(&in, tag)) return false;
      continue;
    }
    uint32_t size = 0;
    std::string part;
    if (!in.ReadVarint32(&size) || !in.ReadString(&part, static_cast<int>(size))) return false;
    if (size == 0 && field->name() == "range_end") return true;
    if (field->message_type() != nullptr && MeansNothing(*field->message_type(), part)) return true;
  }
  return false;
}

}  // namespace

bool IsNotAsked(const TxnRequest& txn) {
  Parts parts;
  Look(txn, parts);
  return parts.no_such_sort || (parts.needs_its_key && parts.deletes_all_from);
}

bool IsNotAsked(const Request& request) {
  RangeRequest range;
  TxnRequest txn;
  AlarmRequest alarm;
  if (request.damaged && MeansNothing(*MethodOf(request.path).request, request.bytes)) return true;
  if (request.path == "/etcdserverpb.Maintenance/Alarm") {
    return alarm.ParseFromString(request.bytes) &&
           !AlarmRequest::AlarmAction_IsValid(alarm.action());
  }
  if (request.path == "/etcdserverpb.KV/Range") {
    return range.ParseFromString(request.bytes) &&
           !RangeRequest::SortTarget_IsValid(range.sort_target());
  }
  return request.path == "/etcdserverpb.KV/Txn" && txn.ParseFromString(request.bytes) &&
         IsNotAsked(txn);
}

}  // namespace pintle::tests
