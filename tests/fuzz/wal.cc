// The log's files after anything has happened to them: any bytes, or a good log that something has
// damaged (the first byte says which). It opens; what it gives back is without gaps, and was
// written unless the bytes are foreign; it goes on, and what is written then is there when it opens
// again.
#include "server/storage/wal.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "tests/fuzz/edits.h"
#include "tests/storage/memory_file_system.h"

namespace pintle::server::storage {
namespace {

constexpr WalIdentity kIdentity{.cluster_id = 0xc1, .member_id = 0xa1, .data_dir = 0xd1};
constexpr size_t kSector = 512;
const std::string kFolder = "/data/log";
const std::string kSegment = kFolder + "/0000000000000001.wal";

WalOptions Options() {
  WalOptions options;
  options.first_segment_bytes = 8 * kSector;
  options.largest_segment_bytes = 8 * kSector;
  options.sector_bytes = kSector;
  options.prepare_inline = true;
  return options;
}

std::string BodyOf(uint64_t index) { return "entry " + std::to_string(index); }

raft::Entry EntryAt(uint64_t term, raft::Index index) {
  return {{raft::Term(term), index},
          raft::EntryKind::kNormal,
          std::make_shared<const std::string>(BodyOf(index.value()))};
}

std::unique_ptr<Wal> Open(FileSystem& files, WalContents& contents) {
  auto opened = Wal::Open(files, kFolder, kIdentity, Options(), contents);
  if (!opened.ok()) {
    PINTLE_CHECK(!opened.status().message().empty(), "refused without a reason");
    return nullptr;
  }
  return *std::move(opened);
}

// A segment with four batches of three entries each.
std::string GoodSegment() {
  MemoryFileSystem files;
  PINTLE_CHECK(files.MakeFolder("/data").ok(), "memory is a disk that works");
  WalContents contents;
  const std::unique_ptr<Wal> wal = Open(files, contents);
  for (uint64_t batch = 0; batch < 4; ++batch) {
    std::vector<raft::Entry> entries;
    for (uint64_t i = 1; i <= 3; ++i) entries.push_back(EntryAt(1, raft::Index(batch * 3 + i)));
    const raft::HardState state{raft::Term(1), raft::MemberId(1), raft::Index(batch * 3)};
    PINTLE_CHECK(wal->Append(state, entries, true).ok(), "memory is a disk that works");
  }
  return *files.ReadWhole(kSegment);
}

void CheckContents(const WalContents& contents, bool ours) {
  raft::Index expected = contents.base.index;
  for (const raft::Entry& entry : contents.entries) {
    PINTLE_CHECK(entry.id.index == raft::Index(expected.value() + 1), "a gap");
    expected = entry.id.index;
    PINTLE_CHECK(!ours || entry.bytes() == BodyOf(expected.value()), "never written");
  }
}

void Recover(const std::string& bytes, bool ours) {
  MemoryFileSystem files;
  PINTLE_CHECK(files.MakeFolder("/data").ok() && files.MakeFolder(kFolder).ok(),
               "memory is a disk that works");
  {
    const auto file = *files.OpenForWrite(kSegment);
    const std::string_view piece = bytes;
    PINTLE_CHECK(file->WriteAt(0, std::span(&piece, 1)).ok(), "memory is a disk that works");
  }
  WalContents contents;
  std::unique_ptr<Wal> wal = Open(files, contents);
  if (wal == nullptr) return;
  CheckContents(contents, ours);
  const raft::Index next(wal->last().index.value() + 1);
  const uint64_t term = std::max(contents.hard_state.term.value(), wal->last().term.value()) + 1;
  const std::vector<raft::Entry> entries = {EntryAt(term, next)};
  const raft::HardState state{raft::Term(term), raft::MemberId(1), raft::Index(0)};
  if (!wal->Append(state, entries, true).ok()) return;
  wal.reset();
  WalContents again;
  wal = Open(files, again);
  PINTLE_CHECK(wal != nullptr && wal->last().index == next, "what was acknowledged is gone");
  PINTLE_CHECK(again.hard_state.term == state.term, "the term is forgotten");
}

}  // namespace
}  // namespace pintle::server::storage

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using pintle::server::storage::GoodSegment;
  using pintle::server::storage::Recover;
  if (size < 1) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  static const std::string good = GoodSegment();
  if (data[0] % 4 == 0)
    Recover(std::string(rest), /*ours=*/false);
  else
    Recover(pintle::fuzz::Edited(good, rest), /*ours=*/true);
  return 0;
}
