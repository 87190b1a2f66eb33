#include "server/storage/leveldb_files.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "base/fault_point.h"
#include "server/storage/fatal.h"

namespace pintle::server::storage {
namespace {

constexpr size_t kBufferBytes = size_t{64} << 10;

class BufferedFile final : public leveldb::WritableFile {
 public:
  BufferedFile(FileSystem& files, FileWatch& watch, std::string name, bool is_manifest,
               std::unique_ptr<File> file)
      : files_(files),
        watch_(watch),
        name_(std::move(name)),
        is_manifest_(is_manifest),
        file_(std::move(file)) {}

  leveldb::Status Append(const leveldb::Slice& data) override {
    if (buffer_.size() + data.size() < kBufferBytes) {
      buffer_.append(data.data(), data.size());
      return leveldb::Status::OK();
    }
    return Write({data.data(), data.size()});
  }
  leveldb::Status Flush() override { return Write({}); }
  leveldb::Status Close() override {
    const leveldb::Status status = Write({});
    file_.reset();
    return status;
  }

  leveldb::Status Sync() override {
    if (watch_.frozen()) return Frozen(name_);
    if (is_manifest_) {
      base::FaultPoint("store.before_manifest_folder_sync");
      const leveldb::Status folder = Checked(files_.SyncFolder(name_.substr(0, name_.rfind('/'))));
      if (!folder.ok()) return folder;
    }
    const leveldb::Status written = Write({});
    if (!written.ok()) return written;
    base::FaultPoint(is_manifest_ ? "store.before_manifest_sync" : "store.before_table_sync");
    const leveldb::Status synced = Checked(file_->Sync());
    base::FaultPoint(is_manifest_ ? "store.after_manifest_sync" : "store.after_table_sync");
    return synced;
  }

 private:
  // What is gathered, and `more` behind it.
  leveldb::Status Write(std::string_view more) {
    if (buffer_.empty() && more.empty()) return leveldb::Status::OK();
    if (watch_.frozen()) return Frozen(name_);
    const std::string_view pieces[] = {buffer_, more};
    const absl::Status status = file_->WriteAt(offset_, pieces);
    if (!status.ok()) {
      watch_.Note(status);
      return ToLeveldb(status, name_);
    }
    offset_ += buffer_.size() + more.size();
    buffer_.clear();
    return leveldb::Status::OK();
  }

  leveldb::Status Checked(const absl::Status& status) {
    watch_.Note(status);
    if (!absl::IsResourceExhausted(status)) DieUnlessOk(status, "writing the store");
    return ToLeveldb(status, name_);
  }

  FileSystem& files_;
  FileWatch& watch_;
  const std::string name_;
  const bool is_manifest_;
  std::unique_ptr<File> file_;
  std::string buffer_;
  uint64_t offset_ = 0;
};

class SinkFile final : public leveldb::WritableFile {
 public:
  leveldb::Status Append(const leveldb::Slice&) override { return leveldb::Status::OK(); }
  leveldb::Status Close() override { return leveldb::Status::OK(); }
  leveldb::Status Flush() override { return leveldb::Status::OK(); }
  leveldb::Status Sync() override { return leveldb::Status::OK(); }
};

class TableFile final : public leveldb::RandomAccessFile {
 public:
  TableFile(std::string name, std::unique_ptr<File> file)
      : name_(std::move(name)), file_(std::move(file)) {}

  // Fewer bytes than asked for at the end of the file: LevelDB checks what it got.
  leveldb::Status Read(uint64_t offset, size_t size, leveldb::Slice* result,
                       char* scratch) const override {
    const absl::StatusOr<size_t> got = file_->ReadAt(offset, size, scratch);
    *result = leveldb::Slice(scratch, got.ok() ? *got : 0);
    return got.ok() ? leveldb::Status::OK() : Unreadable(got.status(), name_);
  }

 private:
  const std::string name_;
  const std::unique_ptr<File> file_;
};

class BytesFile final : public leveldb::SequentialFile {
 public:
  explicit BytesFile(std::string bytes) : bytes_(std::move(bytes)) {}

  leveldb::Status Read(size_t size, leveldb::Slice* result, char* scratch) override {
    const size_t got = std::min(size, bytes_.size() - at_);
    if (got > 0) std::memcpy(scratch, bytes_.data() + at_, got);
    at_ += got;
    *result = leveldb::Slice(scratch, got);
    return leveldb::Status::OK();
  }
  leveldb::Status Skip(uint64_t size) override {
    at_ += std::min<uint64_t>(size, bytes_.size() - at_);
    return leveldb::Status::OK();
  }

 private:
  const std::string bytes_;
  size_t at_ = 0;
};

}  // namespace

leveldb::Status Frozen(const std::string& name) {
  return leveldb::Status::IOError(name, "an earlier write failed: nothing more is written");
}

leveldb::Status ToLeveldb(const absl::Status& status, const std::string& name) {
  if (status.ok()) return leveldb::Status::OK();
  const std::string text(status.message());
  return absl::IsNotFound(status) ? leveldb::Status::NotFound(name, text)
                                  : leveldb::Status::IOError(name, text);
}

leveldb::Status Unreadable(const absl::Status& status, const std::string& name) {
  return leveldb::Status::Corruption(name, std::string(status.message()));
}

std::unique_ptr<leveldb::WritableFile> MakeBufferedFile(FileSystem& files, FileWatch& watch,
                                                        std::string name, bool is_manifest,
                                                        std::unique_ptr<File> file) {
  return std::make_unique<BufferedFile>(files, watch, std::move(name), is_manifest,
                                        std::move(file));
}

std::unique_ptr<leveldb::WritableFile> MakeSinkFile() { return std::make_unique<SinkFile>(); }

std::unique_ptr<leveldb::RandomAccessFile> MakeTableFile(std::string name,
                                                         std::unique_ptr<File> file) {
  return std::make_unique<TableFile>(std::move(name), std::move(file));
}

std::unique_ptr<leveldb::SequentialFile> MakeSequentialFile(std::string bytes) {
  return std::make_unique<BytesFile>(std::move(bytes));
}

}  // namespace pintle::server::storage
