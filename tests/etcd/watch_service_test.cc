// Watch: transcripts of one stream (etcd-api 1.2.1 to 1.2.3).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/etcd/harness.h"

namespace pintle::server::etcd::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kWatch[] = "etcdserverpb.Watch/Watch";

std::string Created(int64_t id, int64_t revision) {
  return "header { revision: " + std::to_string(revision) + " }" +
         (id == 0 ? "" : " watch_id: " + std::to_string(id)) + " created: true";
}

std::string Refused(int64_t revision, const std::string& reason) {
  return "header { revision: " + std::to_string(revision) +
         " } watch_id: -1 created: true canceled: true cancel_reason: \"" + reason + "\"";
}

std::string PutEvent(const std::string& key, const std::string& value, int64_t revision,
                     int64_t created, int64_t version) {
  return "events { kv { key: \"" + key + "\" create_revision: " + std::to_string(created) +
         " mod_revision: " + std::to_string(revision) + " version: " + std::to_string(version) +
         " value: \"" + value + "\" } }";
}

TEST(WatchServiceTest, CreatedThenEventsThenCanceled) {
  Harness harness;
  StreamClient stream(harness, kWatch);
  stream.Send(R"(create_request { key: "a" })");
  EXPECT_THAT(stream.Take(), ElementsAre(Created(0, 1)));
  harness.member.loop.Put("a", "0");
  harness.member.loop.Put("b", "0");
  EXPECT_THAT(stream.Take(), ElementsAre("header { revision: 2 } " + PutEvent("a", "0", 2, 2, 1)));
  harness.member.loop.Delete("a");
  EXPECT_THAT(stream.Take(), ElementsAre("header { revision: 4 } events { type: DELETE kv { key: "
                                         "\"a\" mod_revision: 4 } }"));
  stream.Send("cancel_request { watch_id: 0 }");
  EXPECT_THAT(stream.Take(), ElementsAre("header { revision: 4 } canceled: true"));
  harness.member.loop.Put("a", "1");
  EXPECT_THAT(stream.Take(), IsEmpty());
  EXPECT_EQ(harness.member.hub().stats().subscriptions, 0);
}

TEST(WatchServiceTest, IdsAreTheClientsOrTheNextFree) {
  Harness harness;
  StreamClient stream(harness, kWatch);
  for (const char* request :
       {R"(create_request { key: "a" })", R"(create_request { key: "a" watch_id: 2 })",
        R"(create_request { key: "a" })", R"(create_request { key: "a" })",
        R"(create_request { key: "a" watch_id: 2 })", "cancel_request { watch_id: 9 }", "",
        "cancel_request { watch_id: 2 }", R"(create_request { key: "a" watch_id: 2 })"}) {
    stream.Send(request);
  }
  EXPECT_THAT(stream.Take(),
              ElementsAre(Created(0, 1), Created(2, 1), Created(1, 1), Created(3, 1),
                          Refused(1, "mvcc: duplicate watch ID provided on the WatchStream"),
                          "header { revision: 1 } watch_id: 2 canceled: true", Created(2, 1)));
}

TEST(WatchServiceTest, RefusedCreateLeavesTheStreamUsable) {
  Harness harness;
  StreamClient stream(harness, kWatch);
  stream.Send(R"(create_request { key: "b" range_end: "a" })");
  stream.Send(R"(create_request { key: "b" range_end: "b" })");
  stream.Send(R"(create_request { key: "b" start_revision: -1 })");
  stream.Send(R"(create_request { key: "b" })");
  EXPECT_THAT(stream.Take(),
              ElementsAre(Refused(1, "mvcc: watcher range is empty"),
                          Refused(1, "mvcc: watcher range is empty"),
                          Refused(1, "etcdserver: mvcc: required revision has been compacted"),
                          Created(0, 1)));
}

TEST(WatchServiceTest, EmptyKeyIsTheFirst) {
  Harness harness;
  StreamClient stream(harness, kWatch);
  stream.Send(R"(create_request { range_end: "\000" })");
  stream.Take();
  harness.member.loop.Put("a", "0");
  EXPECT_THAT(stream.Take(), SizeIs(1));
}

TEST(WatchServiceTest, PastIsSentAfterCreated) {
  Harness harness;
  for (int i = 0; i < 3; ++i) harness.member.loop.Put("a", std::to_string(i));
  StreamClient stream(harness, kWatch);
  stream.Send(R"(create_request { key: "a" start_revision: 3 prev_kv: true })");
  EXPECT_THAT(stream.Take(),
              ElementsAre(Created(0, 4),
                          "header { revision: 4 } events { kv { key: \"a\" create_revision: 2 "
                          "mod_revision: 3 version: 2 value: \"1\" } prev_kv { key: \"a\" "
                          "create_revision: 2 mod_revision: 2 version: 1 value: \"0\" } } events { "
                          "kv { key: \"a\" create_revision: 2 mod_revision: 4 version: 3 value: "
                          "\"2\" } prev_kv { key: \"a\" create_revision: 2 mod_revision: 3 "
                          "version: 2 value: \"1\" } }"));
}

