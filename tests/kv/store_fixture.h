// What every store test needs: a store on memory, short ways to ask it, and answers as text.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "kv/alarm_set.h"
#include "kv/memory_backend.h"
#include "kv/store.h"

namespace pintle::kv::testing {

inline std::string Text(const EncodedKeyValue& encoded) {
  if (encoded == nullptr) return "none";
  KeyValueView pair;
  if (!ParseKeyValue(*encoded, pair)) return "damaged";
  std::string text(pair.key);
  if (!pair.value.empty()) text += "=" + std::string(pair.value);
  text += " c" + std::to_string(pair.create_revision) + " m" + std::to_string(pair.mod_revision) +
          " v" + std::to_string(pair.version);
  if (pair.lease) text += " l" + ToString(pair.lease);
  return text;
}

inline std::string Text(const std::vector<EncodedKeyValue>& pairs) {
  std::string text = "[";
  for (const auto& pair : pairs) text += (text.size() > 1 ? ", " : "") + Text(pair);
  return text + "]";
}

inline std::string Text(const RangeResult& result) {
  return "range@" + std::to_string(result.revision) + Text(result.kvs) +
         (result.more ? " more" : "") + " of " + std::to_string(result.count);
}
inline std::string Text(const PutResult& result) {
  return "put@" + std::to_string(result.revision) +
         (result.prev_kv == nullptr ? "" : " was " + Text(result.prev_kv));
}
inline std::string Text(const DeleteRangeResult& result) {
  return "deleted@" + std::to_string(result.revision) + " " + std::to_string(result.deleted) +
         (result.prev_kvs.empty() ? "" : " were " + Text(result.prev_kvs));
}
inline std::string Text(const TxnResult& result);
inline std::string Text(const std::shared_ptr<TxnResult>& result) { return Text(*result); }
inline std::string Text(const TxnResult& result) {
  std::string text =
      "txn@" + std::to_string(result.revision) + (result.succeeded ? " yes{" : " no{");
  for (size_t i = 0; i < result.responses.size(); ++i) {
    if (i > 0) text += "; ";
    text += std::visit([](const auto& response) { return Text(response); }, result.responses[i]);
  }
  return text + "}";
}
inline std::string Text(const CompactResult& result) {
  return "compacted@" + std::to_string(result.revision);
}
inline std::string Text(const LeaseResult& result) {
  return "lease@" + std::to_string(result.revision) + " " + ToString(result.id) + " ttl " +
         std::to_string(result.ttl_seconds);
}
inline std::string Text(const AlarmResult& result) {
  std::string text = "alarms@" + std::to_string(result.revision);
  for (const Alarm& alarm : result.alarms) {
    text += " " + std::to_string(alarm.member_id) + ":" + NameOf(alarm.type);
  }
  return text;
}
inline std::string Text(const AuthResult& result) {
  return "auth@" + std::to_string(result.auth_revision);
}
inline std::string Text(const CommandResult& result) {
  return std::visit([](const auto& r) { return Text(r); }, result);
}
template <typename T>
std::string Text(const absl::StatusOr<T>& result) {
  return result.ok() ? Text(*result) : std::string(result.status().message());
}
inline std::string Text(const Event& event) {
  return (event.type == EventType::kPut ? "PUT " : "DELETE ") +
         std::to_string(event.revision.main) + "." + std::to_string(event.revision.sub) + " " +
         Text(event.kv) + " created " + std::to_string(event.create_revision) + " previous " +
         std::to_string(event.previous.main) + "." + std::to_string(event.previous.sub);
}
inline std::vector<std::string> Text(const std::vector<Event>& events) {
  std::vector<std::string> text;
  for (const Event& event : events) text.push_back(Text(event));
  return text;
}

// Everything there is: key "\0" to the end.
inline KeyRange All() { return {std::string(1, '\0'), std::string(1, '\0')}; }
inline KeyRange From(std::string key) { return {std::move(key), std::string(1, '\0')}; }

inline PutRequest PutOf(std::string key, std::string value, int64_t lease = 0) {
  return {.key = std::move(key), .value = std::move(value), .lease = LeaseId(lease)};
}
inline RangeRequest RangeOf(KeyRange range, int64_t revision = 0) {
  return {.range = std::move(range), .revision = revision};
}
inline DeleteRangeRequest DeleteOf(KeyRange range, bool prev_kv = false) {
  return {.range = std::move(range), .prev_kv = prev_kv};
}
inline TxnOp Nested(TxnRequest txn) { return std::make_shared<TxnRequest>(std::move(txn)); }

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override { Reopen(); }

  void Reopen() {
    store_.reset();
    auto store = Store::Open(*backend_, options_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  // Applies, writes and publishes.
  ApplyResult Do(const Command& command) {
    ApplyResult result = store_->Apply(command);
    EXPECT_TRUE(store_->Write(++sequence_, 1).ok());
    store_->Publish();
    return result;
  }
  std::string Ask(const Command& command) { return Text(Do(command).result); }
  std::string Put(std::string key, std::string value, int64_t lease = 0) {
    return Ask(PutOf(std::move(key), std::move(value), lease));
  }
  std::string Delete(KeyRange range) { return Ask(DeleteOf(std::move(range))); }
  std::string RangeBy(const RangeRequest& request) { return Text(store_->view()->Range(request)); }
  std::string Range(KeyRange range, int64_t revision = 0) {
    return RangeBy(RangeOf(std::move(range), revision));
  }
  std::string Compact(int64_t revision) { return Ask(CompactRequest{revision}); }
  void CompactAll() {
    for (;;) {
      auto more = store_->CompactSlice();
      ASSERT_TRUE(more.ok()) << more.status();
      if (!*more) return;
    }
  }
  std::vector<std::string> Events(const KeyRange& range, int64_t from) {
    auto history = store_->view()->Events(range, from, size_t{1} << 30);
    if (!history.ok()) return {std::string(history.status().message())};
    EXPECT_EQ(history->next, store_->view()->revision() + 1);
    return Text(history->events);
  }
  size_t StoredRecords() const {
    size_t count = 0;
    EXPECT_TRUE(backend_
                    ->Scan("k", "l",
                           [&](std::string_view, std::string_view) {
                             ++count;
                             return true;
                           })
                    .ok());
    return count;
  }

  std::unique_ptr<MemoryBackend> backend_ = std::make_unique<MemoryBackend>();
  StoreOptions options_{.compaction_slice = 3};
  std::unique_ptr<Store> store_;
  Sequence sequence_;
};

inline constexpr char kCompacted[] = "etcdserver: mvcc: required revision has been compacted";
inline constexpr char kFuture[] = "etcdserver: mvcc: required revision is a future revision";

}  // namespace pintle::kv::testing
