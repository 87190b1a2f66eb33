// Txn: etcd-api 1.1.2 (header revisions) and 1.1.5.
#include <gmock/gmock.h>

#include "kv/errors.h"
#include "tests/kv/store_fixture.h"

namespace pintle::kv::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Result = Compare::Result;
using Target = Compare::Target;

Compare Number(KeyRange range, Target target, Result result, int64_t number) {
  return {.result = result, .target = target, .range = std::move(range), .number = number};
}
Compare Value(KeyRange range, Result result, std::string value) {
  return {.result = result,
          .target = Target::kValue,
          .range = std::move(range),
          .value = std::move(value)};
}

class TxnTest : public StoreTest {
 protected:
  void Fill() {
    Do(LeaseGrantRequest{LeaseId(7), 60});
    Put("a", "1");     // 2
    Put("a", "2");     // 3
    Put("b", "5", 7);  // 4
  }
  bool Holds(const Compare& compare) {
    const TxnRequest request{.compares = {compare}};
    auto read = store_->view()->ReadOnlyTxn(request);
    auto applied = Do(request);
    const bool holds = std::get<TxnResult>(*applied.result).succeeded;
    EXPECT_EQ(read->succeeded, holds);
    return holds;
  }
};

TEST_F(TxnTest, ComparesEveryTarget) {
  Fill();
  EXPECT_TRUE(Holds(Number({"a"}, Target::kVersion, Result::kEqual, 2)));
  EXPECT_FALSE(Holds(Number({"a"}, Target::kVersion, Result::kNotEqual, 2)));
  EXPECT_TRUE(Holds(Number({"a"}, Target::kCreate, Result::kEqual, 2)));
  EXPECT_TRUE(Holds(Number({"a"}, Target::kMod, Result::kGreater, 2)));
  EXPECT_FALSE(Holds(Number({"a"}, Target::kMod, Result::kGreater, 3)));
  EXPECT_TRUE(Holds(Number({"a"}, Target::kMod, Result::kLess, 4)));
  EXPECT_FALSE(Holds(Number({"a"}, Target::kMod, Result::kLess, 3)));
  EXPECT_TRUE(Holds(Number({"b"}, Target::kLease, Result::kEqual, 7)));
  EXPECT_TRUE(Holds(Number({"a"}, Target::kLease, Result::kEqual, 0)));
  EXPECT_TRUE(Holds(Number({"a"}, Target::kMod, Result::kGreater, -1)));
  EXPECT_TRUE(Holds(Value({"b"}, Result::kEqual, "5")));
  EXPECT_TRUE(Holds(Value({"b"}, Result::kLess, "50")));
  EXPECT_TRUE(Holds(Value({"b"}, Result::kGreater, "40")));
  EXPECT_TRUE(Holds(Value({"b"}, Result::kGreater, "")));
  EXPECT_FALSE(Holds(Value({"b"}, Result::kNotEqual, "5")));
}

TEST_F(TxnTest, ComparesValuesAsUnsignedBytes) {
  Put("k", "\xff");
  EXPECT_TRUE(Holds(Value({"k"}, Result::kGreater, "a")));
}

TEST_F(TxnTest, AMissingKeyIsAllZerosButHasNoValue) {
  for (const Target target : {Target::kVersion, Target::kCreate, Target::kMod, Target::kLease}) {
    EXPECT_TRUE(Holds(Number({"x"}, target, Result::kEqual, 0)));
    EXPECT_TRUE(Holds(Number({"x"}, target, Result::kLess, 1)));
    EXPECT_FALSE(Holds(Number({"x"}, target, Result::kGreater, 0)));
    EXPECT_TRUE(Holds(Number({"x", "y"}, target, Result::kNotEqual, 1)));
  }
  for (const Result result : {Result::kEqual, Result::kGreater, Result::kLess, Result::kNotEqual}) {
    EXPECT_FALSE(Holds(Value({"x"}, result, "")));
    EXPECT_FALSE(Holds(Value({"x"}, result, "v")));
    EXPECT_FALSE(Holds(Value({"x", "z"}, result, "v")));
  }
  Put("x", "1");
  Delete({"x"});
  EXPECT_TRUE(Holds(Number({"x"}, Target::kCreate, Result::kEqual, 0)));
  EXPECT_FALSE(Holds(Value({"x"}, Result::kNotEqual, "v")));
}

