// Alarms: etcd-api 1.5, the part that is state.
#include <gmock/gmock.h>

#include "kv/alarm_set.h"
#include "kv/errors.h"
#include "tests/kv/store_fixture.h"

namespace pintle::kv::testing {
namespace {

using ::testing::IsEmpty;

using Action = AlarmRequest::Action;

constexpr Alarm kNoSpaceOfOne{.member_id = 1, .type = AlarmType::kNoSpace};
constexpr Alarm kCorruptOfTwo{.member_id = 2, .type = AlarmType::kCorrupt};

Alarm Automatic(Alarm alarm) {
  alarm.automatic = true;
  return alarm;
}

class AlarmTest : public StoreTest {
 protected:
  std::string Raise(const Alarm& alarm) { return Ask(AlarmRequest{Action::kActivate, alarm}); }
  std::string Clear(const Alarm& alarm) { return Ask(AlarmRequest{Action::kDeactivate, alarm}); }
  std::string List(AlarmType type = AlarmType::kNone) {
    return Ask(AlarmRequest{Action::kGet, {.type = type}});
  }
  absl::Status Refusal(const Command& command) { return Do(command).result.status(); }
};

TEST_F(AlarmTest, AreRaisedListedAndCleared) {
  EXPECT_EQ(List(), "alarms@1");
  EXPECT_EQ(Raise(kCorruptOfTwo), "alarms@1 2:CORRUPT");
  EXPECT_EQ(Raise(kNoSpaceOfOne), "alarms@1 1:NOSPACE");
  EXPECT_EQ(Raise(kNoSpaceOfOne), "alarms@1 1:NOSPACE") << "again: said again";
  EXPECT_EQ(List(), "alarms@1 1:NOSPACE 2:CORRUPT");
  EXPECT_EQ(List(AlarmType::kCorrupt), "alarms@1 2:CORRUPT");
  EXPECT_EQ(Clear({.member_id = 2, .type = AlarmType::kNoSpace}), "alarms@1") << "another's";
  EXPECT_EQ(Clear(kNoSpaceOfOne), "alarms@1 1:NOSPACE");
  EXPECT_EQ(store_->view()->Alarms(), std::vector<Alarm>{kCorruptOfTwo});
  EXPECT_EQ(Clear(kCorruptOfTwo), "alarms@1 2:CORRUPT");
  EXPECT_THAT(store_->view()->Alarms(), IsEmpty());
}

TEST_F(AlarmTest, NoneOfNothingIsNoAlarm) {
  EXPECT_EQ(Raise({.member_id = 1}), "alarms@1");
  EXPECT_EQ(Raise({.member_id = 1, .type = static_cast<AlarmType>(0xff)}), "alarms@1");
  EXPECT_EQ(List(), "alarms@1");
}

// etcd-api 1.5, "cost".
TEST(RoomForTest, IsWhatEtcdReckons) {
  const PutRequest put{.key = "key", .value = "value"};
  EXPECT_EQ(RoomFor(put), 256 + 8);
  EXPECT_EQ(RoomFor(LeaseGrantRequest{LeaseId(5), 60}), 64);
  const TxnRequest two_or_one{.success = {PutOf("a", "b"), PutOf("c", "d")},
                              .failure = {PutOf("e", std::string(1000, 'v'))}};
  EXPECT_EQ(RoomFor(two_or_one), 256 + 1001) << "the larger branch";
  EXPECT_EQ(RoomFor(TxnRequest{.success = {Nested(two_or_one), PutOf("f", "g")}}),
            256 + 1001 + 256 + 2);
  EXPECT_EQ(RoomFor(TxnRequest{.success = {DeleteRangeRequest{.range = {"a"}}}}), 0);
  EXPECT_EQ(RoomFor(DeleteRangeRequest{.range = {"a"}}), 0);
  EXPECT_EQ(RoomFor(LeaseRevokeRequest{LeaseId(5)}), 0);
  EXPECT_EQ(RoomFor(CompactRequest{.revision = 1}), 0);
}

TEST_F(AlarmTest, NoSpaceRefusesWhatTakesRoom) {
  Put("k", "v");
  Ask(LeaseGrantRequest{LeaseId(5), 60});
  Raise(kNoSpaceOfOne);
  const TxnRequest put{.success = {PutOf("a", "b")}};
  const TxnRequest nested_put{.failure = {Nested(put)}};
  EXPECT_EQ(Refusal(PutOf("k", "w")), ErrNoSpace());
  EXPECT_EQ(Refusal(put), ErrNoSpace());
  EXPECT_EQ(Refusal(nested_put), ErrNoSpace()) << "in a branch that is not taken";
  EXPECT_EQ(Refusal(LeaseGrantRequest{LeaseId(6), 60}), ErrNoSpace());

  EXPECT_EQ(RangeBy(RangeOf(All())), "range@2[k=v c2 m2 v1] of 1");
  EXPECT_EQ(Ask(TxnRequest{.success = {DeleteOf({"k"})}}), "txn@3 yes{deleted@3 1}");
  EXPECT_EQ(Delete(All()), "deleted@3 0");
  EXPECT_EQ(Compact(3), "compacted@3");
  EXPECT_EQ(Ask(LeaseRevokeRequest{LeaseId(5)}), "lease@3 5 ttl 60");

  Clear(kNoSpaceOfOne);
  EXPECT_EQ(Put("k", "w"), "put@4");
}

TEST_F(AlarmTest, CorruptRefusesEveryChange) {
  Put("k", "v");
  Ask(LeaseGrantRequest{LeaseId(5), 60});
  Raise(kNoSpaceOfOne);
  Raise(kCorruptOfTwo);
  for (const Command& command :
       std::vector<Command>{PutOf("k", "w"), DeleteOf({"k"}), TxnRequest{}, CompactRequest{2},
                            LeaseGrantRequest{LeaseId(6), 60}, LeaseRevokeRequest{LeaseId(5)}}) {
    EXPECT_EQ(Refusal(command), ErrCorrupt());
  }
  EXPECT_EQ(RangeBy(RangeOf(All())), "range@2[k=v c2 m2 v1] of 1");
  Clear(kCorruptOfTwo);
  EXPECT_EQ(Delete({"k"}), "deleted@3 1");
}

TEST_F(AlarmTest, WhatIsAutomaticDoesNotClearWhatSomebodyRaised) {
  Raise(Automatic(kNoSpaceOfOne));
  EXPECT_EQ(store_->view()->Alarms(), std::vector<Alarm>{Automatic(kNoSpaceOfOne)});
  EXPECT_EQ(Clear(Automatic(kNoSpaceOfOne)), "alarms@1 1:NOSPACE");
  Raise(Automatic(kNoSpaceOfOne));
  Raise(kNoSpaceOfOne);
  EXPECT_EQ(Raise(Automatic(kNoSpaceOfOne)), "alarms@1 1:NOSPACE");
  EXPECT_EQ(Clear(Automatic(kNoSpaceOfOne)), "alarms@1");
  EXPECT_EQ(Clear(kNoSpaceOfOne), "alarms@1 1:NOSPACE");
  Raise(Automatic(kNoSpaceOfOne));
  EXPECT_EQ(Clear(kNoSpaceOfOne), "alarms@1 1:NOSPACE") << "an operator clears any";
}

TEST_F(AlarmTest, SurviveAndArePartOfTheHashChain) {
  const uint64_t before = store_->hash();
  Raise(kNoSpaceOfOne);
  const uint64_t raised = store_->hash();
  EXPECT_NE(raised, before);
  Reopen();
  EXPECT_EQ(store_->view()->Alarms(), std::vector<Alarm>{kNoSpaceOfOne});
  EXPECT_EQ(store_->hash(), raised);
  EXPECT_EQ(Refusal(PutOf("k", "v")), ErrNoSpace());
  Clear(kNoSpaceOfOne);
  Reopen();
  EXPECT_THAT(store_->view()->Alarms(), IsEmpty());
  EXPECT_EQ(Put("k", "v"), "put@2");
}

TEST_F(AlarmTest, TooManyAreRefused) {
  for (uint64_t i = 0; i < AlarmSet::kMaxAlarms; ++i) {
    Raise({.member_id = i, .type = AlarmType::kNoSpace});
  }
  EXPECT_EQ(Refusal(AlarmRequest{Action::kActivate, kCorruptOfTwo}), ErrTooManyAlarms());
}

TEST(AlarmSetTest, Bytes) {
  AlarmSet alarms;
  ASSERT_TRUE(alarms.Execute({Action::kActivate, Automatic(kNoSpaceOfOne)}).ok());
  ASSERT_TRUE(alarms.Execute({Action::kActivate, kCorruptOfTwo}).ok());
  const std::string bytes = alarms.Encode();
  EXPECT_EQ(bytes, std::string("\0\0\0\0\0\0\0\1\1\1\0\0\0\0\0\0\0\2\2\0", 20));
  AlarmSet read;
  EXPECT_TRUE(read.Parse(bytes));
  EXPECT_EQ(read.list(), alarms.list());
  for (size_t cut = 1; cut < bytes.size(); ++cut) {
    EXPECT_EQ(read.Parse(bytes.substr(cut)), cut == 10);
  }
  for (const size_t at : {8, 9}) {
    std::string damaged = bytes;
    damaged[at] = '\3';
    EXPECT_FALSE(read.Parse(damaged));
  }
  EXPECT_FALSE(read.Parse(bytes.substr(10) + bytes.substr(0, 10))) << "out of order";
}

TEST_F(AlarmTest, DamagedAlarmsAreDataLoss) {
  Raise(kNoSpaceOfOne);
  BackendBatch batch;
  batch.Put("salarms", "junk");
  ASSERT_TRUE(backend_->Apply(batch).ok());
  EXPECT_TRUE(absl::IsDataLoss(Store::Open(*backend_, options_).status()));
}

}  // namespace
}  // namespace pintle::kv::testing
