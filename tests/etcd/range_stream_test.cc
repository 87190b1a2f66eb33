// KV.RangeStream (etcd-api 1.1.6): pieces, what only the last one has, and refusals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "kv/errors.h"
#include "tests/etcd/harness.h"

namespace pintle::server::etcd::testing {
namespace {

using ::testing::ElementsAre;

constexpr char kPath[] = "etcdserverpb.KV/RangeStream";

class RangeStreamTest : public ::testing::Test {
 protected:
  void Fill(int keys, size_t value_bytes = 1) {
    for (int i = 0; i < keys; ++i) {
      harness_.member.loop.Put(absl::StrFormat("k%04d", i), std::string(value_bytes, 'v'));
    }
  }
  // What a stream sends, a client taking everything at once: the number of keys of each piece, and
  // the last piece without its keys.
  struct Got {
    std::vector<size_t> sizes;
    std::vector<std::string> keys;
    std::string last;
    absl::Status status;
  };
  void Read(StreamClient& stream, Got& got) {
    for (const std::string& bytes : stream.call().TakeSent()) {
      etcdserverpb::RangeStreamResponse piece;
      ASSERT_TRUE(piece.ParseFromString(bytes));
      etcdserverpb::RangeResponse& response = *piece.mutable_range_response();
      got.sizes.push_back(static_cast<size_t>(response.kvs_size()));
      for (const auto& pair : response.kvs()) got.keys.push_back(pair.key());
      response.clear_kvs();
      EXPECT_TRUE(got.last.empty()) << "a header in a piece that is not the last";
      if (response.has_header()) {
        EXPECT_EQ(response.header().member_id(), harness_.member.facts.member_id);
        got.last = absl::StrFormat("revision %d count %d%s", response.header().revision(),
                                   response.count(), response.more() ? " more" : "");
      } else {
        EXPECT_EQ(response.count(), 0);
        EXPECT_FALSE(response.more());
      }
    }
  }
  Got Stream(const std::string& request) {
    Got got;
    StreamClient stream(harness_, kPath);
    stream.Send(request);
    Read(stream, got);
    EXPECT_TRUE(stream.call().ended());
    got.status = stream.call().status();
    return got;
  }

