// Compaction: etcd-api 1.1.7, and what watchers and old readers see of it.
#include <gmock/gmock.h>

#include "kv/errors.h"
#include "kv/record.h"
#include "tests/kv/store_fixture.h"

namespace pintle::kv::testing {
namespace {

using ::testing::ElementsAre;

class CompactionTest : public StoreTest {
 protected:
  void Fill() {
    Put("a", "1");  // 2
    Put("b", "1");  // 3
    Put("a", "2");  // 4
    Delete({"b"});  // 5
    Put("a", "3");  // 6
    Put("b", "2");  // 7
    Delete({"a"});  // 8
  }
};

TEST_F(CompactionTest, RefusesRevisions) {
  Fill();
  EXPECT_EQ(Compact(9), kFuture);
  EXPECT_EQ(Compact(4), "compacted@8");
  EXPECT_EQ(Compact(4), kCompacted);
  EXPECT_EQ(Compact(3), kCompacted);
  EXPECT_EQ(Compact(0), kCompacted);
  EXPECT_EQ(Compact(8), "compacted@8");
  EXPECT_EQ(Compact(8), kCompacted);
}

TEST_F(CompactionTest, ZeroIsAcceptedOnce) {
  EXPECT_EQ(Compact(0), "compacted@1");
  EXPECT_EQ(store_->view()->compact_revision(), 0);
  EXPECT_EQ(Compact(0), kCompacted);
  EXPECT_EQ(Compact(1), "compacted@1");
}

TEST_F(CompactionTest, ReadersAreRefusedAtOnceAndAtTheRevisionServed) {
  Fill();
  Compact(4);
  EXPECT_EQ(Range(All(), 3), kCompacted);
  EXPECT_EQ(Range(All(), 4), "range@8[a=2 c2 m4 v2, b=1 c3 m3 v1] of 2");
  EXPECT_THAT(Events(All(), 3), ElementsAre(kCompacted));
  CompactAll();
  EXPECT_EQ(Range(All(), 3), kCompacted);
  EXPECT_EQ(Range(All(), 4), "range@8[a=2 c2 m4 v2, b=1 c3 m3 v1] of 2");
  EXPECT_EQ(Range(All(), 6), "range@8[a=3 c2 m6 v3] of 1");
  EXPECT_EQ(Range(All()), "range@8[b=2 c7 m7 v1] of 1");
}

TEST_F(CompactionTest, KeepsTheNewestOfEveryKeyAndHistoryFromThere) {
  Fill();
  EXPECT_EQ(StoredRecords(), 7u);
  Compact(6);
  CompactAll();
  // a@6, b@7 and a's tombstone are left; b's tombstone of 5 is older than 6.
  EXPECT_EQ(StoredRecords(), 3u);
  EXPECT_EQ(store_->view()->Record({2, 0}), nullptr);
  EXPECT_EQ(store_->view()->Record({5, 0}), nullptr);
  EXPECT_EQ(Text(store_->view()->Record({6, 0})), "a=3 c2 m6 v3");
  EXPECT_THAT(Events(All(), 6), ElementsAre("PUT 6.0 a=3 c2 m6 v3 created 2 previous 0.0",
                                            "PUT 7.0 b=2 c7 m7 v1 created 7 previous 0.0",
                                            "DELETE 8.0 a c0 m8 v0 created 0 previous 6.0"));
}

TEST_F(CompactionTest, ATombstoneAtExactlyTheRevisionIsStillWatched) {
  Fill();
  Compact(8);
  // The same before and after the records are gone.
  EXPECT_THAT(Events({"a"}, 8), ElementsAre("DELETE 8.0 a c0 m8 v0 created 0 previous 0.0"));
  EXPECT_THAT(Events(All(), 8), ElementsAre("DELETE 8.0 a c0 m8 v0 created 0 previous 0.0"));
  CompactAll();
  EXPECT_EQ(StoredRecords(), 2u);
  // Its previous pair is of a compacted revision.
  EXPECT_THAT(Events({"a"}, 8), ElementsAre("DELETE 8.0 a c0 m8 v0 created 0 previous 0.0"));
  EXPECT_THAT(Events(All(), 8), ElementsAre("DELETE 8.0 a c0 m8 v0 created 0 previous 0.0"));
  Reopen();
  EXPECT_THAT(Events({"a"}, 8), ElementsAre("DELETE 8.0 a c0 m8 v0 created 0 previous 0.0"));
  EXPECT_THAT(Events(All(), 8), ElementsAre("DELETE 8.0 a c0 m8 v0 created 0 previous 0.0"));
  Put("z", "");
  Compact(9);
  CompactAll();
  EXPECT_EQ(StoredRecords(), 2u);  // b and z
}

TEST_F(CompactionTest, ATombstoneInTheMiddleOfAKeysHistory) {
  Put("k", "1");  // 2
  Delete({"k"});  // 3
  Put("k", "2");  // 4
  Put("k", "3");  // 5
  Compact(3);
  CompactAll();
  EXPECT_EQ(StoredRecords(), 3u);
  EXPECT_THAT(Events({"k"}, 3).size(), 3u);
  EXPECT_EQ(Range({"k"}, 3), "range@5[] of 0");
  Compact(4);
  CompactAll();
  EXPECT_EQ(StoredRecords(), 2u);
  EXPECT_EQ(Range({"k"}, 4), "range@5[k=2 c4 m4 v1] of 1");
}

TEST_F(CompactionTest, RunsInSlices) {
  for (int i = 0; i < 10; ++i) Put("k", std::to_string(i));
  for (int i = 0; i < 10; ++i) Put("l" + std::to_string(i), "");
  Delete({"l", "m"});
  Compact(store_->view()->revision());
  size_t before = StoredRecords();
  EXPECT_EQ(before, 30u);
  int slices = 0;
  for (bool more = true; more; ++slices) {
    more = *store_->CompactSlice();
    const size_t now = StoredRecords();
    EXPECT_LE(before - now, static_cast<size_t>(options_.compaction_slice) + 3);
    before = now;
  }
  EXPECT_GT(slices, 3);
  EXPECT_EQ(before, 11u);  // k and ten tombstones at the revision itself
  EXPECT_FALSE(*store_->CompactSlice());
  EXPECT_EQ(Range({"k"}), "range@22[k=9 c2 m11 v10] of 1");
}

TEST_F(CompactionTest, GoesOnAfterARestart) {
  for (int i = 0; i < 20; ++i) Put("k" + std::to_string(i % 7), std::to_string(i));
  Compact(21);
  EXPECT_TRUE(*store_->CompactSlice());
  EXPECT_GT(StoredRecords(), 7u);
  Reopen();
  EXPECT_EQ(store_->view()->compact_revision(), 21);
  EXPECT_EQ(Range(All(), 20), kCompacted);
  CompactAll();
  EXPECT_EQ(StoredRecords(), 7u);
  Reopen();
  EXPECT_EQ(Range({"k6"}), "range@21[k6=13 c8 m15 v2] of 1");
}

TEST_F(CompactionTest, TheRevisionDoesNotGoBackWhenTheNewestChangesWereDeletions) {
  Put("a", "1");  // 2
  Put("b", "1");  // 3
  Delete({"a"});  // 4
  Delete({"b"});  // 5
  Compact(5);
  CompactAll();
  Reopen();
  EXPECT_EQ(store_->view()->revision(), 5);
  EXPECT_EQ(Put("c", "1"), "put@6");
}

TEST_F(CompactionTest, ASecondCompactionDuringTheFirst) {
  for (int i = 0; i < 20; ++i) Put("k" + std::to_string(i % 7), std::to_string(i));
  Compact(10);
  EXPECT_TRUE(*store_->CompactSlice());
  Put("k0", "x");
  Compact(22);
  CompactAll();
  EXPECT_EQ(StoredRecords(), 7u);
  Reopen();
  EXPECT_FALSE(*store_->CompactSlice());
}

TEST_F(CompactionTest, AnOvertakenViewAnswersFromTheNewest) {
  options_.value_cache_bytes = 0;
  Reopen();
  Put("k", "1");
  const auto view = store_->view();
  Put("k", "2");
  Compact(3);
  CompactAll();
  EXPECT_EQ(Text(view->Range(RangeOf({"k"}, 2))), kCompacted);
  EXPECT_THAT(view->Events(All(), 2, 1000).status(), ErrCompacted());
  EXPECT_EQ(Text(view->Range(RangeOf({"k"}))), "range@3[k=2 c2 m3 v2] of 1");
  EXPECT_EQ(Text(view->ReadOnlyTxn({.success = {RangeOf({"k"})}})),
            "txn@3 yes{range@3[k=2 c2 m3 v2] of 1}");
}

TEST_F(CompactionTest, AMissingRecordIsDamageAndNamed) {
  options_.value_cache_bytes = 0;
  Reopen();
  Put("k", "1");
  BackendBatch batch;
  batch.Delete(RecordKey({2, 0}, false));
  ASSERT_TRUE(backend_->Apply(batch).ok());
  EXPECT_TRUE(absl::IsDataLoss(store_->view()->Range(RangeOf({"k"})).status()));
  // What apply needs and cannot read stops the member.
  PutRequest request = PutOf("k", "");
  request.ignore_value = true;
  store_->Apply(request);
  EXPECT_FALSE(store_->Write(Sequence(9), 1).ok());
}

}  // namespace
}  // namespace pintle::kv::testing
