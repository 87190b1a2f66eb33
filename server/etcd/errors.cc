#include "server/etcd/errors.h"

#include <string>

namespace pintle::server::etcd {

absl::Status ErrInvalidClientApiVersion() {
  return absl::InvalidArgumentError("etcdserver: invalid client api version");
}

absl::Status ErrNotAMessage() {
  return absl::InternalError("grpc: error unmarshalling request: not a message of this type");
}

absl::Status ErrTooManyKeepAlives() {
  return absl::ResourceExhaustedError("pintle: too many keep-alives waiting on one stream");
}

absl::Status ErrNotForLearners() {
  return absl::FailedPreconditionError("etcdserver: rpc not supported for learner");
}

std::string GoErrorText(const absl::Status& status) {
  std::string_view code = "Unknown";
  if (absl::IsInvalidArgument(status)) code = "InvalidArgument";
  if (absl::IsPermissionDenied(status)) code = "PermissionDenied";
  if (absl::IsUnauthenticated(status)) code = "Unauthenticated";
  const auto text = status.message();
  return "rpc error: code = " + std::string(code) + " desc = " + std::string(text);
}

absl::Status ErrRangeStreamSort() {
  return absl::UnimplementedError("RangeStream does not support custom sort orders");
}

absl::Status ErrRangeStreamFilter() {
  return absl::UnimplementedError("RangeStream does not support revision filters");
}

absl::Status ErrWrongDowngradeFormat() {
  return absl::InvalidArgumentError("etcdserver: wrong downgrade target version format");
}

absl::Status ErrInvalidDowngradeTarget() {
  return absl::InvalidArgumentError("etcdserver: invalid downgrade target version");
}

absl::Status ErrDowngradeInProcess() {
  return absl::FailedPreconditionError("etcdserver: cluster has a downgrade job in progress");
}

absl::Status ErrUnknownMethod() { return absl::UnknownError("etcdserver: unknown method"); }

absl::Status ErrNotBuilt(std::string_view method) {
  return absl::UnimplementedError("pintle: " + std::string(method) +
                                  " is not supported by this version");
}

}  // namespace pintle::server::etcd
