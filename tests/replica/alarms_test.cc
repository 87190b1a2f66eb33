// Who raises alarms, and when a request is kept out before it is proposed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <utility>
#include <vector>

#include "kv/memory_backend.h"
#include "kv/store.h"
#include "proto/etcd/rpc.pb.h"
#include "server/replica/alarm_proposer.h"
#include "server/replica/command_codec.h"
#include "server/replica/quota.h"

namespace pintle::server::replica {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class AlarmsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto store = kv::Store::Open(backend_, {});
    ASSERT_TRUE(store.ok());
    store_ = *std::move(store);
  }
  void Apply(const kv::Command& command) {
    ASSERT_TRUE(store_->Apply(command).result.ok());
    ASSERT_TRUE(store_->Write(++sequence_, 1).ok());
    store_->Publish();
  }

  kv::MemoryBackend backend_;
  std::unique_ptr<kv::Store> store_;
  kv::Sequence sequence_;
};

class QuotaTest : public AlarmsTest {
 protected:
  static std::string PutBody(size_t bytes) {
    etcdserverpb::PutRequest put;
    put.set_key("k");
    put.set_value(std::string(bytes, 'v'));
    return put.SerializeAsString();
  }
  static std::string TxnBody(bool with_put) {
    etcdserverpb::TxnRequest txn;
    if (with_put) {
      txn.add_failure()->mutable_request_put()->set_key("k");
    } else {
      txn.add_success()->mutable_request_delete_range()->set_key("k");
    }
    return txn.SerializeAsString();
  }
};

TEST_F(QuotaTest, CountsWhatIsThereAndWhatWouldCome) {
  const Quota quota(1000, *store_);
  EXPECT_FALSE(quota.ExceededBy(RequestKind::kPut, PutBody(600)));
  EXPECT_TRUE(quota.ExceededBy(RequestKind::kPut, PutBody(800)));
  Apply(kv::PutRequest{.key = "k", .value = std::string(500, 'v')});
  EXPECT_TRUE(quota.ExceededBy(RequestKind::kPut, PutBody(600)));
  EXPECT_FALSE(quota.ExceededBy(RequestKind::kPut, PutBody(100)));
}

TEST_F(QuotaTest, ManySmallPutsOfATransactionCountEach) {
  const Quota quota(10000, *store_);
  etcdserverpb::TxnRequest txn;
  for (int i = 0; i < 38; ++i) txn.add_success()->mutable_request_put()->set_key("k");
  EXPECT_FALSE(quota.ExceededBy(RequestKind::kTxn, txn.SerializeAsString()));
  txn.add_success()->mutable_request_put()->set_key("k");
  EXPECT_TRUE(quota.ExceededBy(RequestKind::kTxn, txn.SerializeAsString())) << "39 * 257";
}

TEST_F(QuotaTest, LeasesAreKeptOutToo) {
  const Quota quota(200, *store_);
  int64_t id = 0;
  while (!quota.ExceededBy(RequestKind::kLeaseGrant, "") && id < 100) {
    Apply(kv::LeaseGrantRequest{kv::LeaseId(++id), 60});
  }
  EXPECT_LT(id, 15) << "they take room themselves";
  EXPECT_GT(id, 1);
}

TEST_F(QuotaTest, KeepsOutOnlyWhatTakesRoom) {
  const Quota quota(1, *store_);
  EXPECT_TRUE(quota.ExceededBy(RequestKind::kPut, PutBody(1)));
  EXPECT_TRUE(quota.ExceededBy(RequestKind::kLeaseGrant, ""));
  EXPECT_TRUE(quota.ExceededBy(RequestKind::kTxn, TxnBody(true)));
  EXPECT_FALSE(quota.ExceededBy(RequestKind::kTxn, TxnBody(false)));
  EXPECT_FALSE(quota.ExceededBy(RequestKind::kDeleteRange, ""));
  EXPECT_FALSE(quota.ExceededBy(RequestKind::kCompaction, ""));
  EXPECT_FALSE(quota.ExceededBy(RequestKind::kAlarm, ""));
}

TEST_F(QuotaTest, NoneIsNone) {
  Quota quota(0, *store_);
  EXPECT_FALSE(quota.ExceededBy(RequestKind::kPut, PutBody(1 << 20)));
  quota.Look(absl::UnixEpoch());
  EXPECT_FALSE(quota.KeepsAlarm());
}

