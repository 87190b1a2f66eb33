// The store, said as plainly as possible: a list of changes, and every question answered by going
// through it. Slow, and with nothing in common with kv/ but the types.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kv/command.h"
#include "kv/errors.h"
#include "kv/types.h"

namespace pintle::kv::testing {

class ModelStore {
 public:
  using State = std::map<std::string, KeyValue>;

  int64_t revision = 1;
  int64_t compact_revision = -1;
  std::map<int64_t, std::pair<int64_t, int64_t>> leases;  // id: ttl, remaining

  ModelStore() { states_[1] = {}; }

  ApplyResult Apply(const Command& command) {
    now_ = states_[revision];
    pending_.clear();
    ApplyResult result;
    result.result = std::visit([&](const auto& request) { return Do(request); }, command);
    if (!pending_.empty()) {
      ++revision;
      states_[revision] = now_;
      history_.insert(history_.end(), pending_.begin(), pending_.end());
    }
    result.events = pending_;
    return result;
  }

  absl::StatusOr<RangeResult> Range(const RangeRequest& request) const {
    if (request.revision > revision) return ErrFutureRevision();
    const int64_t at = request.revision > 0 ? request.revision : revision;
    if (at < compact_revision) return ErrCompacted();
    return Answer(states_.at(at), request, revision);
  }

  absl::StatusOr<std::vector<Event>> Events(const KeyRange& range, int64_t from) const {
    if (from < compact_revision) return ErrCompacted();
    std::vector<Event> events;
    for (Event event : history_) {
      if (event.revision.main < from || !range.Contains(event.key)) continue;
      if (event.revision.main <= compact_revision) event.previous = {};
      // A change that the same request made void is not kept beyond a compaction.
      events.push_back(event);
    }
    return events;
  }

  std::vector<std::string> LeaseKeys(int64_t id) const {
    std::vector<std::string> keys;
    for (const auto& [key, pair] : states_.at(revision)) {
      if (pair.lease.value() == id) keys.push_back(key);
    }
    return keys;
  }

  const State& Now() const { return states_.at(revision); }

 private:
  static EncodedKeyValue Encode(const KeyValue& pair) {
    return std::make_shared<const std::string>(EncodeKeyValue(pair));
  }

  static int64_t Field(const KeyValue& pair, SortTarget target) {
    switch (target) {
      case SortTarget::kVersion:
        return pair.version;
      case SortTarget::kCreate:
        return pair.create_revision;
      default:
        return pair.mod_revision;
    }
  }

  static bool Before(const KeyValue& a, const KeyValue& b, SortTarget target) {
    if (target == SortTarget::kKey) return a.key < b.key;
    if (target == SortTarget::kValue) return a.value < b.value;
    return Field(a, target) < Field(b, target);
  }

  static RangeResult Answer(const State& state, const RangeRequest& request, int64_t header) {
    RangeResult result{.revision = header};
    std::vector<KeyValue> pairs;
    for (const auto& [key, pair] : state) {
      if (!request.range.Contains(key)) continue;
      ++result.count;
      const bool out =
          (request.max_mod_revision != 0 && pair.mod_revision > request.max_mod_revision) ||
          (request.min_mod_revision != 0 && pair.mod_revision < request.min_mod_revision) ||
          (request.max_create_revision != 0 &&
           pair.create_revision > request.max_create_revision) ||
          (request.min_create_revision != 0 && pair.create_revision < request.min_create_revision);
      if (!out) pairs.push_back(pair);
    }
    if (request.count_only) return result;
    const bool filters = request.max_mod_revision != 0 || request.min_mod_revision != 0 ||
                         request.max_create_revision != 0 || request.min_create_revision != 0;
    if (request.sort_order == SortOrder::kNone && !filters && request.limit > 0 &&
        static_cast<int64_t>(pairs.size()) > request.limit) {
      pairs.resize(static_cast<size_t>(request.limit) + 1);
    }
    const bool descend = request.sort_order == SortOrder::kDescend;
    std::stable_sort(pairs.begin(), pairs.end(), [&](const KeyValue& a, const KeyValue& b) {
      return descend ? Before(b, a, request.sort_target) : Before(a, b, request.sort_target);
    });
    for (KeyValue& pair : pairs) {
      if (request.limit > 0 && static_cast<int64_t>(result.kvs.size()) == request.limit) {
        result.more = true;
        break;
      }
      if (request.keys_only) pair.value.clear();
      result.kvs.push_back(Encode(pair));
    }
    return result;
  }

