// Random commands against the store and the model; every answer, event and history compared, across
// compactions in slices and restarts.
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>

#include "kv/validate.h"
#include "tests/kv/model_store.h"
#include "tests/kv/store_fixture.h"

namespace pintle::kv::testing {
namespace {

class Generator {
 public:
  Generator(uint32_t seed, const ModelStore& model) : random_(seed), model_(model) {}

  int Below(int limit) { return static_cast<int>(random_() % static_cast<uint32_t>(limit)); }
  bool OneIn(int n) { return Below(n) == 0; }

  std::string Key() {
    static const char* const kDirectories[] = {"a/", "a/b/", "b", ""};
    return std::string(kDirectories[Below(4)]) + "k" + std::to_string(Below(40));
  }
  KeyRange Interval() {
    switch (Below(6)) {
      case 0:
        return {Key(), std::string(1, '\0')};
      case 1:
        return {"a/", "a0"};
      case 2:
        return All();
      case 3:
        return {Key(), Key()};
      default:
        return {Key(), ""};
    }
  }
  int64_t SomeRevision() {
    if (OneIn(3)) return 0;
    return Below(static_cast<int>(model_.revision) + 3);
  }
  LeaseId Lease() {
    const int id = Below(8) - 2;
    return LeaseId(id == 0 ? 100 : id);
  }

  RangeRequest Range() {
    RangeRequest request{
        .range = Interval(), .limit = OneIn(2) ? Below(20) : 0, .revision = SomeRevision()};
    if (OneIn(3)) request.sort_order = SortOrder{static_cast<uint8_t>(Below(3))};
    if (OneIn(3)) request.sort_target = SortTarget{static_cast<uint8_t>(Below(5))};
    request.keys_only = OneIn(4);
    request.count_only = OneIn(6);
    for (int64_t* bound : {&request.min_mod_revision, &request.max_mod_revision,
                           &request.min_create_revision, &request.max_create_revision}) {
      if (OneIn(8)) *bound = SomeRevision();
    }
    return request;
  }

  PutRequest Put() {
    PutRequest request{.key = Key(), .value = std::to_string(Below(1000))};
    if (OneIn(3)) request.lease = Lease();
    request.prev_kv = OneIn(3);
    if (OneIn(6)) {
      request.ignore_value = true;
      request.value.clear();
    }
    if (OneIn(6)) {
      request.ignore_lease = true;
      request.lease = LeaseId();
    }
    return request;
  }

  DeleteRangeRequest Delete() {
    KeyRange range = Interval();
    if (range == All() && !OneIn(10)) range = {Key(), ""};
    return {.range = std::move(range), .prev_kv = OneIn(2)};
  }

  Compare Condition() {
    Compare compare{.result = Compare::Result{static_cast<uint8_t>(Below(4))},
                    .target = Compare::Target{static_cast<uint8_t>(Below(5))},
                    .range = OneIn(4) ? Interval() : KeyRange{Key(), ""}};
    const auto it = model_.Now().find(compare.range.key);
    compare.number = OneIn(2) ? Below(5) : it != model_.Now().end() ? it->second.mod_revision : 0;
    compare.value = std::to_string(Below(1000));
    return compare;
  }

  // As few requests are refused outright as it takes to leave some that are.
  TxnRequest Txn(int depth) {
    for (;;) {
      TxnRequest txn;
      for (int i = Below(3); i > 0; --i) txn.compares.push_back(Condition());
      for (auto* branch : {&txn.success, &txn.failure}) {
        for (int i = Below(4); i > 0; --i) branch->push_back(Op(depth));
      }
      if (ValidateTxn(txn).ok()) return txn;
    }
  }