TEST_F(TxnTest, EveryKeyOfARangeMustHold) {
  Fill();
  EXPECT_TRUE(Holds(Number({"a", "c"}, Target::kMod, Result::kGreater, 2)));
  EXPECT_FALSE(Holds(Number({"a", "c"}, Target::kMod, Result::kGreater, 3)));
  EXPECT_FALSE(Holds(Number({"a", "c"}, Target::kMod, Result::kLess, 4)));
  EXPECT_TRUE(Holds(Number(All(), Target::kVersion, Result::kNotEqual, 3)));
  EXPECT_TRUE(Holds(Value({"a", "c"}, Result::kGreater, "1")));
  EXPECT_FALSE(Holds(Value(From("a"), Result::kGreater, "2")));
  EXPECT_TRUE(Holds(Number({"c", "a"}, Target::kMod, Result::kEqual, 0)));
}

TEST_F(TxnTest, AllComparesMustHoldAndNoneIsTrue) {
  Fill();
  TxnRequest request{.compares = {Number({"a"}, Target::kVersion, Result::kEqual, 2),
                                  Number({"b"}, Target::kVersion, Result::kEqual, 1)}};
  EXPECT_EQ(Ask(request), "txn@4 yes{}");
  request.compares.push_back(Number({"b"}, Target::kVersion, Result::kEqual, 9));
  EXPECT_EQ(Ask(request), "txn@4 no{}");
  request.compares = {Number({"b"}, Target::kVersion, Result::kEqual, 9),
                      Number({"a"}, Target::kVersion, Result::kEqual, 2)};
  EXPECT_EQ(Ask(request), "txn@4 no{}");
  EXPECT_EQ(Ask(TxnRequest{}), "txn@4 yes{}");
}

TEST_F(TxnTest, HeaderRevisionsFollowTheChanges) {
  Put("a", "1");
  Put("b", "1");
  EXPECT_EQ(
      Ask(TxnRequest{.success = {RangeOf({"a"}), DeleteOf({"x"}), PutOf("a", "2"), RangeOf({"a"}),
                                 DeleteOf({"x"}), DeleteOf({"b"}), RangeOf(All())}}),
      "txn@4 yes{range@3[a=1 c2 m2 v1] of 1; deleted@3 0; put@4; range@4[a=2 c2 m4 v2] of 1; "
      "deleted@4 0; deleted@4 1; range@4[a=2 c2 m4 v2] of 1}");
}

TEST_F(TxnTest, ATxnThatChangesNothingLeavesTheRevision) {
  Put("a", "1");
  EXPECT_EQ(Ask(TxnRequest{.success = {RangeOf({"a"}), DeleteOf({"x"})}}),
            "txn@2 yes{range@2[a=1 c2 m2 v1] of 1; deleted@2 0}");
  EXPECT_EQ(Ask(TxnRequest{.success = {Nested({.success = {RangeOf({"a"})}})}}),
            "txn@2 yes{txn@0 yes{range@2[a=1 c2 m2 v1] of 1}}");
}

TEST_F(TxnTest, NestedHeadersAreNotFilledButTheirOpsAre) {
  Put("a", "1");
  const TxnRequest inner{.compares = {Number({"a"}, Target::kMod, Result::kEqual, 2)},
                         .success = {PutOf("n", "1"), RangeOf({"n"})},
                         .failure = {PutOf("n", "2")}};
  EXPECT_EQ(
      Ask(TxnRequest{.success = {RangeOf({"a"}), Nested(inner), RangeOf({"n"}), PutOf("z", "1")}}),
      "txn@3 yes{range@2[a=1 c2 m2 v1] of 1; "
      "txn@0 yes{put@3; range@3[n=1 c3 m3 v1] of 1}; "
      "range@3[n=1 c3 m3 v1] of 1; put@3}");
}

