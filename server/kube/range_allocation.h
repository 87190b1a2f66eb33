// RangeAllocation: the one replicated object that says which numbers of a range are taken, as
// kube-apiserver keeps it (/registry/ranges/serviceips, /registry/ranges/servicenodeports): a
// bitmap in the form of Go's big.Int, bit i for offset i. A change of it travels in the same
// transaction as the object that takes or gives back the number, guarded by its revision. One
// attempt's worth of state; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kv/read_view.h"
#include "server/kube/status_error.h"
#include "server/kube/store_txn.h"

namespace pintle::server::kube {

// Bits as big-endian bytes without leading zeros.
class Bitmap {
 public:
  Bitmap() = default;
  explicit Bitmap(std::string big_endian) : bytes_(std::move(big_endian)) {}

  bool Test(uint64_t bit) const;
  void Set(uint64_t bit);
  void Clear(uint64_t bit);
  const std::string& big_endian() const { return bytes_; }

 private:
  std::string bytes_;
};

class RangeAllocation {
 public:
  // `range` is what the object says of itself ("10.96.0.0/16", "30000-32767"); `size` numbers.
  RangeAllocation(std::string key, std::string range, uint64_t size)
      : key_(std::move(key)), range_(std::move(range)), size_(size) {}

  // Reads the object; an absent one is an empty map.
  Result<Done> Load(const kv::ReadView& view);

  bool IsTaken(uint64_t offset) const { return bits_.Test(offset); }
  void Take(uint64_t offset);
  void GiveBack(uint64_t offset);
  // A random free offset, not below `from`; nullopt: full.
  std::optional<uint64_t> TakeAny(uint64_t from);

  // The guard, and the new value when something changed.
  void AddTo(StoreTxn& txn) const;

 private:
  const std::string key_;
  const std::string range_;
  const uint64_t size_;
  Bitmap bits_;
  int64_t mod_revision_ = 0;
  bool changed_ = false;
};

}  // namespace pintle::server::kube