  // A piece aims at 2000 bytes.
  Harness harness_{{.max_request_bytes = 2000}};
};

TEST_F(RangeStreamTest, FewKeysAreOneMessage) {
  Fill(10);
  for (const char* range_end : {"z", "\\000"}) {
    const Got got = Stream(absl::StrFormat(R"(key: "k" range_end: "%s")", range_end));
    EXPECT_THAT(got.sizes, ElementsAre(10));
    EXPECT_EQ(got.last, "revision 11 count 10");
    EXPECT_TRUE(got.status.ok());
  }
  EXPECT_EQ(Stream(R"(key: "k0003")").last, "revision 11 count 1");
  const Got nothing = Stream(R"(key: "x")");
  EXPECT_THAT(nothing.sizes, ElementsAre(0));
  EXPECT_EQ(nothing.last, "revision 11 count 0");
}

TEST_F(RangeStreamTest, PiecesGrowToWhatAMessageMayBe) {
  Fill(300);
  const Got got = Stream(R"(key: "k" range_end: "l")");
  EXPECT_THAT(got.sizes, ElementsAre(10, 20, 40, 80, 80, 70));  // a pair takes some 20 bytes
  EXPECT_EQ(got.last, "revision 301 count 300");
  EXPECT_TRUE(std::is_sorted(got.keys.begin(), got.keys.end()));
  EXPECT_EQ(got.keys.size(), 300u);
}

TEST_F(RangeStreamTest, PiecesShrinkWhenValuesAreLarge) {
  Fill(30, 1000);
  const Got got = Stream(R"(key: "k" range_end: "l")");
  EXPECT_THAT(got.sizes, ElementsAre(10, 5, 2, 2, 2, 2, 2, 2, 2, 1));
}

TEST_F(RangeStreamTest, ALimitCutsAndCountIsTheWhole) {
  Fill(50);
  const Got few = Stream(R"(key: "k" range_end: "l" limit: 4)");
  EXPECT_THAT(few.sizes, ElementsAre(4));
  EXPECT_EQ(few.last, "revision 51 count 50 more");
  const Got some = Stream(R"(key: "k" range_end: "l" limit: 25)");
  EXPECT_THAT(some.sizes, ElementsAre(10, 15));
  EXPECT_EQ(some.last, "revision 51 count 50 more");
  EXPECT_EQ(Stream(R"(key: "k" range_end: "l" limit: 50)").last, "revision 51 count 50");
  const Got count = Stream(R"(key: "k" range_end: "l" count_only: true limit: 3)");
  EXPECT_THAT(count.sizes, ElementsAre(0));
  EXPECT_EQ(count.last, "revision 51 count 50");
}

TEST_F(RangeStreamTest, ShowsOneRevisionWhateverIsWrittenMeanwhile) {
  Fill(60, 20'000);
  harness_.member.loop.Put("k9999", "late");
  Got got;
  StreamClient stream(harness_, kPath);
  stream.Send(R"(key: "k" range_end: "l" revision: 61)");
  ASSERT_FALSE(stream.call().ended());
  harness_.member.loop.Put("k0059", "changed");
  harness_.member.loop.Delete("k0058");
  while (!stream.call().ended()) {
    Read(stream, got);
    stream.call().Drain();
    harness_.executor.Run();
  }
  Read(stream, got);
  EXPECT_EQ(got.keys.size(), 60u);
  EXPECT_EQ(got.last, "revision 62 count 60")
      << "the newest revision then, though an older was read";
}

// From "A" on, up to revision 41: more than may wait for a client that does not read.
void PutMoreThanAShare(Harness& harness) {
  for (int i = 0; i < 40; ++i) {
    harness.member.loop.Put(std::string(1, static_cast<char>('A' + i)), std::string(200'000, 'v'));
  }
}

TEST_F(RangeStreamTest, AClientThatDoesNotReadIsNotSentMoreThanItsShare) {
  Harness harness;
  PutMoreThanAShare(harness);
  StreamClient stream(harness, kPath);
  stream.Send(R"(key: "A" range_end: "\000")");
  harness.executor.Run();
  EXPECT_FALSE(stream.call().ended());
  EXPECT_LE(stream.call().unsent_bytes(), size_t{5} << 20);  // the bound, and one piece
  while (!stream.call().ended()) {
    const size_t before = stream.call().unsent_bytes();
    ASSERT_GT(before, 0u);
    stream.call().Drain();
    harness.executor.Run();
  }
  EXPECT_TRUE(stream.call().status().ok());
}

// Each stream's first piece, of which there may be as many as streams.
TEST_F(RangeStreamTest, TheFirstPieceWaitsUntilTheConnectionWantsMore) {
  Fill(3);
  StreamClient stream(harness_, kPath);
  stream.call().room.bytes = 0;
  stream.Send(R"(key: "k" range_end: "l" serializable: true)");
  EXPECT_TRUE(stream.call().TakeSent().empty());
  Fill(5);
  stream.call().room.Give();
  stream.call().Drain();
  harness_.executor.Run();
  Got got;
  Read(stream, got);
  EXPECT_EQ(got.last, "revision 9 count 5");
  EXPECT_TRUE(stream.call().ended());
}

TEST_F(RangeStreamTest, ACompactionThatOvertakesItEndsIt) {
  Harness harness;
  PutMoreThanAShare(harness);
  StreamClient stream(harness, kPath);
  stream.Send(R"(key: "A" range_end: "\000")");
  harness.executor.Run();
  ASSERT_FALSE(stream.call().ended());
  harness.member.loop.Put("A", "new");
  harness.member.loop.Compact(42);
  stream.call().Drain();
  harness.executor.Run();
  EXPECT_EQ(stream.call().status(), kv::ErrCompacted());
}

TEST_F(RangeStreamTest, RefusesWhatItCannotDo) {
  Fill(3);
  const std::vector<std::pair<std::string, std::string>> refusals = {
      {R"(range_end: "z" sort_order: DESCEND)",
       "INVALID_ARGUMENT: etcdserver: key is not provided"},
      {R"(key: "k" sort_order: DESCEND)",
       "UNIMPLEMENTED: RangeStream does not support custom sort orders"},
      {R"(key: "k" sort_target: VALUE)",
       "UNIMPLEMENTED: RangeStream does not support custom sort orders"},
      {R"(key: "k" min_mod_revision: 2)",
       "UNIMPLEMENTED: RangeStream does not support revision filters"},
      {R"(key: "k" max_create_revision: 2)",
       "UNIMPLEMENTED: RangeStream does not support revision filters"},
      {R"(key: "k" revision: 9)",
       "OUT_OF_RANGE: etcdserver: mvcc: required revision is a future revision"},
  };
  for (const auto& [request, answer] : refusals) {
    EXPECT_EQ(Text(Stream(request).status), answer) << request;
  }
  EXPECT_EQ(Stream(R"(key: "k" range_end: "l" sort_order: ASCEND keys_only: true)").last,
            "revision 4 count 3");
  harness_.member.learner = true;
  EXPECT_EQ(Text(Stream(R"(key: "k" serializable: true)").status),
            "FAILED_PRECONDITION: etcdserver: rpc not supported for learner");
}

}  // namespace
}  // namespace pintle::server::etcd::testing
