#include "server/storage/leveldb_env.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "base/fault_point.h"
#include "base/status_macros.h"
#include "server/storage/fatal.h"
#include "server/storage/leveldb_manifest.h"

namespace pintle::server::storage {
namespace {

std::string_view BaseName(std::string_view name) { return name.substr(name.rfind('/') + 1); }

// The number in "<directory>/000123.log"; nothing for other files.
std::optional<uint64_t> LogNumber(std::string_view name) {
  constexpr std::string_view kSuffix = ".log";
  if (!name.ends_with(kSuffix)) return std::nullopt;
  name.remove_suffix(kSuffix.size());
  name = BaseName(name);
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

absl::StatusOr<std::string> ReadAll(const File& file) {
  PINTLE_ASSIGN_OR_RETURN(const uint64_t size, file.Size());
  std::string bytes(size, '\0');
  PINTLE_ASSIGN_OR_RETURN(const size_t got, file.ReadAt(0, size, bytes.data()));
  bytes.resize(got);
  return bytes;
}

class SinkLogger final : public leveldb::Logger {
 public:
  void Logv(const char*, std::va_list) override {}
};

}  // namespace

class LeveldbEnv::HeldLock final : public leveldb::FileLock {
 public:
  explicit HeldLock(std::unique_ptr<storage::FileLock> lock) : lock_(std::move(lock)) {}
  void Let() { lock_.reset(); }