  Command Next() {
    const int kind = Below(100);
    if (kind < 45) return Put();
    if (kind < 60) return Delete();
    if (kind < 80) return Txn(2);
    if (kind < 83) return CompactRequest{OneIn(2) ? model_.revision - Below(30) : SomeRevision()};
    if (kind < 92) return LeaseGrantRequest{Lease(), OneIn(20) ? 9'000'000'001 : Below(100)};
    if (kind < 97) return LeaseRevokeRequest{Lease()};
    return LeaseCheckpointRequest{.items = {{Lease(), Below(50)}, {Lease(), Below(50)}}};
  }

 private:
  TxnOp Op(int depth) {
    switch (Below(depth > 0 ? 5 : 4)) {
      case 0:
        return Delete();
      case 1: {
        RangeRequest range = Range();
        if (!OneIn(6) && range.revision < model_.compact_revision) range.revision = 0;
        return range;
      }
      case 4:
        return Nested(Txn(depth - 1));
      default:
        return Put();
    }
  }

  std::mt19937 random_;
  const ModelStore& model_;
};

class StoreModel : public StoreTest, public ::testing::WithParamInterface<int> {
 protected:
  void CompareReads(Generator& generator, const ReadView& view) {
    for (int i = 0; i < 6; ++i) {
      const RangeRequest request = generator.Range();
      ASSERT_EQ(Text(view.Range(request)), Text(model_.Range(request)))
          << request.range.key << ".." << request.range.end << " at " << request.revision;
    }
    const KeyRange range = generator.Interval();
    const int64_t from = std::max<int64_t>(1, generator.SomeRevision());
    auto events = view.Events(range, from, size_t{1} << 30);
    const auto expected = model_.Events(range, from);
    ASSERT_EQ(events.status(), expected.status());
    // After a compaction at C the events of C itself are those that survived it.
    if (events.ok() && from > model_.compact_revision) {
      ASSERT_EQ(Text(events->events), Text(*expected));
    }
  }
  void CompareLeases(const ReadView& view) {
    std::vector<int64_t> expected;
    for (const auto& [id, lease] : model_.leases) {
      expected.push_back(id);
      ASSERT_EQ(view.LeaseKeys(LeaseId(id)), model_.LeaseKeys(id));
      ASSERT_EQ(view.Lease(LeaseId(id))->granted_ttl_seconds, lease.first);
      ASSERT_EQ(view.Lease(LeaseId(id))->remaining_ttl_seconds, lease.second);
    }
    std::vector<int64_t> ids;
    for (const LeaseInfo& lease : view.Leases()) ids.push_back(lease.id.value());
    ASSERT_EQ(ids, expected);
  }

  ModelStore model_;
};

TEST_P(StoreModel, AgreesWithTheModel) {
  options_.value_cache_bytes = GetParam() % 2 == 0 ? 0 : 20'000;
  Reopen();
  Generator generator(static_cast<uint32_t>(GetParam()), model_);
  for (int step = 0; step < 700; ++step) {
    const int batch = 1 + generator.Below(4);
    for (int i = 0; i < batch; ++i) {
      const Command command = generator.Next();
      const ApplyResult actual = store_->Apply(command);
      const ApplyResult expected = model_.Apply(command);
      ASSERT_EQ(actual.result.status(), expected.result.status()) << "step " << step;
      ASSERT_EQ(Text(actual.result), Text(expected.result)) << "step " << step;
      ASSERT_EQ(Text(actual.events), Text(expected.events)) << "step " << step;
    }
    ASSERT_TRUE(store_->Write(++sequence_, 1).ok());
    store_->Publish();
    ASSERT_EQ(store_->view()->revision(), model_.revision);
    ASSERT_EQ(store_->view()->compact_revision(), model_.compact_revision);
    if (generator.OneIn(2)) {
      ASSERT_TRUE(store_->CompactSlice().ok());
    }
    if (generator.OneIn(60)) {
      Reopen();
      ASSERT_EQ(store_->sequence(), sequence_);
    }
    ASSERT_NO_FATAL_FAILURE(CompareReads(generator, *store_->view()));
    if (step % 5 == 0) {
      ASSERT_NO_FATAL_FAILURE(CompareLeases(*store_->view()));
    }
  }
  EXPECT_GT(model_.compact_revision, 100);
}

INSTANTIATE_TEST_SUITE_P(Seeds, StoreModel, ::testing::Range(1, 9));

}  // namespace
}  // namespace pintle::kv::testing
