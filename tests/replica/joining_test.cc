// Somebody who has joined and was not reached by any leader yet: whom it greets, and how it hears
// that it was removed before.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

#include "kv/memory_backend.h"
#include "tests/replica/virtual_member.h"

namespace pintle::server::replica {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint64_t kSelf = 4;

// Remembers whom it was told to talk to.
class Book final : public PeerTransport {
 public:
  absl::Status Start(PeerSelf, Callbacks) override { return absl::OkStatus(); }
  void Stop() override {}
  void Send(std::vector<raft::Message>) override {}
  void SetPeers(PeerSet peers) override { peers_ = std::move(peers); }
  void Ask(raft::MemberId, PeerQuestion, absl::Duration, AskDone done) override {
    done(absl::UnavailableError("no network"));
  }
  Stats stats() const override { return {}; }

  std::vector<uint64_t> peers() const {
    std::vector<uint64_t> ids;
    for (const Peer& peer : peers_.peers) ids.push_back(peer.id.value());
    return ids;
  }

 private:
  PeerSet peers_;
};

class JoiningTest : public ::testing::Test {
 protected:
  JoiningTest() { EXPECT_TRUE(disk_.MakeFolder("/disk").ok()); }

  absl::StatusOr<std::unique_ptr<Member>> Open() {
    MemberOptions options{.cluster_id = 1, .member_id = kSelf};
    options.ask_members = [this] { return answer_; };
    options.data_dir = "/disk/data";
    options.wal = {.first_segment_bytes = 4096, .largest_segment_bytes = 8192, .sector_bytes = 512};
    options.open_backend = [](const std::string&) -> absl::StatusOr<std::unique_ptr<kv::Backend>> {
      return std::make_unique<kv::MemoryBackend>();
    };
    return Member::Open(std::move(options),
                        {.files = disk_, .clock = clock_, .random = random_, .transport = book_});
  }

  storage::MemoryFileSystem disk_;
  StandingClock clock_;
  SeededRandom random_{1};
  Book book_;
  absl::StatusOr<MemberList> answer_ = MemberList{
      .members = {{.id = 1, .peer_urls = {"http://a:1"}}, {.id = kSelf}}, .removed = {9}};
};

TEST_F(JoiningTest, WhoHasNotBeenReachedGreetsThoseThatItWasToldOf) {
  const auto member = Open();
  ASSERT_TRUE(member.ok()) << member.status();
  EXPECT_THAT(book_.peers(), ElementsAre(1, kSelf));
  EXPECT_THAT((*member)->members(), IsEmpty()) << "only the log says who belongs to the cluster";
}

TEST_F(JoiningTest, WhoWasRemovedMeanwhileHearsItAtTheNextStart) {
  ASSERT_TRUE(Open().ok());
  answer_->members.pop_back();
  answer_->removed.push_back(kSelf);
  const absl::Status refused = Open().status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()),
              HasSubstr("the member has been permanently removed from the cluster"));
}

TEST_F(JoiningTest, WhereNobodyAnswersTheStartFails) {
  answer_ = absl::DeadlineExceededError("cannot join the cluster: nobody has answered");
  EXPECT_EQ(Open().status(), answer_.status());
}

}  // namespace
}  // namespace pintle::server::replica
