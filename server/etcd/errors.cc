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

absl::Status ErrNotBuilt(std::string_view method) {
  return absl::UnimplementedError("pintle: " + std::string(method) +
                                  " is not supported by this version");
}

}  // namespace pintle::server::etcd
