#include "kv/range.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "kv/errors.h"

namespace pintle::kv {
namespace {

struct Found {
  const KeyEntry* entry = nullptr;
  Revision revision;  // of the version that the reader sees
};

struct Row {
  EncodedKeyValue encoded;
  KeyValueView pair;
};

bool HasFilters(const RangeRequest& request) {
  return request.min_mod_revision != 0 || request.max_mod_revision != 0 ||
         request.min_create_revision != 0 || request.max_create_revision != 0;
}

bool PassesFilters(const RangeRequest& request, const KeyValueView& pair) {
  if (request.max_mod_revision != 0 && pair.mod_revision > request.max_mod_revision) return false;
  if (request.min_mod_revision != 0 && pair.mod_revision < request.min_mod_revision) return false;
  if (request.max_create_revision != 0 && pair.create_revision > request.max_create_revision) {
    return false;
  }
  return request.min_create_revision == 0 || pair.create_revision >= request.min_create_revision;
}

// Keys come out of the index in this order by themselves. No order with another target than the key
// means ascending.
bool IsNaturalOrder(const RangeRequest& request) {
  return request.sort_target == SortTarget::kKey && request.sort_order != SortOrder::kDescend;
}

bool Less(SortTarget target, const KeyValueView& a, const KeyValueView& b) {
  switch (target) {
    case SortTarget::kKey:
      return a.key < b.key;
    case SortTarget::kVersion:
      return a.version < b.version;
    case SortTarget::kCreate:
      return a.create_revision < b.create_revision;
    case SortTarget::kMod:
      return a.mod_revision < b.mod_revision;
    case SortTarget::kValue:
      return a.value < b.value;
  }
  return false;
}

void Sort(const RangeRequest& request, std::vector<Row>& rows) {
  const bool descend = request.sort_order == SortOrder::kDescend;
  std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
    return descend ? Less(request.sort_target, b.pair, a.pair)
                   : Less(request.sort_target, a.pair, b.pair);
  });
}

EncodedKeyValue WithoutValue(KeyValueView pair) {
  pair.value = {};
  return std::make_shared<const std::string>(EncodeKeyValue(pair));
}

KeyValueView FromIndex(const KeyEntry& entry) {
  return {.key = entry.key(),
          .value = {},
          .create_revision = entry.create_revision,
          .mod_revision = entry.mod_revision,
          .version = entry.version,
          .lease = entry.lease};
}

// The first `most` of the pairs seen at `revision`.
void CollectFirst(const RangeSource& source, const KeyRange& range, int64_t revision, int64_t most,
                  std::vector<Found>& found) {
  WalkRange<Visiting::kAll>(source.root, range, [&](const KeyEntry& entry) {
    if (const auto seen = entry.LiveAt(revision)) found.push_back({&entry, *seen});
    return static_cast<int64_t>(found.size()) < most;
  });
}

// Collects at most `limit` of the pairs seen at `revision`; returns how many there are.
int64_t Collect(const RangeSource& source, const KeyRange& range, int64_t revision, int64_t limit,
                std::vector<Found>& found) {
  if (revision >= source.root_revision) {
    if (limit > 0) {
      WalkRange<Visiting::kLive>(source.root, range, [&](const KeyEntry& entry) {
        found.push_back({&entry, entry.revision()});
        return static_cast<int64_t>(found.size()) < limit;
      });
    }
    return CountLive(source.root, range);
  }
  int64_t count = 0;
  WalkRange<Visiting::kAll>(source.root, range, [&](const KeyEntry& entry) {
    const auto seen = entry.LiveAt(revision);
    if (!seen.has_value()) return true;
    if (count++ < limit) found.push_back({&entry, *seen});
    return true;
  });
  return count;
}

absl::StatusOr<std::vector<Row>> Load(const RangeSource& source, const std::vector<Found>& found) {
  std::vector<Revision> revisions;
  revisions.reserve(found.size());
  for (const Found& item : found) revisions.push_back(item.revision);
  PINTLE_ASSIGN_OR_RETURN(std::vector<EncodedKeyValue> pairs, source.records.GetAll(revisions));
  std::vector<Row> rows(pairs.size());
  for (size_t i = 0; i < pairs.size(); ++i) {
    rows[i].encoded = std::move(pairs[i]);
    if (!ParseKeyValue(*rows[i].encoded, rows[i].pair)) {
      return absl::DataLossError(
          absl::StrCat("record of revision ", found[i].revision.main, " is not a pair"));
    }
  }
  return rows;
}

