#include "server/replica/command_codec.h"

#include <gtest/gtest.h>

#include <random>

namespace pintle::server::replica {
namespace {

template <typename T>
T Decoded(RequestKind kind, const google::protobuf::MessageLite& message) {
  const absl::StatusOr<kv::Command> command = DecodeCommand(kind, message.SerializeAsString());
  EXPECT_TRUE(command.ok()) << command.status();
  return std::get<T>(*command);
}

TEST(CommandCodec, Put) {
  etcdserverpb::PutRequest put;
  put.set_key(std::string("k\0\xff", 3));
  put.set_value("v");
  put.set_lease(-5);
  put.set_prev_kv(true);
  put.set_ignore_value(true);
  put.set_ignore_lease(true);
  const auto got = Decoded<kv::PutRequest>(RequestKind::kPut, put);
  EXPECT_EQ(got.key, put.key());
  EXPECT_EQ(got.value, "v");
  EXPECT_EQ(got.lease, kv::LeaseId(-5));
  EXPECT_TRUE(got.prev_kv && got.ignore_value && got.ignore_lease);
}

TEST(CommandCodec, DeleteRangeCompactionAndLeases) {
  etcdserverpb::DeleteRangeRequest del;
  del.set_key("a");
  del.set_range_end("b");
  del.set_prev_kv(true);
  const auto got = Decoded<kv::DeleteRangeRequest>(RequestKind::kDeleteRange, del);
  EXPECT_EQ(got.range, (kv::KeyRange{"a", "b"}));
  EXPECT_TRUE(got.prev_kv);

  etcdserverpb::CompactionRequest compaction;
  compaction.set_revision(12);
  EXPECT_EQ(Decoded<kv::CompactRequest>(RequestKind::kCompaction, compaction).revision, 12);

  etcdserverpb::LeaseGrantRequest grant;
  grant.set_id(3);
  grant.set_ttl(60);
  const auto lease = Decoded<kv::LeaseGrantRequest>(RequestKind::kLeaseGrant, grant);
  EXPECT_EQ(lease.id, kv::LeaseId(3));
  EXPECT_EQ(lease.ttl_seconds, 60);

  etcdserverpb::LeaseRevokeRequest revoke;
  revoke.set_id(4);
  EXPECT_EQ(Decoded<kv::LeaseRevokeRequest>(RequestKind::kLeaseRevoke, revoke).id, kv::LeaseId(4));

  etcdserverpb::LeaseCheckpointRequest checkpoint;
  auto* item = checkpoint.add_checkpoints();
  item->set_id(5);
  item->set_remaining_ttl(6);
  const auto items =
      Decoded<kv::LeaseCheckpointRequest>(RequestKind::kLeaseCheckpoint, checkpoint).items;
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0].id, kv::LeaseId(5));
  EXPECT_EQ(items[0].remaining_ttl_seconds, 6);
}

TEST(CommandCodec, RangeKeepsEveryField) {
  etcdserverpb::RangeRequest range;
  range.set_key("a");
  range.set_range_end(std::string(1, '\0'));
  range.set_limit(1);
  range.set_revision(2);
  range.set_sort_order(etcdserverpb::RangeRequest::DESCEND);
  range.set_sort_target(etcdserverpb::RangeRequest::VALUE);
  range.set_keys_only(true);
  range.set_count_only(true);
  range.set_min_mod_revision(3);
  range.set_max_mod_revision(4);
  range.set_min_create_revision(5);
  range.set_max_create_revision(6);
  const kv::RangeRequest got = ToKv(range);
  EXPECT_TRUE(got.range.to_the_end());
  EXPECT_EQ(got.limit, 1);
  EXPECT_EQ(got.revision, 2);
  EXPECT_EQ(got.sort_order, kv::SortOrder::kDescend);
  EXPECT_EQ(got.sort_target, kv::SortTarget::kValue);
  EXPECT_TRUE(got.keys_only && got.count_only);
  EXPECT_EQ(got.min_mod_revision, 3);
  EXPECT_EQ(got.max_mod_revision, 4);
  EXPECT_EQ(got.min_create_revision, 5);
  EXPECT_EQ(got.max_create_revision, 6);
}

TEST(CommandCodec, TxnWithEveryCompareAndNesting) {
  etcdserverpb::TxnRequest txn;
  auto* compare = txn.add_compare();
  compare->set_result(etcdserverpb::Compare::NOT_EQUAL);
  compare->set_target(etcdserverpb::Compare::MOD);
  compare->set_key("k");
  compare->set_range_end("l");
  compare->set_mod_revision(7);
  // The operand is another target's: etcd compares with nothing then.
  compare = txn.add_compare();
  compare->set_target(etcdserverpb::Compare::CREATE);
  compare->set_version(9);
  compare = txn.add_compare();
  compare->set_target(etcdserverpb::Compare::VALUE);
  compare->set_value("x");
  txn.add_success()->mutable_request_range()->set_key("r");
  txn.add_success()->mutable_request_txn()->add_failure()->mutable_request_put()->set_key("p");
  txn.add_failure()->mutable_request_delete_range()->set_key("d");
  txn.add_failure();  // an operation without a request
  const auto got = Decoded<kv::TxnRequest>(RequestKind::kTxn, txn);
  ASSERT_EQ(got.compares.size(), 3u);
  EXPECT_EQ(got.compares[0].result, kv::Compare::Result::kNotEqual);
  EXPECT_EQ(got.compares[0].target, kv::Compare::Target::kMod);
  EXPECT_EQ(got.compares[0].range, (kv::KeyRange{"k", "l"}));
  EXPECT_EQ(got.compares[0].number, 7);
  EXPECT_EQ(got.compares[1].number, 0);
  EXPECT_EQ(got.compares[2].value, "x");
  EXPECT_EQ(std::get<kv::RangeRequest>(got.success.at(0)).range.key, "r");
  const auto nested = std::get<std::shared_ptr<kv::TxnRequest>>(got.success.at(1));
  EXPECT_EQ(std::get<kv::PutRequest>(nested->failure.at(0)).key, "p");
  EXPECT_EQ(std::get<kv::DeleteRangeRequest>(got.failure.at(0)).range.key, "d");
  EXPECT_EQ(std::get<std::shared_ptr<kv::TxnRequest>>(got.failure.at(1)), nullptr);
}

TEST(CommandCodec, UnknownEnumNumbersStayUnknown) {
  etcdserverpb::RangeRequest range;
  range.set_sort_order(static_cast<etcdserverpb::RangeRequest::SortOrder>(-1));
  range.set_sort_target(static_cast<etcdserverpb::RangeRequest::SortTarget>(256));
  EXPECT_GT(static_cast<int>(ToKv(range).sort_order), static_cast<int>(kv::SortOrder::kDescend));
  EXPECT_GT(static_cast<int>(ToKv(range).sort_target), static_cast<int>(kv::SortTarget::kValue));
}

TEST(CommandCodec, WhatIsNoCommandIsAnError) {
  EXPECT_FALSE(DecodeCommand(RequestKind::kMemberAttributes, "").ok());
  EXPECT_FALSE(DecodeCommand(static_cast<RequestKind>(0), "").ok());
  EXPECT_FALSE(DecodeCommand(RequestKind::kPut, "\x0a\x05zz").ok());
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    std::string noise(random() % 40, '\0');
    for (char& c : noise) c = static_cast<char>(random());
    // Nothing to expect but that it returns; most are refused.
    (void)DecodeCommand(RequestKind::kTxn, noise);
  }
}

}  // namespace
}  // namespace pintle::server::replica
