// LeveldbEnv: LevelDB's door to the operating system, with three differences (DESIGN 5.5).
//
// - Its `*.log` files are sinks: created, and empty for ever. Our write-ahead log holds the same
// data already; what
//   survives a crash is the last flushed memtable.
// - Table files are read with pread, not mapped: mapped pages would count as this process's memory.
// - A failed sync ends the process: what a disk did with pages it failed to write is unknown.
//
// It also knows what is durable. LevelDB starts a new log exactly when it switches memtables, on
// the writing thread; and it removes a log exactly when the tables made of that log's memtable are
// named by a synced MANIFEST. So the position reached when a log ended is durable as soon as that
// log is removed.
#pragma once

#include <leveldb/env.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "kv/types.h"

namespace pintle::server::storage {

class LeveldbEnv : public leveldb::EnvWrapper {
 public:
  // `base` does the work and outlives this; leveldb::Env::Default() in production.
  explicit LeveldbEnv(leveldb::Env* base) : leveldb::EnvWrapper(base) {}

  // The writing thread: everything up to here is in LevelDB now.
  void SetApplied(kv::Sequence sequence);
  // The newest position of this run that a crash cannot lose; 0 before the first flush. Any thread.
  kv::Sequence durable_sequence() const;

  leveldb::Status NewRandomAccessFile(const std::string& name,
                                      leveldb::RandomAccessFile** file) override;
  leveldb::Status NewWritableFile(const std::string& name, leveldb::WritableFile** file) override;
  leveldb::Status NewAppendableFile(const std::string& name, leveldb::WritableFile** file) override;
  leveldb::Status RemoveFile(const std::string& name) override;
  leveldb::Status NewLogger(const std::string& name, leveldb::Logger** logger) override;

 private:
  struct Log {
    uint64_t number;
    kv::Sequence applied_at_start;
  };

  mutable std::mutex mutex_;  // held for a few words, never across a call
  std::vector<Log> logs_;     // not yet removed, oldest first
  kv::Sequence applied_;
  kv::Sequence durable_;
};

}  // namespace pintle::server::storage
