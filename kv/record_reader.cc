#include "kv/record_reader.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "kv/record.h"

namespace pintle::kv {

absl::StatusOr<std::vector<EncodedKeyValue>> RecordReader::GetAll(
    std::span<const Revision> revisions) const {
  std::vector<EncodedKeyValue> pairs(revisions.size());
  std::vector<size_t> missing;
  for (size_t i = 0; i < revisions.size(); ++i) {
    pairs[i] = InMemory(revisions[i]);
    if (pairs[i] == nullptr) missing.push_back(i);
  }
  std::sort(missing.begin(), missing.end(),
            [&](size_t a, size_t b) { return revisions[a] < revisions[b]; });
  for (const size_t i : missing) {
    auto pair = Get(revisions[i]);
    if (!pair.ok()) return pair.status();
    pairs[i] = *std::move(pair);
  }
  return pairs;
}

absl::StatusOr<EncodedKeyValue> StoredRecords::Get(Revision revision) const {
  if (EncodedKeyValue pair = cache_.Get(revision)) return pair;
  std::string key = RecordKey(revision, /*tombstone=*/false);
  auto bytes = backend_.Get(key);
  if (absl::IsNotFound(bytes.status())) {
    key = RecordKey(revision, /*tombstone=*/true);
    bytes = backend_.Get(key);
  }
  if (!bytes.ok()) return bytes.status();
  KeyValueView pair;
  if (!ParseKeyValue(*bytes, pair) || pair.mod_revision != revision.main) {
    return absl::DataLossError(
        absl::StrCat("stored record ", Printable(key), " is not the pair of its revision"));
  }
  auto encoded = std::make_shared<const std::string>(*std::move(bytes));
  cache_.Put(revision, encoded);
  return encoded;
}

void PendingRecords::Add(Revision revision, EncodedKeyValue pair) {
  cache_.Put(revision, pair);
  pending_.emplace_back(revision, std::move(pair));
}

EncodedKeyValue PendingRecords::InMemory(Revision revision) const {
  auto it = std::lower_bound(pending_.begin(), pending_.end(), revision,
                             [](const auto& item, Revision r) { return item.first < r; });
  if (it != pending_.end() && it->first == revision) return it->second;
  return stored_.InMemory(revision);
}

absl::StatusOr<EncodedKeyValue> PendingRecords::Get(Revision revision) const {
  if (EncodedKeyValue pair = InMemory(revision)) return pair;
  return stored_.Get(revision);
}

}  // namespace pintle::kv
