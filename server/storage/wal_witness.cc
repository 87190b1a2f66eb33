#include "server/storage/wal_witness.h"

#include <span>
#include <utility>

#include "base/byte_codec.h"
#include "base/crc32c.h"
#include "base/fault_point.h"
#include "base/status_macros.h"

namespace pintle::server::storage {
namespace {

constexpr std::string_view kMagic = "PINTLWIT";
constexpr size_t kSlots = 2;
constexpr size_t kSlotBytes = 4096;  // no write touches a sector of the other one
constexpr size_t kFieldsBytes = 32;

uint32_t Checksum(const WalIdentity& identity, std::string_view fields) {
  std::string whose;
  base::AppendFixed64(whose, identity.cluster_id);
  base::AppendFixed64(whose, identity.member_id);
  base::AppendFixed64(whose, identity.data_dir);
  return base::ExtendCrc32c(base::Crc32c(whose), fields);
}

std::string EncodeSlot(const WalIdentity& identity, uint64_t sequence, const WalMark& mark) {
  std::string slot(kMagic);
  base::AppendFixed64(slot, sequence);
  base::AppendFixed64(slot, mark.segment);
  base::AppendFixed64(slot, mark.term.value());
  base::AppendFixed32(slot, Checksum(identity, slot));
  return slot;
}

}  // namespace

std::optional<WalMark> ParseWitness(const WalIdentity& identity, std::string_view bytes,
                                    uint64_t& sequence) {
  std::optional<WalMark> newest;
  sequence = 0;
  for (size_t i = 0; i < kSlots && bytes.size() >= i * kSlotBytes + kFieldsBytes + 4; ++i) {
    const std::string_view slot = bytes.substr(i * kSlotBytes);
    base::ByteReader reader(slot.substr(kMagic.size()));
    uint64_t at = 0;
    uint64_t segment = 0;
    uint64_t term = 0;
    uint32_t checksum = 0;
    const bool read = reader.TakeFixed64(at) && reader.TakeFixed64(segment) &&
                      reader.TakeFixed64(term) && reader.TakeFixed32(checksum);
    if (!read || !slot.starts_with(kMagic) || at <= sequence ||
        checksum != Checksum(identity, slot.substr(0, kFieldsBytes))) {
      continue;
    }
    sequence = at;
    newest = WalMark{segment, raft::Term(term)};
  }
  return newest;
}

absl::StatusOr<std::unique_ptr<WalWitness>> WalWitness::Open(FileSystem& files, std::string path,
                                                             WalIdentity identity) {
  std::unique_ptr<WalWitness> witness(new WalWitness(files, std::move(path), identity));
  const absl::StatusOr<std::string> bytes = files.ReadWhole(witness->path_);
  if (bytes.ok()) {
    witness->mark_ = ParseWitness(identity, *bytes, witness->sequence_);
  } else if (!absl::IsNotFound(bytes.status()) && !absl::IsInternal(bytes.status())) {
    return bytes.status();
  }
  return witness;
}

absl::Status WalWitness::Make() {
  PINTLE_ASSIGN_OR_RETURN(std::unique_ptr<File> file, files_.OpenForWrite(path_));
  PINTLE_ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  if (size != kSlots * kSlotBytes) {
    PINTLE_RETURN_IF_ERROR(file->Truncate(0));
    const std::string zeros(kSlots * kSlotBytes, '\0');
    const std::string_view piece = zeros;
    PINTLE_RETURN_IF_ERROR(file->WriteAt(0, std::span(&piece, 1)));
    PINTLE_RETURN_IF_ERROR(file->Sync());
  }
  PINTLE_RETURN_IF_ERROR(files_.SyncFolder(path_.substr(0, path_.rfind('/'))));
  file_ = std::move(file);
  return absl::OkStatus();
}

absl::Status WalWitness::Write(const WalMark& mark) {
  if (mark_ == mark) return absl::OkStatus();
  if (file_ == nullptr) PINTLE_RETURN_IF_ERROR(Make());
  const std::string slot = EncodeSlot(identity_, sequence_ + 1, mark);
  const std::string_view piece = slot;
  PINTLE_RETURN_IF_ERROR(
      file_->WriteAt((sequence_ + 1) % kSlots * kSlotBytes, std::span(&piece, 1)));
  base::FaultPoint("wal.before_witness_sync");
  if (const absl::Status synced = file_->Sync(); !synced.ok()) {
    return absl::InternalError(synced.message());  // for want of room too, as for the log
  }
  base::FaultPoint("wal.witness_synced");
  ++sequence_;
  mark_ = mark;
  return absl::OkStatus();
}

}  // namespace pintle::server::storage
