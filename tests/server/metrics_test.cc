// The /metrics page from faked sources: what a number comes from, and how it is labelled.
#include "server/admin/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/etcd/fakes.h"

namespace pintle::server::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class MetricsTest : public ::testing::Test {
 protected:
  std::string Text(bool extensive = false) {
    return MetricsText(
        {.member = member_,
         .counters = counters_,
         .face = face_,
         .methods = router_,
         .client_traffic =
             [] { return net::Server::Counters{.bytes_received = 11, .bytes_sent = 12}; },
         .log =
             [] {
               LogFacts facts;
               facts.syncs.counts[1] = 3;
               facts.syncs.sum_seconds = 0.5;
               facts.bytes_written = 77;
               return facts;
             },
         .peers =
             [] {
               return PeerTraffic{.sent_bytes = {{0x32, 5}},
                                  .received_bytes = {{0x32, 6}},
                                  .send_failures = {{0x32, 1}},
                                  .receive_failures = {{0x32, 2}}};
             },
         .store_disk_bytes = [] { return uint64_t{4096}; },
         .quota_bytes = 99,
         .extensive = extensive});
  }

  etcd::testing::FakeMember member_;
  replica::MemberCounters counters_;
  etcd::FaceCounters face_;
  net::GrpcRouter router_;
};

