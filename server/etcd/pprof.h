// Pprof: /debug/pprof/ as pprof asks it, with --enable-pprof. Whoever reaches the client port may
// ask.
//
//   /debug/pprof/         what there is
//   /debug/pprof/cmdline  the command line, NULs between its arguments
//   /debug/pprof/profile  ?seconds=30: where CPU time goes meanwhile (cpu_profile.h)
//   /debug/pprof/symbol   names of addresses: GET says that there are some, POST "0x1+0x2…" asks
//
// What Go has beside that and a C++ program has not (goroutines, its heap, traces) is answered with
// 501. Thread: the exchange's. Limits: one profile at a time, kMaxProfileSeconds long; kMaxSymbols
// addresses a question.
#pragma once

#include <cstddef>
#include <memory>

#include "net/http.h"

namespace pintle::server::etcd {

inline constexpr int kMaxProfileSeconds = 3600;
inline constexpr size_t kMaxSymbols = 16384;

// False when the path is not below /debug/pprof.
bool HandlePprof(const net::HttpRequest& request,
                 const std::shared_ptr<net::HttpExchange>& exchange);

}  // namespace pintle::server::etcd