TEST_F(TxnTest, NestedComparesSeeTheStateAtTheStart) {
  Put("a", "1");
  const TxnRequest inner{.compares = {Number({"b"}, Target::kCreate, Result::kEqual, 0)},
                         .success = {PutOf("c", "b was missing")},
                         .failure = {PutOf("c", "b was there")}};
  EXPECT_EQ(Ask(TxnRequest{.success = {PutOf("b", "1"), Nested(inner), RangeOf({"c"})}}),
            "txn@3 yes{put@3; txn@0 yes{put@3}; range@3[c=b was missing c3 m3 v1] of 1}");
}

TEST_F(TxnTest, PathsOfDeepTreesDoNotMix) {
  Put("a", "1");
  const auto leaf = [](const char* key, bool holds) {
    return Nested({.compares = {Number({"a"}, Target::kMod, Result::kEqual, holds ? 2 : 9)},
                   .success = {PutOf(std::string(key) + "-yes", "")},
                   .failure = {PutOf(std::string(key) + "-no", "")}});
  };
  const TxnRequest middle{.compares = {Number({"a"}, Target::kMod, Result::kEqual, 9)},
                          .success = {leaf("unused1", true), leaf("unused2", true)},
                          .failure = {leaf("one", false), leaf("two", true)}};
  Ask(TxnRequest{.success = {leaf("zero", true), Nested(middle), leaf("three", false)}});
  EXPECT_EQ(
      Range({"one", "z~"}),
      "range@3[one-no c3 m3 v1, three-no c3 m3 v1, two-yes c3 m3 v1, zero-yes c3 m3 v1] of 4");
}

TEST_F(TxnTest, EventsOfATxnShareTheRevision) {
  Put("a", "1");
  const ApplyResult result = Do(TxnRequest{
      .success = {PutOf("b", "1"), DeleteOf({"a"}), Nested({.success = {PutOf("c", "1")}})}});
  EXPECT_THAT(Text(result.events), ElementsAre("PUT 3.0 b=1 c3 m3 v1 created 3 previous 0.0",
                                               "DELETE 3.1 a c0 m3 v0 created 0 previous 2.0",
                                               "PUT 3.2 c=1 c3 m3 v1 created 3 previous 0.0"));
  EXPECT_EQ(Events(All(), 3), Text(result.events));
}

TEST_F(TxnTest, PreflightRefusesTheWholeTxn) {
  Fill();
  PutRequest keep = PutOf("missing", "");
  keep.ignore_value = true;
  struct Case {
    TxnOp op;
    absl::Status error;
  };
  for (const Case& c : std::vector<Case>{{RangeOf({"a"}, 5), ErrFutureRevision()},
                                         {PutOf("k", "v", 99), ErrLeaseNotFound()},
                                         {keep, ErrKeyNotFound()}}) {
    for (const bool nested : {false, true}) {
      const TxnOp op = nested ? Nested({.success = {c.op}}) : c.op;
      const ApplyResult result = Do(TxnRequest{.success = {PutOf("new", "1"), op}});
      EXPECT_EQ(result.result.status(), c.error);
      EXPECT_THAT(result.events, IsEmpty());
      // On the branch not taken it does not matter.
      EXPECT_TRUE(Do(TxnRequest{.failure = {op}}).result.ok());
    }
  }
  EXPECT_EQ(Range({"new"}), "range@4[] of 0");
}

TEST_F(TxnTest, WhatIsWrongWithAPutIsToldFirst) {
  Fill();
  const auto refusal = [&](std::vector<TxnOp> ops) {
    return Do(TxnRequest{.success = std::move(ops)}).result.status();
  };
  RangeRequest future = RangeOf({"a"}, 99);
  EXPECT_EQ(refusal({future, PutOf("k", "v", 99)}), ErrLeaseNotFound());
  EXPECT_EQ(refusal({future, PutOf("k", "v")}), ErrFutureRevision());
  PutRequest both = PutOf("missing", "", 99);
  both.ignore_value = true;
  EXPECT_EQ(refusal({both}), ErrKeyNotFound());
  EXPECT_EQ(Do(both).result.status(), ErrLeaseNotFound());
}

