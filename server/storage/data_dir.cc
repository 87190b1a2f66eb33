#include "server/storage/data_dir.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/fault_point.h"
#include "base/status_macros.h"
#include "server/storage/checked_text.h"
#include "server/storage/wal_witness.h"

namespace pintle::server::storage {
namespace {

constexpr char kFirstLines[] = "pintle data-dir\nformat 2\n";

std::string IdentityText(const WalIdentity& identity, DataDirId id) {
  return WithChecksum(absl::StrFormat("%scluster %x\nmember %x\nid %016x%016x\n", kFirstLines,
                                      identity.cluster_id, identity.member_id, id.high, id.low));
}

std::string PointerText(uint64_t store) {
  return WithChecksum(absl::StrFormat("store-%d\n", store));
}

bool ParseHex(std::string_view text, uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return !text.empty() && error == std::errc() && end == text.data() + text.size();
}

// The hexadecimal number behind `name` and a space in that line.
bool TakeHex(std::string_view line, std::string_view name, uint64_t& value) {
  return line.starts_with(name) && line.size() > name.size() + 1 &&
         ParseHex(line.substr(name.size() + 1), value);
}

// But for those names.
bool HoldsNothing(FileSystem& files, const std::string& folder,
                  const std::vector<std::string>& but_for) {
  const absl::StatusOr<std::vector<std::string>> names = files.List(folder);
  return names.ok() && std::all_of(names->begin(), names->end(), [&](const std::string& name) {
           return std::count(but_for.begin(), but_for.end(), name) > 0;
         });
}

// A first start that was cut short leaves an empty one, or a disk for the log is mounted in it.
bool IsNewMember(FileSystem& files, const std::string& member) {
  const std::string log = member + "/log";
  return HoldsNothing(files, member, {"identity.tmp", "log"}) &&
         (!files.Exists(log) || HoldsNothing(files, log, {"lost+found"}));
}

absl::Status RefuseForeign(FileSystem& files, const std::string& path, const LogPlace& log) {
  if (!files.Exists(path)) return absl::OkStatus();
  PINTLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, files.List(path));
  const std::string member = path + "/member";
  if (files.Exists(member + "/identity") || files.Exists(member + "/lock")) return absl::OkStatus();
  for (const auto& name : names) {
    if (name == "lost+found" || name == "fixtures") continue;  // the latter: --auto-tls
    if (name == "member" && IsNewMember(files, member)) continue;
    if (log.IsWithin(absl::StrCat(path, "/", name))) continue;
    return absl::FailedPreconditionError(absl::StrCat("--data-dir=", path,
                                                      " has files that are not Pintle's (", name,
                                                      "): give an empty folder"));
  }
  return absl::OkStatus();
}

// The number in "store-<n>"; 0 for other names.
uint64_t StoreNumber(std::string_view name) {
  constexpr std::string_view kPrefix = "store-";
  if (!name.starts_with(kPrefix)) return 0;
  name.remove_prefix(kPrefix.size());
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  return error == std::errc() && end == name.data() + name.size() ? number : 0;
}

}  // namespace

absl::StatusOr<DataDirIdentity> ParseIdentity(const std::string& text) {
  if (!IsIntact(text)) return absl::DataLossError("the identity file is damaged");
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  DataDirIdentity found;
  if (!text.starts_with(kFirstLines) || lines.size() < 6 || lines[4].size() != 35 ||
      !TakeHex(lines[2], "cluster", found.cluster_id) ||
      !TakeHex(lines[3], "member", found.member_id) ||
      !ParseHex(std::string_view(lines[4]).substr(3, 16), found.id.high) ||
      !ParseHex(std::string_view(lines[4]).substr(19), found.id.low)) {
    return absl::FailedPreconditionError("the data-dir is of another format than 2");
  }
  return found;
}

absl::StatusOr<uint64_t> ParsePointer(const std::string& text) {
  const uint64_t number = StoreNumber(text.substr(0, text.find('\n')));
  if (!IsIntact(text) || number == 0)
    return absl::DataLossError("the file that names the store is damaged");
  return number;
}

std::string DataDir::StoreFolder(uint64_t number) const {
  return absl::StrCat(member_, "/store-", number);
}

absl::StatusOr<std::unique_ptr<DataDir>> DataDir::Claim(FileSystem& files, const std::string& path,
                                                        const WalIdentity& identity,
                                                        DataDirId fresh,
                                                        const std::string& wal_dir) {
  const std::string member = path + "/member";
  std::unique_ptr<DataDir> dir(new DataDir(files, member, wal_dir));
  PINTLE_RETURN_IF_ERROR(RefuseForeign(files, path, dir->log_));
  PINTLE_RETURN_IF_ERROR(MakeFolders(files, member));
  absl::StatusOr<std::unique_ptr<FileLock>> lock = files.Lock(member + "/lock");
  if (absl::IsFailedPrecondition(lock.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is in use by another process (", std::string(lock.status().message()),
                     "): stop that one, or give another --data-dir"));
  }
  PINTLE_RETURN_IF_ERROR(lock.status());
  dir->lock_ = *std::move(lock);
  PINTLE_RETURN_IF_ERROR(dir->LoadIdentity(identity, fresh));
  PINTLE_RETURN_IF_ERROR(dir->LoadPointer());
  PINTLE_RETURN_IF_ERROR(dir->RemoveStores(/*newer=*/true));
  PINTLE_RETURN_IF_ERROR(files.SyncFolder(path));
  PINTLE_RETURN_IF_ERROR(files.SyncFolder(ParentOf(path)));
  return dir;
}

