#include "server/replica/peer_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <asio/connect.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>
#include <atomic>
#include <condition_variable>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "server/replica/peer_frame.h"
#include "server/replica/raft_codec.h"

namespace pintle::server::replica {
namespace {

using asio::ip::tcp;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr uint64_t kCluster = 0xc1;
// Far longer than anything takes; what is waited for is an event, never time.
constexpr auto kPatience = std::chrono::seconds(60);

uint16_t FreePort() {
  asio::io_context io;
  tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
  return acceptor.local_endpoint().port();
}

raft::Message Numbered(uint64_t from, uint64_t to, uint64_t number) {
  return {raft::MemberId(from), raft::MemberId(to), raft::Term(1),
          raft::Heartbeat{raft::Index(number), raft::ReadRound(0)}};
}
uint64_t NumberOf(const raft::Message& message) {
  return std::get<raft::Heartbeat>(message.body).commit_index.value();
}

// A transport and what it reported.
class Member {
 public:
  explicit Member(PeerOptions options, PeerSelf greeting = {})
      : self(options.self.value()),
        greeting_(std::move(greeting)),
        transport_(MakeAsioPeerTransport(std::move(options))) {}
  ~Member() { transport_->Stop(); }

  absl::Status Start() {
    return transport_->Start(
        greeting_,
        {.on_message = [this](raft::Message message) { Note([&] { got_.push_back(message); }); },
         .on_unreachable = [this](raft::MemberId) { Note([&] { ++losses_; }); },
         .on_gone = [this](raft::MemberId peer) { Note([&] { gone_.push_back(peer.value()); }); },
         .on_question =
             [this](const PeerQuestion& question, PeerTransport::Callbacks::Answer answer) {
               const std::lock_guard lock(mutex_);
               if (!mute_) answer("you asked: " + question.body);
             },
         .on_members_question = [] { return std::string("the members"); },
         .on_page = [](std::string_view path) -> std::optional<PeerPage> {
           if (path != "/page") return std::nullopt;
           return PeerPage{.headers = "X-Which: 1\r\n", .body = "{}"};
         },
         .on_refused =
             [this](Refusal reason, const std::string& text) {
               Note([&] { refusals_.emplace_back(reason, text); });
             }});
  }
  bool Wait(const std::function<bool(const std::vector<raft::Message>&, int)>& holds) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return holds(got_, losses_); });
  }
  bool WaitLosses(int count) {
    return Wait([&](const auto&, int losses) { return losses >= count; });
  }
  std::pair<Refusal, std::string> WaitRefused() {
    EXPECT_TRUE(Wait([&](const auto&, int) { return !refusals_.empty(); }));
    const std::lock_guard lock(mutex_);
    return refusals_.front();
  }
  bool WaitGone(size_t count) {
    return Wait([&](const auto&, int) { return gone_.size() >= count; });
  }
  std::vector<uint64_t> gone() {
    const std::lock_guard lock(mutex_);
    return gone_;
  }
  std::vector<raft::Message> got() {
    const std::lock_guard lock(mutex_);
    return got_;
  }
  int losses() {
    const std::lock_guard lock(mutex_);
    return losses_;
  }
  void Mute(bool mute) {
    Note([&] { mute_ = mute; });
  }
  PeerTransport& operator*() { return *transport_; }
  PeerTransport* operator->() { return transport_.get(); }

  const uint64_t self;

 private:
  void Note(const std::function<void()>& change) {
    const std::lock_guard lock(mutex_);
    change();
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<raft::Message> got_;
  int losses_ = 0;
  std::vector<uint64_t> gone_;
  std::vector<std::pair<Refusal, std::string>> refusals_;
  const PeerSelf greeting_;
  bool mute_ = false;
  std::unique_ptr<PeerTransport> transport_;
};

