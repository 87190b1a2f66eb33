// What HashKV answers around compactions, on a store in memory. The snapshot thread is the test.
#include "server/replica/kv_hashes.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kv/errors.h"
#include "server/replica/errors.h"
#include "tests/kv/store_fixture.h"

namespace pintle::server::replica {
namespace {

class KvHashesTest : public kv::testing::StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    for (int i = 0; i < 20; ++i) Put("key" + std::to_string(i % 7), "value");
  }
  void CompactTo(int64_t revision) {
    const auto result = Do(kv::CompactRequest{.revision = revision}).result;
    const auto& compaction = std::get<kv::CompactResult>(*result);
    hashes_.Compacted(*store_->view(), {.compact_revision = compaction.compacted_before,
                                        .revision = compaction.compacted});
  }
  std::string HashKv(int64_t revision) {
    std::string text = "waiting";
    hashes_.HashKv(revision, [&](const absl::StatusOr<KvHashes::Answer>& answer) {
      text = answer.ok() ? std::to_string(answer->hash) + " of " +
                               std::to_string(answer->compact_revision) + " to " +
                               std::to_string(answer->hash_revision) + " at " +
                               std::to_string(answer->revision)
                         : std::string(answer.status().message());
    });
    while (hashes_.Step()) {
    }
    return text;
  }

  int woken_ = 0;
  absl::Status damage_;
  KvHashes hashes_{{.view = [this] { return store_->view(); },
                    .wake = [this] { ++woken_; },
                    .damaged = [this](const absl::Status& why) { damage_ = why; }}};
};

TEST_F(KvHashesTest, SaysTheSameBeforeAndAfterACompactionThere) {
  const std::string before = HashKv(15);
  EXPECT_TRUE(before.ends_with(" of -1 to 15 at 21")) << before;
  CompactTo(15);
  EXPECT_EQ(HashKv(15), before);  // being made
  CompactAll();
  EXPECT_EQ(HashKv(15), before);
  EXPECT_TRUE(HashKv(16).ends_with(" of 15 to 16 at 21"));
  EXPECT_EQ(HashKv(14), kv::ErrCompacted().message());
  EXPECT_EQ(HashKv(22), kv::ErrFutureRevision().message());
  EXPECT_EQ(HashKv(0), HashKv(21));
}

TEST_F(KvHashesTest, MakesItAlsoWhenTheDeletionsAreQuicker) {
  const std::string before = HashKv(15);
  CompactTo(15);
  CompactAll();
  Put("key0", "later");
  EXPECT_EQ(HashKv(15), before.substr(0, before.rfind(' ')) + " 22");
}

TEST_F(KvHashesTest, RemembersTheNewestOnes) {
  std::vector<std::string> before;
  for (int64_t r = 5; r <= 16; ++r) {
    before.push_back(HashKv(r));
    CompactTo(r);
    CompactAll();
  }
  EXPECT_EQ(HashKv(5), kv::ErrCompacted().message());
  EXPECT_EQ(HashKv(6), kv::ErrCompacted().message());
  EXPECT_EQ(HashKv(7), before[2]);
  EXPECT_EQ(HashKv(16), before.back());
}

TEST_F(KvHashesTest, WhoWaitsHearsThatTheStoreIsAnother) {
  absl::Status status;
  hashes_.HashKv(10, [&](const auto& answer) { status = answer.status(); });
  EXPECT_EQ(woken_, 1);
  hashes_.DropAll(ErrStopped());
  EXPECT_EQ(status, ErrStopped());
  EXPECT_FALSE(hashes_.Step());
}

TEST_F(KvHashesTest, IsBounded) {
  int refused = 0;
  for (size_t i = 0; i < KvHashes::kMostJobs + 3; ++i) {
    hashes_.HashKv(10, [&](const auto& answer) {
      refused += answer.status() == ErrTooManyRequests() ? 1 : 0;
    });
  }
  EXPECT_EQ(refused, 3);
  EXPECT_NE(HashKv(10), "waiting");
}

TEST_F(KvHashesTest, HashesEverything) {
  const auto hash_all = [this] {
    uint32_t hash = 0;
    hashes_.HashAll([&](const auto& answer) { hash = answer->hash; });
    while (hashes_.Step()) {
    }
    return hash;
  };
  const uint32_t before = hash_all();
  EXPECT_EQ(hash_all(), before);
  Do(kv::LeaseGrantRequest{kv::LeaseId(5), 60});
  EXPECT_NE(hash_all(), before);
}

}  // namespace
}  // namespace pintle::server::replica
