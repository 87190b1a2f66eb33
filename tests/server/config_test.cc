// Flags, variables and the config file: what is taken, what is refused, and in which words.
#include "server/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "server/flags.h"

namespace pintle::server {
namespace {

using testing::HasSubstr;

absl::StatusOr<Invocation> Parse(std::vector<std::string> arguments,
                                 std::vector<std::string> environment = {}) {
  return ParseCommandLine(arguments, environment);
}

TEST(Config, DefaultsAreEtcds) {
  const auto parsed = Parse({});
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const Config& config = parsed->config;
  EXPECT_EQ(config.name, "default");
  EXPECT_EQ(config.data_dir, "default.etcd");
  EXPECT_EQ(config.listen_client_urls.at(0).port, 2379);
  EXPECT_EQ(config.listen_peer_urls.at(0).port, 2380);
  EXPECT_EQ(config.initial_cluster.at(0).name, "default");
  EXPECT_EQ(config.initial_cluster.at(0).peer_urls.at(0), "http://localhost:2380");
  EXPECT_EQ(config.election_timeout_ms, 1000);
  EXPECT_EQ(config.max_request_bytes, 1572864);
}

TEST(Config, TakesOneDashTwoDashesAndEquals) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"-name", "m1", "-initial-cluster", "m1=http://localhost:2380"},
           {"--name", "m1"},
           {"--name=m1"},
           {"-name=m1"}}) {
    const auto parsed = Parse(arguments);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(parsed->config.name, "m1");
  }
}

TEST(Config, FlagWinsOverVariable) {
  const auto parsed = Parse({"--name=flag"}, {"ETCD_NAME=variable", "ETCD_DATA_DIR=/d"});
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->config.name, "flag");
  EXPECT_EQ(parsed->config.data_dir, "/d");
}

TEST(Config, UnknownVariableIsOnlyAWarning) {
  const auto parsed = Parse({}, {"ETCD_NO_SUCH_THING=1"});
  ASSERT_TRUE(parsed.ok());
  EXPECT_THAT(parsed->config.warnings.at(0), HasSubstr("ETCD_NO_SUCH_THING"));
}

TEST(Config, HelpAndVersion) {
  EXPECT_EQ(Parse({"--help"})->kind, Invocation::Kind::kHelp);
  EXPECT_EQ(Parse({"-h"})->kind, Invocation::Kind::kHelp);
  EXPECT_EQ(Parse({"--version"})->kind, Invocation::Kind::kVersion);
}

struct Refusal {
  std::vector<std::string> arguments;
  absl::StatusCode code;
  std::string words;
};

class Refused : public testing::TestWithParam<Refusal> {};

TEST_P(Refused, SaysWhatIsWrong) {
  const auto parsed = Parse(GetParam().arguments);
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.status().code(), GetParam().code) << parsed.status();
  EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(GetParam().words));
  EXPECT_EQ(parsed.status().message().find('\n'), std::string::npos) << "one line";
}

INSTANTIATE_TEST_SUITE_P(
    Table, Refused,
    testing::Values(
        Refusal{
            {"--no-such-flag"}, absl::StatusCode::kInvalidArgument, "unknown flag --no-such-flag"},
        Refusal{{"serve"}, absl::StatusCode::kInvalidArgument, "'serve' is not a valid flag"},
        Refusal{{"--name"}, absl::StatusCode::kInvalidArgument, "--name"},
        Refusal{{"--heartbeat-interval=fast"},
                absl::StatusCode::kInvalidArgument,
                "not a whole number"},
        Refusal{{"--election-timeout=99999"},
                absl::StatusCode::kInvalidArgument,
                "between 1 and 50000"},
        Refusal{{"--election-timeout=400"}, absl::StatusCode::kFailedPrecondition, "5 times"},
        Refusal{{"--cert-file=x"}, absl::StatusCode::kUnimplemented, "not built yet"},
        Refusal{{"--listen-client-urls=http://127.0.0.1:1"},
                absl::StatusCode::kFailedPrecondition,
                "--advertise-client-urls is required"},
        Refusal{
            {"--listen-peer-urls=https://127.0.0.1:1"}, absl::StatusCode::kUnimplemented, "https"},
        Refusal{{"--listen-peer-urls=127.0.0.1:1"}, absl::StatusCode::kInvalidArgument, "URL"},
        Refusal{
            {"--listen-peer-urls=http://127.0.0.1"}, absl::StatusCode::kInvalidArgument, "port"},
        Refusal{{"--listen-peer-urls=http://some.host:1"},
                absl::StatusCode::kFailedPrecondition,
                "expected IP"},
        Refusal{{"--name=x", "--initial-cluster=y=http://localhost:2380"},
                absl::StatusCode::kFailedPrecondition,
                "couldn't find local name \"x\""},
        Refusal{{"--initial-cluster=default=http://localhost:9999"},
                absl::StatusCode::kFailedPrecondition,
                "missing from --initial-advertise-peer-urls"},
        Refusal{
            {"--initial-cluster-state=old"}, absl::StatusCode::kInvalidArgument, "new, existing"},
        Refusal{{"--api-listen-url=http://0.0.0.0:6443"},
                absl::StatusCode::kFailedPrecondition,
                "loopback only"},
        Refusal{
            {"--config-file=/nonexistent"}, absl::StatusCode::kInvalidArgument, "/nonexistent"}));

class ConfigFile : public testing::Test {
 protected:
  absl::StatusOr<Invocation> ParseFile(const std::string& text) {
    const std::string path = testing::TempDir() + "/pintle_config_test.yaml";
    std::ofstream(path) << text;
    auto parsed = Parse({"--config-file=" + path, "--name=ignored"});
    std::remove(path.c_str());
    return parsed;
  }
};

TEST_F(ConfigFile, ReplacesAllOtherFlags) {
  const auto parsed = ParseFile(
      "name: m1\ninitial-cluster: m1=http://localhost:2380\nwatch-progress-notify-interval: "
      "5000000000\n"
      "log-outputs: [stderr]\n");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->config.name, "m1");
  EXPECT_EQ(parsed->config.watch_progress_notify_interval, absl::Seconds(5));
}

TEST_F(ConfigFile, UnknownKeyIsAnError) {
  const auto parsed = ParseFile("name: m1\nnmae: m2\n");
  ASSERT_FALSE(parsed.ok());
  EXPECT_THAT(std::string(parsed.status().message()), HasSubstr("unknown key 'nmae'"));
}

TEST_F(ConfigFile, BrokenYamlIsAnError) { EXPECT_FALSE(ParseFile("name: [m1\n").ok()); }

TEST(Flags, EveryRowHasHelpAndTakesItsDefault) {
  for (const Flag& flag : Flags()) {
    EXPECT_FALSE(flag.help.empty()) << flag.name;
    if (flag.fallback.empty() || flag.fallback.find('<') != std::string_view::npos) continue;
    Config config;
    EXPECT_TRUE(flag.set(config, flag.fallback).ok()) << flag.name;
  }
}

}  // namespace
}  // namespace pintle::server
