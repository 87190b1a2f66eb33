#include "server/kube/selectors.h"

#include <gtest/gtest.h>

namespace pintle::server::kube {
namespace {

bool Matches(const char* selector, const Json& labels) {
  Result<LabelSelector> parsed = LabelSelector::Parse(selector);
  EXPECT_TRUE(parsed.ok()) << selector << ": " << (parsed.ok() ? "" : parsed.error().message);
  return parsed.ok() && parsed->Matches(labels);
}

TEST(LabelSelector, MatchesAsKubernetesDoes) {
  const Json labels = {{"app", "web"}, {"tier", ""}, {"n", "5"}};
  for (const char* yes :
       {"", "app", "app=web", "app==web", " app = web ", "app!=db", "other!=x", "!other",
        "app in (web,db)", "app in (db, web)", "app notin (db)", "other notin (a)",
        "tier=", "tier in ()", "n>4", "n<6", "app=web,!other,n>1", "in!=x", "notin!=x"})
    EXPECT_TRUE(Matches(yes, labels)) << yes;
  for (const char* no : {"other", "app=db", "app!=web", "!app", "app in (db)", "app notin (web)",
                         "other in (a)", "n>5", "n<5", "app>1", "other>1", "app=web,other", "app="})
    EXPECT_FALSE(Matches(no, labels)) << no;
  EXPECT_TRUE(Matches("!app", nullptr));
  EXPECT_FALSE(Matches("app", nullptr));
}

TEST(LabelSelector, RefusesInKubernetesWords) {
  const std::pair<const char*, const char*> cases[] = {
      {"a===b", "unable to parse requirement: found '=', expected: identifier"},
      {"=a", "found '=', expected: !, identifier, or 'end of string'"},
      {"a,,b", "found ',', expected: identifier after ','"},
      {"a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"},
      {"a in b", "unable to parse requirement: found 'b' expected: '('"},
      {"a in (b", "unable to parse requirement: found '', expected: ',' or ')'"},
      {"!", "unable to parse requirement: found '', expected: identifier"},
      {"a=b c", "found 'c', expected: ',' or 'end of string'"},
      {"a>b",
       "unable to parse requirement: values[0]: Invalid value: \"b\": for 'Gt', 'Lt' operators, "
       "the "
       "value must be an integer"}};
  for (const auto& [selector, message] : cases) {
    Result<LabelSelector> parsed = LabelSelector::Parse(selector);
    ASSERT_FALSE(parsed.ok()) << selector;
    EXPECT_EQ(parsed.error().message, message) << selector;
    EXPECT_EQ(parsed.error().code, 400);
  }
  EXPECT_FALSE(LabelSelector::Parse("-a=b").ok());
  EXPECT_FALSE(LabelSelector::Parse("a=-b-").ok());
}

TEST(FieldSelector, ReadsPathsOfTheRow) {
  const Resource& pods = *FindResource("", "v1", "pods");
  const Json pod = {{"metadata", {{"name", "p"}, {"namespace", "ns"}}},
                    {"spec", {{"nodeName", "n1"}}},
                    {"status", {{"phase", "Running"}}}};
  for (const char* yes : {"", "metadata.name=p", "metadata.name==p,spec.nodeName=n1",
                          "status.phase!=Succeeded,status.phase!=Failed"}) {
    Result<FieldSelector> parsed = FieldSelector::Parse(pods, yes);
    ASSERT_TRUE(parsed.ok()) << yes;
    EXPECT_TRUE(parsed->Matches(pod)) << yes;
  }
  for (const char* no :
       {"metadata.name!=p", "spec.nodeName=", "metadata.namespace=x", "metadata.name=p\\,q"}) {
    Result<FieldSelector> parsed = FieldSelector::Parse(pods, no);
    ASSERT_TRUE(parsed.ok()) << no;
    EXPECT_FALSE(parsed->Matches(pod)) << no;
  }
  EXPECT_EQ(FieldSelector::Parse(pods, "metadata.name=p")->required_name(), "p");
  EXPECT_EQ(FieldSelector::Parse(pods, "metadata.name!=p")->required_name(), "");
}

TEST(FieldSelector, RefusesUnknownPaths) {
  const Resource& maps = *FindResource("", "v1", "configmaps");
  EXPECT_EQ(FieldSelector::Parse(maps, "foo=1").error().message,
            "\"foo\" is not a known field selector: only \"metadata.name\", "
            "\"metadata.namespace\"");
  EXPECT_EQ(FieldSelector::Parse(*FindResource("", "v1", "pods"), "foo=1").error().message,
            "field label not supported: foo");
  EXPECT_EQ(FieldSelector::Parse(maps, "metadata.name").error().message,
            "invalid selector: 'metadata.name'; can't understand 'metadata.name'");
  EXPECT_FALSE(FieldSelector::Parse(maps, "metadata.name=a\\z").ok());
}

}  // namespace
}  // namespace pintle::server::kube
