#include "server/storage/log_place.h"

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/storage/checked_text.h"

namespace pintle::server::storage {
namespace {

constexpr char kSuffix[] = ".wal";
constexpr char kLock[] = "lock";

// The note's one line, which may hold anything that a path may.
absl::StatusOr<std::string> ReadNote(FileSystem& files, const std::string& note,
                                     const std::string& home) {
  const absl::StatusOr<std::string> text = files.ReadWhole(note);
  if (absl::IsNotFound(text.status())) return home;
  PINTLE_RETURN_IF_ERROR(text.status());
  const size_t end = text->rfind("\ncrc32c ");
  if (!IsIntact(*text) || end == std::string::npos) {
    return absl::DataLossError(note + ", which says where the log lies, is damaged");
  }
  return text->substr(0, end);
}

}  // namespace

std::string AbsolutePath(const std::string& path) {
  std::string text = std::filesystem::absolute(path).lexically_normal();
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

std::string ParentOf(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

absl::Status MakeFolders(FileSystem& files, const std::string& path) {
  for (size_t at = 0; at != std::string::npos;) {
    at = path.find('/', at + 1);
    const std::string folder = path.substr(0, at);
    if (files.Exists(folder)) continue;
    PINTLE_RETURN_IF_ERROR(files.MakeFolder(folder));
    PINTLE_RETURN_IF_ERROR(files.SyncFolder(ParentOf(folder)));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> LogFolderOf(FileSystem& files, const std::string& data_dir) {
  const std::string member = data_dir + "/member";
  return ReadNote(files, member + "/log.place", member + "/log");
}

LogPlace::LogPlace(FileSystem& files, const std::string& member, const std::string& wal_dir)
    : files_(files), home_(member + "/log"), note_(member + "/log.place"), folder_(home_) {
  if (!wal_dir.empty() && AbsolutePath(wal_dir) != AbsolutePath(home_))
    folder_ = AbsolutePath(wal_dir);
}

bool LogPlace::IsWithin(const std::string& entry) const {
  return elsewhere() && (folder_ + "/").starts_with(AbsolutePath(entry) + "/");
}

bool LogPlace::HasSegments(const std::string& folder) const {
  const absl::StatusOr<std::vector<std::string>> names = files_.List(folder);
  return names.ok() && std::any_of(names->begin(), names->end(),
                                   [](const auto& name) { return name.ends_with(kSuffix); });
}

bool LogPlace::HoldsLogOf(const WalIdentity& identity) const {
  const absl::StatusOr<std::vector<std::string>> names = files_.List(folder_);
  if (!names.ok()) return false;
  for (const std::string& name : *names) {
    uint64_t number = 0;
    if (!name.ends_with(kSuffix) ||
        !absl::SimpleHexAtoi(name.substr(0, name.size() - sizeof kSuffix + 1), &number)) {
      continue;
    }
    const absl::StatusOr<std::unique_ptr<File>> file =
        files_.OpenForRead(absl::StrCat(folder_, "/", name));
    std::string bytes(kSegmentHeadBytes, '\0');
    if (!file.ok() || !(*file)->ReadAt(0, bytes.size(), bytes.data()).ok()) continue;
    SegmentHead head;
    uint32_t version = 0;
    if (DecodeSegmentHead(bytes, number, head, version) == HeadCheck::kGood &&
        head.identity == identity) {
      return true;
    }
  }
  return false;
}

absl::Status LogPlace::Begin() {
  if (!elsewhere()) return Take();
  const absl::StatusOr<std::vector<std::string>> names = files_.List(folder_);
  if (!names.ok() && !absl::IsNotFound(names.status())) return names.status();
  for (const std::string& name : names.value_or(std::vector<std::string>())) {
    if (name == "lost+found" || name == kLock) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("--wal-dir=", folder_, " is not empty (", name, "): give an empty folder"));
  }
  return Take();
}

absl::Status LogPlace::Check(const WalIdentity& identity, const std::optional<WalMark>& mark) {
  // A first start that was cut short before there was a log.
  if (mark == WalMark()) return HasSegments() ? Take() : Begin();
  const absl::StatusOr<std::string> noted = ReadNote(files_, note_, home_);
  if (!noted.ok() && !absl::IsDataLoss(noted.status())) return noted.status();
  if (!noted.ok() || *noted != folder_) return CheckMoved(identity, noted);
  if (elsewhere() && !HasSegments()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the log is gone from --wal-dir=", folder_,
                     ": is its disk mounted? If it is lost for good, remove the member and add it "
                     "again with an empty data-dir"));
  }
  return Take();
}

absl::Status LogPlace::CheckMoved(const WalIdentity& identity,
                                  const absl::StatusOr<std::string>& noted) {
  const bool left_behind = noted.ok() && HasSegments(*noted);
  if (!left_behind && HoldsLogOf(identity)) return Take();
  if (!noted.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat(std::string(noted.status().message()), ", and ", folder_,
                     " does not hold it: give the --wal-dir that the member was started with"));
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "the log of this data-dir lies in ", *noted, ": ",
      *noted == home_ ? "leave --wal-dir out" : absl::StrCat("give --wal-dir=", *noted),
      ", or move what is in there to ", folder_, " first"));
}

// The folder is this data-dir's, and the note says so.
absl::Status LogPlace::Take() {
  if (elsewhere()) {
    PINTLE_RETURN_IF_ERROR(MakeFolders(files_, folder_));
    absl::StatusOr<std::unique_ptr<FileLock>> lock = files_.Lock(absl::StrCat(folder_, "/", kLock));
    if (absl::IsFailedPrecondition(lock.status())) {
      return absl::FailedPreconditionError(
          absl::StrCat("--wal-dir=", folder_, " is in use by another process (",
                       std::string(lock.status().message()), "): give another one"));
    }
    PINTLE_RETURN_IF_ERROR(lock.status());
    lock_ = *std::move(lock);
  }
  const absl::StatusOr<std::string> noted = ReadNote(files_, note_, home_);
  if (noted.ok() && *noted == folder_) return absl::OkStatus();
  if (elsewhere()) return WriteDurably(files_, note_, WithChecksum(folder_ + "\n"));
  PINTLE_RETURN_IF_ERROR(files_.Remove(note_));
  return files_.SyncFolder(ParentOf(note_));
}

}  // namespace pintle::server::storage
