// StatusError: a refusal as Kubernetes words it; Result<T>: a value or a refusal.
//
// Purpose: clients decide by reason and code, people read the message, tests compare the text: all
// of them are Kubernetes' own (kube-api §5). Threads: any; plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "base/check.h"
#include "server/kube/resources/resource.h"

namespace pintle::server::kube {

struct StatusError {
  int code = 500;
  std::string reason;
  std::string message;
  Json details;                 // null: left out
  int retry_after_seconds = 0;  // > 0: also the Retry-After header
  std::string continue_token;   // 410 of a paged list: where to go on

  Json ToJson() const;
};

StatusError BadRequest(std::string message);                                                  // 400
StatusError NotFound(const Resource& resource, std::string_view name);                        // 404
StatusError UnknownResource();                                                                // 404
StatusError MethodNotAllowed();                                                               // 405
StatusError NotAcceptable(std::string message);                                               // 406
StatusError AlreadyExists(const Resource& resource, std::string_view name);                   // 409
StatusError Conflict(const Resource& resource, std::string_view name, std::string_view why);  // 409
StatusError ModifiedConflict(const Resource& resource, std::string_view name);                // 409
StatusError Expired(std::string message);                                                     // 410
StatusError UnsupportedMediaType(std::string message);                                        // 415
StatusError Forbidden(const Resource& resource, std::string_view name,
                      std::string_view why);  // 403
StatusError Invalid(const Resource& resource, std::string_view name, const FieldErrors& errors);
// For kinds that are no row: "CreateOptions.meta.k8s.io", "Scale.autoscaling".
StatusError InvalidKind(std::string_view group, std::string_view kind, std::string_view name,
                        const FieldErrors& errors);  // 422
StatusError TooManyRequests(std::string message);    // 429, with Retry-After
StatusError InternalError(std::string message);      // 500
// A resourceVersion that this cluster has not reached: reflectors know the cause and relist.
StatusError TooLargeResourceVersion(int64_t asked, int64_t current);  // 504

// What the member said (server/replica/local_member.h). Only what certainly did not happen is
// answered with Retry-After: clients repeat such requests by themselves, writes included.
StatusError FromMember(const absl::Status& status, bool was_write);

// The `status: Success` object that deletes and bindings answer. `code` 0 leaves it out.
Json SuccessStatus(Json details, int code);
// {name, group, kind: <resource>, uid} without what is empty.
Json DetailsOf(const Resource& resource, std::string_view name, std::string_view uid = {});

std::string Quoted(std::string_view text);  // as Go's %q does

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}            // NOLINT: implicit by intent
  Result(StatusError error) : state_(std::move(error)) {}  // NOLINT

  bool ok() const { return std::holds_alternative<T>(state_); }
  T& operator*() & { return Get(); }
  const T& operator*() const& { return const_cast<Result*>(this)->Get(); }
  T&& operator*() && { return std::move(Get()); }
  T* operator->() { return &Get(); }
  const T* operator->() const { return &const_cast<Result*>(this)->Get(); }
  const StatusError& error() const& { return Error(); }
  StatusError&& error() && { return std::move(const_cast<StatusError&>(Error())); }

 private:
  T& Get() {
    PINTLE_CHECK(ok(), "value of a refused Result");
    return *std::get_if<T>(&state_);
  }
  const StatusError& Error() const {
    PINTLE_CHECK(!ok(), "error of a good Result");
    return *std::get_if<StatusError>(&state_);
  }

  std::variant<T, StatusError> state_;
};

struct Done {};  // Result<Done>: nothing but success

}  // namespace pintle::server::kube

#define KUBE_CONCAT_INNER(a, b) a##b
#define KUBE_CONCAT(a, b) KUBE_CONCAT_INNER(a, b)
#define KUBE_ASSIGN_OR_RETURN(declaration, expression)         \
  auto KUBE_CONCAT(kube_or_, __LINE__) = (expression);         \
  if (!KUBE_CONCAT(kube_or_, __LINE__).ok())                   \
    return std::move(KUBE_CONCAT(kube_or_, __LINE__)).error(); \
  declaration = *std::move(KUBE_CONCAT(kube_or_, __LINE__))
#define KUBE_RETURN_IF_ERROR(expression)                                                           \
  do {                                                                                             \
    if (auto kube_result = (expression); !kube_result.ok()) return std::move(kube_result).error(); \
  } while (false)
