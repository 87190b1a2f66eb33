#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/storage/file_system.h"

namespace pintle::server::storage {
namespace {

absl::Status FromErrno(std::string_view action, const std::string& path) {
  const int error = errno;
  const std::string text = absl::StrCat(std::string(action), " ", path, ": ", strerror(error));
  if (error == ENOENT) return absl::NotFoundError(text);
  if (error == ENOSPC || error == EDQUOT) return absl::ResourceExhaustedError(text);
  return absl::UnavailableError(text);
}

class PosixFile final : public File {
 public:
  PosixFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~PosixFile() override { close(fd_); }

  absl::Status WriteAt(uint64_t offset, std::span<const std::string_view> pieces) override {
    std::vector<iovec> parts;
    parts.reserve(pieces.size());
    for (const auto piece : pieces) {
      if (!piece.empty()) parts.push_back({const_cast<char*>(piece.data()), piece.size()});
    }
    size_t next = 0;
    while (next < parts.size()) {
      const auto count = static_cast<int>(std::min<size_t>(parts.size() - next, IOV_MAX));
      const ssize_t written = pwritev(fd_, &parts[next], count, static_cast<off_t>(offset));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return FromErrno("write", path_);
      offset += static_cast<uint64_t>(written);
      auto left = static_cast<size_t>(written);
      while (next < parts.size() && left >= parts[next].iov_len) left -= parts[next++].iov_len;
      if (left > 0) {
        parts[next].iov_base = static_cast<char*>(parts[next].iov_base) + left;
        parts[next].iov_len -= left;
      }
    }
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    // Not again after a failure: the kernel may have dropped the dirty pages and would answer OK.
    if (fdatasync(fd_) != 0) return FromErrno("fdatasync", path_);
    return absl::OkStatus();
  }

 private:
  int fd_;
  std::string path_;
};

class PosixFileSystem final : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<File>> OpenForWrite(const std::string& path) override {
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return FromErrno("open", path);
    return std::make_unique<PosixFile>(fd, path);
  }

  absl::StatusOr<std::string> ReadWhole(const std::string& path) override {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return FromErrno("open", path);
    struct stat info {};
    fstat(fd, &info);
    std::string bytes(static_cast<size_t>(info.st_size), '\0');
    size_t have = 0;
    while (have < bytes.size()) {
      const ssize_t got =
          pread(fd, bytes.data() + have, bytes.size() - have, static_cast<off_t>(have));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) {
        const absl::Status status = FromErrno("read", path);
        close(fd);
        return status;
      }
      if (got == 0) break;
      have += static_cast<size_t>(got);
    }
    close(fd);
    bytes.resize(have);
    return bytes;
  }

  absl::StatusOr<std::vector<std::string>> List(const std::string& folder) override {
    DIR* dir = opendir(folder.c_str());
    if (dir == nullptr) return FromErrno("open folder", folder);
    std::vector<std::string> names;
    while (const dirent* entry = readdir(dir)) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    closedir(dir);
    std::sort(names.begin(), names.end());
    return names;
  }

  bool Exists(const std::string& path) override { return access(path.c_str(), F_OK) == 0; }

  absl::Status MakeFolder(const std::string& path) override {
    if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return FromErrno("make folder", path);
    struct stat info {};
    if (stat(path.c_str(), &info) != 0) return FromErrno("look at", path);
    if (!S_ISDIR(info.st_mode)) return absl::FailedPreconditionError(path + " is not a folder");
    return absl::OkStatus();
  }

  absl::Status SyncFolder(const std::string& path) override {
    const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return FromErrno("open folder", path);
    const bool synced = fsync(fd) == 0;
    const absl::Status status = synced ? absl::OkStatus() : FromErrno("fsync folder", path);
    close(fd);
    return status;
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (rename(from.c_str(), to.c_str()) != 0) return FromErrno("rename", from);
    return absl::OkStatus();
  }

  absl::Status Remove(const std::string& path) override {
    if (unlink(path.c_str()) != 0) return FromErrno("remove", path);
    return absl::OkStatus();
  }
};

}  // namespace

std::unique_ptr<FileSystem> MakePosixFileSystem() { return std::make_unique<PosixFileSystem>(); }

}  // namespace pintle::server::storage
