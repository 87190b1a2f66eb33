// Maintenance.Snapshot: the pieces, the hash behind them, and that a stream costs nothing but what
// its client takes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proto/etcd/rpc.pb.h"
#include "server/backup/sha256.h"
#include "tests/etcd/harness.h"

namespace pintle::server::etcd::testing {
namespace {

constexpr char kPath[] = "etcdserverpb.Maintenance/Snapshot";
constexpr size_t kPieceBytes = 32768;

std::vector<etcdserverpb::SnapshotResponse> Take(StreamClient& stream) {
  std::vector<etcdserverpb::SnapshotResponse> responses;
  for (const std::string& bytes : stream.call().TakeSent()) {
    EXPECT_TRUE(responses.emplace_back().ParseFromString(bytes));
  }
  return responses;
}

TEST(SnapshotServiceTest, SendsAFileInPiecesAndItsHash) {
  Harness harness({.cluster_version = "3.6.0"});
  for (int i = 0; i < 40; ++i)
    harness.member.loop.Put("k" + std::to_string(i), std::string(9000, 'v'));
  StreamClient stream(harness, kPath);
  stream.Send("");
  std::vector<etcdserverpb::SnapshotResponse> responses;
  for (int turn = 0; turn < 1000 && !stream.call().ended(); ++turn) {
    harness.RunBackground();
    for (auto& response : Take(stream)) responses.push_back(std::move(response));
    stream.call().Drain();
  }
  EXPECT_TRUE(stream.call().status().ok()) << stream.call().status();
  ASSERT_GT(responses.size(), 12U);
  const std::string hash = responses.back().blob();
  responses.pop_back();
  std::string file;
  const uint64_t all = responses.front().remaining_bytes() + kPieceBytes;
  for (const auto& response : responses) {
    file += response.blob();
    EXPECT_EQ(response.remaining_bytes(), all - file.size());
    EXPECT_EQ(response.version(), "3.6.0");
    EXPECT_FALSE(response.has_header());
    EXPECT_TRUE(response.blob().size() == kPieceBytes || &response == &responses.back());
  }
  EXPECT_EQ(file.size(), all);
  EXPECT_EQ(file.size() % 512, 0U);
  backup::Sha256 expected;
  expected.Add(file);
  EXPECT_EQ(hash, expected.Finish());
}

TEST(SnapshotServiceTest, ReadsNothingThatTheClientDoesNotTake) {
  Harness harness;
  for (int i = 0; i < 40; ++i)
    harness.member.loop.Put("k" + std::to_string(i), std::string(90000, 'v'));
  StreamClient stream(harness, kPath);
  stream.Send("");
  harness.RunBackground();
  EXPECT_LT(stream.call().unsent_bytes(), size_t{1} << 20) << "of 3.6 MB";
  EXPECT_FALSE(stream.call().ended());
}

TEST(SnapshotServiceTest, ReadsNothingUntilTheConnectionWantsMore) {
  Harness harness;
  StreamClient stream(harness, kPath);
  stream.call().room.bytes = 0;
  stream.Send("");
  harness.RunBackground();
  EXPECT_TRUE(stream.call().TakeSent().empty());
  stream.call().room.Give();
  stream.call().Drain();
  harness.RunBackground();
  EXPECT_FALSE(stream.call().TakeSent().empty());
}

TEST(SnapshotServiceTest, ACancelledStreamHoldsNothing) {
  Harness harness;
  for (int i = 0; i < 40; ++i)
    harness.member.loop.Put("k" + std::to_string(i), std::string(90000, 'v'));
  {
    StreamClient stream(harness, kPath);
    stream.Send("");
    ASSERT_EQ(harness.member.background.size(), 1U);
    EXPECT_FALSE(harness.member.frozen.expired());
    stream.call().Cancel();
    harness.RunBackground();
    EXPECT_TRUE(harness.member.frozen.expired());
  }
  {
    StreamClient stream(harness, kPath);
    stream.Send("");
    harness.RunBackground();
    EXPECT_FALSE(harness.member.frozen.expired()) << "waits for the client";
    stream.call().Cancel();
    EXPECT_TRUE(harness.member.frozen.expired());
  }
}

TEST(SnapshotServiceTest, IsRefusedWhereTheStoreIsNotSound) {
  Harness harness;
  harness.member.refuse = absl::UnavailableError("under repair");
  StreamClient stream(harness, kPath);
  stream.Send("");
  harness.executor.Run();
  EXPECT_EQ(stream.call().status(), harness.member.refuse);
}

TEST(SnapshotServiceTest, LearnersAnswerIt) {
  Harness harness;
  harness.member.learner = true;
  StreamClient stream(harness, kPath);
  stream.Send("");
  harness.RunBackground();
  EXPECT_TRUE(stream.call().status().ok()) << stream.call().status();
}

}  // namespace
}  // namespace pintle::server::etcd::testing