absl::Status DataDir::LoadIdentity(const WalIdentity& wanted, DataDirId fresh) {
  const std::string paths[] = {member_ + "/identity", member_ + "/identity.copy"};
  absl::StatusOr<DataDirIdentity> found = absl::NotFoundError("");
  for (const std::string& path : paths) {
    const absl::StatusOr<std::string> text = files_.ReadWhole(path);
    if (absl::IsNotFound(text.status()) || found.ok()) continue;
    if (text.ok()) {
      found = ParseIdentity(*text);
    } else {
      found = text.status();
    }
  }
  created_ = absl::IsNotFound(found.status());
  if (created_) found = DataDirIdentity{wanted.cluster_id, wanted.member_id, fresh};
  if (!found.ok()) {
    return absl::Status(found.status().code(),
                        absl::StrCat(std::string(found.status().message()), ": ", member_,
                                     ". Restore it, or start this member anew as a new one"));
  }
  if (found->cluster_id != wanted.cluster_id || found->member_id != wanted.member_id) {
    return absl::FailedPreconditionError(
        absl::StrCat("the data-dir of ", member_,
                     " belongs to another member or cluster: check --data-dir, --name, "
                     "--initial-cluster and --initial-cluster-token, or give an empty data-dir"));
  }
  id_ = found->id;
  identity_ = {wanted.cluster_id, wanted.member_id, id_.high};
  PINTLE_RETURN_IF_ERROR(CheckLog());
  const std::string text = IdentityText(wanted, id_);
  for (const std::string& path : paths) {
    const absl::StatusOr<std::string> there = files_.ReadWhole(path);
    if (!there.ok() || *there != text) PINTLE_RETURN_IF_ERROR(WriteDurably(files_, path, text));
  }
  return absl::OkStatus();
}

// Where there is an identity there is a witness, from before it, or at least a log. A member that
// has lost both would act as if it had never promised anything.
absl::Status DataDir::CheckLog() {
  PINTLE_ASSIGN_OR_RETURN(const std::unique_ptr<WalWitness> witness,
                          WalWitness::Open(files_, log_.witness(), identity_));
  if (created_) {
    PINTLE_RETURN_IF_ERROR(log_.Begin());
    return witness->Write({});
  }
  PINTLE_RETURN_IF_ERROR(log_.Check(identity_, witness->mark()));
  if (witness->mark() || log_.HasSegments()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      "the log in ", log_folder(), " is gone, and so is the record of how far it had got (",
      log_.witness(),
      "): this member has forgotten its votes and what it has acknowledged. Restore its data-dir, "
      "or remove the member and add it again with an empty one"));
}

// A pointer that is damaged or lost: the lowest store was complete once, of a higher one nothing is
// known. If the log no longer reaches back to it, whoever opens both finds out.
absl::Status DataDir::LoadPointer() {
  absl::StatusOr<uint64_t> named = absl::NotFoundError("");
  if (const absl::StatusOr<std::string> text = files_.ReadWhole(member_ + "/store"); text.ok())
    named = ParsePointer(*text);
  if (named.ok()) {
    store_ = *named;
    return absl::OkStatus();
  }
  PINTLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, files_.List(member_));
  uint64_t lowest = 0;
  for (const auto& name : names) {
    const uint64_t number = StoreNumber(name);
    if (number > 0 && (lowest == 0 || number < lowest)) lowest = number;
  }
  store_ = std::max<uint64_t>(lowest, 1);
  return WriteDurably(files_, member_ + "/store", PointerText(store_));
}

std::string DataDir::store_folder() const {
  const std::lock_guard lock(mutex_);
  return StoreFolder(store_);
}

absl::StatusOr<std::string> DataDir::NewStoreFolder() {
  const std::lock_guard lock(mutex_);
  const std::string folder = StoreFolder(store_ + 1);
  PINTLE_RETURN_IF_ERROR(files_.RemoveFolder(folder));
  PINTLE_RETURN_IF_ERROR(files_.MakeFolder(folder));
  PINTLE_RETURN_IF_ERROR(files_.SyncFolder(member_));
  base::FaultPoint("data_dir.new_store_begun");
  return folder;
}

absl::Status DataDir::DropNewStore() {
  const std::lock_guard lock(mutex_);
  return files_.RemoveFolder(StoreFolder(store_ + 1));
}

absl::Status DataDir::UseNewStore() {
  const std::lock_guard lock(mutex_);
  base::FaultPoint("data_dir.before_pointer");
  PINTLE_RETURN_IF_ERROR(WriteDurably(files_, member_ + "/store", PointerText(store_ + 1)));
  ++store_;
  base::FaultPoint("data_dir.after_pointer");
  return absl::OkStatus();
}

uint64_t DataDir::StoreBytes() const {
  uint64_t bytes = 0;
  const auto names_in = [this](const std::string& folder) {
    return files_.List(folder).value_or(std::vector<std::string>());
  };
  for (const std::string& store : names_in(member_)) {
    if (StoreNumber(store) == 0) continue;
    const std::string folder = absl::StrCat(member_, "/", store, "/");
    // What is removed meanwhile counts no more.
    for (const std::string& name : names_in(folder)) {
      bytes += files_.FileSize(folder + name).value_or(0);
    }
  }
  return bytes;
}

absl::Status DataDir::RemoveOldStores() {
  const std::lock_guard lock(mutex_);
  return RemoveStores(/*newer=*/false);
}

absl::Status DataDir::RemoveStores(bool newer) {
  PINTLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, files_.List(member_));
  for (const auto& name : names) {
    const uint64_t number = StoreNumber(name);
    if (number == 0 || number == store_ || (number > store_ && !newer)) continue;
    base::FaultPoint("data_dir.before_remove_store");
    PINTLE_RETURN_IF_ERROR(files_.RemoveFolder(StoreFolder(number)));
  }
  return absl::OkStatus();
}

}  // namespace pintle::server::storage
