// KV.RangeStream (etcd 3.7): the answer to a Range in pieces (etcd-api 1.1.6).
//
// The checks, the wait for what must be applied and the revision come once; then pieces are read as
// fast as the client takes them, so that a large answer is never in memory as a whole. Only the
// last piece has header, more and count. A compaction that overtakes the revision ends the stream
// with its error. Limits: a piece aims at --max-request-bytes, kMostUnsentBytes wait on one stream.
#pragma once

#include <cstddef>
#include <memory>

#include "server/etcd/service.h"

namespace pintle::server::etcd {

inline constexpr size_t kMostUnsentBytes = size_t{1} << 20;

std::unique_ptr<net::GrpcStreamHandler> OpenRangeStream(ServicePtr service,
                                                        std::shared_ptr<net::GrpcCall> call);

}  // namespace pintle::server::etcd
