#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "server/replica/member_ids.h"
#include "server/replica/peer_frame.h"
#include "server/replica/peer_questions.h"
#include "server/replica/proposal_codec.h"
#include "server/replica/raft_codec.h"

namespace pintle::server::replica {
namespace {

raft::Payload Bytes(std::string bytes) {
  return std::make_shared<const std::string>(std::move(bytes));
}

raft::EntryId Id(uint64_t term, uint64_t index) { return {raft::Term(term), raft::Index(index)}; }

// One message with each kind of body, all fields unlike their defaults.
std::vector<raft::Message> OneOfEach() {
  const std::vector<raft::MessageBody> bodies{
      raft::RequestVote{true, Id(3, 4), true},
      raft::RequestVoteResponse{true, true, Id(22, 23), true},
      raft::AppendEntries{Id(5, 6),
                          raft::Index(7),
                          {{Id(5, 7), raft::EntryKind::kNormal, Bytes("abc")},
                           {Id(5, 8), raft::EntryKind::kNoOp, nullptr},
                           {Id(5, 8), raft::EntryKind::kConfChange, Bytes("change")},
                           {Id(5, 8), static_cast<raft::EntryKind>(250), Bytes("unknown")},
                           {Id(5, 9), raft::EntryKind::kNormal, Bytes(std::string(300, '\xff'))}}},
      raft::AppendEntriesResponse{true, raft::Index(8), raft::Index(9), Id(10, 11), true, true},
      raft::Heartbeat{raft::Index(12), raft::ReadRound(13)},
      raft::HeartbeatResponse{raft::ReadRound(14), true, true},
      raft::ForwardedProposal{{15, 16}, {Bytes("one"), Bytes(""), Bytes("three")}},
      raft::ReadIndexRequest{{17, 18}},
      raft::ReadIndexResponse{{19, 20}, raft::Index(21)},
      raft::InstallSnapshot{
          24,
          {Id(25, 26), {{raft::MemberId(1)}, {raft::MemberId(2)}, {raft::MemberId(3)}}},
          27,
          28,
          Bytes("piece"),
          true},
      raft::InstallSnapshotResponse{29, 30, true, true},
      raft::TimeoutNow{}};
  std::vector<raft::Message> messages;
  for (const auto& body : bodies) {
    messages.push_back(
        {raft::MemberId(0xaaaabbbbccccdddd), raft::MemberId(2), raft::Term(9), body});
  }
  return messages;
}

std::string Encoded(const raft::Message& message) {
  std::string out;
  EncodeMessage(message, out);
  return out;
}

TEST(RaftCodec, EveryBodyComesBack) {
  const auto messages = OneOfEach();
  ASSERT_EQ(messages.size(), std::variant_size_v<raft::MessageBody>);
  for (size_t i = 0; i < messages.size(); ++i) {
    ASSERT_EQ(messages[i].body.index(), i);
    raft::Message decoded;
    ASSERT_TRUE(DecodeMessage(Encoded(messages[i]), decoded)) << i;
    EXPECT_EQ(decoded, messages[i]) << i;
  }
}

TEST(RaftCodec, NothingShorterOrLongerIsTaken) {
  for (const auto& message : OneOfEach()) {
    const std::string whole = Encoded(message);
    raft::Message decoded;
    for (size_t length = 0; length < whole.size(); ++length) {
      EXPECT_FALSE(DecodeMessage(std::string_view(whole).substr(0, length), decoded))
          << message.body.index() << " cut to " << length;
    }
    EXPECT_FALSE(DecodeMessage(whole + '\0', decoded)) << message.body.index();
  }
}

// Whatever is taken is something that Encode could have made: it encodes to the same bytes.
TEST(RaftCodec, CorruptionIsRefusedOrMeansAnotherMessage) {
  std::mt19937 random(1);
  const auto messages = OneOfEach();
  size_t refused = 0;
  for (int round = 0; round < 50000; ++round) {
    std::string bytes = Encoded(messages[random() % messages.size()]);
    for (uint32_t flips = 1 + random() % 3; flips > 0; --flips) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    raft::Message decoded;
    if (DecodeMessage(bytes, decoded)) {
      ASSERT_EQ(Encoded(decoded), bytes);
    } else {
      ++refused;
    }
  }
  EXPECT_GT(refused, 0U);
}

TEST(RaftCodec, AListThatClaimsTooMuchIsRefused) {
  raft::Message message{raft::MemberId(1), raft::MemberId(2), raft::Term(3), raft::AppendEntries{}};
  std::string bytes = Encoded(message);
  bytes.replace(bytes.size() - 4, 4, "\xff\xff\xff\x7f");
  bytes.append(1000, '\0');
  EXPECT_FALSE(DecodeMessage(bytes, message));
}

TEST(PeerFrame, IsTakenWholeOrNotAtAll) {
  const std::string bytes =
      MakeFrame(FrameKind::kMessage, "body") + MakeFrame(FrameKind::kHello, "");
  Frame frame;
  ASSERT_EQ(TakeFrame(bytes, 100, frame), FrameCheck::kWhole);
  EXPECT_EQ(frame.kind, FrameKind::kMessage);
  EXPECT_EQ(frame.body, "body");
  EXPECT_EQ(frame.size, 13U);
  EXPECT_EQ(TakeFrame(bytes, 4, frame), FrameCheck::kTooLarge);
  for (size_t length = 0; length < 13; ++length) {
    EXPECT_EQ(TakeFrame(std::string_view(bytes).substr(0, length), 100, frame),
              FrameCheck::kIncomplete);
  }
  for (size_t at = 4; at < 13; ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 2);
    EXPECT_EQ(TakeFrame(damaged, 100, frame), FrameCheck::kDamaged) << at;
  }
  EXPECT_EQ(TakeFrame(std::string(20, '\0'), 100, frame), FrameCheck::kDamaged) << "no kind";
}

TEST(PeerFrame, BodiesComeBackAndNothingShorterIsTaken) {
  const std::string hello = EncodeHello({.lowest_version = 1,
                                         .highest_version = 3,
                                         .cluster_id = 4,
                                         .from = raft::MemberId(5),
                                         .to = raft::MemberId(6),
                                         .self = {{7, 8}, 9, {"http://a:1", "http://b:2"}}});
  Hello hello_back;
  ASSERT_TRUE(DecodeHello(hello + "of a later version", hello_back));
  EXPECT_EQ(EncodeHello(hello_back), hello);
  for (size_t length = 0; length < hello.size(); ++length) {
    EXPECT_FALSE(DecodeHello(hello.substr(0, length), hello_back));
  }
  uint64_t number = 0;
  PeerQuestion question;
  const std::string asked = EncodeQuestion(7, {PeerTopic::kMemberChange, "remove it"});
  ASSERT_TRUE(DecodeQuestion(asked, number, question));
  EXPECT_EQ(EncodeQuestion(number, question), asked);
  for (size_t length = 0; length < 9; ++length) {
    EXPECT_FALSE(DecodeQuestion(asked.substr(0, length), number, question));
  }
}

TEST(PeerQuestions, LeaseBodiesComeBackAndNothingShorterIsTaken) {
  LeaseQuestion question;
  const PeerQuestion asked = EncodeLeaseQuestion({LeaseQuestion::Kind::kTimeToLive, -8});
  EXPECT_EQ(asked.topic, PeerTopic::kLease);
  ASSERT_TRUE(DecodeLeaseQuestion(asked.body, question));
  EXPECT_EQ(EncodeLeaseQuestion(question).body, asked.body);
  LeaseAnswer answer;
  const std::string answered = EncodeLeaseAnswer({true, -1, 60});
  ASSERT_TRUE(DecodeLeaseAnswer(answered, answer));
  EXPECT_EQ(EncodeLeaseAnswer(answer), answered);
  for (size_t length = 0; length < asked.body.size(); ++length) {
    EXPECT_FALSE(DecodeLeaseQuestion(asked.body.substr(0, length), question));
    EXPECT_FALSE(DecodeLeaseAnswer(answered.substr(0, length), answer));
  }
  std::string odd = asked.body;
  odd[0] = 3;
  EXPECT_FALSE(DecodeLeaseQuestion(odd, question));
}

TEST(PeerAddress, IsReadFromAUrl) {
  PeerAddress address;
  ASSERT_TRUE(ParsePeerUrl("http://10.0.0.1:2380/", address));
  EXPECT_EQ(address, (PeerAddress{"10.0.0.1", 2380}));
  EXPECT_FALSE(address.tls);
  ASSERT_TRUE(ParsePeerUrl("https://a:1", address));
  EXPECT_TRUE(address.tls);
  ASSERT_TRUE(ParsePeerUrl("http://[::1]:1", address));
  EXPECT_EQ(address, (PeerAddress{"::1", 1}));
  EXPECT_EQ(address.text(), "[::1]:1");
  EXPECT_EQ(address.tls_name(), "::1");
  for (const char* bad :
       {"", "10.0.0.1:2380", "ftp://a:1", "http://a", "http://a:", "http://:1", "http://a:b",
        "http://a:70000", "http://a:1/path", "http://a/b:1", "http://::1:1", "unix://"}) {
    EXPECT_FALSE(ParsePeerUrl(bad, address)) << bad;
  }
}

TEST(PeerAddress, MayBeAUnixSocket) {
  PeerAddress address;
  ASSERT_TRUE(ParsePeerUrl("unix:///run/m1.sock", address));
  EXPECT_EQ(address, (PeerAddress{.host = "/run/m1.sock", .local = true}));
  EXPECT_EQ(address.text(), "/run/m1.sock");
  ASSERT_TRUE(ParsePeerUrl("unixs://localhost:20000", address));
  EXPECT_EQ(address, (PeerAddress{.host = "localhost:20000", .tls = true, .local = true}));
  EXPECT_EQ(address.tls_name(), "localhost");
  ASSERT_TRUE(ParsePeerUrl("unixs:///run/m1.sock", address));
  EXPECT_EQ(address.tls_name(), "localhost");
  EXPECT_FALSE(ParsePeerUrl("unix:///" + std::string(107, 'x'), address)) << "no file name so long";
}

TEST(ProposalCodec, ComesBack) {
  const auto payload = EncodeProposal(0x0102030405060708, RequestKind::kTxn, "request");
  EXPECT_EQ(*payload, std::string("\x08\x07\x06\x05\x04\x03\x02\x01\x18request"));
  DecodedProposal proposal;
  ASSERT_TRUE(DecodeProposal(*payload, proposal));
  EXPECT_EQ(proposal.request_id, 0x0102030405060708U);
  EXPECT_EQ(proposal.kind, RequestKind::kTxn);
  EXPECT_EQ(proposal.caller, kv::auth::Caller::Cluster());
  EXPECT_EQ(proposal.body, "request");
  for (size_t length = 0; length < 9; ++length) {
    EXPECT_FALSE(DecodeProposal(payload->substr(0, length), proposal)) << length;
  }
}

TEST(ProposalCodec, SaysOnWhoseBehalf) {
  const auto nobody = EncodeProposal(1, RequestKind::kPut, "body", kv::auth::Caller());
  EXPECT_EQ(nobody->substr(8), std::string("\x11"
                                           "body"));
  const kv::auth::Caller user = kv::auth::Caller::User("ann", 300);
  const auto payload = EncodeProposal(1, RequestKind::kAuthUserAdd, "body", user);
  EXPECT_EQ(payload->substr(8), std::string("\xb2\x22\x03"
                                            "ann\xac\x02"
                                            "body"));
  DecodedProposal proposal;
  ASSERT_TRUE(DecodeProposal(*payload, proposal));
  EXPECT_EQ(proposal.kind, RequestKind::kAuthUserAdd);
  EXPECT_EQ(proposal.caller, user);
  EXPECT_EQ(proposal.body, "body");
  for (size_t length = 0; length < payload->size() - 4; ++length) {
    EXPECT_FALSE(DecodeProposal(payload->substr(0, length), proposal)) << length;
  }
  EXPECT_FALSE(DecodeProposal(std::string(8, '\0') + '\x13', proposal)) << "no such origin";
}

// Known from etcd itself: a single member with all defaults.
TEST(ClusterIds, AreEtcds) {
  const uint64_t member = MemberIdOf({"http://localhost:2380"}, "etcd-cluster");
  EXPECT_EQ(member, 0x8e9e05c52164694dU);
  EXPECT_EQ(ClusterIdOf({member}), 0xcdf818194e3a8c32U);
}

TEST(ClusterIds, DoNotDependOnOrder) {
  EXPECT_EQ(MemberIdOf({"http://b:1", "http://a:1"}, "t"),
            MemberIdOf({"http://a:1", "http://b:1"}, "t"));
  EXPECT_EQ(ClusterIdOf({3, 1, 2}), ClusterIdOf({1, 2, 3}));
  EXPECT_NE(MemberIdOf({"http://a:1"}, "t"), MemberIdOf({"http://a:1"}, "u"));
}

}  // namespace
}  // namespace pintle::server::replica
