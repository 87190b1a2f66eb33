#include "server/kube/range_allocation.h"

#include "absl/strings/escaping.h"
#include "server/kube/random.h"
#include "server/kube/stored_form.h"

namespace pintle::server::kube {

bool Bitmap::Test(uint64_t bit) const {
  const uint64_t byte = bit / 8;
  if (byte >= bytes_.size()) return false;
  return (static_cast<unsigned char>(bytes_[bytes_.size() - 1 - byte]) >> (bit % 8)) & 1;
}

void Bitmap::Set(uint64_t bit) {
  const uint64_t byte = bit / 8;
  if (byte >= bytes_.size()) bytes_.insert(0, byte + 1 - bytes_.size(), '\0');
  char& at = bytes_[bytes_.size() - 1 - byte];
  at = static_cast<char>(static_cast<unsigned char>(at) | (1u << (bit % 8)));
}

void Bitmap::Clear(uint64_t bit) {
  if (!Test(bit)) return;
  char& at = bytes_[bytes_.size() - 1 - bit / 8];
  at = static_cast<char>(static_cast<unsigned char>(at) & ~(1u << (bit % 8)));
  bytes_.erase(0, bytes_.find_first_not_of('\0') == std::string::npos
                      ? bytes_.size()
                      : bytes_.find_first_not_of('\0'));
}

Result<Done> RangeAllocation::Load(const kv::ReadView& view) {
  KUBE_ASSIGN_OR_RETURN(kv::EncodedKeyValue pair, ReadPair(view, key_));
  if (pair == nullptr) return Done{};
  kv::KeyValueView parsed;
  if (!kv::ParseKeyValue(*pair, parsed)) return InternalError("unreadable pair in the store");
  const Json object = Json::parse(parsed.value, nullptr, false);
  std::string bytes;
  if (!object.is_object() || !absl::Base64Unescape(object.value("data", Json("")).is_string()
                                                       ? object.value("data", std::string())
                                                       : std::string("!"),
                                                   &bytes))
    return InternalError("the RangeAllocation " + key_ + " cannot be read");
  if (object.value("range", Json()) != range_)
    return InternalError("the RangeAllocation " + key_ + " is of another range than " + range_);
  bits_ = Bitmap(std::move(bytes));
  mod_revision_ = parsed.mod_revision;
  return Done{};
}

void RangeAllocation::Take(uint64_t offset) {
  bits_.Set(offset);
  changed_ = true;
}

void RangeAllocation::GiveBack(uint64_t offset) {
  bits_.Clear(offset);
  changed_ = true;
}

std::optional<uint64_t> RangeAllocation::TakeAny(uint64_t from) {
  const uint64_t choices = size_ - from;
  if (size_ <= from) return std::nullopt;
  const uint64_t start = RandomBelow(choices);
  for (uint64_t i = 0; i < choices; ++i) {
    const uint64_t offset = from + (start + i) % choices;
    if (IsTaken(offset)) continue;
    Take(offset);
    return offset;
  }
  return std::nullopt;
}

void RangeAllocation::AddTo(StoreTxn& txn) const {
  if (!changed_) return;
  const Json object = {{"kind", "RangeAllocation"},
                       {"apiVersion", "v1"},
                       {"metadata", Json::object()},
                       {"range", range_},
                       {"data", absl::Base64Escape(bits_.big_endian())}};
  txn.guards.push_back({key_, mod_revision_});
  txn.puts.push_back({key_, EncodeStored(object), kv::LeaseId()});
}

}  // namespace pintle::server::kube
