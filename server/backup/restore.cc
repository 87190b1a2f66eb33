#include "server/backup/restore.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hash64.h"
#include "base/status_macros.h"
#include "kv/auth/auth_record.h"
#include "kv/record.h"
#include "raft/membership.h"
#include "server/backup/etcd_schema.h"
#include "server/replica/member_list.h"
#include "server/storage/leveldb_backend.h"
#include "server/storage/wal.h"

namespace pintle::server::backup {
namespace {

constexpr char kDiskOwn[] = "lost+found";  // in the root of a fresh file system
constexpr size_t kBatchBytes = size_t{1} << 20;
// Where the new cluster's log begins, the same for all its members.
constexpr uint64_t kFirstIndex = 1;
constexpr uint64_t kFirstTerm = 1;

absl::Status Damaged(const std::string& what) {
  return absl::DataLossError(absl::StrCat("the snapshot file is damaged: ", what,
                                          ". Take another snapshot, or another copy of it"));
}

// Who belongs to the new cluster, as a conf change says it.
std::string MembersRecord(const RestoreOptions& options) {
  raft::ConfState conf;
  for (const auto& member : options.members) conf.voters.emplace_back(member.id);
  return raft::EncodeConfChange(conf, {});
}

// Fills a new store.
class StoreFiller {
 public:
  StoreFiller(kv::Backend& backend, const RestoreOptions& options, uint64_t all_bytes,
              const Progress& progress)
      : backend_(backend), options_(options), all_bytes_(all_bytes), progress_(progress) {}

  absl::StatusOr<Restored> Fill(const BoltReader& database) {
    PINTLE_RETURN_IF_ERROR(Each(database, kKeyBucket, &StoreFiller::Record));
    PINTLE_RETURN_IF_ERROR(Each(database, kLeaseBucket, &StoreFiller::Lease));
    PINTLE_RETURN_IF_ERROR(Each(database, kAuthRolesBucket, &StoreFiller::Role));
    PINTLE_RETURN_IF_ERROR(Each(database, kAuthUsersBucket, &StoreFiller::User));
    PINTLE_RETURN_IF_ERROR(Each(database, kAuthBucket, &StoreFiller::Auth));
    PINTLE_RETURN_IF_ERROR(Each(database, kMetaBucket, &StoreFiller::Meta));
    PINTLE_RETURN_IF_ERROR(Finish());
    return restored_;
  }

 private:
  using Take = absl::Status (StoreFiller::*)(std::string_view key, std::string_view value);

  absl::Status Each(const BoltReader& database, const char* bucket, Take take) {
    return database.ForEach(bucket, [&](std::string_view key, std::string_view value) {
      return (this->*take)(key, value);
    });
  }

  // All members must come to the same hash: it stands for what they have been through.
  absl::Status Put(std::string key, std::string value) {
    hash_ = base::Hash64(value, base::Hash64(key, hash_));
    batch_bytes_ += key.size() + value.size();
    batch_.Put(std::move(key), std::move(value));
    return batch_bytes_ < kBatchBytes ? absl::OkStatus() : Write();
  }

  absl::Status Write() {
    PINTLE_RETURN_IF_ERROR(backend_.Apply(batch_));
    batch_ = {};
    written_bytes_ += std::exchange(batch_bytes_, 0);
    progress_("restoring", written_bytes_, std::max(all_bytes_, written_bytes_));
    return absl::OkStatus();
  }

  absl::Status Record(std::string_view key, std::string_view value) {
    const std::optional<kv::RecordId> id = ParseEtcdRecordKey(key);
    if (!id) return Damaged("its bucket \"key\" has a name that is no revision");
    const std::string where = absl::StrCat("its record of revision ", id->revision.main);
    restored_.revision = std::max(restored_.revision, id->revision.main);
    // What a restore with --bump-revision leaves to say the revision.
    if (value.empty() && !id->tombstone) return absl::OkStatus();
    kv::KeyValueView pair;
    if (!kv::ParseKeyValue(value, pair) || pair.key.empty())
      return Damaged(where + " cannot be read");
    if (id->tombstone) {
      pair = {.key = pair.key, .mod_revision = id->revision.main};
    } else if (pair.mod_revision != id->revision.main || pair.version <= 0 ||
               pair.create_revision <= 0 || pair.create_revision > pair.mod_revision) {
      return Damaged(where + " contradicts itself");
    }
    ++restored_.records;
    return Put(kv::RecordKey(id->revision, id->tombstone), kv::EncodeKeyValue(pair));
  }