// Natural order, no filters: nothing has to be looked into.
absl::Status AnswerInOrder(const RangeSource& source, const RangeRequest& request,
                           const std::vector<Found>& found, RangeResult& result) {
  if (!request.keys_only) {
    std::vector<Revision> revisions;
    revisions.reserve(found.size());
    for (const Found& item : found) revisions.push_back(item.revision);
    PINTLE_ASSIGN_OR_RETURN(result.kvs, source.records.GetAll(revisions));
    return absl::OkStatus();
  }
  result.kvs.reserve(found.size());
  for (const Found& item : found) {
    if (item.revision == item.entry->revision()) {
      result.kvs.push_back(WithoutValue(FromIndex(*item.entry)));
      continue;
    }
    PINTLE_ASSIGN_OR_RETURN(const std::vector<Row> rows, Load(source, {item}));
    result.kvs.push_back(WithoutValue(rows[0].pair));
  }
  return absl::OkStatus();
}

absl::Status AnswerFilteredAndSorted(const RangeSource& source, const RangeRequest& request,
                                     const std::vector<Found>& found, int64_t limit,
                                     RangeResult& result) {
  PINTLE_ASSIGN_OR_RETURN(std::vector<Row> rows, Load(source, found));
  std::erase_if(rows, [&](const Row& row) { return !PassesFilters(request, row.pair); });
  if (!IsNaturalOrder(request)) Sort(request, rows);
  if (static_cast<int64_t>(rows.size()) > limit) {
    rows.resize(static_cast<size_t>(limit));
    result.more = true;
  }
  result.kvs.reserve(rows.size());
  for (Row& row : rows) {
    result.kvs.push_back(request.keys_only ? WithoutValue(row.pair) : std::move(row.encoded));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<int64_t> ReadRevision(const RangeRequest& request, int64_t revision,
                                     int64_t compact_revision) {
  if (request.revision > revision) return ErrFutureRevision();
  const int64_t at = request.revision <= 0 ? revision : request.revision;
  if (at < compact_revision) return ErrCompacted();
  return at;
}

absl::StatusOr<RangeResult> EvaluateRange(const RangeSource& source, const RangeRequest& request) {
  PINTLE_ASSIGN_OR_RETURN(const int64_t at,
                          ReadRevision(request, source.revision, source.compact_revision));
  constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();
  const int64_t limit = request.limit > 0 ? request.limit : kNoLimit;
  const bool as_is = IsNaturalOrder(request) && !HasFilters(request);
  int64_t collect = as_is ? limit : kNoLimit;
  if (request.count_only) collect = 0;
  // With a target and no order named, etcd takes the first by key, and sorts those.
  const bool sorts_the_first = request.sort_order == SortOrder::kNone && !HasFilters(request);
  if (!as_is && sorts_the_first && limit < kNoLimit) collect = std::min(collect, limit + 1);

  RangeResult result;
  result.revision = source.revision;
  std::vector<Found> found;
  if (request.skip_count && as_is && limit != kNoLimit && !request.count_only) {
    CollectFirst(source, request.range, at, limit + 1, found);
    result.more = static_cast<int64_t>(found.size()) > limit;
    if (result.more) found.pop_back();
    PINTLE_RETURN_IF_ERROR(AnswerInOrder(source, request, found, result));
    return result;
  }
  result.count = Collect(source, request.range, at, collect, found);
  if (request.count_only) return result;
  if (as_is) {
    result.more = result.count > limit;
    PINTLE_RETURN_IF_ERROR(AnswerInOrder(source, request, found, result));
  } else {
    PINTLE_RETURN_IF_ERROR(AnswerFilteredAndSorted(source, request, found, limit, result));
  }
  return result;
}

}  // namespace pintle::kv
