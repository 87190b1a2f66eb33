// A snapshot's way from one member to another, over a link that loses, doubles and breaks; and what
// of the log may go.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kv/memory_backend.h"
#include "kv/store.h"
#include "server/replica/log_retention.h"
#include "server/replica/snapshot_counts.h"
#include "server/replica/snapshot_receiver.h"
#include "server/replica/snapshot_sender.h"

namespace pintle::server::replica {
namespace {

constexpr raft::MemberId kLeader(1);
constexpr raft::MemberId kFollower(2);

class TransferTest : public ::testing::Test {
 protected:
  void SetUp() override {
    store_ = *kv::Store::Open(std::make_shared<kv::MemoryBackend>(), {});
    for (uint64_t i = 1; i <= 40; ++i) {  // two pieces and a bit
      store_->Apply(
          kv::PutRequest{.key = absl::StrCat("key-", i), .value = std::string(15000, 'v')});
      ASSERT_TRUE(store_->Write(kv::Sequence(i), 7).ok());
      store_->Publish();
    }
    frozen_ = {store_->NewSnapshot(), {{raft::Term(7), raft::Index(40)}, {.voters = {kLeader}}}};
  }

  // Both directions, in order.
  void DeliverAll() {
    while (!pieces_.empty() || !answers_.empty()) DeliverOne();
  }
  void DeliverOne() {
    if (!pieces_.empty()) {
      const raft::InstallSnapshot piece = std::move(pieces_.front());
      pieces_.pop_front();
      receiver_.Take(kLeader, piece);
    } else {
      const raft::InstallSnapshotResponse answer = answers_.front();
      answers_.pop_front();
      sender_.Answer(kFollower, answer);
    }
  }
  void Tick(uint32_t ticks) {
    for (uint32_t i = 0; i < ticks; ++i) {
      sender_.Tick();
      receiver_.Tick();
    }
  }
  void ExpectInstalled() {
    ASSERT_TRUE(received_.has_value());
    auto copy = *kv::Store::Open(std::shared_ptr<kv::Backend>(std::move(received_->backend)), {});
    EXPECT_EQ(copy->hash(), store_->hash());
    EXPECT_EQ(copy->sequence(), store_->sequence());
    EXPECT_EQ(copy->view()->revision(), store_->view()->revision());
    receiver_.Installed(absl::OkStatus());
    DeliverAll();
    EXPECT_FALSE(sender_.busy());
    EXPECT_FALSE(receiver_.busy());
    EXPECT_THAT(failed_, ::testing::IsEmpty());
  }

  std::unique_ptr<kv::Store> store_;
  FrozenStore frozen_;
  std::deque<raft::InstallSnapshot> pieces_;
  std::deque<raft::InstallSnapshotResponse> answers_;
  std::vector<raft::MemberId> failed_;
  std::optional<ReceivedStore> received_;
  int stores_ = 0;
  int dropped_ = 0;
  absl::Status no_room_;
  SnapshotCounts sent_;
  SnapshotCounts taken_;
  SnapshotSender sender_{
      {.send = [this](raft::MemberId, raft::InstallSnapshot piece) { pieces_.push_back(piece); },
       .failed = [this](raft::MemberId peer) { failed_.push_back(peer); },
       .begun = [this](raft::MemberId peer) { sent_.Begun(peer.value(), absl::Time()); },
       .ended = [this](raft::MemberId peer,
                       bool success) { sent_.Ended(peer.value(), success, absl::Time()); }}};
  SnapshotReceiver receiver_{
      {.new_store = [this]() -> absl::StatusOr<std::unique_ptr<kv::Backend>> {
         if (!no_room_.ok()) return no_room_;
         ++stores_;
         return std::make_unique<kv::MemoryBackend>();
       },
       .drop_store = [this] { ++dropped_; },
       .answer = [this](raft::MemberId,
                        raft::InstallSnapshotResponse answer) { answers_.push_back(answer); },
       .install = [this](ReceivedStore received) { received_ = std::move(received); },
       .begun = [this](raft::MemberId from) { taken_.Begun(from.value(), absl::Time()); },
       .ended = [this](raft::MemberId from,
                       bool success) { taken_.Ended(from.value(), success, absl::Time()); }}};