TEST_F(TxnTest, RangesAtOldRevisionsDoNotSeeTheTxn) {
  Fill();
  EXPECT_EQ(Ask(TxnRequest{.success = {PutOf("a", "3"), RangeOf({"a"}, 2), RangeOf({"a"}, 4)}}),
            "txn@5 yes{put@5; range@5[a=1 c2 m2 v1] of 1; range@5[a=2 c2 m3 v2] of 1}");
}

TEST_F(TxnTest, RangesBelowTheCompactRevisionAreRefused) {
  Fill();
  // Nothing compacted: the marker is -1, and -1 is not below it.
  EXPECT_EQ(Ask(TxnRequest{.success = {RangeOf({"a"}, -1)}}),
            "txn@4 yes{range@4[a=2 c2 m3 v2] of 1}");
  EXPECT_EQ(Ask(TxnRequest{.success = {RangeOf({"a"}, -2)}}), kCompacted);
  Compact(3);
  EXPECT_EQ(Ask(TxnRequest{.success = {RangeOf({"a"}, 2), PutOf("x", "")}}), kCompacted);
  EXPECT_EQ(Ask(TxnRequest{.success = {RangeOf({"a"}, -1)}}), kCompacted);
  EXPECT_EQ(Ask(TxnRequest{.success = {RangeOf({"a"}, 3)}}),
            "txn@4 yes{range@4[a=2 c2 m3 v2] of 1}");
  EXPECT_EQ(Text(store_->view()->ReadOnlyTxn({.success = {RangeOf({"a"}, 2)}})), kCompacted);
  EXPECT_EQ(Text(store_->view()->ReadOnlyTxn({.success = {RangeOf({"a"}, 9)}})), kFuture);
  EXPECT_EQ(Text(store_->view()->ReadOnlyTxn({.success = {RangeOf({"a"}, 3), RangeOf({"b"})}})),
            "txn@4 yes{range@4[a=2 c2 m3 v2] of 1; range@4[b=5 c4 m4 v1 l7] of 1}");
}

// Static checks do not see these (etcd-api 1.1.5, the quirk): the store must take them all the
// same.
TEST_F(TxnTest, PutThenDeleteOfOneKeyInOneTxn) {
  const TxnRequest request{.success = {Nested({.success = {PutOf("k", "1")}}),
                                       Nested({.success = {DeleteOf({"k"}, true)}})}};
  const ApplyResult result = Do(request);
  EXPECT_EQ(Text(result.result),
            "txn@2 yes{txn@0 yes{put@2}; txn@0 yes{deleted@2 1 were [k=1 c2 m2 v1]}}");
  EXPECT_THAT(Text(result.events), ElementsAre("PUT 2.0 k=1 c2 m2 v1 created 2 previous 0.0",
                                               "DELETE 2.1 k c0 m2 v0 created 0 previous 0.0"));
  EXPECT_EQ(Range({"k"}), "range@2[] of 0");
  EXPECT_EQ(Events({"k"}, 2), Text(result.events));
  EXPECT_EQ(Events(All(), 2), Text(result.events));
  Compact(2);
  CompactAll();
  EXPECT_EQ(StoredRecords(), 1u);  // the tombstone at the compact revision
  Reopen();
  EXPECT_EQ(Range({"k"}), "range@2[] of 0");
}

TEST_F(TxnTest, KubernetesShapes) {
  const auto create = [](std::string value) {
    return TxnRequest{.compares = {Number({"pod"}, Target::kMod, Result::kEqual, 0)},
                      .success = {PutOf("pod", std::move(value))},
                      .failure = {RangeOf({"pod"})}};
  };
  EXPECT_EQ(Ask(create("1")), "txn@2 yes{put@2}");
  EXPECT_EQ(Ask(create("2")), "txn@2 no{range@2[pod=1 c2 m2 v1] of 1}");
  EXPECT_EQ(Ask(TxnRequest{.compares = {Number({"pod"}, Target::kMod, Result::kEqual, 2)},
                           .success = {DeleteOf({"pod"}, true)},
                           .failure = {RangeOf({"pod"})}}),
            "txn@3 yes{deleted@3 1 were [pod=1 c2 m2 v1]}");
}

}  // namespace
}  // namespace pintle::kv::testing
