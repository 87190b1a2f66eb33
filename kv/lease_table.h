// LeaseTable: which leases there are and which keys hang on them. Two copy-on-write trees, so that
// a view shows the leases of its own moment. Time is not here: who decides that a lease has run out
// proposes its revocation.
//
// Apply thread; roots are read anywhere (the static functions).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kv/cow_tree.h"
#include "kv/read_view.h"
#include "kv/record.h"
#include "kv/types.h"

namespace pintle::kv {

using LeaseIdBytes = std::array<char, 8>;  // ordered like the ids

struct LeaseEntry {
  LeaseIdBytes id_bytes;
  StoredLease lease;

  std::string_view key() const { return {id_bytes.data(), id_bytes.size()}; }
  bool live() const { return true; }
  bool dirty() const { return false; }
  size_t bytes() const { return sizeof(LeaseEntry); }
  static void Free(void* entry) { delete static_cast<LeaseEntry*>(entry); }
};

// Lease id and key in one string: all keys of a lease lie side by side, sorted.
struct Attachment {
  uint32_t size = 0;
  char id_and_key[1];

  static Attachment* New(LeaseId id, std::string_view attached);
  static void Free(void* attachment);
  std::string_view key() const { return {id_and_key, size}; }
  std::string_view attached() const { return key().substr(sizeof(LeaseIdBytes)); }
  bool live() const { return true; }
  bool dirty() const { return false; }
  size_t bytes() const { return sizeof(Attachment) + size; }
};

using LeaseTree = CowTree<LeaseEntry>;
using AttachmentTree = CowTree<Attachment>;

struct LeaseRoots {
  const LeaseTree::Node* leases = nullptr;
  const AttachmentTree::Node* attachments = nullptr;
};

std::optional<StoredLease> FindLease(const LeaseRoots& roots, LeaseId id);
std::vector<LeaseInfo> ListLeases(const LeaseRoots& roots);            // by id
std::vector<std::string> KeysOf(const LeaseRoots& roots, LeaseId id);  // sorted
LeaseInfo ToInfo(const StoredLease& lease);

class LeaseTable {
 public:
  explicit LeaseTable(Reclaimer& reclaimer) : leases_(reclaimer), attachments_(reclaimer) {}

  LeaseRoots roots() const { return {leases_.root(), attachments_.root()}; }
  std::optional<StoredLease> Find(LeaseId id) const { return FindLease(roots(), id); }

  void Put(const StoredLease& lease);  // new, or changed
  void Remove(LeaseId id);             // nothing hangs on it any more
  void Attach(LeaseId id, std::string_view key);
  void Detach(LeaseId id, std::string_view key);

 private:
  LeaseTree leases_;
  AttachmentTree attachments_;
};

}  // namespace pintle::kv