class PeerTransportTest : public ::testing::Test {
 protected:
  PeerOptions OptionsOf(uint64_t self) {
    PeerOptions options;
    options.cluster_id = kCluster;
    options.self = raft::MemberId(self);
    options.listen = {{"127.0.0.1", ports_[self - 1]}};
    options.farewell = absl::Milliseconds(50);
    options.redial_min = absl::Milliseconds(1);
    options.redial_max = absl::Milliseconds(10);
    options.dial_timeout = absl::Seconds(30);
    return options;
  }
  Peer PeerOf(uint64_t id, uint64_t data_dir = 0) const {
    return {raft::MemberId(id), {UrlOf(id)}, {.high = data_dir, .low = data_dir}};
  }
  std::string UrlOf(uint64_t id) const {
    return "http://127.0.0.1:" + std::to_string(ports_[id - 1]);
  }
  std::unique_ptr<Member> Make(PeerOptions options, PeerSet peers, PeerSelf greeting = {}) {
    auto member = std::make_unique<Member>(std::move(options), std::move(greeting));
    (*member)->SetPeers(std::move(peers));
    const auto started = member->Start();
    EXPECT_TRUE(started.ok()) << started;
    return member;
  }
  std::unique_ptr<Member> Make(PeerOptions options) {
    return Make(std::move(options), {.peers = {PeerOf(1), PeerOf(2), PeerOf(3)}});
  }
  std::unique_ptr<Member> Make(uint64_t self) { return Make(OptionsOf(self)); }

  // Sends until one arrives: what is sent before the connection stands is lost, and may be.
  static bool Connect(Member& from, Member& to) {
    const auto before = to.got().size();
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < deadline) {
      from->Send({Numbered(from.self, to.self, 0)});
      if (to.got().size() > before) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return false;
  }

  const std::vector<uint16_t> ports_{FreePort(), FreePort(), FreePort()};
};

TEST_F(PeerTransportTest, ThreeMembersHearEachOtherInOrder) {
  std::vector<std::unique_ptr<Member>> members;
  for (uint64_t self = 1; self <= 3; ++self) members.push_back(Make(self));
  for (auto& from : members) {
    for (auto& to : members) {
      if (from == to) continue;
      ASSERT_TRUE(Connect(*from, *to));
    }
  }
  constexpr uint64_t kCount = 2000;
  for (uint64_t number = 1; number <= kCount; ++number) {
    for (auto& from : members) {
      for (auto& to : members) {
        if (from != to) (*from)->Send({Numbered(from->self, to->self, number)});
      }
    }
  }
  for (auto& to : members) {
    const auto last = [](const auto& got, int) {
      return std::ranges::count_if(got, [](auto& m) { return NumberOf(m) == kCount; }) == 2;
    };
    ASSERT_TRUE(to->Wait(last));
    std::map<raft::MemberId, uint64_t> seen;
    for (const auto& message : to->got()) {
      if (NumberOf(message) == 0) continue;
      ASSERT_EQ(NumberOf(message), ++seen[message.from]);
    }
    EXPECT_EQ((**to).stats().received_bytes.size(), 2U);
    EXPECT_GT((**to).stats().sent_bytes.begin()->second, kCount);
  }
}

TEST_F(PeerTransportTest, UnixSocketsCarryTheSame) {
  const auto file = [](int member) {
    return testing::TempDir() + "/pintle-peer" + std::to_string(member) + ".sock";
  };
  const auto options = [&](int self) {
    PeerOptions made = OptionsOf(static_cast<uint64_t>(self));
    made.listen = {{.host = file(self), .local = true}};
    return made;
  };
  std::ofstream(file(3)) << "no socket";
  EXPECT_THAT(Member(options(3)).Start().message(), HasSubstr("listen unix " + file(3) + ": bind"));
  const PeerSet peers{.peers = {{.id = raft::MemberId(1), .urls = {"unix://" + file(1)}},
                                {.id = raft::MemberId(2), .urls = {"unix://" + file(2)}}}};
  const auto one = Make(options(1), peers);
  auto two = Make(options(2), peers);
  ASSERT_TRUE(Connect(*one, *two));
  ASSERT_TRUE(Connect(*two, *one));
  two.reset();
  EXPECT_TRUE(one->WaitGone(1));
  EXPECT_NE(access(file(2).c_str(), F_OK), 0) << "the socket goes with its owner";
}

TEST_F(PeerTransportTest, ALargeMessageArrivesWhole) {
  const auto one = Make(1);
  const auto two = Make(2);
  ASSERT_TRUE(Connect(*one, *two));
  std::string bytes(size_t{8} << 20, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 2654435761U >> 13);
  const raft::Message large{
      raft::MemberId(1), raft::MemberId(2), raft::Term(7),
      raft::ForwardedProposal{{1, 2}, {std::make_shared<const std::string>(bytes)}}};
  (*one)->Send({large, Numbered(1, 2, 5)});
  ASSERT_TRUE(two->Wait([](const auto& got, int) {
    return !got.empty() && std::holds_alternative<raft::Heartbeat>(got.back().body) &&
           NumberOf(got.back()) == 5;
  }));
  const auto got = two->got();
  EXPECT_TRUE(got[got.size() - 2] == large);
}

