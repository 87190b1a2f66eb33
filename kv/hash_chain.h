// HashChain: one number that says what a store has been through. Members that applied the same
// entries to the same effect have the same one at the same position; after the first difference
// they never have it again.
//
//     H(i) = h over H(i-1), every change that entry i made, its position and its term
//
// where h folds byte strings with XXH3, each result being the seed of the next
// (docs/formats/kv-records.md, "Hash chain"). Batches do not matter, nor does what a member does
// for itself (deleting what was compacted). 0 means unknown: a store of format 1 has no chain.
#pragma once

#include <cstdint>
#include <span>

#include "kv/backend.h"
#include "kv/types.h"

namespace pintle::kv {

// H(i) from H(i-1) = `previous`, which is known.
uint64_t NextHash(uint64_t previous, std::span<const BackendBatch::Op> changes, Sequence position,
                  uint64_t term);

}  // namespace pintle::kv
