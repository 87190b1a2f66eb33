#include "kv/errors.h"

#include <string_view>

namespace pintle::kv {
namespace {

constexpr std::string_view kCompacted = "etcdserver: mvcc: required revision has been compacted";
constexpr std::string_view kFutureRevision =
    "etcdserver: mvcc: required revision is a future revision";

bool Is(const absl::Status& status, std::string_view message) {
  const auto actual = status.message();
  return status.code() == absl::StatusCode::kOutOfRange &&
         std::string_view(actual.data(), actual.size()) == message;
}

}  // namespace

absl::Status ErrCompacted() {
  return absl::OutOfRangeError({kCompacted.data(), kCompacted.size()});
}
absl::Status ErrFutureRevision() {
  return absl::OutOfRangeError({kFutureRevision.data(), kFutureRevision.size()});
}
absl::Status ErrLeaseNotFound() {
  return absl::NotFoundError("etcdserver: requested lease not found");
}
absl::Status ErrLeaseExists() {
  return absl::FailedPreconditionError("etcdserver: lease already exists");
}
absl::Status ErrLeaseTtlTooLarge() {
  return absl::OutOfRangeError("etcdserver: too large lease TTL");
}
absl::Status ErrKeyNotFound() { return absl::InvalidArgumentError("etcdserver: key not found"); }
absl::Status ErrEmptyKey() { return absl::InvalidArgumentError("etcdserver: key is not provided"); }
absl::Status ErrValueProvided() {
  return absl::InvalidArgumentError("etcdserver: value is provided");
}
absl::Status ErrLeaseProvided() {
  return absl::InvalidArgumentError("etcdserver: lease is provided");
}
absl::Status ErrTooManyOps() {
  return absl::InvalidArgumentError("etcdserver: too many operations in txn request");
}
absl::Status ErrDuplicateKey() {
  return absl::InvalidArgumentError("etcdserver: duplicate key given in txn request");
}
absl::Status ErrInvalidSortOption() {
  return absl::InvalidArgumentError("etcdserver: invalid sort option");
}
absl::Status ErrNoSpace() {
  return absl::ResourceExhaustedError("etcdserver: mvcc: database space exceeded");
}
absl::Status ErrCorrupt() { return absl::DataLossError("etcdserver: corrupt cluster"); }
absl::Status ErrTooManyAlarms() { return absl::ResourceExhaustedError("pintle: too many alarms"); }

bool IsCompacted(const absl::Status& status) { return Is(status, kCompacted); }
bool IsFutureRevision(const absl::Status& status) { return Is(status, kFutureRevision); }

}  // namespace pintle::kv