TEST_F(PeerTransportTest, APeerThatRestartsIsReachedAgain) {
  const auto one = Make(1);
  auto two = Make(2);
  ASSERT_TRUE(Connect(*one, *two));
  const int before = one->losses();
  two.reset();
  ASSERT_TRUE(one->WaitLosses(before + 2)) << "the loss, and a refused dial";
  two = Make(2);
  EXPECT_TRUE(Connect(*one, *two));
  EXPECT_TRUE(Connect(*two, *one));
}

TEST_F(PeerTransportTest, AnUsedPortIsAClearError) {
  const auto one = Make(1);
  Member again(OptionsOf(1));
  EXPECT_EQ(again.Start().message(),
            "listen tcp 127.0.0.1:" + std::to_string(ports_[0]) + ": bind: address already in use");
}

TEST_F(PeerTransportTest, AMemberOfAnotherClusterIsRefused) {
  const auto one = Make(1);
  auto options = OptionsOf(2);
  options.cluster_id = 0xd1;
  const auto stranger = Make(options);
  ASSERT_TRUE(stranger->WaitLosses(6));
  (*stranger)->Send({Numbered(2, 1, 1)});
  EXPECT_TRUE(one->got().empty());
  EXPECT_EQ((**one).stats().received_bytes.at(2), 0U);
}

// Somebody who talks to member 1 byte by byte.
class Stranger {
 public:
  explicit Stranger(uint16_t port) { socket_.connect({asio::ip::address_v4::loopback(), port}); }
  void Write(const std::string& bytes) {
    asio::error_code ignored;
    asio::write(socket_, asio::buffer(bytes), ignored);
  }
  void Greet(Hello hello) { Write(MakeFrame(FrameKind::kHello, EncodeHello(hello))); }
  // Everything until the member closes.
  std::string ReadToEnd() {
    std::string all;
    asio::error_code error;
    asio::read(socket_, asio::dynamic_buffer(all), error);
    return all;
  }
  FrameKind ReadFrame(std::string& body) {
    std::string bytes(kFrameHeadBytes, '\0');
    asio::error_code error;
    Frame frame;
    asio::read(socket_, asio::buffer(bytes), error);
    if (error || TakeFrame(bytes, 4096, frame) != FrameCheck::kIncomplete) return FrameKind{};
    bytes.resize(frame.size);
    asio::read(socket_, asio::buffer(bytes.data() + kFrameHeadBytes, frame.size - kFrameHeadBytes),
               error);
    if (error || TakeFrame(bytes, 4096, frame) != FrameCheck::kWhole) return FrameKind{};
    body = frame.body;
    return frame.kind;
  }

 private:
  asio::io_context io_;
  tcp::socket socket_{io_};
};

const Hello kGoodHello{
    .cluster_id = kCluster, .from = raft::MemberId(2), .to = raft::MemberId(1), .self = {}};

TEST_F(PeerTransportTest, GreetingsAreChecked) {
  const auto one = Make(1);
  Hello wrong_target = kGoodHello;
  wrong_target.to = raft::MemberId(3);
  Hello itself = kGoodHello;
  itself.from = raft::MemberId(1);
  Hello future = kGoodHello;
  future.lowest_version = future.highest_version = 2;
  const std::vector<std::pair<Hello, std::string>> cases{{wrong_target, "member 3 is meant"},
                                                         {itself, "member 1 is this one"},
                                                         {future, "versions 2 to 2"}};
  for (const auto& [hello, words] : cases) {
    Stranger stranger(ports_[0]);
    stranger.Greet(hello);
    std::string body;
    EXPECT_EQ(stranger.ReadFrame(body), FrameKind::kHelloRefused);
    EXPECT_THAT(body, HasSubstr(words));
    EXPECT_EQ(stranger.ReadToEnd(), "");
  }
  Stranger good(ports_[0]);
  Hello newer = kGoodHello;
  newer.highest_version = 5;
  good.Greet(newer);
  std::string body;
  ASSERT_EQ(good.ReadFrame(body), FrameKind::kHelloOk);
  HelloOk ok;
  ASSERT_TRUE(DecodeHelloOk(body, ok));
  EXPECT_EQ(ok.version, 1U);
  EXPECT_EQ(ok.member, raft::MemberId(1));
}

