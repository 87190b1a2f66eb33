// Restore: a data-dir for one member of a new cluster, from a snapshot file of etcd's or of ours.
//
// All members that are restored from the same file with the same settings hold the same, at the
// same position of an empty log, and so form the cluster (docs/formats/backup.md). What is taken
// over: keys with their revisions and history, leases, users and roles, compactions. The old
// cluster's members, alarms and versions are not.
//
// Everything is made in "<data-dir>.restoring", but for a log with a folder of its own, and renamed
// at the end: a data-dir that is there is whole. What an attempt that failed has made is removed;
// one that was cut short leaves that log. One thread; memory: a batch. Errors are one line and say
// what to do.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/backup/etcd_snapshot.h"
#include "server/backup/progress.h"
#include "server/replica/local_member.h"
#include "server/storage/data_dir.h"
#include "server/storage/file_system.h"

namespace pintle::server::backup {

struct RestoreOptions {
  std::string data_dir;  // absent or empty
  std::string wal_dir;   // the same; not given: the log lies in the data-dir
  uint64_t cluster_id = 0;
  uint64_t member_id = 0;
  std::vector<replica::ClusterMember> members;  // of the new cluster, sorted by id
  storage::DataDirId data_dir_id;               // drawn at random
  // The new revision is that much larger than the file's, so that nobody sees one twice.
  int64_t bump_revision = 0;
  // Nothing before the new revision can be read or watched: who knows older ones begins anew.
  bool mark_compacted = false;
};

struct Restored {
  int64_t revision = 1;
  int64_t records = 0;
  int64_t leases = 0;
  int64_t users = 0;
  int64_t roles = 0;
};

absl::StatusOr<Restored> Restore(storage::FileSystem& files, const EtcdSnapshot& snapshot,
                                 const RestoreOptions& options, const Progress& progress);

}  // namespace pintle::server::backup
