#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/storage/file_system.h"

namespace pintle::server::storage {
namespace {

absl::Status FromError(int error, std::string_view action, const std::string& path) {
  const std::string text = absl::StrCat(std::string(action), " ", path, ": ", strerror(error));
  switch (error) {
    case ENOENT:
      return absl::NotFoundError(text);
    case ENOSPC:
    case EDQUOT:
      return absl::ResourceExhaustedError(text);
    case ENOTDIR:
      return absl::FailedPreconditionError(text);
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(text);
    default:
      return absl::InternalError(text);
  }
}

absl::Status FromErrno(std::string_view action, const std::string& path) {
  return FromError(errno, action, path);
}

// Closes a descriptor that no object owns yet.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

class PosixFile final : public File {
 public:
  PosixFile(int fd, std::string path, bool writable, Syncs syncs)
      : fd_(fd), path_(std::move(path)), writable_(writable), syncs_(syncs) {}

  absl::Status WriteAt(uint64_t offset, std::span<const std::string_view> pieces) override {
    if (!writable_) return ReadOnly();
    std::vector<iovec> parts;
    parts.reserve(pieces.size());
    for (const auto piece : pieces) {
      if (!piece.empty()) parts.push_back({const_cast<char*>(piece.data()), piece.size()});
    }
    size_t next = 0;
    while (next < parts.size()) {
      const auto count = static_cast<int>(std::min<size_t>(parts.size() - next, IOV_MAX));
      const ssize_t written = pwritev(fd_.get(), &parts[next], count, static_cast<off_t>(offset));
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

  absl::StatusOr<size_t> ReadAt(uint64_t offset, size_t size, char* out) const override {
    size_t have = 0;
    while (have < size) {
      const ssize_t got =
          pread(fd_.get(), out + have, size - have, static_cast<off_t>(offset + have));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return FromErrno("read", path_);
      if (got == 0) break;
      have += static_cast<size_t>(got);
    }
    return have;
  }

  absl::StatusOr<uint64_t> Size() const override {
    struct stat info {};
    if (fstat(fd_.get(), &info) != 0) return FromErrno("look at", path_);
    return static_cast<uint64_t>(info.st_size);
  }

  absl::Status Truncate(uint64_t size) override {
    if (!writable_) return ReadOnly();
    if (ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) return FromErrno("truncate", path_);
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    if (syncs_ == Syncs::kNever) return absl::OkStatus();
    if (fdatasync(fd_.get()) != 0) return FromErrno("fdatasync", path_);
    return absl::OkStatus();
  }

 private:
  absl::Status ReadOnly() const {
    return absl::FailedPreconditionError(path_ + " was opened for reading");
  }

  const Descriptor fd_;
  const std::string path_;
  const bool writable_;
  const Syncs syncs_;
};

class PosixFileLock final : public FileLock {
 public:
  explicit PosixFileLock(int fd) : fd_(fd) {}

 private:
  const Descriptor fd_;
};

// The holder leaves its process id in the file, so that a refusal can name it.
std::string Holder(int fd) {
  char text[32];
  const ssize_t got = pread(fd, text, sizeof text, 0);
  std::string holder(text, got > 0 ? static_cast<size_t>(got) : 0);
  while (!holder.empty() && holder.back() == '\n') holder.pop_back();
  const bool is_number =
      !holder.empty() && holder.find_first_not_of("0123456789") == std::string::npos;
  return is_number ? "process " + holder : "another process";
}

class PosixFileSystem final : public FileSystem {
 public:
  explicit PosixFileSystem(Syncs syncs) : syncs_(syncs) {}

  absl::StatusOr<std::unique_ptr<File>> OpenForWrite(const std::string& path) override {
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return FromErrno("open", path);
    return std::make_unique<PosixFile>(fd, path, /*writable=*/true, syncs_);
  }

  absl::StatusOr<std::unique_ptr<File>> OpenForRead(const std::string& path) override {
    // A pipe is opened without waiting for whoever would write to it, and then cannot be read.
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return FromErrno("open", path);
    return std::make_unique<PosixFile>(fd, path, /*writable=*/false, syncs_);
  }

  absl::StatusOr<std::string> ReadWhole(const std::string& path) override {
    const auto file = OpenForRead(path);
    if (!file.ok()) return file.status();
    const auto size = (*file)->Size();
    if (!size.ok()) return size.status();
    std::string bytes(*size, '\0');
    const auto got = (*file)->ReadAt(0, bytes.size(), bytes.data());
    if (!got.ok()) return got.status();
    bytes.resize(*got);
    return bytes;
  }

  absl::StatusOr<uint64_t> FileSize(const std::string& path) override {
    struct stat info {};
    if (stat(path.c_str(), &info) != 0) return FromErrno("look at", path);
    return static_cast<uint64_t>(info.st_size);
  }

  bool Exists(const std::string& path) override { return access(path.c_str(), F_OK) == 0; }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (rename(from.c_str(), to.c_str()) != 0) return FromErrno("rename", from);
    return absl::OkStatus();
  }

  absl::Status Remove(const std::string& path) override {
    if (unlink(path.c_str()) != 0) return FromErrno("remove", path);
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<std::string>> List(const std::string& folder) override {
    DIR* dir = opendir(folder.c_str());
    if (dir == nullptr) return FromErrno("open folder", folder);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = readdir(dir)) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    const int error = errno;  // an unreadable folder must not look like an empty one
    closedir(dir);
    if (error != 0) return FromError(error, "read folder", folder);
    std::sort(names.begin(), names.end());
    return names;
  }

  absl::Status MakeFolder(const std::string& path) override {
    if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return FromErrno("make folder", path);
    struct stat info {};
    if (stat(path.c_str(), &info) != 0) return FromErrno("look at", path);
    if (!S_ISDIR(info.st_mode)) return absl::FailedPreconditionError(path + " is not a folder");
    return absl::OkStatus();
  }

  absl::Status SyncFolder(const std::string& path) override {
    if (syncs_ == Syncs::kNever) return absl::OkStatus();
    const Descriptor fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd.get() < 0) return FromErrno("open folder", path);
    return fsync(fd.get()) == 0 ? absl::OkStatus() : FromErrno("fsync folder", path);
  }

  absl::Status RemoveFolder(const std::string& path) override {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    return error ? FromError(error.value(), "remove folder", path) : absl::OkStatus();
  }

  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override {
    Descriptor fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (fd.get() < 0) return FromErrno("open", path);
    if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return FromErrno("lock", path);
      return absl::FailedPreconditionError(absl::StrCat(path, " is held by ", Holder(fd.get())));
    }
    // For the reader of a refusal only: a full disk is no reason to refuse a lock.
    const std::string holder = absl::StrCat(getpid(), "\n");
    if (ftruncate(fd.get(), 0) == 0) {
      [[maybe_unused]] const ssize_t wrote = pwrite(fd.get(), holder.data(), holder.size(), 0);
    }
    return std::make_unique<PosixFileLock>(fd.release());
  }

  absl::StatusOr<uint64_t> FreeBytes(const std::string& path) override {
    struct statvfs info {};
    if (statvfs(path.c_str(), &info) != 0) return FromErrno("look at the disk of", path);
    return static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
  }

 private:
  const Syncs syncs_;
};

}  // namespace

std::unique_ptr<FileSystem> MakePosixFileSystem(Syncs syncs) {
  return std::make_unique<PosixFileSystem>(syncs);
}

}  // namespace pintle::server::storage