TEST_F(MetricsTest, Facts) {
  member_.loop.Put("a", "1");
  face_.client_versions.Count("3.5.0", false);
  face_.client_versions.Count("3.5.0", false);
  face_.client_versions.Count("", true);
  face_.probes.Count("readyz", "non_learner", false);
  counters_.peers.RoundTrip(0x32, absl::Milliseconds(1));
  counters_.peers.Lost(0x32);
  counters_.peers.Lost(0x32);
  const std::string text = Text();
  for (const char* line : {
           "\netcd_server_has_leader 1\n",
           "\netcd_server_id{server_id=\"31\"} 1\n",
           "\netcd_server_proposals_committed_total 12\n",
           "\netcd_server_quota_backend_bytes 99\n",
           "\netcd_mvcc_db_total_size_in_bytes 100\n",
           "\netcd_mvcc_db_total_size_in_use_in_bytes 100\n",
           "\npintle_store_disk_bytes 4096\n",
           "\netcd_debugging_mvcc_keys_total 1\n",
           "\netcd_debugging_mvcc_current_revision 2\n",
           "\netcd_network_client_grpc_received_bytes_total 11\n",
           "\netcd_network_peer_sent_bytes_total{To=\"32\"} 5\n",
           "\netcd_network_peer_received_bytes_total{From=\"32\"} 6\n",
           "\netcd_network_peer_sent_failures_total{To=\"32\"} 1\n",
           "\netcd_network_peer_received_failures_total{From=\"32\"} 2\n",
           "\netcd_network_peer_round_trip_time_seconds_count{To=\"32\"} 1\n",
           "\netcd_network_known_peers{Local=\"31\",Remote=\"32\"} 1\n",
           "\netcd_network_active_peers{Local=\"31\",Remote=\"32\"} 0\n",
           "\netcd_network_disconnected_peers_total{Local=\"31\",Remote=\"32\"} 1\n",
           "\netcd_debugging_mvcc_db_compaction_last 0\n",
           "\netcd_disk_wal_fsync_duration_seconds_bucket{le=\"0.001\"} 0\n",
           "\netcd_disk_wal_fsync_duration_seconds_bucket{le=\"0.002\"} 3\n",
           "\netcd_disk_wal_fsync_duration_seconds_count 3\n",
           "\netcd_disk_wal_write_bytes_total 77\n",
           "\netcd_server_client_requests_total{client_api_version=\"3.5.0\",type=\"unary\"} 2\n",
           "\netcd_server_client_requests_total{client_api_version=\"unknown\",type=\"stream\"} "
           "1\n",
           "\netcd_server_healthcheck{name=\"non_learner\",type=\"readyz\"} 0\n",
           "\netcd_server_healthchecks_total{name=\"non_learner\",status=\"error\",type=\"readyz\"}"
           " 1\n",
           "\netcd_grpc_proxy_cache_hits_total 0\n",
           "# TYPE etcd_server_proposals_committed_total gauge\n",
       }) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST_F(MetricsTest, SnapshotsByMember) {
  const absl::Time start = absl::UnixEpoch();
  replica::SnapshotCounts& received = counters_.snapshots_received;
  received.Begun(0x32, start);
  received.Ended(0x32, true, start + absl::Milliseconds(150));
  received.Begun(0x33, start);
  received.Ended(0x33, false, start);
  received.Ended(0x33, false, start);  // none is under way
  counters_.snapshots_sent.Begun(0x32, start);
  counters_.snapshots_sent.Begun(0x32, start);  // instead of the one before
  const std::string text = Text();
  for (const char* line : {
           "\netcd_network_snapshot_receive_success{From=\"32\"} 1\n",
           "\netcd_network_snapshot_receive_failures{From=\"33\"} 1\n",
           "\netcd_network_snapshot_receive_total_duration_seconds_bucket{From=\"32\",le=\"0.2\"} "
           "1\n",
           "\netcd_network_snapshot_receive_total_duration_seconds_count{From=\"33\"} 0\n",
           "\netcd_network_snapshot_send_success{To=\"32\"} 0\n",
           "\netcd_network_snapshot_send_failures{To=\"32\"} 1\n",
           "\netcd_network_snapshot_send_inflights_total{To=\"32\"} 1\n",
           "\netcd_snap_db_save_total_duration_seconds_sum 0.15\n",
           "\netcd_snap_db_save_total_duration_seconds_count 1\n",
       }) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST_F(MetricsTest, CallsByMethodTypeAndCode) {
  router_.Unary("/etcdserverpb.KV/Range",
                [](std::string, const std::shared_ptr<net::GrpcCall>&) {});
  router_.Stream("/etcdserverpb.Watch/Watch", [](const std::shared_ptr<net::GrpcCall>&) {
    return std::unique_ptr<net::GrpcStreamHandler>();
  });
  net::GrpcCallStats call;
  call.Begin(*router_.unary().at("/etcdserverpb.KV/Range").stats);
  call.Received();
  call.Sent();
  call.End(absl::StatusCode::kOutOfRange);
  call.End(absl::StatusCode::kOk);  // too late
  const std::string labels =
      R"(grpc_method="Range",grpc_service="etcdserverpb.KV",grpc_type="unary")";
  const std::string text = Text();
  EXPECT_THAT(text, HasSubstr("\ngrpc_server_started_total{" + labels + "} 1\n"));
  EXPECT_THAT(text, HasSubstr("\ngrpc_server_msg_received_total{" + labels + "} 1\n"));
  EXPECT_THAT(
      text, HasSubstr("\ngrpc_server_handled_total{grpc_code=\"OutOfRange\"," + labels + "} 1\n"));
  EXPECT_THAT(text, HasSubstr("\ngrpc_server_handled_total{grpc_code=\"OK\"," + labels + "} 0\n"));
  EXPECT_THAT(
      text,
      HasSubstr(
          R"(grpc_method="Watch",grpc_service="etcdserverpb.Watch",grpc_type="bidi_stream")"));
  EXPECT_THAT(
      text,
      HasSubstr(
          "\netcd_server_request_duration_seconds_count{success=\"false\",type=\"Range\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("grpc_server_handling_seconds")));
  EXPECT_THAT(Text(/*extensive=*/true),
              HasSubstr("\ngrpc_server_handling_seconds_count{" + labels + "} 1\n"));
}

TEST_F(MetricsTest, StreamsThatCouldNotBeReceived) {
  router_.Stream("/etcdserverpb.Watch/Watch", [](const std::shared_ptr<net::GrpcCall>&) {
    return std::unique_ptr<net::GrpcStreamHandler>();
  });
  for (const auto code : {absl::StatusCode::kInternal, absl::StatusCode::kResourceExhausted,
                          absl::StatusCode::kUnavailable, absl::StatusCode::kCancelled}) {
    net::GrpcCallStats call;
    call.Begin(*router_.stream().at("/etcdserverpb.Watch/Watch").stats);
    call.End(code);
  }
  EXPECT_THAT(
      Text(),
      HasSubstr("\netcd_network_server_stream_failures_total{API=\"watch\",Type=\"receive\"} 2\n"));
}

TEST_F(MetricsTest, AppliedRequests) {
  kv::CommandResult result =
      kv::TxnResult{.responses = {kv::PutResult{}, kv::RangeResult{},
                                  std::make_shared<kv::TxnResult>(kv::TxnResult{
                                      .responses = {kv::RangeResult{}, kv::DeleteRangeResult{}}})}};
  counters_.Count(result, {});
  counters_.Count(kv::CommandResult(kv::TxnResult{.responses = {kv::PutResult{}}}), {});
  counters_.Count(kv::CommandResult(kv::DeleteRangeResult{}), {});
  const std::vector<kv::Event> two(2, kv::Event{.type = kv::EventType::kDelete});
  counters_.Count(kv::CommandResult(kv::LeaseResult{}), two);
  counters_.applies.Observe(replica::RequestKind::kTxn, true, absl::Milliseconds(3));
  counters_.applies.Observe(replica::RequestKind::kHashCheck, false, absl::Seconds(1));
  const std::string text = Text();
  EXPECT_THAT(text, HasSubstr("\netcd_mvcc_txn_total 1\n"));
  EXPECT_THAT(text, HasSubstr("\netcd_mvcc_range_total 2\n"));
  EXPECT_THAT(text, HasSubstr("\netcd_mvcc_delete_total 4\n"));
  EXPECT_THAT(text, HasSubstr("\netcd_server_apply_duration_seconds_count{op=\"Txn\",success="
                              "\"true\",version=\"v3\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("\netcd_server_apply_duration_seconds_count{op=\"unknown\",success="
                              "\"false\",version=\"v3\"} 1\n"));
}

TEST(ClientVersionsTest, StrangersAreOthersBeyondTheLimit) {
  etcd::ClientVersions versions;
  for (int i = 0; i < 100; ++i) versions.Count("v" + std::to_string(i), false);
  versions.Count(std::string(5000, 'x'), false);
  const auto calls = versions.Read();
  ASSERT_EQ(calls.size(), etcd::ClientVersions::kMost + 1);
  EXPECT_EQ(calls.back().version, "other");
  EXPECT_EQ(calls.back().unary, 100 - etcd::ClientVersions::kMost + 1);
}

TEST(PromotionFailuresTest, AreCountedByReason) {
  etcd::PromotionFailures failures;
  failures.Count("not in sync");
  failures.Count("not in sync");
  for (int i = 0; i < 100; ++i) failures.Count("reason " + std::to_string(i));
  EXPECT_EQ(failures.Read().at("not in sync"), 2u);
  EXPECT_EQ(failures.Read().size(), 32u);
}

TEST(HistogramTest, EdgesBelongToTheBucketBelow) {
  base::Histogram<3> histogram(1, 2);
  for (const double value : {0.5, 1.0, 1.5, 4.0, 4.5}) histogram.Observe(value);
  EXPECT_THAT(histogram.counts(), ::testing::ElementsAre(2, 1, 1, 1));
  EXPECT_DOUBLE_EQ(histogram.sum(), 11.5);
}

}  // namespace
}  // namespace pintle::server::admin