  absl::Status Lease(std::string_view key, std::string_view value) {
    const std::optional<kv::StoredLease> lease = kv::ParseLease(value);
    if (!lease || ParseBigEndian64(key) != static_cast<uint64_t>(lease->id.value()))
      return Damaged("it has a lease that cannot be read");
    ++restored_.leases;
    return Put(kv::LeaseKey(lease->id), kv::EncodeLease(*lease));
  }

  absl::Status Role(std::string_view key, std::string_view value) {
    const std::optional<kv::auth::StoredRole> role = kv::auth::ParseRole(value);
    if (!role || role->name != key) return Damaged("it has a role that cannot be read");
    ++restored_.roles;
    return Put(kv::auth::RoleKey(key), kv::auth::EncodeRole(role->name, role->permissions));
  }

  absl::Status User(std::string_view key, std::string_view value) {
    const std::optional<kv::auth::User> user = kv::auth::ParseUser(value);
    if (!user || user->name != key) return Damaged("it has a user that cannot be read");
    ++restored_.users;
    return Put(kv::auth::UserKey(key), kv::auth::EncodeUser(*user));
  }

  absl::Status Auth(std::string_view key, std::string_view value) {
    if (key == kAuthEnabledName) auth_.enabled = value == std::string_view("\1", 1);
    if (key != kAuthRevisionName) return absl::OkStatus();
    const std::optional<uint64_t> revision = ParseBigEndian64(value);
    if (!revision) return Damaged("its note about authentication cannot be read");
    auth_.revision = *revision;
    return absl::OkStatus();
  }

  absl::Status Meta(std::string_view key, std::string_view value) {
    const bool scheduled = key == kScheduledCompactionName;
    if (!scheduled && key != kFinishedCompactionName) return absl::OkStatus();
    const std::optional<kv::RecordId> id = ParseEtcdRecordKey(value);
    if (!id) return Damaged("its note about compactions cannot be read");
    (scheduled ? scheduled_ : finished_) = id->revision.main;
    return absl::OkStatus();
  }

  absl::Status PutCompactions() {
    scheduled_ = std::max(scheduled_, finished_);
    restored_.revision = std::max(restored_.revision, scheduled_);
    restored_.revision += options_.bump_revision;
    if (options_.mark_compacted) scheduled_ = restored_.revision;
    if (scheduled_ >= 0)
      PINTLE_RETURN_IF_ERROR(Put(kv::ScheduledCompactionKey(), kv::EncodeNumber(scheduled_)));
    if (finished_ < 0) return absl::OkStatus();
    return Put(kv::FinishedCompactionKey(), kv::EncodeNumber(finished_));
  }

  absl::Status Finish() {
    PINTLE_RETURN_IF_ERROR(PutCompactions());
    PINTLE_RETURN_IF_ERROR(
        Put(kv::ServerKey(kv::auth::kAuthMetaName), kv::auth::EncodeSwitch(auth_)));
    PINTLE_RETURN_IF_ERROR(Put(kv::ServerKey(replica::kConfStateMeta), MembersRecord(options_)));
    PINTLE_RETURN_IF_ERROR(Put(kv::ServerKey(replica::kMembersMeta),
                               replica::EncodeMemberList({.members = options_.members})));
    PINTLE_RETURN_IF_ERROR(Put(kv::FormatKey(), kv::EncodeNumber(kv::kRecordFormatVersion)));
    const kv::StoredState state{.sequence = kv::Sequence(kFirstIndex),
                                .revision = restored_.revision,
                                .term = kFirstTerm,
                                .hash = std::max<uint64_t>(hash_, 1)};
    batch_.Put(kv::StateKey(), kv::EncodeState(state));
    batch_.sequence = state.sequence;
    PINTLE_RETURN_IF_ERROR(Write());
    return backend_.Flush();
  }