TEST(WatchServiceTest, CompactedStart) {
  Harness harness;
  for (int i = 0; i < 4; ++i) harness.member.loop.Put("a", std::to_string(i));
  harness.member.loop.Compact(4);
  StreamClient stream(harness, kWatch);
  stream.Send(R"(create_request { key: "a" start_revision: 2 watch_id: 7 })");
  // The header of the second has no revision at all.
  EXPECT_THAT(stream.Take(), ElementsAre(Created(7, 5),
                                         "header { } watch_id: 7 canceled: true "
                                         "compact_revision: 4"));
  stream.Send(R"(create_request { key: "a" start_revision: 5 watch_id: 7 })");
  EXPECT_THAT(stream.Take(), ElementsAre(Created(7, 5), "header { revision: 5 } watch_id: 7 " +
                                                            PutEvent("a", "3", 5, 2, 4)));
}

TEST(WatchServiceTest, Filters) {
  Harness harness;
  StreamClient stream(harness, kWatch);
  stream.Send(R"(create_request { key: "a" filters: NOPUT })");
  stream.Send(R"(create_request { key: "a" filters: NODELETE })");
  stream.Take();
  harness.member.loop.Put("a", "0");
  EXPECT_THAT(stream.Take(),
              ElementsAre("header { revision: 2 } watch_id: 1 " + PutEvent("a", "0", 2, 2, 1)));
  harness.member.loop.Delete("a");
  EXPECT_THAT(stream.Take(), ElementsAre("header { revision: 3 } events { type: DELETE kv { key: "
                                         "\"a\" mod_revision: 3 } }"));
}

TEST(WatchServiceTest, ManualProgress) {
  Harness harness;
  StreamClient stream(harness, kWatch);
  stream.Send("progress_request { }");
  EXPECT_THAT(stream.Take(), IsEmpty()) << "no watches: no answer";
  stream.Send(R"(create_request { key: "a" })");
  harness.member.loop.Put("other", "0");
  stream.Take();
  stream.Send("progress_request { }");
  EXPECT_THAT(stream.Take(), ElementsAre("header { revision: 2 } watch_id: -1"));
  EXPECT_THAT(stream.Take(), IsEmpty());
}

TEST(WatchServiceTest, ProgressNeverOvertakesEvents) {
  Harness harness;
  StreamClient stream(harness, kWatch);
  stream.Send(R"(create_request { key: "a" })");
  stream.Take();
  harness.member.loop.Put("a", "0");
  // Its wake-up has not run yet when the request comes.
  etcdserverpb::WatchRequest request;
  request.mutable_progress_request();
  stream.SendBytes(request.SerializeAsString());
  EXPECT_THAT(stream.Take(), ElementsAre("header { revision: 2 } " + PutEvent("a", "0", 2, 2, 1),
                                         "header { revision: 2 } watch_id: -1"));
}

TEST(WatchServiceTest, ProgressWaitsForTheFuture) {
  Harness harness;
  StreamClient stream(harness, kWatch);
  stream.Send(R"(create_request { key: "a" start_revision: 3 })");
  stream.Send("progress_request { }");
  EXPECT_THAT(stream.Take(), ElementsAre(Created(0, 1)));
  harness.member.loop.Put("x", "");
  stream.Send("progress_request { }");
  EXPECT_THAT(stream.Take(), ElementsAre("header { revision: 2 } watch_id: -1"));
}

TEST(WatchServiceTest, PeriodicProgress) {
  Harness harness({.watch_progress_interval = absl::Seconds(10)});
  StreamClient stream(harness, kWatch);
  stream.Send(R"(create_request { key: "a" progress_notify: true })");
  stream.Send(R"(create_request { key: "a" })");
  stream.Take();
  harness.executor.Advance(absl::Milliseconds(9999));
  EXPECT_THAT(stream.Take(), IsEmpty());
  harness.executor.Advance(absl::Milliseconds(1100));
  EXPECT_THAT(stream.Take(), ElementsAre("header { revision: 1 }"));
  harness.member.loop.Put("a", "0");
  EXPECT_THAT(stream.Take(), SizeIs(2));
  harness.executor.Advance(absl::Seconds(11));
  EXPECT_THAT(stream.Take(), IsEmpty()) << "an event was sent since the last tick";
  harness.executor.Advance(absl::Seconds(11));
  EXPECT_THAT(stream.Take(), ElementsAre("header { revision: 2 }"));
}

