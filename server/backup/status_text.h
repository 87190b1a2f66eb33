// The answers of `snapshot status`, in the forms of etcdctl's --write-out. Pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "server/backup/etcd_snapshot.h"

namespace pintle::server::backup {

// "2.1 MB", as etcdctl says it.
std::string HumanBytes(uint64_t bytes);

// A line break at the end of each.
std::string SimpleText(const SnapshotStatus& status);
std::string JsonText(const SnapshotStatus& status);
std::string TableText(const SnapshotStatus& status);
std::string FieldsText(const SnapshotStatus& status);

}  // namespace pintle::server::backup
