// Random values that the façade puts into objects: uids, generated names, free addresses.
// Threads: any (a generator per thread).
#pragma once

#include <cstdint>
#include <string>

namespace pintle::server::kube {

std::string RandomUid();           // UUID version 4
std::string RandomNameSuffix();    // five of Kubernetes' 27 harmless characters
int64_t RandomPositive();          // 1 … 2^63-1
uint64_t RandomBelow(uint64_t n);  // 0 … n-1; n > 0

}  // namespace pintle::server::kube