TEST_F(PeerTransportTest, WhatIsDamagedClosesOnlyItsConnection) {
  const auto one = Make(1);
  const auto three = Make(3);
  ASSERT_TRUE(Connect(*three, *one));
  std::string large("\xff\xff\xff\x7f", 4);
  large.append(100, 'x');
  std::string flipped;
  EncodeMessage(Numbered(2, 1, 77), flipped);
  flipped = MakeFrame(FrameKind::kMessage, flipped);
  flipped.back() = static_cast<char>(flipped.back() ^ 1);
  std::string pretender;  // speaks for member 3
  EncodeMessage(Numbered(3, 1, 77), pretender);
  const std::vector<std::string> damaged{large,
                                         flipped,
                                         std::string(200, '\0'),
                                         MakeFrame(FrameKind::kMessage, "not a message"),
                                         MakeFrame(FrameKind::kMessage, pretender),
                                         MakeFrame(static_cast<FrameKind>(99), "")};
  for (const std::string& bytes : damaged) {
    Stranger greeted(ports_[0]);
    greeted.Greet(kGoodHello);
    std::string body;
    ASSERT_EQ(greeted.ReadFrame(body), FrameKind::kHelloOk);
    greeted.Write(bytes);
    EXPECT_EQ(greeted.ReadToEnd(), "");
    Stranger ungreeted(ports_[0]);
    ungreeted.Write(bytes);
    EXPECT_EQ(ungreeted.ReadToEnd(), "");
  }
  (*three)->Send({Numbered(3, 1, 5)});
  ASSERT_TRUE(one->Wait([](const auto& got, int) { return NumberOf(got.back()) == 5; }));
  EXPECT_EQ(std::ranges::count_if(one->got(), [](auto& m) { return NumberOf(m) == 77; }), 0);
  EXPECT_EQ((**one).stats().receive_failures.at(2), damaged.size());
  EXPECT_EQ((**one).stats().receive_failures.at(3), 0U);
}

absl::StatusOr<std::string> Ask(Member& from, uint64_t to, std::string body,
                                absl::Duration timeout = absl::FromChrono(kPatience)) {
  std::promise<absl::StatusOr<std::string>> answered;
  auto answer = answered.get_future();
  from->Ask(raft::MemberId(to), {PeerTopic::kLease, std::move(body)}, timeout,
            [&](absl::StatusOr<std::string> got) { answered.set_value(std::move(got)); });
  return answer.get();
}

TEST_F(PeerTransportTest, QuestionsAreAnswered) {
  const auto one = Make(1);
  const auto two = Make(2);
  ASSERT_TRUE(Connect(*one, *two));
  ASSERT_TRUE(Connect(*two, *one));
  const auto answer = Ask(*one, 2, "how much is left?");
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(*answer, "you asked: how much is left?");
}

TEST_F(PeerTransportTest, QuestionsFailWithoutAnAnswer) {
  const auto one = Make(1);
  EXPECT_EQ(Ask(*one, 9, "").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Ask(*one, 2, "").status().code(), absl::StatusCode::kUnavailable) << "not connected";
  const auto two = Make(2);
  ASSERT_TRUE(Connect(*one, *two));
  two->Mute(true);
  const auto late = Ask(*one, 2, "", absl::Milliseconds(20));
  EXPECT_EQ(late.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(late.status().message()), HasSubstr("in time"));
}

// Whenever it is asked: before the end, during it and after it, `done` is called, and once.
TEST_F(PeerTransportTest, EveryQuestionIsAnsweredOnceAlsoAtTheEnd) {
  constexpr int kQuestions = 2000;
  for (int round = 0; round < 5; ++round) {
    const auto one = Make(1);
    std::atomic<int> answered{0};
    std::thread asker([&] {
      for (int i = 0; i < kQuestions; ++i) {
        (*one)->Ask(raft::MemberId(2), {PeerTopic::kLease, ""}, absl::FromChrono(kPatience),
                    [&](const absl::StatusOr<std::string>&) { ++answered; });
      }
    });
    while (answered == 0) std::this_thread::yield();
    (*one)->Stop();
    asker.join();
    EXPECT_EQ(answered, kQuestions);
    EXPECT_EQ(Ask(*one, 2, "").status().code(), absl::StatusCode::kUnavailable);
  }
}