 private:
  std::unique_ptr<storage::FileLock> lock_;
};

LeveldbEnv::LeveldbEnv(FileSystem& files, bool virtual_time)
    : files_(files), virtual_time_(virtual_time) {}

LeveldbEnv::~LeveldbEnv() {
  {
    const std::lock_guard lock(jobs_mutex_);
    stopping_ = true;
  }
  jobs_changed_.notify_all();
  if (worker_.joinable()) worker_.join();
}

void LeveldbEnv::SetApplied(kv::Sequence sequence) {
  const std::lock_guard lock(mutex_);
  applied_ = sequence;
}

kv::Sequence LeveldbEnv::durable_sequence() const {
  const std::lock_guard lock(mutex_);
  return durable_;
}

void LeveldbEnv::Note(const absl::Status& status) {
  if (absl::IsResourceExhausted(status)) out_of_room_.store(true, std::memory_order_release);
}

leveldb::Status LeveldbEnv::Noted(const absl::Status& status, const std::string& name) {
  Note(status);
  return ToLeveldb(status, name);
}

leveldb::Status LeveldbEnv::NewSequentialFile(const std::string& name,
                                              leveldb::SequentialFile** file) {
  *file = nullptr;
  const absl::StatusOr<std::unique_ptr<File>> opened = files_.OpenForRead(name);
  if (!opened.ok()) return Noted(opened.status(), name);
  absl::StatusOr<std::string> bytes = ReadAll(**opened);
  if (!bytes.ok()) return Unreadable(bytes.status(), name);
  if (BaseName(name).starts_with("MANIFEST-")) {
    const std::optional<size_t> intact = IntactManifestBytes(*bytes);
    if (!intact) return leveldb::Status::Corruption(name, "edits are missing, or in a wrong place");
    bytes->resize(*intact);
  }
  *file = MakeSequentialFile(*std::move(bytes)).release();
  return leveldb::Status::OK();
}

leveldb::Status LeveldbEnv::NewRandomAccessFile(const std::string& name,
                                                leveldb::RandomAccessFile** file) {
  *file = nullptr;
  absl::StatusOr<std::unique_ptr<File>> opened = files_.OpenForRead(name);
  // LevelDB would hand "not found" on as the answer to a Get.
  if (absl::IsNotFound(opened.status())) {
    return leveldb::Status::Corruption(name, "the table is missing");
  }
  if (!opened.ok()) return Noted(opened.status(), name);
  *file = MakeTableFile(name, *std::move(opened)).release();
  return leveldb::Status::OK();
}

leveldb::Status LeveldbEnv::NewWritableFile(const std::string& name, leveldb::WritableFile** file) {
  *file = nullptr;
  if (frozen()) return Frozen(name);
  absl::StatusOr<std::unique_ptr<File>> made = files_.OpenForWrite(name);
  if (!made.ok()) return Noted(made.status(), name);
  if (const absl::Status emptied = (*made)->Truncate(0); !emptied.ok()) return Noted(emptied, name);
  const auto log = LogNumber(name);
  if (!log.has_value()) {
    const bool is_manifest = BaseName(name).starts_with("MANIFEST-");
    *file = MakeBufferedFile(files_, *this, name, is_manifest, *std::move(made)).release();
    return leveldb::Status::OK();
  }
  // The empty file stays, because LevelDB removes only what it finds in the directory.
  *file = MakeSinkFile().release();
  const std::lock_guard lock(mutex_);
  logs_.push_back({*log, applied_});
  return leveldb::Status::OK();
}

leveldb::Status LeveldbEnv::NewAppendableFile(const std::string& name,
                                              leveldb::WritableFile** file) {
  // Used for logs with Options::reuse_logs, which we leave off: an old log's memtable is gone.
  *file = nullptr;
  return leveldb::Status::NotSupported(name, "files are not appended to");
}

bool LeveldbEnv::FileExists(const std::string& name) { return files_.Exists(name); }

leveldb::Status LeveldbEnv::GetChildren(const std::string& folder,
                                        std::vector<std::string>* names) {
  names->clear();
  absl::StatusOr<std::vector<std::string>> found = files_.List(folder);
  if (!found.ok()) return Noted(found.status(), folder);
  *names = *std::move(found);
  return leveldb::Status::OK();
}

leveldb::Status LeveldbEnv::RemoveFile(const std::string& name) {
  if (frozen()) return Frozen(name);
  if (const auto removed = LogNumber(name); removed.has_value()) {
    base::FaultPoint("store.memtable_durable");
    const std::lock_guard lock(mutex_);
    std::erase_if(logs_, [&](const Log& log) { return log.number <= *removed; });
    // The next log began when the removed one's memtable was complete.
    if (!logs_.empty()) durable_ = std::max(durable_, logs_.front().applied_at_start);
  }
  return Noted(files_.Remove(name), name);
}

leveldb::Status LeveldbEnv::CreateDir(const std::string& name) {
  return Noted(files_.MakeFolder(name), name);
}

leveldb::Status LeveldbEnv::RemoveDir(const std::string& name) {
  return Noted(files_.RemoveFolder(name), name);
}

leveldb::Status LeveldbEnv::GetFileSize(const std::string& name, uint64_t* size) {
  const absl::StatusOr<uint64_t> found = files_.FileSize(name);
  *size = found.value_or(0);
  return Noted(found.status(), name);
}

leveldb::Status LeveldbEnv::RenameFile(const std::string& from, const std::string& to) {
  if (frozen()) return Frozen(from);
  base::FaultPoint("store.before_current_rename");
  if (const absl::Status renamed = files_.Rename(from, to); !renamed.ok())
    return Noted(renamed, from);
  base::FaultPoint("store.before_current_folder_sync");
  const absl::Status synced = files_.SyncFolder(to.substr(0, to.rfind('/')));
  if (!absl::IsResourceExhausted(synced)) DieUnlessOk(synced, "writing the store");
  return Noted(synced, to);
}

leveldb::Status LeveldbEnv::LockFile(const std::string& name, leveldb::FileLock** lock) {
  *lock = nullptr;
  absl::StatusOr<std::unique_ptr<FileLock>> held = files_.Lock(name);
  if (!held.ok()) return Noted(held.status(), "lock " + name);
  const std::lock_guard guard(mutex_);
  *lock = held_ = new HeldLock(*std::move(held));
  return leveldb::Status::OK();
}

leveldb::Status LeveldbEnv::UnlockFile(leveldb::FileLock* lock) {
  const std::lock_guard guard(mutex_);
  if (lock == held_) held_ = nullptr;
  delete lock;
  return leveldb::Status::OK();
}

void LeveldbEnv::Freeze() {
  frozen_.store(true, std::memory_order_release);
  {
    std::unique_lock lock(jobs_mutex_);
    jobs_changed_.wait(lock, [this] { return !running_; });
  }
  const std::lock_guard guard(mutex_);
  if (held_ != nullptr) held_->Let();
}

void LeveldbEnv::Schedule(void (*function)(void*), void* argument) {
  {
    const std::lock_guard lock(jobs_mutex_);
    jobs_.emplace_back(function, argument);
    if (holds_ > 0) return;  // Release does it
    if (!worker_.joinable()) worker_ = std::thread([this] { RunJobs(); });
  }
  jobs_changed_.notify_all();
}

// LevelDB's library calls this from nowhere; a job is as good as a thread.
void LeveldbEnv::StartThread(void (*function)(void*), void* argument) {
  Schedule(function, argument);
}

void LeveldbEnv::RunJobs() {
  std::unique_lock lock(jobs_mutex_);
  for (;;) {
    jobs_changed_.wait(lock, [this] { return stopping_ || (!jobs_.empty() && holds_ == 0); });
    if (jobs_.empty()) return;
    RunJob(lock);
  }
}

void LeveldbEnv::RunJob(std::unique_lock<std::mutex>& lock) {
  const Job job = jobs_.front();
  jobs_.pop_front();
  running_ = true;
  lock.unlock();
  job.first(job.second);
  lock.lock();
  running_ = false;
  jobs_changed_.notify_all();
}

void LeveldbEnv::Hold() {
  if (!virtual_time_) return;
  const std::lock_guard lock(jobs_mutex_);
  ++holds_;
}

void LeveldbEnv::Release() {
  if (!virtual_time_) return;
  std::unique_lock lock(jobs_mutex_);
  jobs_changed_.wait(lock, [this] { return !running_; });
  // On this thread: to wake another one, and to wait for it, was a quarter of a simulation's time.
  while (holds_ == 1 && !jobs_.empty()) RunJob(lock);
  --holds_;
}

leveldb::Status LeveldbEnv::GetTestDirectory(std::string* path) {
  return leveldb::Status::NotSupported(*path, "no test directory here");
}

leveldb::Status LeveldbEnv::NewLogger(const std::string&, leveldb::Logger** logger) {
  *logger = new SinkLogger;  // LevelDB's own diary: no bound, no reader
  return leveldb::Status::OK();
}

uint64_t LeveldbEnv::NowMicros() {
  if (virtual_time_) return 0;
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

void LeveldbEnv::SleepForMicroseconds(int micros) {
  if (!virtual_time_) std::this_thread::sleep_for(std::chrono::microseconds(micros));
}

}  // namespace pintle::server::storage
