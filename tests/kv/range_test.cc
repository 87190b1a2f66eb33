// Range, Put and DeleteRange: etcd-api 1.1.2 to 1.1.4.
#include <gmock/gmock.h>

#include "kv/errors.h"
#include "tests/kv/store_fixture.h"

namespace pintle::kv::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class RangeTest : public StoreTest {
 protected:
  // a: two versions; b: put, deleted, put again; c: deleted; d.
  void Fill() {
    Put("a", "1");       // 2
    Put("b", "x");       // 3
    Put("c", "gone");    // 4
    Put("a", "2");       // 5
    Delete({"b", "d"});  // 6: b and c
    Put("b", "0");       // 7
    Put("d", "9");       // 8
  }
};

TEST_F(RangeTest, FreshStoreIsAtRevisionOne) {
  EXPECT_EQ(store_->view()->revision(), 1);
  EXPECT_EQ(store_->view()->compact_revision(), -1);
  EXPECT_EQ(Range(All()), "range@1[] of 0");
}

TEST_F(RangeTest, PutCountsVersionsAndGenerations) {
  EXPECT_EQ(Put("k", "1"), "put@2");
  EXPECT_EQ(Put("k", "2"), "put@3");
  EXPECT_EQ(Range({"k"}), "range@3[k=2 c2 m3 v2] of 1");
  EXPECT_EQ(Delete({"k"}), "deleted@4 1");
  EXPECT_EQ(Put("k", "3"), "put@5");
  EXPECT_EQ(Range({"k"}), "range@5[k=3 c5 m5 v1] of 1");
}

TEST_F(RangeTest, ReadsEveryRevision) {
  Fill();
  const std::vector<std::string> expected = {
      "range@8[] of 0",
      "range@8[a=1 c2 m2 v1] of 1",
      "range@8[a=1 c2 m2 v1, b=x c3 m3 v1] of 2",
      "range@8[a=1 c2 m2 v1, b=x c3 m3 v1, c=gone c4 m4 v1] of 3",
      "range@8[a=2 c2 m5 v2, b=x c3 m3 v1, c=gone c4 m4 v1] of 3",
      "range@8[a=2 c2 m5 v2] of 1",
      "range@8[a=2 c2 m5 v2, b=0 c7 m7 v1] of 2",
      "range@8[a=2 c2 m5 v2, b=0 c7 m7 v1, d=9 c8 m8 v1] of 3",
  };
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(Range(All(), static_cast<int64_t>(i) + 1), expected[i]) << "revision " << i + 1;
  }
  EXPECT_EQ(Range(All(), 0), expected.back());
  EXPECT_EQ(Range(All(), -5), expected.back());
  EXPECT_EQ(Range(All(), 9), kFuture);
}

TEST_F(RangeTest, Intervals) {
  Fill();
  EXPECT_EQ(Range({"a"}), "range@8[a=2 c2 m5 v2] of 1");
  EXPECT_EQ(Range({"c"}), "range@8[] of 0");
  EXPECT_EQ(Range({"aa"}), "range@8[] of 0");
  EXPECT_EQ(Range({"a", "d"}), "range@8[a=2 c2 m5 v2, b=0 c7 m7 v1] of 2");
  EXPECT_EQ(Range(From("b")), "range@8[b=0 c7 m7 v1, d=9 c8 m8 v1] of 2");
  EXPECT_EQ(Range({"d", "a"}), "range@8[] of 0");
  EXPECT_EQ(Range({"a", "a"}), "range@8[] of 0");
}

TEST_F(RangeTest, CountKnowsNeitherLimitNorFilters) {
  Fill();
  RangeRequest request = RangeOf(All());
  request.limit = 2;
  EXPECT_EQ(RangeBy(request), "range@8[a=2 c2 m5 v2, b=0 c7 m7 v1] more of 3");
  request.limit = 3;
  EXPECT_EQ(RangeBy(request), "range@8[a=2 c2 m5 v2, b=0 c7 m7 v1, d=9 c8 m8 v1] of 3");
  request.limit = -1;
  EXPECT_EQ(RangeBy(request), "range@8[a=2 c2 m5 v2, b=0 c7 m7 v1, d=9 c8 m8 v1] of 3");
  request.limit = 1;
  request.count_only = true;
  EXPECT_EQ(RangeBy(request), "range@8[] of 3");
  request.count_only = false;
  request.min_mod_revision = 7;
  EXPECT_EQ(RangeBy(request), "range@8[b=0 c7 m7 v1] more of 3");
  request.limit = 2;
  EXPECT_EQ(RangeBy(request), "range@8[b=0 c7 m7 v1, d=9 c8 m8 v1] of 3");
  request = RangeOf(All(), 5);
  request.limit = 1;
  EXPECT_EQ(RangeBy(request), "range@8[a=2 c2 m5 v2] more of 3");
}

