// Reclaimer: frees what old key-index roots share once the last reader of those roots is gone.
//
// The writer replaces nodes instead of changing what readers may see. A replaced node is needed by
// every root published before the replacement and by none after it. So what is replaced between
// publishing root k and root k+1 goes into bin k; a reader of root k holds bin k; bin k holds bin
// k+1. Bin k dies when no root <= k is read any more, and frees its content then, on whatever
// thread let go last. No count per node, no work for readers but one increment per view.
//
// Thread: Retire and Seal from the apply thread; Pins are dropped anywhere.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace pintle::kv {

using FreeFunction = void (*)(void*);

class GarbageBin {
 public:
  GarbageBin() = default;
  GarbageBin(const GarbageBin&) = delete;
  GarbageBin& operator=(const GarbageBin&) = delete;

  void Ref() { refs_.fetch_add(1, std::memory_order_relaxed); }

  // A loop and not a recursion through destructors: a reader that slept for a million batches lets
  // go of a chain of a million bins.
  static void Unref(GarbageBin* bin) {
    while (bin != nullptr && bin->refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      GarbageBin* next = bin->next_;
      for (const Item& item : bin->items_) item.free(item.what);
      delete bin;
      bin = next;
    }
  }

 private:
  friend class Reclaimer;
  struct Item {
    void* what;
    FreeFunction free;
  };

  ~GarbageBin() = default;

  std::atomic<int64_t> refs_{1};
  GarbageBin* next_ = nullptr;
  std::vector<Item> items_;
};

// Holds the nodes of one root alive.
class Pin {
 public:
  Pin() = default;
  explicit Pin(GarbageBin* bin) : bin_(bin) { bin_->Ref(); }
  Pin(Pin&& other) noexcept : bin_(std::exchange(other.bin_, nullptr)) {}
  Pin& operator=(Pin&& other) noexcept {
    std::swap(bin_, other.bin_);
    return *this;
  }
  ~Pin() { GarbageBin::Unref(bin_); }

 private:
  GarbageBin* bin_ = nullptr;
};

class Reclaimer {
 public:
  Reclaimer() = default;
  Reclaimer(const Reclaimer&) = delete;
  Reclaimer& operator=(const Reclaimer&) = delete;
  ~Reclaimer() { GarbageBin::Unref(open_); }

  // `what` is no longer part of the newest tree.
  void Retire(void* what, FreeFunction free, size_t bytes) {
    open_->items_.push_back({what, free});
    retired_bytes_ += bytes;
  }

  // The current tree becomes a root that readers may hold; what is retired from now on outlives the
  // returned pin. Everything made before this call counts as shared (epoch()).
  Pin Seal() {
    auto* fresh = new GarbageBin;
    fresh->Ref();  // one for the chain, one for the writer
    open_->next_ = fresh;
    GarbageBin::Unref(std::exchange(open_, fresh));
    ++epoch_;
    return Pin(fresh);
  }

  // A node made in this epoch is seen by no reader: the writer may change it in place.
  uint64_t epoch() const { return epoch_; }

  // Bytes ever retired: the difference between two moments is what a root of the earlier one keeps
  // alive.
  uint64_t retired_bytes() const { return retired_bytes_; }

 private:
  GarbageBin* open_ = new GarbageBin;
  uint64_t epoch_ = 1;
  uint64_t retired_bytes_ = 0;
};

}  // namespace pintle::kv
