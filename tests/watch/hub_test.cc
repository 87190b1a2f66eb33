// The hub's promises, one by one, on a real store.
#include "watch/hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/etcd/kv.pb.h"
#include "tests/watch/apply_loop.h"
#include "watch/inbox.h"

namespace pintle::watch::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const kv::KeyRange kEverything{std::string(1, '\0'), std::string(1, '\0')};

TEST(HubTest, StartsAfterTheCurrentRevision) {
  ApplyLoop loop;
  loop.Put("a", "0");  // revision 2
  Watcher watcher(loop.hub(), {.range = {"a", ""}});
  EXPECT_EQ(watcher.created_at(), 2);
  EXPECT_EQ(watcher.synced(), 2);
  EXPECT_EQ(watcher.wakes(), 0);
  loop.Put("a", "1");
  loop.Put("b", "1");
  loop.Delete("a");
  EXPECT_THAT(watcher.Drain(), ElementsAre("PUT a=1 @3", "DELETE a @5"));
  EXPECT_EQ(watcher.synced(), 5);
}

TEST(HubTest, RevisionOfAFreshStoreIsOne) {
  ApplyLoop loop;
  Watcher watcher(loop.hub(), {.range = {"a", ""}});
  EXPECT_EQ(watcher.created_at(), 1);
  EXPECT_EQ(watcher.synced(), 1);
}

TEST(HubTest, StartsInThePastFromTheWindow) {
  ApplyLoop loop;
  for (int i = 0; i < 4; ++i) loop.Put("a", std::to_string(i));  // 2..5
  Watcher watcher(loop.hub(), {.range = {"a", ""}, .start_revision = 4});
  EXPECT_EQ(watcher.wakes(), 1);
  EXPECT_EQ(watcher.synced(), -1);
  EXPECT_THAT(watcher.Drain(), ElementsAre("PUT a=2 @4", "PUT a=3 @5"));
  EXPECT_EQ(watcher.synced(), 5);
  loop.Put("a", "4");
  EXPECT_EQ(watcher.wakes(), 2);
  EXPECT_THAT(watcher.Drain(), ElementsAre("PUT a=4 @6"));
}

TEST(HubTest, StartsInThePastFromTheStore) {
  ApplyLoop loop({.window_bytes = 1});  // holds the last batch only
  for (int i = 0; i < 5; ++i) loop.Put(i % 2 == 0 ? "a" : "b", std::to_string(i));  // 2..6
  Watcher one(loop.hub(), {.range = {"a", ""}, .start_revision = 2});
  Watcher all(loop.hub(), {.range = kEverything, .start_revision = 1});
  EXPECT_THAT(one.Drain(), ElementsAre("PUT a=0 @2", "PUT a=2 @4", "PUT a=4 @6"));
  EXPECT_THAT(all.Drain(1),
              ElementsAre("PUT a=0 @2", "PUT b=1 @3", "PUT a=2 @4", "PUT b=3 @5", "PUT a=4 @6"));
  EXPECT_EQ(one.synced(), 6);
}

TEST(HubTest, StartsInTheFuture) {
  ApplyLoop loop;
  Watcher watcher(loop.hub(), {.range = {"a", ""}, .start_revision = 4});
  EXPECT_EQ(watcher.created_at(), 1);
  EXPECT_EQ(watcher.synced(), -1);
  loop.Put("a", "0");  // 2
  EXPECT_EQ(watcher.synced(), -1);
  loop.Put("a", "1");  // 3: all that it does not want is past
  EXPECT_EQ(watcher.synced(), 3);
  EXPECT_THAT(watcher.Drain(), IsEmpty());
  loop.Put("a", "2");
  EXPECT_THAT(watcher.Drain(), ElementsAre("PUT a=2 @4"));
}

