#include "server/kube/status_error.h"

#include "absl/strings/str_format.h"
#include "kv/errors.h"
#include "server/kube/text.h"

namespace pintle::server::kube {
namespace {

StatusError Make(int code, std::string_view reason, std::string message) {
  StatusError error;
  error.code = code;
  error.reason = std::string(reason);
  error.message = std::move(message);
  return error;
}

std::string_view CauseReason(FieldError::Type type) {
  switch (type) {
    case FieldError::Type::kRequired:
      return "FieldValueRequired";
    case FieldError::Type::kInvalid:
      return "FieldValueInvalid";
    case FieldError::Type::kNotSupported:
      return "FieldValueNotSupported";
    case FieldError::Type::kDuplicate:
      return "FieldValueDuplicate";
    case FieldError::Type::kForbidden:
      return "FieldValueForbidden";
    case FieldError::Type::kNotFound:
      return "FieldValueNotFound";
    case FieldError::Type::kTooLong:
      return "FieldValueTooLong";
    case FieldError::Type::kTooMany:
      return "FieldValueTooMany";
  }
  return "FieldValueInvalid";
}

}  // namespace

Json StatusError::ToJson() const {
  Json metadata = Json::object();
  if (!continue_token.empty()) metadata["continue"] = continue_token;
  Json status = {{"kind", "Status"},    {"apiVersion", "v1"}, {"metadata", std::move(metadata)},
                 {"status", "Failure"}, {"message", message}, {"code", code}};
  if (!reason.empty()) status["reason"] = reason;
  if (!details.is_null()) status["details"] = details;
  if (retry_after_seconds > 0) status["details"]["retryAfterSeconds"] = retry_after_seconds;
  return status;
}

Json DetailsOf(const Resource& resource, std::string_view name, std::string_view uid) {
  Json details = Json::object();
  if (!name.empty()) details["name"] = name;
  if (!resource.group.empty()) details["group"] = resource.group;
  details["kind"] = resource.plural;
  if (!uid.empty()) details["uid"] = uid;
  return details;
}

Json SuccessStatus(Json details, int code) {
  Json status = {{"kind", "Status"},
                 {"apiVersion", "v1"},
                 {"metadata", Json::object()},
                 {"status", "Success"}};
  if (!details.is_null()) status["details"] = std::move(details);
  if (code != 0) status["code"] = code;
  return status;
}

StatusError BadRequest(std::string message) { return Make(400, "BadRequest", std::move(message)); }

StatusError NotFound(const Resource& resource, std::string_view name) {
  StatusError error =
      Make(404, "NotFound", StrCat(resource.qualified(), " ", Quoted(name), " not found"));
  error.details = DetailsOf(resource, name);
  return error;
}

StatusError UnknownResource() {
  StatusError error = Make(404, "NotFound", "the server could not find the requested resource");
  error.details = Json::object();
  return error;
}

StatusError MethodNotAllowed() {
  StatusError error = Make(405, "MethodNotAllowed",
                           "the server does not allow this method on the requested resource");
  error.details = Json::object();
  return error;
}

StatusError NotAcceptable(std::string message) {
  return Make(406, "NotAcceptable", std::move(message));
}

StatusError AlreadyExists(const Resource& resource, std::string_view name) {
  StatusError error = Make(409, "AlreadyExists",
                           StrCat(resource.qualified(), " ", Quoted(name), " already exists"));
  error.details = DetailsOf(resource, name);
  return error;
}

StatusError Conflict(const Resource& resource, std::string_view name, std::string_view why) {
  StatusError error = Make(409, "Conflict",
                           StrCat("Operation cannot be fulfilled on ", resource.qualified(), " ",
                                  Quoted(name), ": ", why));
  error.details = DetailsOf(resource, name);
  return error;
}

StatusError ModifiedConflict(const Resource& resource, std::string_view name) {
  return Conflict(resource, name,
                  "the object has been modified; please apply your changes to the latest version "
                  "and try again");
}

StatusError Expired(std::string message) { return Make(410, "Expired", std::move(message)); }

StatusError UnsupportedMediaType(std::string message) {
  StatusError error = Make(415, "UnsupportedMediaType", std::move(message));
  error.details = Json::object();
  return error;
}

StatusError Forbidden(const Resource& resource, std::string_view name, std::string_view why) {
  StatusError error = Make(403, "Forbidden",
                           StrCat(resource.qualified(), " ", Quoted(name), " is forbidden: ", why));
  error.details = DetailsOf(resource, name);
  return error;
}

StatusError Invalid(const Resource& resource, std::string_view name, const FieldErrors& errors) {
  return InvalidKind(resource.group, resource.kind, name, errors);
}

StatusError InvalidKind(std::string_view group, std::string_view kind, std::string_view name,
                        const FieldErrors& errors) {
  std::string list;
  Json causes = Json::array();
  for (const FieldError& each : errors) {
    StrAppend(&list, list.empty() ? "" : ", ", each.field, ": ", each.message);
    causes.push_back(
        {{"reason", CauseReason(each.type)}, {"message", each.message}, {"field", each.field}});
  }
  if (errors.size() > 1) list = StrCat("[", list, "]");
  const std::string qualified = group.empty() ? std::string(kind) : StrCat(kind, ".", group);
  StatusError error =
      Make(422, "Invalid", StrCat(qualified, " ", Quoted(name), " is invalid: ", list));
  error.details = Json::object();
  if (!name.empty()) error.details["name"] = name;
  if (!group.empty()) error.details["group"] = group;
  error.details["kind"] = kind;
  if (!causes.empty()) error.details["causes"] = std::move(causes);
  return error;
}

StatusError TooManyRequests(std::string message) {
  StatusError error = Make(429, "TooManyRequests", std::move(message));
  error.retry_after_seconds = 1;
  return error;
}

StatusError InternalError(std::string message) {
  StatusError error = Make(500, "InternalError", StrCat("Internal error occurred: ", message));
  error.details["causes"] = Json::array({{{"message", message}}});
  return error;
}

StatusError TooLargeResourceVersion(int64_t asked, int64_t current) {
  StatusError error =
      Make(504, "Timeout",
           StrCat("Timeout: Too large resource version: ", asked, ", current: ", current));
  error.details["causes"] = Json::array(
      {{{"reason", "ResourceVersionTooLarge"}, {"message", "Too large resource version"}}});
  error.retry_after_seconds = 1;
  return error;
}

StatusError FromMember(const absl::Status& status, bool was_write) {
  if (kv::IsCompacted(status))
    return Expired("The resourceVersion for the provided list is too old.");
  const std::string message(status.message());
  const auto says = [&](std::string_view text) { return message.find(text) != std::string::npos; };
  if (says("too many requests")) return TooManyRequests(message);
  if (says("request is too large"))
    return Make(413, "RequestEntityTooLarge", "Request entity too large: limit is 1.5 MiB");
  if (says("database space exceeded")) return Make(507, "InsufficientStorage", message);
  if (says("no leader") || says("not ready")) {
    StatusError error = Make(503, "ServiceUnavailable", message);
    error.retry_after_seconds = 1;
    return error;
  }
  if (says("timed out") || says("leader changed") || says("server stopped") ||
      status.code() == absl::StatusCode::kUnavailable ||
      status.code() == absl::StatusCode::kDeadlineExceeded) {
    StatusError error = Make(504, "Timeout", StrCat("Timeout: ", message));
    if (!was_write) error.retry_after_seconds = 1;
    return error;
  }
  return InternalError(message);
}

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += absl::StrFormat("\\x%02x", byte);
    } else {
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace pintle::server::kube
