// Readers on their own threads while the apply thread writes, publishes and compacts. What they see
// is checked; under ThreadSanitizer, so is how.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "kv/errors.h"
#include "tests/kv/store_fixture.h"

namespace pintle::kv::testing {
namespace {

class ConcurrencyTest : public StoreTest {
 protected:
  // Every revision puts the same value under all keys of its batch: a view must never show a
  // mixture.
  static constexpr int kKeys = 20;
  static constexpr int kBatches = 300;

  TxnRequest Batch(int number) const {
    TxnRequest txn;
    for (int i = 0; i < kKeys; ++i) {
      txn.success.push_back(PutOf("k" + std::to_string(100 + i), std::to_string(number)));
    }
    return txn;
  }

  static void ExpectWhole(const RangeResult& result) {
    ASSERT_EQ(result.count, kKeys);
    KeyValueView first;
    ASSERT_TRUE(ParseKeyValue(*result.kvs[0], first));
    for (const auto& encoded : result.kvs) {
      KeyValueView pair;
      ASSERT_TRUE(ParseKeyValue(*encoded, pair));
      ASSERT_EQ(pair.value, first.value);
      ASSERT_EQ(pair.mod_revision, first.mod_revision);
    }
  }

  void Read() {
    while (!done_) {
      const auto view = store_->view();
      auto result = view->Range(RangeOf({"k", "l"}));
      ASSERT_TRUE(result.ok()) << result.status();
      ASSERT_NO_FATAL_FAILURE(ExpectWhole(*result));
      const int64_t old = std::max<int64_t>(view->revision() - 20, 2);
      result = view->Range(RangeOf({"k", "l"}, old));
      if (result.ok()) {
        ASSERT_NO_FATAL_FAILURE(ExpectWhole(*result));
      } else {
        ASSERT_EQ(result.status(), ErrCompacted());
      }
      RangeRequest page = RangeOf({"k", "l"});
      page.limit = 5;
      result = view->Range(page);
      ASSERT_TRUE(result.ok());
      page.revision = result->revision;
      page.range.key = "k110";
      // By a fresh view, as requests do: an overtaken one answers for a newer revision than its
      // own.
      result = store_->view()->Range(page);
      ASSERT_TRUE(result.ok() || result.status() == ErrCompacted());
      if (result.ok()) {
        ASSERT_EQ(result->count, kKeys - 10);
      }
      auto history = view->Events(All(), old, 1 << 20);
      if (history.ok()) {
        ASSERT_EQ(history->events.size() % kKeys, 0u);
        ASSERT_EQ(history->next, view->revision() + 1);
      } else {
        ASSERT_EQ(history.status(), ErrCompacted());
      }
      ++reads_;
    }
  }

  std::atomic<bool> done_ = false;
  std::atomic<int> reads_ = 0;
};

TEST_F(ConcurrencyTest, ReadersSeeWholeRevisions) {
  options_.value_cache_bytes = 60'000;  // misses and evictions
  options_.compaction_slice = 50;
  Reopen();
  Do(Batch(0));
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) readers.emplace_back([this] { Read(); });
  for (int i = 1; i < kBatches || reads_ < 50; ++i) {
    Do(Batch(i));
    if (i % 10 == 0) Do(CompactRequest{store_->view()->revision() - i % 30});
    auto more = store_->CompactSlice();
    ASSERT_TRUE(more.ok());
    if (::testing::Test::HasFailure()) break;
  }
  done_ = true;
  for (std::thread& reader : readers) reader.join();
}

}  // namespace
}  // namespace pintle::kv::testing