TEST(HubTest, CompactedStartSaysSoAndEnds) {
  ApplyLoop loop;
  for (int i = 0; i < 5; ++i) loop.Put("a", std::to_string(i));  // 2..6
  loop.Compact(4);
  Watcher below(loop.hub(), {.range = {"a", ""}, .start_revision = 3});
  Watcher negative(loop.hub(), {.range = {"a", ""}, .start_revision = -7});
  Watcher at(loop.hub(), {.range = {"a", ""}, .start_revision = 4});
  EXPECT_EQ(below.created_at(), 6);
  EXPECT_EQ(below.wakes(), 1);
  EXPECT_THAT(below.Drain(), ElementsAre("compacted at 4"));
  EXPECT_THAT(below.Drain(), ElementsAre("compacted at 4"));
  EXPECT_THAT(negative.Drain(), ElementsAre("compacted at 4"));
  EXPECT_THAT(at.Drain(), ElementsAre("PUT a=2 @4", "PUT a=3 @5", "PUT a=4 @6"));
  loop.Put("a", "5");
  EXPECT_THAT(below.Drain(), ElementsAre("compacted at 4"));
  EXPECT_EQ(below.synced(), -1);
}

TEST(HubTest, LaggardOvertakenByCompactionEnds) {
  ApplyLoop loop({.window_bytes = 1});
  Watcher watcher(loop.hub(), {.range = {"a", ""}});
  for (int i = 0; i < 5; ++i) loop.Put("a", std::to_string(i));  // 2..6
  loop.Compact(5);
  EXPECT_THAT(watcher.Drain(), ElementsAre("compacted at 5"));
  EXPECT_EQ(loop.hub().stats().behind, 0);
}

TEST(HubTest, LaggardIsServedFromTheWindowEvenWhenTheStoreHasForgotten) {
  ApplyLoop loop;
  Watcher watcher(loop.hub(), {.range = {"a", ""}});
  for (int i = 0; i < 3; ++i) loop.Put("a", std::to_string(i));
  loop.Compact(4);
  EXPECT_THAT(watcher.Drain(), ElementsAre("PUT a=0 @2", "PUT a=1 @3", "PUT a=2 @4"));
}

TEST(HubTest, FiltersAreApplied) {
  ApplyLoop loop;
  Watcher puts(loop.hub(), {.range = {"a", ""}, .want_deletes = false});
  Watcher deletes(loop.hub(), {.range = {"a", ""}, .want_puts = false});
  Watcher late(loop.hub(), {.range = {"a", ""}, .start_revision = 1, .want_puts = false});
  loop.Put("a", "0");
  loop.Delete("a");
  Watcher later(loop.hub(), {.range = {"a", ""}, .start_revision = 2, .want_puts = false});
  EXPECT_THAT(puts.Drain(), ElementsAre("PUT a=0 @2"));
  EXPECT_THAT(deletes.Drain(), ElementsAre("DELETE a @3"));
  EXPECT_THAT(late.Drain(), ElementsAre("DELETE a @3"));
  EXPECT_THAT(later.Drain(), ElementsAre("DELETE a @3"));
  EXPECT_EQ(deletes.synced(), 3);
}

TEST(HubTest, RangesSeeWhatTheyContain) {
  ApplyLoop loop;
  Watcher prefix(loop.hub(), {.range = {"b", "c"}});
  Watcher from_b(loop.hub(), {.range = {"b", std::string(1, '\0')}});
  Watcher all(loop.hub(), {.range = kEverything});
  Watcher none(loop.hub(), {.range = {"c", "b"}});
  for (const char* key : {"a", "b", "bz", "c"}) loop.Put(key, "");
  EXPECT_THAT(prefix.Drain(), ElementsAre("PUT b= @3", "PUT bz= @4"));
  EXPECT_THAT(from_b.Drain(), ElementsAre("PUT b= @3", "PUT bz= @4", "PUT c= @5"));
  EXPECT_THAT(all.Drain(), SizeIs(4));
  EXPECT_THAT(none.Drain(), IsEmpty());
}