  // Of both sides: successes, failures; nothing is under way.
  void ExpectCounts(uint64_t sent, uint64_t not_sent, uint64_t taken, uint64_t not_taken) {
    const SnapshotCounts::Peer to = sent_.Read()[kFollower.value()];
    const SnapshotCounts::Peer from = taken_.Read()[kLeader.value()];
    EXPECT_FALSE(to.under_way);
    EXPECT_FALSE(from.under_way);
    EXPECT_EQ(to.successes, sent);
    EXPECT_EQ(to.failures, not_sent);
    EXPECT_EQ(from.successes, taken);
    EXPECT_EQ(from.failures, not_taken);
  }
};

TEST_F(TransferTest, TheFollowerHasTheVerySameStore) {
  sender_.Begin(kFollower, frozen_, 1);
  DeliverAll();
  EXPECT_EQ(received_->meta, frozen_.meta);
  ExpectInstalled();
  EXPECT_EQ(stores_, 1);
  ExpectCounts(1, 0, 1, 0);
}

class DamagedContent final : public kv::BackendReader {
 public:
  absl::StatusOr<std::string> Get(std::string_view) const override {
    return absl::DataLossError("a bad block");
  }
  absl::Status Scan(std::string_view, std::string_view,
                    const std::function<bool(std::string_view, std::string_view)>&) const override {
    return absl::DataLossError("a bad block");
  }
};

TEST_F(TransferTest, ASenderThatCannotReadItsStoreSaysSo) {
  std::vector<absl::Status> damage;
  SnapshotSender sender({.send = [](raft::MemberId, const raft::InstallSnapshot&) {},
                         .failed = [](raft::MemberId) {},
                         .damaged = [&](const absl::Status& why) { damage.push_back(why); }});
  sender.Begin(kFollower, {std::make_shared<DamagedContent>(), frozen_.meta}, 1);
  ASSERT_EQ(damage.size(), 1u);
  EXPECT_TRUE(absl::IsDataLoss(damage[0]));
}

TEST_F(TransferTest, APieceOrAnAnswerThatIsLostCostsTimeOnly) {
  sender_.Begin(kFollower, frozen_, 1);
  DeliverOne();
  answers_.clear();
  Tick(SnapshotSender::kResendTicks);
  ASSERT_EQ(pieces_.size(), 1u);
  pieces_.clear();
  Tick(SnapshotSender::kResendTicks);
  DeliverAll();
  ExpectInstalled();
  EXPECT_EQ(stores_, 1);
}

TEST_F(TransferTest, WhatComesTwiceCountsOnce) {
  sender_.Begin(kFollower, frozen_, 1);
  while (!pieces_.empty() || !answers_.empty()) {
    if (!pieces_.empty()) pieces_.push_front(pieces_.front());
    if (!answers_.empty()) answers_.push_front(answers_.front());
    DeliverOne();
    DeliverOne();
  }
  ExpectInstalled();
}

TEST_F(TransferTest, AFollowerThatHasBegunAnewGetsItFromTheBeginning) {
  sender_.Begin(kFollower, frozen_, 1);
  DeliverOne();
  DeliverOne();
  receiver_.Take(kLeader, {.transfer_id = 99, .meta = frozen_.meta});  // another transfer, empty
  answers_.clear();
  DeliverAll();
  ExpectInstalled();
  EXPECT_EQ(stores_, 3);
  EXPECT_EQ(dropped_, 2);
  ExpectCounts(1, 0, 1, 2);
}

TEST_F(TransferTest, NoneBeginsWhileOneIsInstalled) {
  sender_.Begin(kFollower, frozen_, 1);
  DeliverAll();
  ASSERT_TRUE(received_.has_value());
  receiver_.Take(kLeader, {.transfer_id = 2, .meta = frozen_.meta});
  EXPECT_EQ(stores_, 1);
  EXPECT_EQ(dropped_, 0) << "the folder that is about to count";
  EXPECT_TRUE(answers_.empty());
  ExpectInstalled();
}

TEST_F(TransferTest, ADamagedStreamInstallsNothingAndIsToldToRaftAfterAPause) {
  sender_.Begin(kFollower, frozen_, 1);
  std::string bytes = *pieces_.front().data;
  bytes[1000] ^= 1;
  pieces_.front().data = std::make_shared<const std::string>(bytes);
  DeliverAll();
  EXPECT_FALSE(received_.has_value());
  EXPECT_FALSE(receiver_.busy());
  EXPECT_EQ(dropped_, 1);
  EXPECT_THAT(failed_, ::testing::IsEmpty());
  Tick(SnapshotSender::kResendTicks);
  EXPECT_THAT(failed_, ::testing::ElementsAre(kFollower));
  EXPECT_FALSE(sender_.busy());
  ExpectCounts(0, 1, 0, 1);
}

TEST_F(TransferTest, WithoutRoomItFailsAndALaterOneIsTaken) {
  no_room_ = absl::ResourceExhaustedError("the disk is full");
  sender_.Begin(kFollower, frozen_, 1);
  DeliverAll();
  Tick(SnapshotSender::kResendTicks);
  ASSERT_THAT(failed_, ::testing::ElementsAre(kFollower));
  failed_.clear();
  no_room_ = absl::OkStatus();
  sender_.Begin(kFollower, frozen_, 2);
  DeliverAll();
  ExpectInstalled();
  ExpectCounts(1, 1, 1, 1);
}

TEST_F(TransferTest, WhatALostLeaderHadUnderWayHasFailed) {
  sender_.Begin(kFollower, frozen_, 1);
  sender_.Begin(kFollower, frozen_, 2);
  sender_.DropAll();
  ExpectCounts(0, 2, 0, 0);
}

// The sender goes on leading: raft must hear of it, or the follower waits for ever.
TEST_F(TransferTest, AStoreInDoubtIsSentNoFurtherAndRaftIsTold) {
  sender_.Begin(kFollower, frozen_, 1);
  DeliverOne();
  sender_.FailAll();
  EXPECT_THAT(failed_, ::testing::IsEmpty());
  Tick(SnapshotSender::kResendTicks);
  EXPECT_THAT(failed_, ::testing::ElementsAre(kFollower));
  EXPECT_FALSE(sender_.busy());
}

TEST_F(TransferTest, AnotherPositionThanAnnouncedIsRefused) {
  frozen_.meta.last_entry.index = raft::Index(41);
  sender_.Begin(kFollower, frozen_, 1);
  DeliverAll();
  EXPECT_FALSE(received_.has_value());
  EXPECT_FALSE(receiver_.busy());
}

TEST_F(TransferTest, WithoutAnAnswerBothSidesGiveUp) {
  sender_.Begin(kFollower, frozen_, 1);
  DeliverOne();
  answers_.clear();
  Tick(SnapshotSender::kGiveUpTicks + SnapshotSender::kResendTicks);
  EXPECT_THAT(failed_, ::testing::ElementsAre(kFollower));
  Tick(SnapshotReceiver::kForgetTicks);
  EXPECT_FALSE(receiver_.busy());
  EXPECT_EQ(dropped_, 1);
}

class RetentionTest : public ::testing::Test {
 protected:
  RetentionTest() {
    for (uint64_t i = 1; i <= 100; ++i) {
      const raft::Entry entry{.id = {raft::Term(1), raft::Index(i)},
                              .payload = std::make_shared<const std::string>(1000, 'e')};
      log_.Append({&entry, 1});
    }
  }
  uint64_t FirstAfter(uint64_t durable, uint64_t needed, LogRetention retention) {
    DropOldEntries(log_, raft::Index(durable), raft::Index(needed), retention);
    return log_.FirstIndex().value();
  }
  raft::MemoryLog log_;
};

TEST_F(RetentionTest, OnlyWhatTheStoreCannotLoseIsDropped) {
  EXPECT_EQ(FirstAfter(0, 1000, {1, 1, 1}), 1u);
  EXPECT_EQ(FirstAfter(30, 1000, {1, 1, 1}), 31u);
  EXPECT_EQ(FirstAfter(1000, 1000, {1, 1, 1}), 101u);
}

TEST_F(RetentionTest, TheLastEntriesStay) {
  EXPECT_EQ(FirstAfter(100, 1000, {20, 1 << 20, 1 << 20}), 81u);
}

TEST_F(RetentionTest, WithinBytes) {
  const uint64_t first = FirstAfter(100, 1000, {1000, 20000, 1 << 20});
  EXPECT_GT(first, 80u);
  EXPECT_LT(first, 90u);
}

TEST_F(RetentionTest, AFollowersNeedCountsWithinAllBytes) {
  EXPECT_EQ(FirstAfter(100, 11, {20, 1 << 20, 1 << 20}), 11u);
  const uint64_t first = FirstAfter(100, 11, {20, 1 << 20, 50000});
  EXPECT_GT(first, 50u);
  EXPECT_LT(first, 60u);
}

TEST(FirstNeededTest, WhoIsThereOrGetsASnapshotCounts) {
  raft::Status status;
  EXPECT_EQ(FirstNeeded(status), raft::kMaxIndex);
  status.peers = {
      {.id = raft::MemberId(2), .match_index = raft::Index(50), .recently_active = true},
      {.id = raft::MemberId(3), .match_index = raft::Index(9)}};
  EXPECT_EQ(FirstNeeded(status), raft::Index(51));
  status.peers[1].recently_active = true;
  EXPECT_EQ(FirstNeeded(status), raft::Index(10));
  status.peers[1].behind_log = true;
  EXPECT_EQ(FirstNeeded(status), raft::Index(51));
  status.peers[1].snapshot_index = raft::Index(40);
  EXPECT_EQ(FirstNeeded(status), raft::Index(41));
}

}  // namespace
}  // namespace pintle::server::replica
