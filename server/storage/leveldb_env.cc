#include "server/storage/leveldb_env.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

namespace pintle::server::storage {
namespace {

// The number in "<directory>/000123.log"; nothing for other files.
std::optional<uint64_t> LogNumber(std::string_view name) {
  constexpr std::string_view kSuffix = ".log";
  if (!name.ends_with(kSuffix)) return std::nullopt;
  name.remove_suffix(kSuffix.size());
  name = name.substr(name.rfind('/') + 1);
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

class SinkFile : public leveldb::WritableFile {
 public:
  leveldb::Status Append(const leveldb::Slice&) override { return leveldb::Status::OK(); }
  leveldb::Status Close() override { return leveldb::Status::OK(); }
  leveldb::Status Flush() override { return leveldb::Status::OK(); }
  leveldb::Status Sync() override { return leveldb::Status::OK(); }
};

class SinkLogger : public leveldb::Logger {
 public:
  void Logv(const char*, std::va_list) override {}
};

// Table files and the MANIFEST.
class FatalSyncFile : public leveldb::WritableFile {
 public:
  FatalSyncFile(std::string name, leveldb::WritableFile* file)
      : name_(std::move(name)), file_(file) {}

  leveldb::Status Append(const leveldb::Slice& data) override { return file_->Append(data); }
  leveldb::Status Close() override { return file_->Close(); }
  leveldb::Status Flush() override { return file_->Flush(); }
  leveldb::Status Sync() override {
    const leveldb::Status status = file_->Sync();
    if (status.ok()) return status;
    std::fprintf(stderr, "sync of %s failed: %s\n", name_.c_str(), status.ToString().c_str());
    std::fflush(stderr);
    std::abort();
  }

 private:
  const std::string name_;
  const std::unique_ptr<leveldb::WritableFile> file_;
};

class PreadFile : public leveldb::RandomAccessFile {
 public:
  PreadFile(std::string name, int fd) : name_(std::move(name)), fd_(fd) {}
  ~PreadFile() override { ::close(fd_); }

  leveldb::Status Read(uint64_t offset, size_t size, leveldb::Slice* result,
                       char* scratch) const override {
    size_t done = 0;
    while (done < size) {
      const ssize_t got =
          ::pread(fd_, scratch + done, size - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) {
        *result = leveldb::Slice(scratch, 0);
        return leveldb::Status::IOError(name_, std::strerror(errno));
      }
      if (got == 0) break;  // the end of the file: LevelDB checks what it got
      done += static_cast<size_t>(got);
    }
    *result = leveldb::Slice(scratch, done);
    return leveldb::Status::OK();
  }

 private:
  const std::string name_;
  const int fd_;
};

}  // namespace

void LeveldbEnv::SetApplied(kv::Sequence sequence) {
  std::lock_guard lock(mutex_);
  applied_ = sequence;
}

kv::Sequence LeveldbEnv::durable_sequence() const {
  std::lock_guard lock(mutex_);
  return durable_;
}

leveldb::Status LeveldbEnv::NewRandomAccessFile(const std::string& name,
                                                leveldb::RandomAccessFile** file) {
  *file = nullptr;
  const int fd = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return errno == ENOENT ? leveldb::Status::NotFound(name, std::strerror(errno))
                           : leveldb::Status::IOError(name, std::strerror(errno));
  }
  *file = new PreadFile(name, fd);
  return leveldb::Status::OK();
}

leveldb::Status LeveldbEnv::NewWritableFile(const std::string& name, leveldb::WritableFile** file) {
  *file = nullptr;
  leveldb::WritableFile* made = nullptr;
  const leveldb::Status status = target()->NewWritableFile(name, &made);
  if (!status.ok()) return status;
  const auto log = LogNumber(name);
  if (!log.has_value()) {
    *file = new FatalSyncFile(name, made);
    return status;
  }
  // The empty file stays, because LevelDB removes only what it finds in the directory.
  made->Close();
  delete made;
  *file = new SinkFile;
  std::lock_guard lock(mutex_);
  logs_.push_back({*log, applied_});
  return status;
}

leveldb::Status LeveldbEnv::NewAppendableFile(const std::string& name,
                                              leveldb::WritableFile** file) {
  // Used for logs with Options::reuse_logs, which we leave off: an old log's memtable is gone.
  *file = nullptr;
  return leveldb::Status::NotSupported(name, "files are not appended to");
}

leveldb::Status LeveldbEnv::RemoveFile(const std::string& name) {
  if (const auto removed = LogNumber(name); removed.has_value()) {
    std::lock_guard lock(mutex_);
    std::erase_if(logs_, [&](const Log& log) { return log.number <= *removed; });
    // The next log began when the removed one's memtable was complete.
    if (!logs_.empty()) durable_ = std::max(durable_, logs_.front().applied_at_start);
  }
  return target()->RemoveFile(name);
}

leveldb::Status LeveldbEnv::NewLogger(const std::string&, leveldb::Logger** logger) {
  *logger = new SinkLogger;  // LevelDB's own diary: no bound, no reader
  return leveldb::Status::OK();
}

}  // namespace pintle::server::storage
