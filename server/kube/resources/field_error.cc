#include "server/kube/resources/field_error.h"

#include <utility>

namespace pintle::server::kube {
namespace {

void Add(FieldErrors& errors, FieldError::Type type, std::string field, std::string message) {
  errors.push_back({type, std::move(field), std::move(message)});
}

bool AllStrings(const Json& values) {
  for (const Json& value : values) {
    if (!value.is_string()) return false;
  }
  return true;
}

}  // namespace

std::string GoText(const Json& value) {
  if (value.is_array() && AllStrings(value)) {
    std::string text = "[]string{";
    for (const Json& item : value) {
      if (text.back() != '{') text += ", ";
      text += item.dump();
    }
    return text + "}";
  }
  if (value.is_object() && AllStrings(value)) {
    std::string text = "map[string]string{";
    for (const auto& [key, item] : value.items()) {
      if (text.back() != '{') text += ", ";
      text += Json(key).dump() + ":" + item.dump();
    }
    return text + "}";
  }
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void AddRequired(FieldErrors& errors, std::string field, std::string_view detail) {
  std::string message = "Required value";
  if (!detail.empty()) message.append(": ").append(detail);
  Add(errors, FieldError::Type::kRequired, std::move(field), std::move(message));
}

void AddInvalid(FieldErrors& errors, std::string field, const Json& value,
                std::string_view detail) {
  AddInvalidText(errors, std::move(field), GoText(value), detail);
}

void AddInvalidText(FieldErrors& errors, std::string field, std::string_view value,
                    std::string_view detail) {
  std::string message = "Invalid value: " + std::string(value);
  if (!detail.empty()) message.append(": ").append(detail);
  Add(errors, FieldError::Type::kInvalid, std::move(field), std::move(message));
}

void AddNotSupported(FieldErrors& errors, std::string field, const Json& value,
                     std::initializer_list<std::string_view> supported) {
  std::string message = "Unsupported value: " + GoText(value);
  const char* separator = ": supported values: ";
  for (std::string_view one : supported) {
    message.append(separator).append("\"").append(one).append("\"");
    separator = ", ";
  }
  Add(errors, FieldError::Type::kNotSupported, std::move(field), std::move(message));
}

void AddDuplicate(FieldErrors& errors, std::string field, const Json& value) {
  Add(errors, FieldError::Type::kDuplicate, std::move(field), "Duplicate value: " + GoText(value));
}

void AddForbidden(FieldErrors& errors, std::string field, std::string_view detail) {
  Add(errors, FieldError::Type::kForbidden, std::move(field), "Forbidden: " + std::string(detail));
}

void AddNotFound(FieldErrors& errors, std::string field, const Json& value) {
  Add(errors, FieldError::Type::kNotFound, std::move(field), "Not found: " + GoText(value));
}

void AddTooLong(FieldErrors& errors, std::string field, int max_bytes) {
  Add(errors, FieldError::Type::kTooLong, std::move(field),
      "Too long: must have at most " + std::to_string(max_bytes) + " bytes");
}

std::string Indexed(std::string_view field, size_t index) {
  return std::string(field) + "[" + std::to_string(index) + "]";
}

std::string Keyed(std::string_view field, std::string_view key) {
  return std::string(field) + "[" + std::string(key) + "]";
}

}  // namespace pintle::server::kube