// A peer that accepts and never reads: what is queued stays within its bound, the rest is dropped
// and said.
TEST_F(PeerTransportTest, AFullQueueDropsAndReports) {
  asio::io_context io;
  tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), ports_[1]});
  auto options = OptionsOf(1);
  options.max_queued_bytes = 1 << 20;
  const auto one = Make(options, {.peers = {PeerOf(2)}});
  tcp::socket socket = acceptor.accept();
  const std::string ok = MakeFrame(FrameKind::kHelloOk, EncodeHelloOk({1, raft::MemberId(2), {}}));
  asio::write(socket, asio::buffer(ok));
  const raft::Message message{
      raft::MemberId(1), raft::MemberId(2), raft::Term(7),
      raft::ForwardedProposal{{1, 2}, {std::make_shared<const std::string>(100000, 'q')}}};
  // The system's buffers take some megabytes first.
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (one->losses() == 0 && std::chrono::steady_clock::now() < deadline) {
    (*one)->Send({message});
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  EXPECT_GE(one->losses(), 1);
  EXPECT_GE((**one).stats().send_failures.at(2), 1U);
}

TEST_F(PeerTransportTest, AProcessThatEndsIsGoneOnceForEachLoss) {
  const auto one = Make(1);
  auto two = Make(2);
  ASSERT_TRUE(Connect(*one, *two));
  EXPECT_TRUE(one->gone().empty());  // member 3 was never there: refused, but nothing was lost
  two.reset();
  ASSERT_TRUE(one->WaitGone(1));
  ASSERT_TRUE(one->WaitLosses(one->losses() + 20));  // goes on dialing
  EXPECT_EQ(one->gone(), std::vector<uint64_t>{2});
  two = Make(2);
  ASSERT_TRUE(Connect(*one, *two));
  two.reset();
  ASSERT_TRUE(one->WaitGone(2));
}

TEST_F(PeerTransportTest, PeersComeAndGo) {
  const auto one = Make(OptionsOf(1), {.peers = {PeerOf(1), PeerOf(2)}});
  const auto two = Make(2);
  ASSERT_TRUE(Connect(*one, *two));
  const auto three = Make(OptionsOf(3), {});
  (*one)->SetPeers({.peers = {PeerOf(1), PeerOf(2), PeerOf(3)}});
  ASSERT_TRUE(Connect(*one, *three));
  (*one)->SetPeers({.peers = {PeerOf(1), PeerOf(3)}, .removed = {raft::MemberId(2)}});
  EXPECT_EQ(two->WaitRefused().first, Refusal::kRemoved);
  EXPECT_THAT(two->WaitRefused().second, HasSubstr("member 2 has been permanently removed"));
  EXPECT_FALSE((**one).stats().sent_bytes.contains(2));
  ASSERT_TRUE(Connect(*one, *three));
}

// Member 3 has been added, and leads, while member 1 was away and knows of members 1 and 2 only.
TEST_F(PeerTransportTest, AMemberThatIsNotKnownYetIsAnswered) {
  const auto one = Make(OptionsOf(1), {.peers = {PeerOf(1), PeerOf(2)}});
  const auto three = Make(OptionsOf(3), {.peers = {PeerOf(1)}}, {.peer_urls = {UrlOf(3)}});
  ASSERT_TRUE(Connect(*three, *one));
  ASSERT_TRUE(Connect(*one, *three));
}

TEST_F(PeerTransportTest, AMovedPeerIsFoundAtItsNewUrl) {
  Peer moved = PeerOf(2);
  moved.urls = {UrlOf(3)};
  auto options = OptionsOf(2);
  options.listen = {{"127.0.0.1", ports_[2]}};
  const auto two = Make(options);
  const auto one = Make(OptionsOf(1), {.peers = {PeerOf(2)}});
  ASSERT_TRUE(one->WaitLosses(2));
  (*one)->SetPeers({.peers = {moved}});
  ASSERT_TRUE(Connect(*one, *two));
}

// It listens elsewhere since the last entry, which may not be applied here: perhaps for want of it.
TEST_F(PeerTransportTest, AMovedPeerIsAnsweredWhereItSaysThatItListens) {
  auto options = OptionsOf(2);
  options.listen = {{"127.0.0.1", ports_[2]}};
  const auto one = Make(OptionsOf(1), {.peers = {PeerOf(2)}});
  const auto two = Make(options, {.peers = {PeerOf(1)}}, {.peer_urls = {UrlOf(3)}});
  ASSERT_TRUE(Connect(*two, *one));
  ASSERT_TRUE(Connect(*one, *two));
}

