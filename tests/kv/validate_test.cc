// The static checks and their order: etcd-api 1.1.3 to 1.1.5.
#include "kv/validate.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kv/errors.h"
#include "tests/kv/store_fixture.h"

namespace pintle::kv::testing {
namespace {

TEST(ValidateRange, WantsAKeyAndAKnownOrder) {
  EXPECT_EQ(ValidateRange({}), ErrEmptyKey());
  EXPECT_EQ(ValidateRange({.range = {"", "z"}}), ErrEmptyKey());
  EXPECT_TRUE(ValidateRange({.range = {"a"}}).ok());
  EXPECT_TRUE(ValidateRange({.range = {"z", "a"}, .limit = -1, .revision = -1}).ok());
  EXPECT_EQ(ValidateRange({.range = {"a"}, .sort_order = SortOrder{3}}), ErrInvalidSortOption());
  EXPECT_EQ(ValidateRange({.range = {"a"}, .sort_target = SortTarget{5}}), ErrInvalidSortOption());
  EXPECT_EQ(ValidateRange({.sort_order = SortOrder{3}}), ErrEmptyKey());
}

TEST(ValidatePut, KeepsNoValueAndNoLeaseBesideIgnore) {
  EXPECT_EQ(ValidatePut({}), ErrEmptyKey());
  EXPECT_TRUE(ValidatePut(PutOf("k", "")).ok());
  PutRequest put = PutOf("k", "v", 5);
  EXPECT_TRUE(ValidatePut(put).ok());
  put.ignore_lease = true;
  EXPECT_EQ(ValidatePut(put), ErrLeaseProvided());
  put.ignore_value = true;
  EXPECT_EQ(ValidatePut(put), ErrValueProvided());
  put.value.clear();
  EXPECT_EQ(ValidatePut(put), ErrLeaseProvided());
  put.lease = LeaseId(0);
  EXPECT_TRUE(ValidatePut(put).ok());
}

TEST(ValidateDeleteRange, WantsAKey) {
  EXPECT_EQ(ValidateDeleteRange({.range = {"", "z"}}), ErrEmptyKey());
  EXPECT_TRUE(ValidateDeleteRange(DeleteOf({"a"})).ok());
}

TxnRequest WithOps(size_t compares, size_t success, size_t failure) {
  TxnRequest txn;
  for (size_t i = 0; i < compares; ++i) txn.compares.push_back({.range = {"c"}});
  for (size_t i = 0; i < success; ++i) txn.success.push_back(RangeOf({"a"}));
  for (size_t i = 0; i < failure; ++i) txn.failure.push_back(RangeOf({"a"}));
  return txn;
}

TEST(ValidateTxn, CountsTheLongestList) {
  EXPECT_TRUE(ValidateTxn(WithOps(128, 128, 128)).ok());
  EXPECT_EQ(ValidateTxn(WithOps(129, 0, 0)), ErrTooManyOps());
  EXPECT_EQ(ValidateTxn(WithOps(0, 129, 0)), ErrTooManyOps());
  EXPECT_EQ(ValidateTxn(WithOps(0, 0, 129)), ErrTooManyOps());
  EXPECT_EQ(ValidateTxn(WithOps(0, 3, 0), 2), ErrTooManyOps());
}

TEST(ValidateTxn, NestedOnesGetWhatIsLeft) {
  TxnRequest outer = WithOps(0, 99, 0);
  outer.success.push_back(Nested(WithOps(0, 28, 0)));
  EXPECT_TRUE(ValidateTxn(outer).ok());
  outer.success.back() = Nested(WithOps(29, 0, 0));
  EXPECT_EQ(ValidateTxn(outer), ErrTooManyOps());
  TxnRequest deep = WithOps(0, 0, 0);
  for (int depth = 0; depth < 128; ++depth) deep = {.success = {Nested(std::move(deep))}};
  EXPECT_TRUE(ValidateTxn(deep).ok());
  deep = {.success = {Nested({.success = {Nested(std::move(deep))}})}};
  EXPECT_EQ(ValidateTxn(deep), ErrTooManyOps());
}

TEST(ValidateTxn, SaysTheFirstMistakeInEtcdsOrder) {
  TxnRequest txn = WithOps(129, 0, 0);
  txn.compares[0].range.key.clear();
  EXPECT_EQ(ValidateTxn(txn), ErrTooManyOps());
  txn.compares.resize(2);
  txn.success = {RangeRequest{}};
  EXPECT_EQ(ValidateTxn(txn), ErrEmptyKey());
  txn.compares.clear();
  txn.success = {PutOf("k", ""), PutOf("k", ""), RangeOf({"a"})};
  std::get<RangeRequest>(txn.success[2]).sort_order = SortOrder{9};
  EXPECT_EQ(ValidateTxn(txn), ErrInvalidSortOption());
  txn.success[2] = std::shared_ptr<TxnRequest>();  // no variant set
  EXPECT_EQ(ValidateTxn(txn), ErrKeyNotFound());
  txn.success[2] = RangeOf({"a"});
  txn.failure = {DeleteRangeRequest{}};
  EXPECT_EQ(ValidateTxn(txn), ErrEmptyKey());
  txn.failure.clear();
  EXPECT_EQ(ValidateTxn(txn), ErrDuplicateKey());
}

struct DuplicateCase {
  const char* name;
  std::vector<TxnOp> ops;
  bool allowed;
};

TxnOp Put(const char* key) { return PutOf(key, ""); }
TxnOp Branches(std::vector<TxnOp> success, std::vector<TxnOp> failure = {}) {
  return Nested({.success = std::move(success), .failure = std::move(failure)});
}

TEST(ValidateTxn, DuplicateKeys) {
  const std::vector<DuplicateCase> cases = {
      {"different keys", {Put("a"), Put("b")}, true},
      {"same key twice", {Put("a"), Put("a")}, false},
      {"put then delete", {Put("a"), DeleteOf({"a"})}, false},
      {"delete then put", {DeleteOf({"a"}), Put("a")}, false},
      {"put inside a deleted interval", {DeleteOf({"a", "c"}), Put("b")}, false},
      {"put at the end of a deleted interval", {DeleteOf({"a", "c"}), Put("c")}, true},
      {"delete of an empty interval", {DeleteOf({"c", "a"}), Put("b")}, true},
      {"delete from a key on is not looked at", {DeleteOf(From("a")), Put("b")}, true},
      {"deletes that overlap", {DeleteOf({"a", "c"}), DeleteOf({"b", "d"}), DeleteOf({"b"})}, true},
      {"ranges do not count", {Put("a"), RangeOf({"a"})}, true},
      {"both branches of one nested", {Branches({Put("a")}, {Put("a")})}, true},
      {"two nested", {Branches({Put("a")}), Branches({Put("a")})}, false},
      {"two nested, other branch", {Branches({Put("a")}), Branches({}, {Put("a")})}, false},
      {"nested and direct put", {Branches({Put("a")}), Put("a")}, false},
      {"direct and nested put", {Put("a"), Branches({}, {Put("a")})}, false},
      {"nested put, direct delete", {Branches({Put("a")}), DeleteOf({"a"})}, false},
      {"nested put in failure, direct delete", {Branches({}, {Put("a")}), DeleteOf({"a"})}, false},
      {"nested delete, direct put", {Put("a"), Branches({DeleteOf({"a"})})}, false},
      {"nested delete, later nested put",
       {Branches({DeleteOf({"a"})}), Branches({Put("a")})},
       false},
      {"nested put, later nested delete",
       {Branches({Put("a")}), Branches({DeleteOf({"a"})})},
       true},
      {"put and delete in the two branches", {Branches({Put("a")}, {DeleteOf({"a"})})}, true},
      {"twice inside a nested", {Branches({Put("a"), Put("a")})}, false},
      {"twice inside a nested failure", {Branches({}, {Put("a"), Put("a")})}, false},
      {"two levels down", {Branches({Branches({Put("a")})}), Put("a")}, false},
  };
  for (const DuplicateCase& c : cases) {
    const absl::Status expected = c.allowed ? absl::OkStatus() : ErrDuplicateKey();
    EXPECT_EQ(ValidateTxn({.success = c.ops}), expected) << c.name;
    EXPECT_EQ(ValidateTxn({.failure = c.ops}), expected) << c.name;
  }
  EXPECT_TRUE(ValidateTxn({.success = {Put("a")}, .failure = {Put("a")}}).ok());
}

}  // namespace
}  // namespace pintle::kv::testing