TEST(HubTest, PrevKvFromWindowFromStoreAndFromTheSameBatch) {
  ApplyLoop loop({.window_bytes = 1});
  loop.Put("a", "0");
  loop.Put("x", "0");  // "a" has left the window
  Watcher with(loop.hub(), {.range = {"a", ""}, .prev_kv = true});
  Watcher without(loop.hub(), {.range = {"a", ""}});
  loop.Apply({kv::PutRequest{.key = "a", .value = "1"}, kv::PutRequest{.key = "a", .value = "2"},
              kv::DeleteRangeRequest{.range = {"a", ""}},
              kv::PutRequest{.key = "a", .value = "3"}});
  EXPECT_THAT(with.Drain(), ElementsAre("PUT a=1 @4 was a=0", "PUT a=2 @5 was a=1",
                                        "DELETE a @6 was a=2", "PUT a=3 @7"));
  EXPECT_THAT(without.Drain(),
              ElementsAre("PUT a=1 @4", "PUT a=2 @5", "DELETE a @6", "PUT a=3 @7"));
  Watcher again(loop.hub(), {.range = {"a", ""}, .start_revision = 4, .prev_kv = true});
  EXPECT_THAT(again.Drain(), ElementsAre("PUT a=1 @4 was a=0", "PUT a=2 @5 was a=1",
                                         "DELETE a @6 was a=2", "PUT a=3 @7"));
}

TEST(HubTest, WhatWasThereBeforeTheCompactRevisionIsNotTold) {
  ApplyLoop loop({.window_bytes = 1});
  for (const char* value : {"0", "1", "2"}) loop.Put("a", value);  // up to revision 4
  loop.Compact(3);
  Watcher watcher(loop.hub(), {.range = {"a", ""}, .start_revision = 3, .prev_kv = true});
  EXPECT_THAT(watcher.Drain(), ElementsAre("PUT a=1 @3", "PUT a=2 @4 was a=1"));
}

TEST(HubTest, ACreatedKeyHasNoPrevious) {
  ApplyLoop loop;
  loop.Put("a", "0");
  Watcher watcher(loop.hub(), {.range = {"a", ""}, .prev_kv = true});
  // Deleted and created in one revision: allowed when the put is in a transaction before.
  auto nested = std::make_shared<kv::TxnRequest>();
  nested->success = {kv::DeleteRangeRequest{.range = {"a", ""}}};
  auto put = std::make_shared<kv::TxnRequest>();
  put->success = {kv::PutRequest{.key = "a", .value = "1"}};
  loop.Apply({kv::TxnRequest{.success = {nested, put}}});
  EXPECT_THAT(watcher.Drain(), ElementsAre("DELETE a @3 was a=0", "PUT a=1 @3"));
}

TEST(HubTest, EncodedOnceForAllOfTheSameForm) {
  ApplyLoop loop;
  loop.Put("a", "0");
  int64_t revision = 0;
  const auto subscribe = [&](bool prev_kv) {
    return loop.hub().Subscribe(
        {.range = {"a", ""}, .prev_kv = prev_kv}, [] {}, revision);
  };
  const auto plain1 = subscribe(false);
  const auto plain2 = subscribe(false);
  const auto prev1 = subscribe(true);
  const auto prev2 = subscribe(true);
  loop.Put("a", "1");
  const auto encoded = [](Subscription& s) { return s.Next(1 << 20).events.at(0).encoded; };
  const auto plain = encoded(*plain1);
  const auto prev = encoded(*prev1);
  EXPECT_EQ(plain, encoded(*plain2));
  EXPECT_EQ(prev, encoded(*prev2));
  EXPECT_NE(plain, prev);

  mvccpb::Event event;
  ASSERT_TRUE(event.ParseFromString(*prev));
  EXPECT_EQ(event.type(), mvccpb::Event::PUT);
  EXPECT_EQ(event.kv().value(), "1");
  EXPECT_EQ(event.kv().mod_revision(), 3);
  EXPECT_EQ(event.prev_kv().value(), "0");
  ASSERT_TRUE(event.ParseFromString(*plain));
  EXPECT_FALSE(event.has_prev_kv());
}

TEST(HubTest, DeleteIsEncodedAsEtcdDoes) {
  ApplyLoop loop;
  loop.Put("a", "0");
  int64_t revision = 0;
  const auto subscription = loop.hub().Subscribe(
      {.range = {"a", ""}}, [] {}, revision);
  loop.Delete("a");
  mvccpb::Event event;
  ASSERT_TRUE(event.ParseFromString(*subscription->Next(1).events.at(0).encoded));
  EXPECT_EQ(event.type(), mvccpb::Event::DELETE);
  EXPECT_EQ(event.kv().key(), "a");
  EXPECT_EQ(event.kv().mod_revision(), 3);
  EXPECT_EQ(event.kv().create_revision(), 0);
}

