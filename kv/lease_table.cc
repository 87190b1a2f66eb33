#include "kv/lease_table.h"

#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/check.h"

namespace pintle::kv {
namespace {

LeaseIdBytes Ordered(LeaseId id) {
  const uint64_t ordered = static_cast<uint64_t>(id.value()) ^ (uint64_t{1} << 63);
  return std::bit_cast<LeaseIdBytes>(__builtin_bswap64(ordered));
}

std::string_view View(const LeaseIdBytes& bytes) { return {bytes.data(), bytes.size()}; }

std::string AttachmentKey(LeaseId id, std::string_view key) {
  std::string out(View(Ordered(id)));
  out.append(key);
  return out;
}

}  // namespace

Attachment* Attachment::New(LeaseId id, std::string_view attached) {
  const LeaseIdBytes id_bytes = Ordered(id);
  const size_t size = id_bytes.size() + attached.size();
  void* memory = std::malloc(sizeof(Attachment) + size);
  PINTLE_CHECK(memory != nullptr, "out of memory");
  auto* attachment = new (memory) Attachment;
  attachment->size = static_cast<uint32_t>(size);
  std::memcpy(attachment->id_and_key, id_bytes.data(), id_bytes.size());
  std::memcpy(attachment->id_and_key + id_bytes.size(), attached.data(), attached.size());
  return attachment;
}

void Attachment::Free(void* attachment) { std::free(attachment); }

std::optional<StoredLease> FindLease(const LeaseRoots& roots, LeaseId id) {
  const LeaseEntry* entry = LeaseTree::Find(roots.leases, View(Ordered(id)));
  if (entry == nullptr) return std::nullopt;
  return entry->lease;
}

LeaseInfo ToInfo(const StoredLease& lease) {
  return {.id = lease.id,
          .granted_ttl_seconds = lease.ttl_seconds,
          .remaining_ttl_seconds =
              lease.remaining_ttl_seconds > 0 ? lease.remaining_ttl_seconds : lease.ttl_seconds};
}

std::vector<LeaseInfo> ListLeases(const LeaseRoots& roots) {
  std::vector<LeaseInfo> leases;
  LeaseTree::Walk<Visiting::kAll>(roots.leases, {}, [&](const LeaseEntry& entry) {
    leases.push_back(ToInfo(entry.lease));
    return true;
  });
  return leases;
}

std::vector<std::string> KeysOf(const LeaseRoots& roots, LeaseId id) {
  std::vector<std::string> keys;
  const LeaseIdBytes id_bytes = Ordered(id);
  AttachmentTree::Walk<Visiting::kAll>(roots.attachments, {.first = View(id_bytes)},
                                       [&](const Attachment& attachment) {
                                         if (!attachment.key().starts_with(View(id_bytes)))
                                           return false;
                                         keys.emplace_back(attachment.attached());
                                         return true;
                                       });
  return keys;
}

void LeaseTable::Put(const StoredLease& lease) {
  leases_.Put(new LeaseEntry{Ordered(lease.id), lease});
}

void LeaseTable::Remove(LeaseId id) { leases_.Erase(View(Ordered(id))); }

void LeaseTable::Attach(LeaseId id, std::string_view key) {
  attachments_.Put(Attachment::New(id, key));
}

void LeaseTable::Detach(LeaseId id, std::string_view key) {
  attachments_.Erase(AttachmentKey(id, key));
}

}  // namespace pintle::kv