TEST_F(RangeTest, FiltersAreInclusive) {
  Fill();
  const auto filtered = [&](int64_t min_mod, int64_t max_mod, int64_t min_create,
                            int64_t max_create) {
    RangeRequest request = RangeOf(All());
    request.keys_only = true;
    request.min_mod_revision = min_mod;
    request.max_mod_revision = max_mod;
    request.min_create_revision = min_create;
    request.max_create_revision = max_create;
    return RangeBy(request);
  };
  EXPECT_EQ(filtered(5, 7, 0, 0), "range@8[a c2 m5 v2, b c7 m7 v1] of 3");
  EXPECT_EQ(filtered(6, 0, 0, 0), "range@8[b c7 m7 v1, d c8 m8 v1] of 3");
  EXPECT_EQ(filtered(0, 0, 3, 7), "range@8[b c7 m7 v1] of 3");
  EXPECT_EQ(filtered(0, 0, 0, 2), "range@8[a c2 m5 v2] of 3");
  EXPECT_EQ(filtered(9, 0, 0, 0), "range@8[] of 3");
}

TEST_F(RangeTest, Sorts) {
  Fill();
  const auto sorted = [&](SortOrder order, SortTarget target, int64_t limit = 0) {
    RangeRequest request = RangeOf(All());
    request.sort_order = order;
    request.sort_target = target;
    request.limit = limit;
    auto result = store_->view()->Range(request);
    std::string keys;
    for (const auto& encoded : result->kvs) {
      KeyValueView pair;
      EXPECT_TRUE(ParseKeyValue(*encoded, pair));
      keys += pair.key;
    }
    return keys + (result->more ? "+" : "");
  };
  EXPECT_EQ(sorted(SortOrder::kNone, SortTarget::kKey), "abd");
  EXPECT_EQ(sorted(SortOrder::kAscend, SortTarget::kKey), "abd");
  EXPECT_EQ(sorted(SortOrder::kDescend, SortTarget::kKey), "dba");
  EXPECT_EQ(sorted(SortOrder::kDescend, SortTarget::kKey, 2), "db+");
  EXPECT_EQ(sorted(SortOrder::kAscend, SortTarget::kVersion), "bda");
  EXPECT_EQ(sorted(SortOrder::kNone, SortTarget::kVersion), "bda");
  EXPECT_EQ(sorted(SortOrder::kDescend, SortTarget::kVersion), "abd");
  EXPECT_EQ(sorted(SortOrder::kDescend, SortTarget::kCreate), "dba");
  EXPECT_EQ(sorted(SortOrder::kNone, SortTarget::kMod), "abd");
  EXPECT_EQ(sorted(SortOrder::kNone, SortTarget::kValue), "bad");
  EXPECT_EQ(sorted(SortOrder::kDescend, SortTarget::kValue, 1), "d+");
  // With a limit and no order: the first by key (and one more) are sorted, not all.
  EXPECT_EQ(sorted(SortOrder::kAscend, SortTarget::kVersion, 1), "b+");
  EXPECT_EQ(sorted(SortOrder::kNone, SortTarget::kValue, 1), "b+");
  EXPECT_EQ(sorted(SortOrder::kNone, SortTarget::kVersion, 1), "b+");
  Put("0", "zz");
  EXPECT_EQ(sorted(SortOrder::kNone, SortTarget::kValue, 1), "a+");
  EXPECT_EQ(sorted(SortOrder::kAscend, SortTarget::kValue, 1), "b+");
}

TEST_F(RangeTest, KeysOnlySortsByRealValues) {
  Fill();
  RangeRequest request = RangeOf(All());
  request.keys_only = true;
  request.sort_target = SortTarget::kValue;
  EXPECT_EQ(RangeBy(request), "range@8[b c7 m7 v1, a c2 m5 v2, d c8 m8 v1] of 3");
  request = RangeOf(All(), 3);
  request.keys_only = true;
  EXPECT_EQ(RangeBy(request), "range@8[a c2 m2 v1, b c3 m3 v1] of 2");
}