TEST_F(QuotaTest, CountsHistoryUntilItIsCompacted) {
  const Quota quota(10000, *store_);
  for (int i = 0; i < 9; ++i) Apply(kv::PutRequest{.key = "k", .value = std::string(1000, 'v')});
  EXPECT_TRUE(quota.ExceededBy(RequestKind::kPut, PutBody(1000)));
  Apply(kv::DeleteRangeRequest{.range = {"k", ""}});
  EXPECT_TRUE(quota.ExceededBy(RequestKind::kPut, PutBody(1000)));
  Apply(kv::CompactRequest{.revision = store_->view()->revision()});
  while (*store_->CompactSlice()) {
  }
  EXPECT_FALSE(quota.ExceededBy(RequestKind::kPut, PutBody(9000)));
  EXPECT_LT(store_->size_bytes(), 100);
}

TEST_F(QuotaTest, IsCalmAfterFiveMinutesBelowNineTenths) {
  Quota quota(1000, *store_);
  const auto at = [](int minutes) { return absl::UnixEpoch() + absl::Minutes(minutes); };
  quota.Look(at(0));
  EXPECT_FALSE(quota.KeepsAlarm());
  quota.Refused();
  EXPECT_TRUE(quota.KeepsAlarm());
  quota.Look(at(1));
  EXPECT_TRUE(quota.KeepsAlarm());
  quota.Look(at(5));
  EXPECT_TRUE(quota.KeepsAlarm());
  quota.Look(at(6));
  EXPECT_FALSE(quota.KeepsAlarm());
  Apply(kv::PutRequest{.key = "k", .value = std::string(880, 'v')});
  for (int minute = 7; minute < 20; ++minute) {
    quota.Look(at(minute));
    EXPECT_TRUE(quota.KeepsAlarm()) << "above nine tenths";
  }
  Apply(kv::DeleteRangeRequest{.range = {"k", ""}});
  Apply(kv::CompactRequest{.revision = store_->view()->revision()});
  while (*store_->CompactSlice()) {
  }
  quota.Look(at(24));
  EXPECT_FALSE(quota.KeepsAlarm());
}

class AlarmProposerTest : public AlarmsTest {
 protected:
  // What was proposed since the last call is applied and answered.
  std::vector<kv::AlarmRequest> ApplyProposed() {
    std::vector<kv::AlarmRequest> requests;
    for (auto& [body, done] : std::exchange(proposed_, {})) {
      const auto command = DecodeCommand(RequestKind::kAlarm, body);
      requests.push_back(std::get<kv::AlarmRequest>(*command));
      Apply(*command);
      done();
    }
    return requests;
  }

  std::vector<std::pair<std::string, std::function<void()>>> proposed_;
  AlarmProposer proposer_{{.propose =
                               [this](std::string body, std::function<void()> done) {
                                 proposed_.emplace_back(std::move(body), std::move(done));
                               },
                           .view = [this] { return store_->view(); }}};
};

TEST_F(AlarmProposerTest, AsksOnceForWhatIsNotSoYet) {
  const kv::Alarm automatic{.member_id = 7, .type = kv::AlarmType::kNoSpace, .automatic = true};
  const kv::Alarm lasting{.member_id = 7, .type = kv::AlarmType::kNoSpace};
  proposer_.Clear(automatic);
  EXPECT_THAT(ApplyProposed(), IsEmpty());
  proposer_.Raise(automatic);
  proposer_.Raise(automatic);
  EXPECT_EQ(proposed_.size(), 1u);
  ApplyProposed();
  EXPECT_THAT(store_->view()->Alarms(), ElementsAre(automatic));
  proposer_.Raise(automatic);
  EXPECT_THAT(ApplyProposed(), IsEmpty());
  proposer_.Raise(lasting);
  ApplyProposed();
  EXPECT_THAT(store_->view()->Alarms(), ElementsAre(lasting));
  proposer_.Raise(automatic);
  proposer_.Clear(automatic);
  EXPECT_THAT(ApplyProposed(), IsEmpty()) << "it stays until somebody disarms it";
  proposer_.Clear(lasting);
  ApplyProposed();
  EXPECT_THAT(store_->view()->Alarms(), IsEmpty());
}

TEST_F(AlarmProposerTest, AsksAgainForWhatWasLost) {
  const kv::Alarm alarm{.member_id = 7, .type = kv::AlarmType::kCorrupt};
  proposer_.Raise(alarm);
  for (auto& [body, done] : std::exchange(proposed_, {})) done();
  proposer_.Raise(alarm);
  EXPECT_EQ(proposed_.size(), 1u);
}

}  // namespace
}  // namespace pintle::server::replica
