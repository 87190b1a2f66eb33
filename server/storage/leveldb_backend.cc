#include "server/storage/leveldb_backend.h"

#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/iterator.h>
#include <leveldb/options.h>
#include <leveldb/write_batch.h>

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/fault_point.h"
#include "base/status_macros.h"
#include "server/storage/leveldb_env.h"

namespace pintle::server::storage {
namespace {

leveldb::Slice ToSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view ToView(const leveldb::Slice& slice) { return {slice.data(), slice.size()}; }

// `about` names the key or the directory.
absl::Status ToStatus(const leveldb::Status& status, std::string_view about) {
  if (status.ok()) return absl::OkStatus();
  const std::string text = absl::StrCat("LevelDB, ", absl::CHexEscape({about.data(), about.size()}),
                                        ": ", status.ToString());
  if (status.IsNotFound()) return absl::NotFoundError(text);
  if (status.IsCorruption()) return absl::DataLossError(text);
  return absl::InternalError(text);
}

leveldb::ReadOptions CheckedReads() {
  leveldb::ReadOptions options;
  options.verify_checksums = true;
  return options;
}

bool IsLockError(const leveldb::Status& status) {
  return status.IsIOError() && status.ToString().find("lock") != std::string::npos;
}

// One call: in virtual time LevelDB's thread works when it is over, and not before.
class Turn {
 public:
  explicit Turn(LeveldbEnv& env) : env_(env) { env_.Hold(); }
  ~Turn() { env_.Release(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  LeveldbEnv& env_;
};

absl::StatusOr<std::string> ReadOne(leveldb::DB& db, const leveldb::ReadOptions& options,
                                    std::string_view key) {
  std::string value;
  PINTLE_RETURN_IF_ERROR(ToStatus(db.Get(options, ToSlice(key), &value), key));
  return value;
}

absl::Status ReadRange(leveldb::DB& db, leveldb::ReadOptions options, std::string_view first,
                       std::string_view last,
                       const std::function<bool(std::string_view, std::string_view)>& visit) {
  options.fill_cache = false;
  const std::unique_ptr<leveldb::Iterator> at(db.NewIterator(options));
  for (at->Seek(ToSlice(first)); at->Valid() && ToView(at->key()) < last; at->Next()) {
    if (!visit(ToView(at->key()), ToView(at->value()))) break;
  }
  return ToStatus(at->status(), first);  // damaged blocks are passed over, and only named here
}

class LeveldbSnapshot : public kv::BackendReader {
 public:
  LeveldbSnapshot(LeveldbEnv& env, leveldb::DB& db)
      : env_(env), db_(db), snapshot_(db.GetSnapshot()) {
    options_.snapshot = snapshot_;
  }
  ~LeveldbSnapshot() override { db_.ReleaseSnapshot(snapshot_); }

  absl::StatusOr<std::string> Get(std::string_view key) const override {
    const Turn turn(env_);
    return ReadOne(db_, options_, key);
  }
  absl::Status Scan(
      std::string_view first, std::string_view last,
      const std::function<bool(std::string_view, std::string_view)>& visit) const override {
    const Turn turn(env_);
    return ReadRange(db_, options_, first, last, visit);
  }

 private:
  LeveldbEnv& env_;
  leveldb::DB& db_;
  const leveldb::Snapshot* const snapshot_;
  leveldb::ReadOptions options_ = CheckedReads();
};

}  // namespace

LeveldbBackend::LeveldbBackend(const LeveldbOptions& options)
    : options_(options),
      own_files_(options.files == nullptr ? MakePosixFileSystem() : nullptr),
      files_(options.files == nullptr ? *own_files_ : *options.files),
      env_(std::make_unique<LeveldbEnv>(files_, options.wait_for_background)),
      cache_(leveldb::NewLRUCache(options.block_cache_bytes)) {}

LeveldbBackend::~LeveldbBackend() {
  if (db_ != nullptr && options_.flush_on_close && failure_.ok()) {
    (void)Flush();  // the log has whatever this could not save
  }
}

absl::StatusOr<std::unique_ptr<LeveldbBackend>> LeveldbBackend::Open(
    const LeveldbOptions& options) {
  auto backend = std::unique_ptr<LeveldbBackend>(new LeveldbBackend(options));
  PINTLE_RETURN_IF_ERROR(backend->Start());
  return backend;
}

// LevelDB takes a directory without CURRENT for a new one, and would remove its tables.
absl::Status LeveldbBackend::CheckNothingIsLost() const {
  if (files_.Exists(options_.directory + "/CURRENT")) return absl::OkStatus();
  const absl::StatusOr<std::vector<std::string>> names = files_.List(options_.directory);
  if (absl::IsNotFound(names.status())) return absl::OkStatus();
  PINTLE_RETURN_IF_ERROR(names.status());
  for (const auto& name : *names) {
    if (!name.ends_with(".ldb") && !name.ends_with(".sst")) continue;
    return absl::DataLossError(
        absl::StrCat(options_.directory, " has tables (", name, ") but no CURRENT"));
  }
  return absl::OkStatus();
}

absl::Status LeveldbBackend::Start() {
  PINTLE_RETURN_IF_ERROR(CheckNothingIsLost());
  const Turn turn(*env_);
  leveldb::Options options;
  options.create_if_missing = true;
  options.paranoid_checks = true;
  options.env = env_.get();
  options.block_cache = cache_.get();
  options.write_buffer_size = options_.write_buffer_bytes;
  // Keys arrive in order: tables do not overlap and move down the levels unread, so they may be
  // large.
  options.max_file_size = size_t{16} << 20;
  options.block_size = size_t{16} << 10;
  leveldb::DB* db = nullptr;
  const leveldb::Status opened = leveldb::DB::Open(options, options_.directory, &db);
  db_.reset(db);
  if (IsLockError(opened)) {
    return absl::UnavailableError(
        absl::StrCat("another process uses ", options_.directory, ": ", opened.ToString()));
  }
  const absl::Status status = ToStatus(opened, options_.directory);
  // What should be there and is not: a MANIFEST, say.
  if (absl::IsNotFound(status)) return absl::DataLossError(status.message());
  return Failed(status);
}

// A failure for want of room is told from the others.
absl::Status LeveldbBackend::Failed(const absl::Status& status) {
  if (status.ok()) return status;
  const bool no_room = absl::IsInternal(status) && env_->out_of_room();
  failure_ = no_room ? absl::ResourceExhaustedError(status.message()) : status;
  env_->Freeze();
  return failure_;
}

absl::Status LeveldbBackend::Apply(const kv::BackendBatch& batch) {
  PINTLE_RETURN_IF_ERROR(failure_);
  const Turn turn(*env_);
  leveldb::WriteBatch writes;
  for (const kv::BackendBatch::Op& op : batch.ops) {
    if (op.value == nullptr) {
      writes.Delete(ToSlice(op.key));
    } else {
      writes.Put(ToSlice(op.key), ToSlice(*op.value));
    }
  }
  base::FaultPoint("store.before_apply");
  const leveldb::Status status = db_->Write(leveldb::WriteOptions(), &writes);
  PINTLE_RETURN_IF_ERROR(Failed(ToStatus(status, options_.directory)));
  // After the write: a memtable switched inside it does not hold this batch yet.
  if (batch.sequence) env_->SetApplied(batch.sequence);
  base::FaultPoint("store.after_apply");
  return absl::OkStatus();
}

absl::StatusOr<std::string> LeveldbBackend::Get(std::string_view key) const {
  const Turn turn(*env_);
  return ReadOne(*db_, CheckedReads(), key);
}

kv::Sequence LeveldbBackend::durable_sequence() const { return env_->durable_sequence(); }

absl::Status LeveldbBackend::Scan(
    std::string_view first, std::string_view last,
    const std::function<bool(std::string_view, std::string_view)>& visit) const {
  const Turn turn(*env_);
  return ReadRange(*db_, CheckedReads(), first, last, visit);
}

std::unique_ptr<const kv::BackendReader> LeveldbBackend::NewSnapshot() const {
  const Turn turn(*env_);
  return std::make_unique<LeveldbSnapshot>(*env_, *db_);
}

absl::Status LeveldbBackend::Flush() {
  PINTLE_RETURN_IF_ERROR(failure_);
  // No turn of our own: this waits for the background itself, and does nothing beside.
  // Compacts a range that no key is in: LevelDB writes the memtable out first, and that is all
  // there is to do.
  const leveldb::Slice beyond("\xff\xff\xff\xff");
  db_->CompactRange(&beyond, &beyond);
  // Does nothing, and reports what the background thread ran into.
  leveldb::WriteBatch none;
  const Turn turn(*env_);
  const leveldb::Status status = db_->Write(leveldb::WriteOptions(), &none);
  return Failed(ToStatus(status, options_.directory));
}

}  // namespace pintle::server::storage
