#include "server/storage/data_dir.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"

namespace pintle::server::storage {
namespace {

std::string IdentityText(const WalIdentity& identity) {
  return absl::StrFormat("pintle data-dir\nformat 1\ncluster %x\nmember %x\n", identity.cluster_id,
                         identity.member_id);
}

bool HoldsNothing(FileSystem& files, const std::string& folder) {
  const absl::StatusOr<std::vector<std::string>> names = files.List(folder);
  return names.ok() && (names->empty() || *names == std::vector<std::string>{"identity.tmp"});
}

absl::Status RefuseForeign(FileSystem& files, const std::string& path) {
  if (!files.Exists(path)) return absl::OkStatus();
  PINTLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, files.List(path));
  const std::string member = path + "/member";
  if (files.Exists(member + "/snap") || files.Exists(member + "/wal")) {
    return absl::FailedPreconditionError(
        absl::StrCat("--data-dir=", path,
                     " is a data-dir of etcd's, which Pintle does not read: give an empty one "
                     "(etcdctl snapshot save, and a restore once Pintle has it, is the way over)"));
  }
  if (files.Exists(member + "/identity") || files.Exists(member + "/lock")) return absl::OkStatus();
  for (const auto& name : names) {
    if (name == "lost+found") continue;
    // A first start that was cut short leaves an empty member folder.
    if (name == "member" && HoldsNothing(files, member)) continue;
    return absl::FailedPreconditionError(absl::StrCat("--data-dir=", path,
                                                      " has files that are not Pintle's (", name,
                                                      "): give an empty folder"));
  }
  return absl::OkStatus();
}

absl::Status MakeParents(FileSystem& files, const std::string& path) {
  for (size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
    PINTLE_RETURN_IF_ERROR(files.MakeFolder(path.substr(0, at)));
  }
  return files.MakeFolder(path);
}

std::string ParentOf(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

absl::StatusOr<std::unique_ptr<FileLock>> LockMember(FileSystem& files, const std::string& path) {
  absl::StatusOr<std::unique_ptr<FileLock>> lock = files.Lock(path + "/lock");
  if (!absl::IsFailedPrecondition(lock.status())) return lock;
  return absl::FailedPreconditionError(absl::StrCat(
      path, " is in use by another process: stop that one, or give another --data-dir"));
}

absl::Status CheckOrWriteIdentity(FileSystem& files, const std::string& member,
                                  const WalIdentity& identity) {
  const std::string path = member + "/identity";
  const std::string text = IdentityText(identity);
  if (files.Exists(path)) {
    PINTLE_ASSIGN_OR_RETURN(const std::string found, files.ReadWhole(path));
    if (found == text) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat("the data-dir of ", member,
                     " belongs to another member, cluster or format: check --data-dir, --name, "
                     "--initial-cluster and --initial-cluster-token, or give an empty data-dir"));
  }
  const std::string temporary = path + ".tmp";
  {
    PINTLE_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, files.OpenForWrite(temporary));
    const std::string_view piece = text;
    PINTLE_RETURN_IF_ERROR(file->WriteAt(0, std::span(&piece, 1)));
    PINTLE_RETURN_IF_ERROR(file->Sync());
  }
  PINTLE_RETURN_IF_ERROR(files.Rename(temporary, path));
  return files.SyncFolder(member);
}

}  // namespace

absl::StatusOr<std::unique_ptr<DataDir>> DataDir::Claim(FileSystem& files, const std::string& path,
                                                        const WalIdentity& identity) {
  PINTLE_RETURN_IF_ERROR(RefuseForeign(files, path));
  const std::string member = path + "/member";
  PINTLE_RETURN_IF_ERROR(MakeParents(files, member));
  PINTLE_ASSIGN_OR_RETURN(std::unique_ptr<FileLock> lock, LockMember(files, member));
  std::unique_ptr<DataDir> dir(new DataDir(member, std::move(lock)));
  PINTLE_RETURN_IF_ERROR(CheckOrWriteIdentity(files, member, identity));
  PINTLE_RETURN_IF_ERROR(files.SyncFolder(path));
  PINTLE_RETURN_IF_ERROR(files.SyncFolder(ParentOf(path)));
  return dir;
}

}  // namespace pintle::server::storage