TEST(WatchServiceTest, FragmentsOnlyWhenAsked) {
  Harness harness({.max_request_bytes = 1000});
  StreamClient stream(harness, kWatch);
  stream.Send(R"(create_request { key: "a" range_end: "b" fragment: true })");
  stream.Send(R"(create_request { key: "a" range_end: "b" })");
  stream.Take();
  kv::TxnRequest txn;
  for (const char* key : {"a1", "a2", "a3"}) {
    txn.success.emplace_back(std::in_place_type<kv::PutRequest>,
                             kv::PutRequest{.key = key, .value = std::string(300'000, 'x')});
  }
  harness.member.loop.Apply({txn});
  harness.executor.Run();
  std::vector<etcdserverpb::WatchResponse> responses;
  for (const std::string& bytes : stream.call().TakeSent()) {
    ASSERT_TRUE(responses.emplace_back().ParseFromString(bytes));
  }
  ASSERT_THAT(responses, SizeIs(4));
  size_t whole = 0;
  size_t events = 0;
  std::vector<bool> marks;
  for (const auto& response : responses) {
    EXPECT_EQ(response.header().revision(), 2);
    if (response.watch_id() == 1) {
      EXPECT_FALSE(response.fragment());
      whole += static_cast<size_t>(response.events_size());
      continue;
    }
    EXPECT_EQ(response.events_size(), 1);
    ++events;
    marks.push_back(response.fragment());
  }
  EXPECT_EQ(whole, 3u);
  EXPECT_EQ(events, 3u);
  EXPECT_THAT(marks, ElementsAre(true, true, false));
}

TEST(WatchServiceTest, NothingIsPulledWhileTheClientDoesNotRead) {
  Harness harness({.watch_stream_bytes = 100'000});
  StreamClient stream(harness, kWatch);
  stream.Send(R"(create_request { key: "a" })");
  stream.Take();
  const std::string value(60'000, 'x');
  for (int i = 0; i < 20; ++i) {
    harness.member.loop.Put("a", value);
    harness.executor.Run();
  }
  EXPECT_THAT(stream.Take(), SizeIs(2)) << "the second went over the bound";
  stream.Send(R"(create_request { key: "z" })");
  EXPECT_THAT(stream.Take(), ElementsAre(Created(1, 21))) << "control messages still pass";
  size_t events = 2;
  int rounds = 0;
  for (; events < 20 && rounds < 100; ++rounds) {
    stream.call().Drain();
    harness.executor.Run();
    for (const std::string& bytes : stream.call().TakeSent()) {
      etcdserverpb::WatchResponse response;
      ASSERT_TRUE(response.ParseFromString(bytes));
      events += static_cast<size_t>(response.events_size());
    }
  }
  EXPECT_EQ(events, 20u);
  EXPECT_GT(rounds, 3) << "and all of it at once would not be back-pressure";
}

TEST(WatchServiceTest, ManyWatchesTakeTurns) {
  Harness harness;
  StreamClient stream(harness, kWatch);
  for (int i = 0; i < 300; ++i) stream.Send(R"(create_request { key: "a" })");
  stream.Take();
  harness.member.loop.Put("a", "0");
  harness.member.loop.Put("a", "1");
  EXPECT_THAT(stream.Take(), SizeIs(300));
}

TEST(WatchServiceTest, CloseEndsTheSubscriptions) {
  Harness harness;
  {
    StreamClient stream(harness, kWatch, Metadata("hasleader", "true"));
    stream.Send(R"(create_request { key: "a" progress_notify: true })");
    EXPECT_EQ(harness.member.hub().stats().subscriptions, 1);
    EXPECT_EQ(harness.executor.timers(), 2u);
    harness.member.loop.Put("a", "0");
    stream.call().Cancel();
    EXPECT_EQ(harness.member.hub().stats().subscriptions, 0);
    EXPECT_EQ(harness.executor.timers(), 0u);
  }
  harness.member.loop.Put("a", "1");
}

TEST(WatchServiceTest, HalfClosedStreamGoesOn) {
  Harness harness;
  StreamClient stream(harness, kWatch);
  stream.Send(R"(create_request { key: "a" })");
  stream.HalfClose();
  stream.Take();
  harness.member.loop.Put("a", "0");
  EXPECT_THAT(stream.Take(), SizeIs(1));
}

TEST(WatchServiceTest, LosesItsLeader) {
  Harness harness;
  StreamClient stream(harness, kWatch, Metadata("hasleader", "true"));
  StreamClient carefree(harness, kWatch);
  stream.Send(R"(create_request { key: "a" })");
  const auto tick = [&](uint64_t leader) {
    harness.member.facts.leader_id = leader;
    harness.executor.Advance(absl::Seconds(1));
  };
  tick(0);
  tick(0);
  tick(0x31);  // resets the count
  tick(0);
  tick(0);
  EXPECT_FALSE(stream.call().ended());
  tick(0);
  EXPECT_TRUE(stream.call().ended());
  EXPECT_EQ(Text(stream.call().status()), "UNAVAILABLE: etcdserver: no leader");
  EXPECT_FALSE(carefree.call().ended());

  StreamClient refused(harness, kWatch, Metadata("hasleader", "true"));
  EXPECT_EQ(Text(refused.call().status()), "UNAVAILABLE: etcdserver: no leader");
}

TEST(WatchServiceTest, MalformedMessageEndsTheStream) {
  Harness harness;
  StreamClient stream(harness, kWatch);
  stream.SendBytes("\xff\xff\xff");
  EXPECT_EQ(stream.call().status().code(), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace pintle::server::etcd::testing
