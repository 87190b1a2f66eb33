// LeveldbEnv: everything that LevelDB asks of an operating system, over FileSystem, with these
// differences from its own (DESIGN 5.5):
//
// - Its `*.log` files are sinks: created, and empty for ever. Our write-ahead log holds the same
//   data already; what survives a crash is the last flushed memtable.
// - Table files are read, not mapped: mapped pages would count as this process's memory.
// - A failed sync ends the process: what a disk did with pages it failed to write is unknown.
// - A rename is on the disk when it returns, and the torn last edit of a MANIFEST is left out
//   (leveldb_manifest.h); a table that is not there is damage, never an absent key.
// - Flushes and compactions run on a thread of this Env's own, in virtual time on the caller's when
//   its call is over, so that a simulation has one order of events only.
//
// It also knows what is durable. LevelDB starts a new log exactly when it switches memtables, on
// the writing thread; and it removes a log exactly when the tables made of that log's memtable are
// named by a synced MANIFEST. So the position reached when a log ended is durable as soon as that
// log is removed.
//
// Threads: as LevelDB calls it; what is ours says so. Errors: LevelDB's statuses; out_of_room tells
// a full disk from the rest.
#pragma once

#include <leveldb/env.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "kv/types.h"
#include "server/storage/file_system.h"
#include "server/storage/leveldb_files.h"

namespace pintle::server::storage {

class LeveldbEnv final : public leveldb::Env, private FileWatch {
 public:
  // `files` outlives this. `virtual_time`: no sleeping, no clock.
  LeveldbEnv(FileSystem& files, bool virtual_time);
  // Waits for what is scheduled.
  ~LeveldbEnv() override;

  // The writing thread: everything up to here is in LevelDB now.
  void SetApplied(kv::Sequence sequence);
  // The newest position of this run that a crash cannot lose; 0 before the first flush. Any thread.
  kv::Sequence durable_sequence() const;
  // Whether anything failed for want of room. Any thread.
  bool out_of_room() const { return out_of_room_.load(std::memory_order_acquire); }
  // Virtual time only: what is scheduled between Hold and the Release that ends the last of them is
  // done by that Release.
  void Hold();
  void Release();

  // Nothing is written, removed or renamed from now on (LevelDB is told that it failed), what runs
  // in the background has ended, and the directory's lock is free. Reading goes on. Any thread but
  // LevelDB's.
  void Freeze();

  leveldb::Status NewSequentialFile(const std::string& name,
                                    leveldb::SequentialFile** file) override;
  leveldb::Status NewRandomAccessFile(const std::string& name,
                                      leveldb::RandomAccessFile** file) override;
  leveldb::Status NewWritableFile(const std::string& name, leveldb::WritableFile** file) override;
  leveldb::Status NewAppendableFile(const std::string& name, leveldb::WritableFile** file) override;
  bool FileExists(const std::string& name) override;
  leveldb::Status GetChildren(const std::string& folder, std::vector<std::string>* names) override;
  leveldb::Status RemoveFile(const std::string& name) override;
  leveldb::Status CreateDir(const std::string& name) override;
  leveldb::Status RemoveDir(const std::string& name) override;
  leveldb::Status GetFileSize(const std::string& name, uint64_t* size) override;
  leveldb::Status RenameFile(const std::string& from, const std::string& to) override;
  leveldb::Status LockFile(const std::string& name, leveldb::FileLock** lock) override;
  leveldb::Status UnlockFile(leveldb::FileLock* lock) override;
  void Schedule(void (*function)(void*), void* argument) override;
  void StartThread(void (*function)(void*), void* argument) override;
  leveldb::Status GetTestDirectory(std::string* path) override;
  leveldb::Status NewLogger(const std::string& name, leveldb::Logger** logger) override;
  uint64_t NowMicros() override;
  void SleepForMicroseconds(int micros) override;

 private:
  struct Log {
    uint64_t number;
    kv::Sequence applied_at_start;
  };
  using Job = std::pair<void (*)(void*), void*>;

  class HeldLock;

  void Note(const absl::Status& status) override;
  bool frozen() const override { return frozen_.load(std::memory_order_acquire); }
  leveldb::Status Noted(const absl::Status& status, const std::string& name);
  void RunJobs();
  void RunJob(std::unique_lock<std::mutex>& lock);

  FileSystem& files_;
  const bool virtual_time_;
  std::atomic<bool> out_of_room_{false};
  std::atomic<bool> frozen_{false};

  mutable std::mutex mutex_;  // held for a few words, never across a call
  std::vector<Log> logs_;     // not yet removed, oldest first
  kv::Sequence applied_;
  kv::Sequence durable_;
  HeldLock* held_ = nullptr;  // LevelDB's

  std::mutex jobs_mutex_;
  std::condition_variable jobs_changed_;
  std::deque<Job> jobs_;  // LevelDB schedules one at a time
  bool running_ = false;
  int holds_ = 0;
  bool stopping_ = false;
  std::thread worker_;  // from the first job on
};

}  // namespace pintle::server::storage
