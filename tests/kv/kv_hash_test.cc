// HashKV against what a real etcd 3.5.30 answered for the same changes (kLease is the id that it
// had chosen). The figures were read with `etcdctl endpoint hashkv --rev=R`.
#include "kv/kv_hash.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "kv/errors.h"
#include "tests/kv/store_fixture.h"

namespace pintle::kv::testing {
namespace {

using ::testing::ElementsAre;

constexpr int64_t kLease = 8486648761046936841;

class KvHashTest : public StoreTest {
 protected:
  // Revisions 2 to 10.
  void Fill() {
    Put("a", "1");
    Put("b", "2");
    Put("a", "3");
    Do(TxnRequest{.compares = {},
                  .success = {PutOf("c", "x"), PutOf("d", "y"), DeleteOf({"b"})},
                  .failure = {}});
    Delete({"a"});
    Do(LeaseGrantRequest{LeaseId(kLease), 10000});
    Put("e", "");
    Put("a", "4", kLease);
    Delete({"c"});
    Put("f", "5");
  }
  uint32_t Hash(KvHash::Span span, size_t slice = 1 << 20) {
    auto hash = store_->view()->StartKvHash(span);
    EXPECT_TRUE(hash.ok()) << hash.status();
    while (!(*hash)->done()) EXPECT_TRUE((*hash)->Step(slice).ok());
    return (*hash)->hash();
  }
  uint32_t Hash(int64_t revision) {
    return Hash({.compact_revision = store_->view()->compact_revision(), .revision = revision});
  }
  // From `first` to the newest.
  std::vector<uint32_t> Hashes(int64_t first) {
    std::vector<uint32_t> hashes;
    for (int64_t r = first; r <= store_->view()->revision(); ++r) hashes.push_back(Hash(r));
    return hashes;
  }
};

TEST_F(KvHashTest, IsEtcdsBeforeAnyCompaction) {
  Fill();
  EXPECT_EQ(store_->view()->revision(), 10);
  EXPECT_THAT(Hashes(1), ElementsAre(1084519789, 2587454935, 1827592406, 2069675932, 3645575843,
                                     613370496, 88528653, 1740711342, 1580262730, 3553453609));
}

TEST_F(KvHashTest, IsEtcdsAfterCompactionsWhateverIsDeletedAlready) {
  Fill();
  const std::map<int64_t, std::vector<uint32_t>> etcds = {
      {5, {1609108943, 3879948161, 2557570636, 2194938837}},  // of 7 to 10
      {6, {1478018177, 2485530456, 1274742022, 2962464171}},
  };
  for (const auto& [compact_revision, hashes] : etcds) {
    Compact(compact_revision);
    EXPECT_EQ(Hashes(7), hashes);
    CompactAll();
    EXPECT_EQ(Hashes(7), hashes);
  }
  Compact(9);
  CompactAll();
  EXPECT_THAT(Hashes(9), ElementsAre(850226422, 689609065));
  Reopen();
  EXPECT_THAT(Hashes(9), ElementsAre(850226422, 689609065));
}

TEST_F(KvHashTest, WhatWasBegunBeforeTheDeletionsIsTheHashBeforeTheCompaction) {
  Fill();
  const uint32_t before = Hash(5);
  Compact(5);
  EXPECT_EQ(Hash({.compact_revision = -1, .revision = 5}), before);
  auto hash = store_->view()->StartKvHash({.compact_revision = -1, .revision = 5});
  ASSERT_TRUE(hash.ok());
  CompactAll();
  Put("a", "new");
  while (!(*hash)->done()) ASSERT_TRUE((*hash)->Step(1).ok());
  EXPECT_EQ((*hash)->hash(), before);
}

TEST_F(KvHashTest, IsEtcdsWhenNothingIsLeft) {
  Fill();
  Compact(9);
  CompactAll();
  Delete(All());
  EXPECT_THAT(Hashes(9), ElementsAre(850226422, 689609065, 3733613549));
  Compact(10);
  EXPECT_EQ(Hash(11), 3733613549u);
  CompactAll();
  EXPECT_EQ(Hash(11), 3733613549u);
  Compact(11);
  EXPECT_EQ(Hash(11), 1084519789u);
  CompactAll();
  EXPECT_EQ(Hash(11), 1084519789u);
  Put("z", "9");
  EXPECT_EQ(Hash(12), 1566541901u);
}

TEST_F(KvHashTest, SlicesOfAnySizeGiveTheSame) {
  Fill();
  for (const size_t slice : {1, 30, 100}) {
    EXPECT_EQ(Hash({.compact_revision = -1, .revision = 10}, slice), 3553453609u);
  }
  EXPECT_EQ(Hash({.compact_revision = -1, .revision = -3}), 1084519789u);
}

TEST_F(KvHashTest, AViewThatACompactionHasOvertakenSaysSo) {
  Fill();
  const auto view = store_->view();
  Compact(5);
  CompactAll();
  EXPECT_EQ(view->StartKvHash({.compact_revision = -1, .revision = 10}).status(), ErrCompacted());
}

}  // namespace
}  // namespace pintle::kv::testing
