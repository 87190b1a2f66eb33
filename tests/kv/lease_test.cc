// Leases: etcd-api 1.3, the part that is state.
#include <gmock/gmock.h>

#include "kv/errors.h"
#include "tests/kv/store_fixture.h"

namespace pintle::kv::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LeaseTest : public StoreTest {
 protected:
  std::string Grant(int64_t id, int64_t ttl) { return Ask(LeaseGrantRequest{LeaseId(id), ttl}); }
  std::vector<std::string> Keys(int64_t id) { return store_->view()->LeaseKeys(LeaseId(id)); }
};

TEST_F(LeaseTest, GrantDoesNotMoveTheRevision) {
  Put("k", "v");
  const ApplyResult result = Do(LeaseGrantRequest{LeaseId(5), 60});
  EXPECT_EQ(Text(result.result), "lease@2 5 ttl 60");
  EXPECT_THAT(result.events, IsEmpty());
  EXPECT_EQ(store_->view()->revision(), 2);
}

TEST_F(LeaseTest, GrantRefuses) {
  EXPECT_EQ(Grant(5, 60), "lease@1 5 ttl 60");
  EXPECT_EQ(Do(LeaseGrantRequest{LeaseId(5), 60}).result.status(), ErrLeaseExists());
  EXPECT_EQ(Grant(6, 9'000'000'000), "lease@1 6 ttl 9000000000");
  EXPECT_EQ(Do(LeaseGrantRequest{LeaseId(7), 9'000'000'001}).result.status(),
            ErrLeaseTtlTooLarge());
  // Too large is said first.
  EXPECT_EQ(Do(LeaseGrantRequest{LeaseId(5), 9'000'000'001}).result.status(),
            ErrLeaseTtlTooLarge());
  EXPECT_EQ(Grant(-5, 60), "lease@1 -5 ttl 60");
}

TEST_F(LeaseTest, RevokeDeletesItsKeysSortedInOneRevision) {
  Grant(5, 60);
  for (const char* key : {"c", "a", "b"}) Put(key, "v", 5);
  Put("d", "v");
  const ApplyResult result = Do(LeaseRevokeRequest{LeaseId(5)});
  EXPECT_EQ(Text(result.result), "lease@6 5 ttl 60");
  EXPECT_THAT(Text(result.events), ElementsAre("DELETE 6.0 a c0 m6 v0 created 0 previous 3.0",
                                               "DELETE 6.1 b c0 m6 v0 created 0 previous 4.0",
                                               "DELETE 6.2 c c0 m6 v0 created 0 previous 2.0"));
  EXPECT_EQ(Range(All()), "range@6[d=v c5 m5 v1] of 1");
  EXPECT_FALSE(store_->view()->Lease(LeaseId(5)).has_value());
  EXPECT_EQ(Do(LeaseRevokeRequest{LeaseId(5)}).result.status(), ErrLeaseNotFound());
}

TEST_F(LeaseTest, TenThousandKeysOfALeaseGoInOneRevision) {
  constexpr int kKeys = 10000;
  Grant(5, 60);
  for (int i = 0; i < kKeys; ++i) Put("key" + std::to_string(i), "v", 5);
  const int64_t before = store_->view()->revision();
  const ApplyResult result = Do(LeaseRevokeRequest{LeaseId(5)});
  EXPECT_EQ(store_->view()->revision(), before + 1);
  ASSERT_EQ(result.events.size(), static_cast<size_t>(kKeys));
  for (int i = 0; i < kKeys; ++i) {
    const Revision wanted{before + 1, i};
    ASSERT_EQ(result.events[static_cast<size_t>(i)].revision, wanted);
  }
  EXPECT_EQ(Range(All()), "range@" + std::to_string(before + 1) + "[] of 0");
}

TEST_F(LeaseTest, RevokeWithoutKeysLeavesTheRevision) {
  Grant(5, 60);
  Put("k", "v", 5);
  Delete({"k"});
  EXPECT_EQ(Ask(LeaseRevokeRequest{LeaseId(5)}), "lease@3 5 ttl 60");
  EXPECT_EQ(Grant(5, 30), "lease@3 5 ttl 30");
  EXPECT_THAT(Keys(5), IsEmpty());
}

TEST_F(LeaseTest, KeysMoveBetweenLeases) {
  Grant(5, 60);
  Grant(-6, 60);
  Put("k", "v", 5);
  Put("l", "v", 5);
  EXPECT_THAT(Keys(5), ElementsAre("k", "l"));
  Put("k", "v", -6);
  EXPECT_THAT(Keys(5), ElementsAre("l"));
  EXPECT_THAT(Keys(-6), ElementsAre("k"));
  Put("k", "w", -6);
  EXPECT_THAT(Keys(-6), ElementsAre("k"));
  Put("k", "v");
  EXPECT_THAT(Keys(-6), IsEmpty());
  Ask(LeaseRevokeRequest{LeaseId(-6)});
  EXPECT_EQ(Range({"k"}), "range@6[k=v c2 m6 v4] of 1");
}

TEST_F(LeaseTest, DeletedKeysAreDetached) {
  Grant(5, 60);
  Put("k", "v", 5);
  Delete({"k"});
  EXPECT_THAT(Keys(5), IsEmpty());
  Put("k", "v");
  Ask(LeaseRevokeRequest{LeaseId(5)});
  EXPECT_EQ(Range({"k"}), "range@4[k=v c4 m4 v1] of 1");
}

TEST_F(LeaseTest, CheckpointsAreKept) {
  Grant(5, 60);
  Grant(6, 60);
  const LeaseCheckpointRequest checkpoint{.items = {{LeaseId(5), 20}, {LeaseId(9), 1}}};
  EXPECT_TRUE(Do(checkpoint).result.ok());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(store_->view()->Lease(LeaseId(5))->remaining_ttl_seconds, 20);
    EXPECT_EQ(store_->view()->Lease(LeaseId(5))->granted_ttl_seconds, 60);
    EXPECT_EQ(store_->view()->Lease(LeaseId(6))->remaining_ttl_seconds, 60);
    EXPECT_FALSE(store_->view()->Lease(LeaseId(9)).has_value());
    Reopen();
  }
  // A renewal clears it.
  Do(LeaseCheckpointRequest{.items = {{LeaseId(5), 0}}});
  EXPECT_EQ(store_->view()->Lease(LeaseId(5))->remaining_ttl_seconds, 60);
}

TEST_F(LeaseTest, CountAsBytesOfTheStore) {
  Put("k", "v");
  const int64_t before = store_->size_bytes();
  Grant(5, 60);
  const int64_t with_one = store_->size_bytes();
  EXPECT_GT(with_one, before);
  Do(LeaseCheckpointRequest{.items = {{LeaseId(5), 20}}});
  const int64_t with_checkpoint = store_->size_bytes();
  EXPECT_GT(with_checkpoint, with_one);
  Reopen();
  EXPECT_EQ(store_->size_bytes(), with_checkpoint);
  Ask(LeaseRevokeRequest{LeaseId(5)});
  EXPECT_EQ(store_->size_bytes(), before);
}

TEST_F(LeaseTest, SurviveARestart) {
  Grant(5, 60);
  Grant(-6, 30);
  Put("a", "v", 5);
  Put("b", "v", 5);
  Put("b", "w");
  Put("c", "v", -6);
  Delete({"c"});
  Reopen();
  std::vector<int64_t> ids;
  for (const LeaseInfo& lease : store_->view()->Leases()) ids.push_back(lease.id.value());
  EXPECT_THAT(ids, ElementsAre(-6, 5));
  EXPECT_THAT(Keys(5), ElementsAre("a"));
  EXPECT_THAT(Keys(-6), IsEmpty());
  EXPECT_EQ(Ask(LeaseRevokeRequest{LeaseId(5)}), "lease@7 5 ttl 60");
  EXPECT_EQ(Range(All()), "range@7[b=w c3 m4 v2] of 1");
  Reopen();
  EXPECT_FALSE(store_->view()->Lease(LeaseId(5)).has_value());
}

TEST_F(LeaseTest, AViewShowsTheLeasesOfItsMoment) {
  Grant(5, 60);
  Put("a", "v", 5);
  const auto view = store_->view();
  Ask(LeaseRevokeRequest{LeaseId(5)});
  EXPECT_THAT(view->LeaseKeys(LeaseId(5)), ElementsAre("a"));
  EXPECT_EQ(view->Leases().size(), 1u);
  EXPECT_THAT(store_->view()->Leases(), IsEmpty());
}

}  // namespace
}  // namespace pintle::kv::testing