  int64_t NowRevision() const { return revision + (pending_.empty() ? 0 : 1); }

  void Record(EventType type, const KeyValue& pair) {
    Event event{.type = type,
                .revision = {revision + 1, static_cast<int64_t>(pending_.size())},
                .key = pair.key,
                .kv = Encode(pair),
                .create_revision = pair.create_revision};
    // The pair at the revision before, if that is still there.
    const State& before = states_.at(revision);
    if (const auto it = before.find(pair.key); it != before.end() && revision >= compact_revision) {
      event.previous = {it->second.mod_revision, sub_of_[{pair.key, it->second.mod_revision}]};
    }
    sub_of_[{pair.key, event.revision.main}] = event.revision.sub;
    pending_.push_back(event);
  }

  bool LacksLease(const PutRequest& request) const {
    return request.lease && !leases.contains(request.lease.value());
  }
  bool LacksKey(const PutRequest& request) const {
    return (request.ignore_value || request.ignore_lease) &&
           !states_.at(revision).contains(request.key);
  }

  PutResult Put(const PutRequest& request) {
    PutResult result{.revision = revision + 1};
    KeyValue pair{.key = request.key,
                  .value = request.value,
                  .create_revision = revision + 1,
                  .lease = request.lease};
    if (const auto it = now_.find(request.key); it != now_.end()) {
      pair.create_revision = it->second.create_revision;
      pair.version = it->second.version;
      if (request.prev_kv) result.prev_kv = Encode(it->second);
      if (request.ignore_value) pair.value = it->second.value;
      if (request.ignore_lease) pair.lease = it->second.lease;
    }
    pair.mod_revision = revision + 1;
    ++pair.version;
    now_[request.key] = pair;
    Record(EventType::kPut, pair);
    return result;
  }

  void Delete(const std::string& key) {
    now_.erase(key);
    Record(EventType::kDelete, {.key = key, .mod_revision = revision + 1});
  }

  DeleteRangeResult DeleteRange(const DeleteRangeRequest& request) {
    DeleteRangeResult result;
    const State before = now_;
    for (const auto& [key, pair] : before) {
      if (!request.range.Contains(key)) continue;
      ++result.deleted;
      if (request.prev_kv) result.prev_kvs.push_back(Encode(pair));
      Delete(key);
    }
    result.revision = NowRevision();
    return result;
  }

  bool Holds(const Compare& compare) const {
    std::vector<KeyValue> pairs;
    for (const auto& [key, pair] : states_.at(revision)) {
      if (compare.range.Contains(key)) pairs.push_back(pair);
    }
    if (pairs.empty()) {
      if (compare.target == Compare::Target::kValue) return false;
      pairs.push_back({});
    }
    return std::all_of(pairs.begin(), pairs.end(), [&](const KeyValue& pair) {
      int order = 0;
      if (compare.target == Compare::Target::kValue) {
        order = pair.value.compare(compare.value);
      } else {
        const std::map<Compare::Target, int64_t> actual = {
            {Compare::Target::kVersion, pair.version},
            {Compare::Target::kCreate, pair.create_revision},
            {Compare::Target::kMod, pair.mod_revision},
            {Compare::Target::kLease, pair.lease.value()}};
        order = actual.at(compare.target) < compare.number
                    ? -1
                    : actual.at(compare.target) > compare.number;
      }
      switch (compare.result) {
        case Compare::Result::kEqual:
          return order == 0;
        case Compare::Result::kGreater:
          return order > 0;
        case Compare::Result::kLess:
          return order < 0;
        default:
          return order != 0;
      }
    });
  }

  const std::vector<TxnOp>& Branch(const TxnRequest& request) const {
    for (const Compare& compare : request.compares) {
      if (!Holds(compare)) return request.failure;
    }
    return request.success;
  }

  // The first put that cannot be, else the first range.
  absl::Status Check(const TxnRequest& request) const {
    absl::Status put_status;
    absl::Status range_status;
    Check(request, put_status, range_status);
    return put_status.ok() ? range_status : put_status;
  }