  kv::Backend& backend_;
  const RestoreOptions& options_;
  const uint64_t all_bytes_;
  const Progress& progress_;
  kv::BackendBatch batch_;
  size_t batch_bytes_ = 0;
  uint64_t written_bytes_ = 0;
  uint64_t hash_ = 0;
  kv::auth::AuthSwitch auth_;
  int64_t scheduled_ = -1;
  int64_t finished_ = -1;
  Restored restored_;
};

// Empty, behind the first entry.
absl::Status MakeLog(storage::FileSystem& files, const storage::DataDir& dir, std::string members) {
  storage::WalContents contents;
  PINTLE_ASSIGN_OR_RETURN(
      const std::unique_ptr<storage::Wal> wal,
      storage::Wal::Open(files, dir.log_folder(), dir.identity(),
                         {.witness_path = dir.witness_path(), .prepare_inline = true}, contents));
  const raft::EntryId base{raft::Term(kFirstTerm), raft::Index(kFirstIndex)};
  return wal->ResetTo(base, std::move(members),
                      raft::HardState{.term = base.term, .commit_index = base.index});
}

absl::StatusOr<std::unique_ptr<storage::DataDir>> ClaimFor(storage::FileSystem& files,
                                                           const std::string& path,
                                                           const std::string& wal_dir,
                                                           const RestoreOptions& options) {
  return storage::DataDir::Claim(files, path, {options.cluster_id, options.member_id},
                                 options.data_dir_id, wal_dir);
}

absl::StatusOr<Restored> MakeDataDir(storage::FileSystem& files, const std::string& path,
                                     const std::string& wal_dir, const EtcdSnapshot& snapshot,
                                     const RestoreOptions& options, const Progress& progress) {
  PINTLE_ASSIGN_OR_RETURN(const std::unique_ptr<storage::DataDir> dir,
                          ClaimFor(files, path, wal_dir, options));
  PINTLE_ASSIGN_OR_RETURN(
      const std::unique_ptr<storage::LeveldbBackend> backend,
      storage::LeveldbBackend::Open({.directory = dir->store_folder(), .files = &files}));
  StoreFiller filler(*backend, options, snapshot.database_bytes(), progress);
  PINTLE_ASSIGN_OR_RETURN(const Restored restored, filler.Fill(snapshot.database()));
  PINTLE_RETURN_IF_ERROR(MakeLog(files, *dir, MembersRecord(options)));
  return restored;
}

// Or empty, but for `beside`.
absl::Status CheckAbsent(storage::FileSystem& files, const char* what, const std::string& path,
                         std::string_view beside = "") {
  if (!files.Exists(path)) return absl::OkStatus();
  const absl::StatusOr<std::vector<std::string>> names = files.List(path);
  if (names.ok() && std::ranges::count(*names, beside) == std::ssize(*names))
    return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      what, " \"", path, "\" not empty or could not be read: give one that is not there yet"));
}

// The log that a failed attempt has begun in a folder of its own, which was empty.
absl::Status RemoveLog(storage::FileSystem& files, const std::string& wal_dir) {
  if (wal_dir.empty() || !files.Exists(wal_dir)) return absl::OkStatus();
  PINTLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, files.List(wal_dir));
  for (const std::string& name : names) {
    if (name != kDiskOwn) PINTLE_RETURN_IF_ERROR(files.Remove(absl::StrCat(wal_dir, "/", name)));
  }
  return absl::OkStatus();
}

// Where the log is made: one that will lie in the data-dir moves with it.
std::string WalDirBefore(const std::string& given, const std::string& data_dir,
                         const std::string& unfinished) {
  if (given.empty()) return given;
  std::string wal_dir = storage::AbsolutePath(given);
  const std::string final_data_dir = storage::AbsolutePath(data_dir);
  if (!(wal_dir + "/").starts_with(final_data_dir + "/")) return wal_dir;
  return storage::AbsolutePath(unfinished) + wal_dir.substr(final_data_dir.size());
}

}  // namespace

absl::StatusOr<Restored> Restore(storage::FileSystem& files, const EtcdSnapshot& snapshot,
                                 const RestoreOptions& options, const Progress& progress) {
  std::string path = options.data_dir;
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  PINTLE_RETURN_IF_ERROR(CheckAbsent(files, "data-dir", path));
  const std::string unfinished = path + ".restoring";
  const std::string wal_dir = WalDirBefore(options.wal_dir, path, unfinished);
  if (!wal_dir.empty()) PINTLE_RETURN_IF_ERROR(CheckAbsent(files, "wal-dir", wal_dir, kDiskOwn));
  // Of an attempt that was cut short.
  PINTLE_RETURN_IF_ERROR(files.RemoveFolder(unfinished));
  absl::StatusOr<Restored> restored =
      MakeDataDir(files, unfinished, wal_dir, snapshot, options, progress);
  if (restored.ok()) {
    if (const absl::Status renamed = files.Rename(unfinished, path); !renamed.ok())
      restored = renamed;
  }
  if (!restored.ok()) {
    RemoveLog(files, wal_dir).IgnoreError();
    files.RemoveFolder(unfinished).IgnoreError();
    return restored;
  }
  PINTLE_RETURN_IF_ERROR(files.SyncFolder(storage::ParentOf(path)));
  // Notes where the log lies now, if it has moved along.
  PINTLE_RETURN_IF_ERROR(ClaimFor(files, path, options.wal_dir, options).status());
  return restored;
}

}  // namespace pintle::server::backup
