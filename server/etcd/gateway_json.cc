#include "server/etcd/gateway_json.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/status_macros.h"
#include "server/etcd/service.h"
#include "server/replica/errors.h"

namespace pintle::server::etcd {
namespace {

namespace pb = google::protobuf;

constexpr std::string_view kWhiteSpace = " \t\r\n";

std::unique_ptr<pb::Message> NewMessage(const pb::Descriptor& type) {
  return std::unique_ptr<pb::Message>(
      pb::MessageFactory::generated_factory()->GetPrototype(&type)->New());
}

absl::Status ErrUnexpectedEnd() { return absl::InvalidArgumentError("unexpected EOF"); }

const pb::FieldDescriptor* FindField(const pb::Descriptor& type, const std::string& name) {
  const pb::FieldDescriptor* field = type.FindFieldByName(name);
  return field != nullptr ? field : type.FindFieldByCamelcaseName(name);
}

absl::Status CheckFields(const pb::Descriptor& type, nlohmann::json& object, bool& changed);

absl::Status CheckOne(const pb::FieldDescriptor& field, nlohmann::json& value, bool& changed) {
  if (field.message_type() != nullptr) return CheckFields(*field.message_type(), value, changed);
  if (field.cpp_type() == pb::FieldDescriptor::CPPTYPE_BOOL && !value.is_boolean()) {
    return absl::InvalidArgumentError("proto: invalid value for bool field " + field.name());
  }
  return absl::OkStatus();
}

absl::Status CheckValue(const pb::FieldDescriptor& field, nlohmann::json& value, bool& changed) {
  if (value.is_null()) return absl::OkStatus();
  if (!field.is_repeated()) return CheckOne(field, value, changed);
  if (!value.is_array()) {
    return absl::InvalidArgumentError("proto: syntax error: no list for field " + field.name());
  }
  for (nlohmann::json& element : value) {
    if (absl::Status bad = CheckOne(field, element, changed); !bad.ok()) return bad;
  }
  return absl::OkStatus();
}

// Protobuf's own parser takes more than JSON (names without quotes) and more than Protobuf's JSON
// (any text for a bool, one value for a list): the first is looked at by its caller, the rest here.
// What is in a field without a name it takes for the message's own: fields that are not known,
// which etcd leaves aside, are taken out.
absl::Status CheckFields(const pb::Descriptor& type, nlohmann::json& object, bool& changed) {
  if (!object.is_object()) return absl::OkStatus();
  for (auto at = object.begin(); at != object.end();) {
    const pb::FieldDescriptor* field = FindField(type, at.key());
    if (field == nullptr) {
      at = object.erase(at);
      changed = true;
      continue;
    }
    if (absl::Status bad = CheckValue(*field, at.value(), changed); !bad.ok()) return bad;
    ++at;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<size_t> JsonExtent::Of(std::string_view text) {
  for (; looked_at_ < text.size(); ++looked_at_) {
    const size_t i = looked_at_;
    const char c = text[i];
    if (in_string_) {
      Inside(c);
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      if (++depth_ > kMaxDepth) return absl::InvalidArgumentError("exceeded max depth");
    } else if (c == '}' || c == ']') {
      if (--depth_ < 0) return i == 0 ? 1 : i;
    } else if (depth_ == 0 && (kWhiteSpace.find(c) != std::string_view::npos || c == ',')) {
      return i == 0 ? 1 : i;
    }
    if (depth_ == 0 && !in_string_ && (c == '}' || c == ']' || c == '"')) return i + 1;
  }
  return 0;
}

void JsonExtent::Inside(char c) {
  if (escaped_) {
    escaped_ = false;
  } else if (c == '\\') {
    escaped_ = true;
  } else if (c == '"') {
    in_string_ = false;
  }
}

absl::Status JsonStream::Add(std::string_view piece) {
  bytes_.erase(0, std::exchange(begin_, 0));
  if (piece.size() > most_bytes_ - bytes_.size()) return replica::ErrRequestTooLarge();
  bytes_.append(piece);
  return absl::OkStatus();
}

absl::StatusOr<bool> JsonStream::Next(std::string_view& value) {
  std::string_view rest = std::string_view(bytes_).substr(begin_);
  // Within a value the extent has begun where the rest does.
  const size_t blank = std::min(rest.find_first_not_of(kWhiteSpace), rest.size());
  rest.remove_prefix(blank);
  begin_ += blank;
  PINTLE_ASSIGN_OR_RETURN(const size_t size, extent_.Of(rest));
  if (size == 0) return false;
  value = rest.substr(0, size);
  begin_ += size;
  extent_ = {};
  return true;
}

absl::StatusOr<bool> NextJson(std::string_view& body, std::string_view& value) {
  body.remove_prefix(std::min(body.find_first_not_of(kWhiteSpace), body.size()));
  if (body.empty()) return false;
  JsonExtent extent;
  PINTLE_ASSIGN_OR_RETURN(const size_t size, extent.Of(body));
  if (size == 0 && extent.open()) return ErrUnexpectedEnd();
  value = body.substr(0, size == 0 ? body.size() : size);
  body.remove_prefix(value.size());
  return true;
}

absl::StatusOr<std::string> JsonToBytes(const pb::Descriptor& type, std::string_view json) {
  auto parsed_json = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (parsed_json.is_discarded()) {
    return absl::InvalidArgumentError("proto: syntax error: not JSON");
  }
  if (!parsed_json.is_object()) {
    return absl::InvalidArgumentError("proto: syntax error (line 1:1): unexpected token " +
                                      std::string(json.substr(0, 16)));
  }
  bool changed = false;
  if (absl::Status bad = CheckFields(type, parsed_json, changed); !bad.ok()) return bad;
  std::string known;
  if (changed) json = known = parsed_json.dump();
  pb::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  const auto message = NewMessage(type);
  const auto parsed =
      pb::util::JsonStringToMessage({json.data(), json.size()}, message.get(), options);
  if (!parsed.ok()) {
    return absl::InvalidArgumentError(
        "proto: " + std::string(parsed.message().data(), parsed.message().size()));
  }
  return message->SerializeAsString();
}

absl::StatusOr<std::string> BytesToJson(const pb::Descriptor& type, std::string_view bytes) {
  const auto message = NewMessage(type);
  std::string json;
  pb::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  if (!ParseMessage(bytes, *message) ||
      !pb::util::MessageToJsonString(*message, &json, options).ok()) {
    return absl::InternalError("the answer is no " + type.full_name());
  }
  return json;
}

std::string QuoteJson(std::string_view text) {
  return nlohmann::json(std::string(text))
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace pintle::server::etcd