TEST_F(PeerTransportTest, AMemberWithoutItsDataIsToldAndAnswersNobody) {
  const auto one = Make(OptionsOf(1), {.peers = {PeerOf(2, 77)}});
  auto two = Make(OptionsOf(2), {.peers = {PeerOf(1)}}, {.data_dir = {77, 77}});
  ASSERT_TRUE(Connect(*one, *two));
  ASSERT_TRUE(Connect(*two, *one));
  two.reset();
  two = Make(OptionsOf(2), {.peers = {PeerOf(1)}}, {.data_dir = {78, 78}});
  const auto [reason, text] = two->WaitRefused();
  EXPECT_EQ(reason, Refusal::kOtherDataDir);
  EXPECT_THAT(text, HasSubstr("came back with another data-dir: it lost its data"));
  EXPECT_EQ(Ask(*one, 2, "").status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(PeerTransportTest, VersionsMeetInTheMiddleOrNotAtAll) {
  auto newer = OptionsOf(1);
  newer.lowest_version = 2;
  newer.highest_version = 4;
  const auto one = Make(newer);
  auto older = OptionsOf(2);
  older.highest_version = 3;
  const auto two = Make(older);
  EXPECT_TRUE(Connect(*one, *two));
  EXPECT_TRUE(Connect(*two, *one));
  auto oldest = OptionsOf(3);
  const auto three = Make(oldest);
  ASSERT_TRUE(three->WaitLosses(3));
  (*three)->Send({Numbered(3, 1, 66)});
  (*one)->Send({Numbered(1, 3, 66)});
  EXPECT_EQ(std::ranges::count_if(one->got(), [](auto& m) { return NumberOf(m) == 66; }), 0);
  EXPECT_TRUE(three->got().empty());
}

TEST_F(PeerTransportTest, AMemberBelowTheFeatureLevelIsRefused) {
  const auto one = Make(OptionsOf(1), {.peers = {PeerOf(2)}, .feature_level = 3});
  Stranger old(ports_[0]);
  Hello hello = kGoodHello;
  hello.self.feature_level = 2;
  old.Greet(hello);
  std::string body;
  EXPECT_EQ(old.ReadFrame(body), FrameKind::kHelloRefused);
  EXPECT_THAT(body, HasSubstr("uses feature level 3, member 2 knows up to 2 only"));
  hello.self.feature_level = 3;
  Stranger good(ports_[0]);
  good.Greet(hello);
  EXPECT_EQ(good.ReadFrame(body), FrameKind::kHelloOk);
}

// As Go's server does it, but for the date.
TEST_F(PeerTransportTest, WhoSpeaksHttpGetsAPage) {
  const auto one = Make(1);
  const auto ask = [&](const std::string& first, const std::string& rest) {
    Stranger client(ports_[0]);
    client.Write(first);
    client.Write(rest);
    return client.ReadToEnd();
  };
  const std::string end = " HTTP/1.1\r\nHost: x\r\n\r\n";
  EXPECT_EQ(ask("GET /page?a=b", end),
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Which: 1\r\n"
            "Content-Length: 2\r\nConnection: close\r\n\r\n{}");
  const std::string refused =
      "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\nContent-Type: text/plain; "
      "charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nContent-Length: 19\r\n"
      "Connection: close\r\n\r\n";
  EXPECT_EQ(ask("PUT /page", end), refused + "Method Not Allowed\n");
  EXPECT_EQ(ask("HEAD /page", end), refused);
  EXPECT_THAT(ask("GET /raft", end), HasSubstr("404 page not found\n"));
  EXPECT_THAT(ask("GET /pag", end), HasSubstr("HTTP/1.1 404"));
  EXPECT_THAT(ask("GET ", "\r\n\r\n"), HasSubstr("HTTP/1.1 404"));
  EXPECT_THAT(ask("GET /page HTTP/1.1\r\n", std::string(5000, 'x')), Not(HasSubstr(" 200 ")));
  // A member that has greeted speaks frames.
  Stranger greeted(ports_[0]);
  greeted.Greet(kGoodHello);
  std::string body;
  ASSERT_EQ(greeted.ReadFrame(body), FrameKind::kHelloOk);
  greeted.Write("GET /page" + end);
  EXPECT_EQ(greeted.ReadToEnd(), "");
}

TEST_F(PeerTransportTest, WhoAsksForTheMembersIsToldAndThatIsAll) {
  const auto one = Make(1);
  Stranger joiner(ports_[0]);
  joiner.Write(MakeFrame(FrameKind::kMembersQuestion, ""));
  std::string body;
  EXPECT_EQ(joiner.ReadFrame(body), FrameKind::kMembersAnswer);
  EXPECT_EQ(body, "the members");
  EXPECT_EQ(joiner.ReadToEnd(), "");
}

}  // namespace
}  // namespace pintle::server::replica