TEST(HubTest, ARevisionIsNeverSplit) {
  ApplyLoop loop;
  int64_t revision = 0;
  const auto live = loop.hub().Subscribe(
      {.range = kEverything}, [] {}, revision);
  kv::TxnRequest txn;
  for (int i = 0; i < 100; ++i) {
    txn.success.push_back(kv::PutRequest{.key = "k" + std::to_string(i), .value = "v"});
  }
  loop.Apply({txn, kv::PutRequest{.key = "z", .value = ""}});
  const auto past = loop.hub().Subscribe(
      {.range = kEverything, .start_revision = 2}, [] {}, revision);
  for (Subscription* subscription : {live.get(), past.get()}) {
    const Batch first = subscription->Next(1);
    EXPECT_THAT(first.events, SizeIs(100));
    EXPECT_TRUE(first.more);
    EXPECT_EQ(subscription->synced_revision(), -1);
    const Batch second = subscription->Next(1);
    EXPECT_THAT(second.events, SizeIs(1));
    EXPECT_FALSE(second.more);
    EXPECT_EQ(subscription->synced_revision(), 3);
  }
}

TEST(HubTest, WakesOnceUntilDrained) {
  ApplyLoop loop;
  Watcher watcher(loop.hub(), {.range = {"a", ""}});
  for (int i = 0; i < 3; ++i) loop.Put("a", std::to_string(i));
  EXPECT_EQ(watcher.wakes(), 1);
  loop.Put("other", "");
  EXPECT_EQ(watcher.wakes(), 1);
  EXPECT_THAT(watcher.Drain(), SizeIs(3));
  loop.Put("a", "3");
  EXPECT_EQ(watcher.wakes(), 2);
}

TEST(HubTest, OverflownInboxFallsBehindAndRecovers) {
  ApplyLoop loop;
  Watcher watcher(loop.hub(), {.range = {"a", ""}});
  std::vector<std::string> expected;
  std::vector<kv::Command> batch;
  for (size_t i = 0; i < Inbox::kMaxQueued + 10; ++i) {
    batch.push_back(kv::PutRequest{.key = "a", .value = std::to_string(i)});
    expected.push_back("PUT a=" + std::to_string(i) + " @" + std::to_string(i + 2));
  }
  loop.Apply(batch);
  EXPECT_EQ(loop.hub().stats().behind, 1);
  EXPECT_EQ(watcher.synced(), -1);
  EXPECT_EQ(watcher.Drain(), expected);
  EXPECT_EQ(loop.hub().stats().behind, 0);
  EXPECT_EQ(watcher.synced(), loop.revision());
  loop.Put("a", "end");
  EXPECT_THAT(watcher.Drain(), SizeIs(1));
}

TEST(HubTest, MailThatLeftTheWindowIsFetchedFromTheStore) {
  ApplyLoop loop({.window_bytes = 1000});
  Watcher watcher(loop.hub(), {.range = {"a", ""}});
  for (int i = 0; i < 10; ++i) loop.Put("a", std::to_string(i));
  for (int i = 0; i < 10; ++i) loop.Put("other", std::to_string(i));
  EXPECT_THAT(watcher.Drain(), SizeIs(10));
  EXPECT_EQ(watcher.synced(), loop.revision());
}

TEST(HubTest, WindowStaysWithinItsBytes) {
  ApplyLoop loop({.window_bytes = 100'000});
  for (int i = 0; i < 200; ++i) loop.Put("a", std::string(2000, 'x'));
  EXPECT_LE(loop.hub().stats().window_bytes, 100'000 + 3000);
  EXPECT_GE(loop.hub().stats().window_bytes, 90'000);
}

TEST(HubTest, UnsubscribedIsForgotten) {
  ApplyLoop loop;
  auto watcher = std::make_unique<Watcher>(loop.hub(), SubscribeOptions{.range = kEverything});
  auto other = std::make_unique<Watcher>(loop.hub(), SubscribeOptions{.range = {"a", ""}});
  EXPECT_EQ(loop.hub().stats().subscriptions, 2);
  watcher.reset();
  other.reset();
  EXPECT_EQ(loop.hub().stats().subscriptions, 0);
  loop.Put("a", "0");
}

}  // namespace
}  // namespace pintle::watch::testing
