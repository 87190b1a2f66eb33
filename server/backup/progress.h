// Progress: how far a long piece of work is; called now and then, from the thread that works.
#pragma once

#include <cstdint>
#include <functional>

namespace pintle::server::backup {

using Progress = std::function<void(const char* what, uint64_t done_bytes, uint64_t all_bytes)>;

}  // namespace pintle::server::backup
