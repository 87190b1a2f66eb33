// LevelDB's kinds of files over our FileSystem, for leveldb_env.cc only.
//
// Writers gather 64 KiB before they write, as LevelDB's own do. A failed sync ends the process
// (fatal.h), but for a full disk, which leaves nothing unknown: the file is not used. Threads: a
// file belongs to one thread; tables may be read by any.
#pragma once

#include <leveldb/env.h>
#include <leveldb/status.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "server/storage/file_system.h"

namespace pintle::server::storage {

leveldb::Status ToLeveldb(const absl::Status& status, const std::string& name);
leveldb::Status Frozen(const std::string& name);
// What a disk does not give back (EIO) is damage, like what does not pass its checksum: the store
// has to be made anew.
leveldb::Status Unreadable(const absl::Status& status, const std::string& name);

// Whoever wants to know why LevelDB failed (its own statuses do not say "full disk"), and may
// forbid that anything more is written. Any thread.
class FileWatch {
 public:
  virtual ~FileWatch() = default;
  virtual void Note(const absl::Status& status) = 0;
  virtual bool frozen() const = 0;
};

// `is_manifest`: the folder is synced first, so that no durable MANIFEST names a table whose own
// name is not.
std::unique_ptr<leveldb::WritableFile> MakeBufferedFile(FileSystem& files, FileWatch& watch,
                                                        std::string name, bool is_manifest,
                                                        std::unique_ptr<File> file);
// Takes everything and keeps nothing.
std::unique_ptr<leveldb::WritableFile> MakeSinkFile();
std::unique_ptr<leveldb::RandomAccessFile> MakeTableFile(std::string name,
                                                         std::unique_ptr<File> file);
std::unique_ptr<leveldb::SequentialFile> MakeSequentialFile(std::string bytes);

}  // namespace pintle::server::storage