TEST_F(RangeTest, PagesAtAPinnedRevision) {
  for (int i = 0; i < 30; ++i) Put("k" + std::to_string(10 + i), "v");  // up to revision 31
  RangeRequest page = RangeOf({"k", "l"});
  page.limit = 10;
  auto first = store_->view()->Range(page);
  ASSERT_TRUE(first.ok());
  EXPECT_TRUE(first->more);
  EXPECT_EQ(first->count, 30);
  Delete({"k2", "k3"});
  Put("k15", "new");
  page.revision = first->revision;
  page.range.key = "k20";
  auto second = store_->view()->Range(page);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->count, 20);
  EXPECT_EQ(second->kvs.size(), 10u);
  EXPECT_EQ(second->revision, 33);
  EXPECT_EQ(Text(second->kvs[0]), "k20=v c12 m12 v1");
  page.range.key = "k35";
  EXPECT_EQ(store_->view()->Range(page)->count, 5);
}

TEST_F(RangeTest, AnOldViewStaysAsItWas) {
  Fill();
  const auto view = store_->view();
  Delete(All());
  EXPECT_EQ(Text(view->Range(RangeOf({"a"}))), "range@8[a=2 c2 m5 v2] of 1");
  EXPECT_EQ(Range({"a"}), "range@9[] of 0");
  store_.reset();
  EXPECT_EQ(Text(view->Range(RangeOf(From("b")))), "range@8[b=0 c7 m7 v1, d=9 c8 m8 v1] of 2");
}

TEST_F(RangeTest, PutGivesPreviousPair) {
  PutRequest request = PutOf("k", "1");
  request.prev_kv = true;
  EXPECT_EQ(Ask(request), "put@2");
  request.value = "2";
  EXPECT_EQ(Ask(request), "put@3 was k=1 c2 m2 v1");
  Delete({"k"});
  EXPECT_EQ(Ask(request), "put@5");
}

TEST_F(RangeTest, IgnoreValueAndLeaseNeedTheKey) {
  Do(LeaseGrantRequest{LeaseId(7), 60});
  PutRequest keep = PutOf("k", "");
  keep.ignore_value = true;
  const auto refused = Do(keep);
  EXPECT_EQ(refused.result.status(), ErrKeyNotFound());
  EXPECT_THAT(refused.events, IsEmpty());
  Put("k", "v", 7);
  EXPECT_EQ(Ask(keep), "put@3");
  EXPECT_EQ(Range({"k"}), "range@3[k=v c2 m3 v2] of 1");  // lease 0 detaches
  Put("k", "v", 7);
  PutRequest keep_lease = PutOf("k", "w");
  keep_lease.ignore_lease = true;
  EXPECT_EQ(Ask(keep_lease), "put@5");
  EXPECT_EQ(Range({"k"}), "range@5[k=w c2 m5 v4 l7] of 1");
  EXPECT_THAT(store_->view()->LeaseKeys(LeaseId(7)), ElementsAre("k"));
  Delete({"k"});
  EXPECT_EQ(Do(keep_lease).result.status(), ErrKeyNotFound());
}

TEST_F(RangeTest, LeaseIsCheckedBeforeTheKey) {
  PutRequest request = PutOf("k", "", 5);
  request.ignore_value = true;
  EXPECT_EQ(Do(request).result.status(), ErrLeaseNotFound());
  EXPECT_EQ(store_->view()->revision(), 1);
}

TEST_F(RangeTest, DeleteRangeIsOneRevisionWithSubs) {
  Fill();
  const ApplyResult result = Do(DeleteOf({"a", "d"}, true));
  EXPECT_EQ(Text(result.result), "deleted@9 2 were [a=2 c2 m5 v2, b=0 c7 m7 v1]");
  EXPECT_THAT(Text(result.events), ElementsAre("DELETE 9.0 a c0 m9 v0 created 0 previous 5.0",
                                               "DELETE 9.1 b c0 m9 v0 created 0 previous 7.0"));
  EXPECT_EQ(Delete({"a", "d"}), "deleted@9 0");
  EXPECT_EQ(Delete({"d", "a"}), "deleted@9 0");
  EXPECT_EQ(store_->view()->revision(), 9);
}

