#include "kv/hash_chain.h"

#include <string>

#include "base/byte_codec.h"
#include "base/hash64.h"

namespace pintle::kv {
namespace {

// Added to the seed of a change's key, so that a deletion is not a put of nothing.
constexpr uint64_t kPutSalt = 1;
constexpr uint64_t kDeleteSalt = 2;

}  // namespace

uint64_t NextHash(uint64_t previous, std::span<const BackendBatch::Op> changes, Sequence position,
                  uint64_t term) {
  uint64_t hash = previous;
  for (const BackendBatch::Op& change : changes) {
    if (change.value == nullptr) {
      hash = base::Hash64(change.key, hash + kDeleteSalt);
    } else {
      hash = base::Hash64(*change.value, base::Hash64(change.key, hash + kPutSalt));
    }
  }
  std::string end;
  base::AppendFixed64(end, position.value());
  base::AppendFixed64(end, term);
  base::AppendFixed64(end, changes.size());
  return base::Hash64(end, hash);
}

}  // namespace pintle::kv
