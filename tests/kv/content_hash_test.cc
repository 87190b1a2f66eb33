// Two stores that went different ways to the same content have the same hash; one byte less or more
// and they have not.
#include "kv/content_hash.h"

#include "kv/record.h"
#include "tests/kv/store_fixture.h"

namespace pintle::kv::testing {
namespace {

uint64_t HashOf(const Store& store, size_t step = size_t{1} << 20) {
  ContentHash hash(store.NewSnapshot());
  while (!hash.done()) EXPECT_TRUE(hash.Step(step).ok());
  return hash.hash();
}

class ContentHashTest : public StoreTest {
 protected:
  void Fill() {
    Ask(LeaseGrantRequest{LeaseId(5), 60});
    for (int i = 0; i < 20; ++i)
      Put("key" + std::to_string(i % 7), std::string(50, 'v'), i % 3 ? 0 : 5);
    Delete({"key1"});
    store_->PutMeta("members", "one");
    ASSERT_TRUE(store_->Write(++sequence_, 1).ok());
    store_->Publish();
  }
  void Change(const std::string& key, std::string value) {
    BackendBatch batch;
    batch.Put(key, std::move(value));
    ASSERT_TRUE(backend_->Apply(batch).ok());
  }
};

TEST_F(ContentHashTest, DoesNotDependOnTheSteps) {
  Fill();
  const uint64_t whole = HashOf(*store_);
  for (const size_t step : {1, 100, 1000}) EXPECT_EQ(HashOf(*store_, step), whole);
}

TEST_F(ContentHashTest, AStepReadsNoMoreThanItIsTold) {
  Fill();
  ContentHash hash(store_->NewSnapshot());
  int steps = 0;
  for (; !hash.done(); ++steps) ASSERT_TRUE(hash.Step(200).ok());
  EXPECT_GE(steps, 7);
}

TEST_F(ContentHashTest, IsOfTheMomentOfTheSnapshot) {
  Fill();
  ContentHash hash(store_->NewSnapshot());
  const uint64_t now = HashOf(*store_);
  Put("later", "v");
  while (!hash.done()) ASSERT_TRUE(hash.Step(100).ok());
  EXPECT_EQ(hash.hash(), now);
  EXPECT_NE(HashOf(*store_), now);
}

TEST_F(ContentHashTest, KnowsNothingOfBatchesSlicesAndRestarts) {
  Fill();
  Compact(12);
  EXPECT_FALSE(store_->compacted());
  CompactAll();
  EXPECT_TRUE(store_->compacted());
  Put("end", "v");
  const uint64_t hash = HashOf(*store_);

  MemoryBackend other_backend;
  auto other = *Store::Open(other_backend, {.compaction_slice = 1});
  other->Apply(LeaseGrantRequest{LeaseId(5), 60});
  for (int i = 0; i < 20; ++i)
    other->Apply(PutOf("key" + std::to_string(i % 7), std::string(50, 'v'), i % 3 ? 0 : 5));
  other->Apply(DeleteOf({"key1"}));
  other->PutMeta("members", "one");
  other->Apply(CompactRequest{12});
  other->Apply(PutOf("end", "v"));
  ASSERT_TRUE(other->Write(Sequence(99), 7).ok());
  other->Publish();
  while (!other->compacted()) ASSERT_TRUE(other->CompactSlice().ok());
  EXPECT_EQ(HashOf(*other), hash);
  other = *Store::Open(other_backend, {});
  EXPECT_EQ(HashOf(*other), hash);
}

TEST_F(ContentHashTest, SeesEveryKindOfChange) {
  Fill();
  uint64_t last = HashOf(*store_);
  const auto changed = [&](const char* what) {
    const uint64_t now = HashOf(*store_);
    EXPECT_NE(now, last) << what;
    last = now;
  };
  Change(RecordKey({3, 0}, false), "another pair");
  changed("a value");
  Change(RecordKey({1000, 0}, false), "another pair");
  changed("a record more");
  Change(LeaseKey(LeaseId(5)), EncodeLease({.id = LeaseId(5), .ttl_seconds = 61}));
  changed("a lease");
  Change(ServerKey("members"), "two");
  changed("the server's state");
  Change(ScheduledCompactionKey(), EncodeNumber(2));
  changed("the compact revision");
  Change(FinishedCompactionKey(), EncodeNumber(2));
  EXPECT_EQ(HashOf(*store_), last) << "a member's own note";
}

}  // namespace
}  // namespace pintle::kv::testing
