// The JSON behind /debug/vars, with etcd's keys: cmdline, file_descriptor_limit, memstats (what the
// C library's allocator says, under the names of Go's that have the same meaning), raft.status.
#pragma once

#include <string>

#include "server/replica/local_member.h"

namespace pintle::server::etcd {

std::string DebugVars(const replica::MemberStatus& status);

}  // namespace pintle::server::etcd