TEST_F(RangeTest, EventsSayWhatWasReplaced) {
  EXPECT_THAT(Text(Do(PutOf("k", "1")).events),
              ElementsAre("PUT 2.0 k=1 c2 m2 v1 created 2 previous 0.0"));
  EXPECT_THAT(Text(Do(PutOf("k", "2")).events),
              ElementsAre("PUT 3.0 k=2 c2 m3 v2 created 2 previous 2.0"));
  EXPECT_THAT(Text(Do(DeleteOf({"k"})).events),
              ElementsAre("DELETE 4.0 k c0 m4 v0 created 0 previous 3.0"));
  EXPECT_THAT(Text(Do(PutOf("k", "3")).events),
              ElementsAre("PUT 5.0 k=3 c5 m5 v1 created 5 previous 0.0"));
  EXPECT_EQ(Text(store_->view()->Record({3, 0})), "k=2 c2 m3 v2");
  EXPECT_EQ(Text(store_->view()->Record({4, 0})), "k c0 m4 v0");
  EXPECT_EQ(store_->view()->Record({9, 0}), nullptr);
}

TEST_F(RangeTest, HistoryRepeatsTheEvents) {
  std::vector<std::string> all;
  for (const Command& command : std::vector<Command>{
           PutOf("a", "1"), PutOf("b", "1"), PutOf("a", "2"), DeleteOf(All()), PutOf("b", "2")}) {
    for (const Event& event : Do(command).events) all.push_back(Text(event));
  }
  EXPECT_EQ(Events(All(), 1), all);
  EXPECT_THAT(Events({"a"}, 4), ElementsAre(all[2], all[3]));
  EXPECT_THAT(Events({"b", "c"}, 4), ElementsAre(all[4], all[5]));
  EXPECT_THAT(Events({"z"}, 1), IsEmpty());
  EXPECT_THAT(Events(All(), 7), IsEmpty());
}

TEST_F(RangeTest, HistoryIsCutBetweenRevisions) {
  Put("a", "1");
  Put("b", "1");
  Delete(All());  // 4.0, 4.1
  Put("a", "2");
  for (const KeyRange& range : {All(), KeyRange{"a"}}) {
    std::vector<std::string> gathered;
    int64_t from = 1;
    while (from <= 5) {
      auto piece = store_->view()->Events(range, from, 1);
      ASSERT_TRUE(piece.ok());
      EXPECT_GT(piece->next, from);
      if (!piece->events.empty()) {
        EXPECT_LT(piece->events.back().revision.main, piece->next);
        EXPECT_EQ(piece->events.front().revision.main, piece->events.back().revision.main);
      }
      for (const Event& event : piece->events) gathered.push_back(Text(event));
      from = piece->next;
    }
    EXPECT_EQ(gathered, Events(range, 1));
  }
}

TEST_F(RangeTest, NothingIsReadableBeforePublish) {
  store_->Apply(PutOf("k", "1"));
  EXPECT_EQ(Range({"k"}), "range@1[] of 0");
  ASSERT_TRUE(store_->Write(Sequence(9), 1).ok());
  EXPECT_EQ(store_->view()->sequence(), Sequence(0));
  store_->Publish();
  EXPECT_EQ(Range({"k"}), "range@2[k=1 c2 m2 v1] of 1");
  EXPECT_EQ(store_->view()->sequence(), Sequence(9));
}

TEST_F(RangeTest, ReadsBeyondTheCache) {
  options_.value_cache_bytes = 0;
  Reopen();
  Fill();
  EXPECT_EQ(Range(All()), "range@8[a=2 c2 m5 v2, b=0 c7 m7 v1, d=9 c8 m8 v1] of 3");
  // Within one batch: the record is neither cached nor stored yet.
  store_->Apply(PutOf("new", "1"));
  PutRequest request = PutOf("new", "2");
  request.prev_kv = true;
  EXPECT_EQ(Text(store_->Apply(request).result), "put@10 was new=1 c9 m9 v1");
}

TEST_F(RangeTest, SizeIsWhatTheBackendHolds) {
  Fill();
  const auto stored = [&] {
    int64_t bytes = 0;
    EXPECT_TRUE(backend_
                    ->Scan("k", "l",
                           [&](std::string_view key, std::string_view value) {
                             bytes += static_cast<int64_t>(key.size() + value.size());
                             return true;
                           })
                    .ok());
    return bytes;
  };
  EXPECT_GT(stored(), 0);
  EXPECT_EQ(store_->size_bytes(), stored());
  Compact(8);
  CompactAll();
  EXPECT_EQ(store_->size_bytes(), stored());
  Reopen();
  EXPECT_EQ(store_->size_bytes(), stored());
}

}  // namespace
}  // namespace pintle::kv::testing