  void Check(const TxnRequest& request, absl::Status& puts, absl::Status& ranges) const {
    for (const TxnOp& op : Branch(request)) {
      if (const auto* range = std::get_if<RangeRequest>(&op);
          range != nullptr && range->revision != 0) {
        if (range->revision > revision) ranges.Update(ErrFutureRevision());
        if (range->revision < compact_revision) ranges.Update(ErrCompacted());
      }
      if (const auto* put = std::get_if<PutRequest>(&op)) {
        if (LacksKey(*put)) puts.Update(ErrKeyNotFound());
        if (LacksLease(*put)) puts.Update(ErrLeaseNotFound());
      }
      if (const auto* nested = std::get_if<std::shared_ptr<TxnRequest>>(&op)) {
        Check(**nested, puts, ranges);
      }
    }
  }

  TxnResult Run(const TxnRequest& request, bool outer) {
    const std::vector<TxnOp>& branch = Branch(request);
    TxnResult result{.succeeded = &branch == &request.success};
    for (const TxnOp& op : branch) {
      if (const auto* range = std::get_if<RangeRequest>(&op)) {
        const bool old = range->revision > 0;
        result.responses.emplace_back(
            Answer(old ? states_.at(range->revision) : now_, *range, NowRevision()));
      } else if (const auto* put = std::get_if<PutRequest>(&op)) {
        result.responses.emplace_back(Put(*put));
      } else if (const auto* removal = std::get_if<DeleteRangeRequest>(&op)) {
        result.responses.emplace_back(DeleteRange(*removal));
      } else {
        result.responses.emplace_back(
            std::make_shared<TxnResult>(Run(*std::get<std::shared_ptr<TxnRequest>>(op), false)));
      }
    }
    if (outer) result.revision = NowRevision();
    return result;
  }

  absl::StatusOr<CommandResult> Do(const PutRequest& request) {
    if (LacksLease(request)) return ErrLeaseNotFound();
    if (LacksKey(request)) return ErrKeyNotFound();
    return Put(request);
  }
  absl::StatusOr<CommandResult> Do(const DeleteRangeRequest& request) {
    return DeleteRange(request);
  }
  absl::StatusOr<CommandResult> Do(const TxnRequest& request) {
    if (absl::Status status = Check(request); !status.ok()) return status;
    return Run(request, true);
  }
  absl::StatusOr<CommandResult> Do(const CompactRequest& request) {
    if (request.revision <= compact_revision) return ErrCompacted();
    if (request.revision > revision) return ErrFutureRevision();
    compact_revision = request.revision;
    return CompactResult{revision};
  }
  absl::StatusOr<CommandResult> Do(const LeaseGrantRequest& request) {
    if (request.ttl_seconds > 9'000'000'000) return ErrLeaseTtlTooLarge();
    if (leases.contains(request.id.value())) return ErrLeaseExists();
    leases[request.id.value()] = {request.ttl_seconds, request.ttl_seconds};
    return LeaseResult{revision, request.id, request.ttl_seconds};
  }
  absl::StatusOr<CommandResult> Do(const LeaseRevokeRequest& request) {
    const auto lease = leases.find(request.id.value());
    if (lease == leases.end()) return ErrLeaseNotFound();
    for (const std::string& key : LeaseKeys(request.id.value())) Delete(key);
    const int64_t ttl = lease->second.first;
    leases.erase(lease);
    return LeaseResult{NowRevision(), request.id, ttl};
  }
  absl::StatusOr<CommandResult> Do(const AlarmRequest&) {
    return absl::UnimplementedError("the model knows no alarms");
  }
  absl::StatusOr<CommandResult> Do(const auth::Request&) {
    return absl::UnimplementedError("the model knows no users");
  }

  absl::StatusOr<CommandResult> Do(const LeaseCheckpointRequest& request) {
    for (const auto& item : request.items) {
      const auto lease = leases.find(item.id.value());
      if (lease == leases.end()) continue;
      lease->second.second =
          item.remaining_ttl_seconds > 0 ? item.remaining_ttl_seconds : lease->second.first;
    }
    return LeaseResult{.revision = revision};
  }

  std::map<int64_t, State> states_;
  std::vector<Event> history_;
  std::map<std::pair<std::string, int64_t>, int64_t>
      sub_of_;  // newest change of a key in a revision
  State now_;
  std::vector<Event> pending_;
};

}  // namespace pintle::kv::testing
