// Snapshot files: any bytes, or a good file that something has damaged (the first byte says which,
// and whether the checksums of its meta pages are right). It is refused with one line, or a
// data-dir is made of it.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "server/backup/bolt_format.h"
#include "server/backup/bolt_writer.h"
#include "server/backup/etcd_schema.h"
#include "server/backup/etcd_snapshot.h"
#include "server/backup/restore.h"
#include "tests/fuzz/edits.h"
#include "tests/storage/memory_file_system.h"

namespace pintle::server::backup {
namespace {

// Two revisions of one key, a tombstone, a lease, a user with a role; as etcd writes them.
std::string GoodFile() {
  BoltWriter writer;
  std::string pages;
  const auto bucket = [&](const char* name, auto... pairs) {
    writer.BeginBucket(name);
    (void)(writer.Put(pairs.first, pairs.second).ok() && ...);
    writer.EndBucket();
    pages += writer.TakePages();
  };
  const auto record = [](int64_t revision, bool tombstone) {
    return EtcdRecordKey({.revision = {revision, 0}, .tombstone = tombstone});
  };
  using Pair = std::pair<std::string, std::string>;
  bucket(kAlarmBucket);
  bucket(kAuthBucket, Pair(kAuthEnabledName, "\x01"), Pair(kAuthRevisionName, BigEndian64(3)));
  bucket(kAuthRolesBucket, Pair("r",
                                "\x0a\x01r\x12\x05\x08\x02\x12\x01"
                                "a"));
  bucket(kAuthUsersBucket, Pair("u", "\x0a\x01u\x12\x01p\x1a\x01r"));
  bucket(kKeyBucket, Pair(record(2, false), "\x0a\x01k\x10\x02\x18\x02\x20\x01\x2a\x01v\x30\x07"),
         Pair(record(3, false), "\x0a\x01k\x10\x02\x18\x03\x20\x02\x2a\x01w"),
         Pair(record(4, true), "\x0a\x01k"));
  bucket(kLeaseBucket, Pair(BigEndian64(7), "\x08\x07\x10\x3c"));
  bucket(kMetaBucket, Pair(kConsistentIndexName, BigEndian64(9)), Pair(kTermName, BigEndian64(2)));
  writer.Finish();
  pages += writer.TakePages();
  return BoltPreface(writer.meta()) + pages;
}

void MendChecksums(std::string& file) {
  for (size_t page = 0; page < 2; ++page) {
    const size_t meta = page * kBoltPageBytes + kPageHeadBytes;
    if (file.size() < meta + kMetaBytes) return;
    const uint64_t sum = BoltChecksum(std::string_view(file).substr(meta, kMetaChecksumOffset));
    for (size_t i = 0; i < 8; ++i) {
      file[meta + kMetaChecksumOffset + i] = static_cast<char>(sum >> (8 * i));
    }
  }
}

void Read(const std::string& bytes) {
  storage::MemoryFileSystem files;
  PINTLE_CHECK(files.MakeFolder("/d").ok(), "memory is a disk that works");
  {
    const auto file = *files.OpenForWrite("/d/db");
    const std::string_view piece = bytes;
    PINTLE_CHECK(file->WriteAt(0, std::span(&piece, 1)).ok(), "memory is a disk that works");
  }
  const auto one_line = [](const absl::Status& status) {
    return !status.message().empty() && status.message().find('\n') == std::string::npos;
  };
  const Progress progress = [](const char*, uint64_t, uint64_t) {};
  const auto snapshot = EtcdSnapshot::Open(files, "/d/db", HashCheck::kSkipped, progress);
  if (!snapshot.ok()) {
    PINTLE_CHECK(one_line(snapshot.status()), "not one line");
    return;
  }
  const auto status = StatusOf(**snapshot, progress);
  if (!status.ok()) PINTLE_CHECK(one_line(status.status()), "not one line");
  const RestoreOptions options{.data_dir = "/d/restored", .cluster_id = 1, .member_id = 2};
  const auto restored = Restore(files, **snapshot, options, progress);
  if (!restored.ok()) PINTLE_CHECK(one_line(restored.status()), "not one line");
  PINTLE_CHECK(restored.ok() == files.Exists("/d/restored"), "a data-dir is whole or not there");
}

}  // namespace
}  // namespace pintle::server::backup

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  static const std::string good = pintle::server::backup::GoodFile();
  std::string file = data[0] % 4 == 0 ? std::string(rest) : pintle::fuzz::Edited(good, rest);
  if (data[0] % 4 == 2) pintle::server::backup::MendChecksums(file);
  pintle::server::backup::Read(file);
  return 0;
}
