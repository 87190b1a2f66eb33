// The bytes on disk: docs/formats/kv-records.md, in the form of a test. If one of these changes, so
// does the format.
#include "kv/record.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/escaping.h"
#include "tests/kv/store_fixture.h"

namespace pintle::kv::testing {
namespace {

std::string Hex(std::string_view bytes) {
  return absl::BytesToHexString({bytes.data(), bytes.size()});
}

TEST(RecordFormat, Keys) {
  EXPECT_EQ(Hex(RecordKey({0x0102030405060708, 9}, false)), "6b01020304050607080000000000000009");
  EXPECT_EQ(Hex(RecordKey({2, 1}, true)), "6b0000000000000002000000000000000174");
  EXPECT_EQ(Hex(LeaseKey(LeaseId(5))), "6c8000000000000005");
  EXPECT_EQ(Hex(LeaseKey(LeaseId(-5))), "6c7ffffffffffffffb");
  EXPECT_EQ(FormatKey(), "mformat");
  EXPECT_EQ(StateKey(), "mstate");
  EXPECT_EQ(ScheduledCompactionKey(), "mcompact-scheduled");
  EXPECT_EQ(FinishedCompactionKey(), "mcompact-finished");
  EXPECT_EQ(kRecordFormatVersion, 2u);
  EXPECT_EQ(ServerKey("name"), "sname");
}

TEST(RecordFormat, KeysSortLikeRevisionsAndAreReadBack) {
  const std::vector<Revision> revisions = {{0, 0},   {1, 0}, {1, 1},
                                           {1, 256}, {2, 0}, {int64_t{1} << 40, 3}};
  std::string last;
  for (const Revision revision : revisions) {
    for (const bool tombstone : {false, true}) {
      const std::string key = RecordKey(revision, tombstone);
      EXPECT_LT(last, key);
      last = key;
      const auto parsed = ParseRecordKey(key);
      ASSERT_TRUE(parsed.has_value());
      EXPECT_EQ(parsed->revision, revision);
      EXPECT_EQ(parsed->tombstone, tombstone);
    }
  }
  EXPECT_LT(RecordKey({int64_t{1} << 62, 0}, false), FirstLeaseKey());
  EXPECT_FALSE(ParseRecordKey("k").has_value());
  EXPECT_FALSE(ParseRecordKey(RecordKey({1, 0}, false) + "x").has_value());
  EXPECT_FALSE(ParseRecordKey(RecordKey({1, 0}, true) + "t").has_value());
  EXPECT_FALSE(ParseRecordKey("l" + RecordKey({1, 0}, false).substr(1)).has_value());
}

TEST(RecordFormat, ValuesAreMvccpbMessages) {
  const KeyValue pair{.key = "k",
                      .value = "val",
                      .create_revision = 300,
                      .mod_revision = 301,
                      .version = 2,
                      .lease = LeaseId(-1)};
  const std::string encoded = EncodeKeyValue(pair);
  EXPECT_EQ(Hex(encoded), "0a016b10ac0218ad0220022a0376616c30ffffffffffffffffff01");
  KeyValueView view;
  ASSERT_TRUE(ParseKeyValue(encoded, view));
  EXPECT_EQ(view.key, "k");
  EXPECT_EQ(view.value, "val");
  EXPECT_EQ(view.create_revision, 300);
  EXPECT_EQ(view.mod_revision, 301);
  EXPECT_EQ(view.version, 2);
  EXPECT_EQ(view.lease, LeaseId(-1));
  EXPECT_EQ(Hex(EncodeKeyValue(KeyValue{.key = "k", .mod_revision = 7})), "0a016b1807");
}

TEST(RecordFormat, ForeignFieldsAreSkippedAndDamageIsSeen) {
  KeyValueView view;
  EXPECT_TRUE(ParseKeyValue(std::string("\x0a\x01k\x18\x07\x38\x05", 7), view));  // field 7
  EXPECT_EQ(view.mod_revision, 7);
  const std::string good =
      EncodeKeyValue(KeyValue{.key = "key", .value = "value", .mod_revision = 7});
  for (size_t size = 1; size < good.size(); ++size) {
    if (size == 5 || size == 7) continue;  // between two fields
    EXPECT_FALSE(ParseKeyValue(good.substr(0, size), view)) << size;
  }
  EXPECT_FALSE(ParseKeyValue(std::string("\x08\x01", 2), view));   // the key as a number
  EXPECT_FALSE(ParseKeyValue(std::string("\x12\x01z", 3), view));  // a number as bytes
  EXPECT_FALSE(ParseKeyValue(std::string("\x02\x01z", 3), view));  // field 0
}

TEST(RecordFormat, LeasesAndMeta) {
  EXPECT_EQ(Hex(EncodeLease({LeaseId(5), 60, 0})), "0805103c");
  EXPECT_EQ(Hex(EncodeLease({LeaseId(5), 60, 20})), "0805103c1814");
  const auto lease = ParseLease(EncodeLease({LeaseId(-5), 60, 20}));
  ASSERT_TRUE(lease.has_value());
  EXPECT_EQ(lease->id, LeaseId(-5));
  EXPECT_EQ(lease->ttl_seconds, 60);
  EXPECT_EQ(lease->remaining_ttl_seconds, 20);
  EXPECT_FALSE(ParseLease("").has_value());
  EXPECT_FALSE(ParseLease("\x0a\x01z").has_value());
  EXPECT_EQ(Hex(EncodeState({Sequence(1), 258, 3, 4})),
            "0100000000000000020100000000000003000000000000000400000000000000");
  EXPECT_FALSE(ParseState(EncodeState({Sequence(9), 3}).substr(8)).has_value());
  EXPECT_EQ(ParseState(EncodeState({Sequence(9), 3}))->sequence, Sequence(9));
  EXPECT_FALSE(ParseState("short").has_value());
  EXPECT_EQ(Hex(EncodeNumber(258)), "0201000000000000");
  EXPECT_FALSE(ParseNumber("123456789").has_value());
}

class StoredBytesTest : public StoreTest {};

TEST_F(StoredBytesTest, GoldenStore) {
  Ask(LeaseGrantRequest{LeaseId(5), 60});
  Put("a", "1", 5);
  Ask(TxnRequest{.success = {PutOf("b", "2"), DeleteOf({"a"})}});
  Compact(2);
  std::string dump;
  ASSERT_TRUE(backend_
                  ->Scan("", "\xff",
                         [&](std::string_view key, std::string_view value) {
                           dump += Printable(key) + " " + Hex(value) + "\n";
                           return true;
                         })
                  .ok());
  EXPECT_EQ(dump,
            "k\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00 "
            "0a01611002180220012a01313005\n"
            "k\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x03\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00 "
            "0a01621003180320012a0132\n"
            "k\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x03\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x01t "
            "0a01611803\n"
            "l\\x80\\x00\\x00\\x00\\x00\\x00\\x00\\x05 0805103c\n"
            "mcompact-scheduled 0200000000000000\n"
            "mformat 0200000000000000\n"
            "mstate 040000000000000003000000000000000100000000000000fc9774888229428b\n");
}

TEST_F(StoredBytesTest, OpenNamesWhatIsDamaged) {
  Put("a", "1");
  struct Case {
    std::string key;
    std::string value;
    const char* named;
  };
  const std::vector<Case> cases = {
      {RecordKey({2, 0}, false), "\xff\xff", "x00\\x02"},
      {RecordKey({2, 0}, false),
       EncodeKeyValue(KeyValue{.key = "a", .mod_revision = 3, .version = 1}), "x00\\x02"},
      {RecordKey({2, 1}, false), EncodeKeyValue(KeyValue{.key = "a", .mod_revision = 2}),
       "x00\\x01"},
      {RecordKey({9, 0}, false),
       EncodeKeyValue(KeyValue{.key = "a", .mod_revision = 9, .version = 1}), "x00\\t"},
      {LeaseKey(LeaseId(5)), EncodeLease({LeaseId(6), 1, 0}), "x00\\x05"},
      {StateKey(), "short", "mstate"},
      {ScheduledCompactionKey(), "short", "mcompact-scheduled"},
  };
  for (const Case& c : cases) {
    auto damaged = backend_->Clone();
    BackendBatch batch;
    batch.Put(c.key, c.value);
    ASSERT_TRUE(damaged->Apply(batch).ok());
    const auto store = Store::Open(*damaged, {});
    EXPECT_TRUE(absl::IsDataLoss(store.status())) << Printable(c.key);
    EXPECT_NE(store.status().ToString().find(c.named), std::string::npos) << store.status();
  }
}

TEST_F(StoredBytesTest, OpenTakesFormat1WhoseChainIsNotKnown) {
  Put("a", "1");
  BackendBatch batch;
  batch.Put(FormatKey(), EncodeNumber(1));
  batch.Put(StateKey(), EncodeState({Sequence(1), 2}).substr(0, 16));
  ASSERT_TRUE(backend_->Apply(batch).ok());
  Reopen();
  EXPECT_EQ(store_->sequence(), Sequence(1));
  EXPECT_EQ(store_->term(), 0u);
  EXPECT_EQ(store_->hash(), 0u);
  EXPECT_EQ(*backend_->Get(FormatKey()), EncodeNumber(2));
  Put("a", "2");
  EXPECT_EQ(store_->hash(), 0u);
  EXPECT_EQ(store_->term(), 1u);
}

TEST_F(StoredBytesTest, OpenRefusesAnotherFormat) {
  BackendBatch batch;
  batch.Put(FormatKey(), EncodeNumber(3));
  ASSERT_TRUE(backend_->Apply(batch).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(Store::Open(*backend_, {}).status()));
}

}  // namespace
}  // namespace pintle::kv::testing
