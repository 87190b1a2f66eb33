// Flags, variables and the config file: what is taken, what is refused, and in which words.
#include "server/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "server/flags.h"

namespace pintle::server {
namespace {

using testing::HasSubstr;

absl::StatusOr<Invocation> Parse(std::vector<std::string> arguments,
                                 std::vector<std::string> environment = {}) {
  absl::StatusOr<Invocation> parsed = ParseCommandLine(arguments, environment);
  if (!parsed.ok() || parsed->kind != Invocation::Kind::kServe) return parsed;
  const absl::Status begins = CheckInitialCluster(parsed->config);
  return begins.ok() ? parsed : begins;
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
  EXPECT_EQ(config.max_concurrent_streams, UINT32_MAX);
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

TEST(Config, AFlagAndItsVariableExcludeEachOther) {
  const auto parsed = Parse({"--name=flag"}, {"ETCD_DATA_DIR=/d"});
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->config.name, "flag");
  EXPECT_EQ(parsed->config.data_dir, "/d");
  const auto both = Parse({"--name=flag"}, {"ETCD_NAME=variable"});
  EXPECT_TRUE(absl::IsFailedPrecondition(both.status()));
  EXPECT_THAT(std::string(both.status().message()),
              HasSubstr("conflicting environment variable \"ETCD_NAME\""));
}

TEST(Config, NumbersAndDurationsAreWrittenAsInGo) {
  const auto parsed = Parse({"--max-txn-ops=0x20", "--quota-backend-bytes=1_000",
                             "--grpc-keepalive-timeout=1.5h", "--grpc-keepalive-interval=5\u00b5s",
                             "--election-timeout=0o3720", "--heartbeat-interval=010"});
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->config.max_txn_ops, 32);
  EXPECT_EQ(parsed->config.quota_backend_bytes, 1000);
  EXPECT_EQ(parsed->config.election_timeout_ms, 2000);
  EXPECT_EQ(parsed->config.heartbeat_interval_ms, 8);
  EXPECT_EQ(parsed->config.grpc_keepalive_timeout, absl::Minutes(90));
  EXPECT_EQ(parsed->config.grpc_keepalive_interval, absl::Microseconds(5));
  for (const char* bad :
       {"", "-", "1__0", "_1", "08", "0x", "1e3", "--1", "99999999999999999999"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Parse({std::string("--max-txn-ops=") + bad}).status()))
        << bad;
  }
}

TEST(Config, NamesOfPeersAreAMatterOfTls) {
  EXPECT_TRUE(Parse({"--peer-cert-allowed-cn=a", "--peer-cert-allowed-hostname=b"}).ok());
}

TEST(Config, TwoDashesEndTheFlags) {
  EXPECT_TRUE(Parse({"--name=x", "--"}).ok());
  EXPECT_THAT(std::string(Parse({"--", "--name=x"}).status().message()),
              HasSubstr("'--name=x' is not a valid flag"));
}

TEST(Config, WhatDoesNothingIsReadAllTheSame) {
  EXPECT_TRUE(Parse({"--snapshot-count=5", "--raft-read-timeout=1s", "--pre-vote=false"}).ok());
  for (const char* bad : {"--snapshot-count=x", "--raft-read-timeout=5", "--pre-vote=maybe"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Parse({bad}).status())) << bad;
  }
}

TEST(Config, UnknownVariableIsOnlyAWarning) {
  const auto parsed = Parse({}, {"ETCD_NO_SUCH_THING=1"});
  ASSERT_TRUE(parsed.ok());
  EXPECT_THAT(parsed->config.warnings.at(0), HasSubstr("ETCD_NO_SUCH_THING"));
}

TEST(Config, OnlyAFlagItselfIsAMatterOfUsage) {
  EXPECT_TRUE(absl::IsInvalidArgument(Parse({"--max-txn-ops=x"}).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(Parse({}, {"ETCD_MAX_TXN_OPS=x"}).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(Parse({"--config-file=/nonexistent"}).status()));
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
        Refusal{{"--no-such-flag"},
                absl::StatusCode::kInvalidArgument,
                "flag provided but not defined: -no-such-flag"},
        Refusal{{"serve"}, absl::StatusCode::kFailedPrecondition, "'serve' is not a valid flag"},
        Refusal{{"--name"}, absl::StatusCode::kInvalidArgument, "flag needs an argument: -name"},
        Refusal{{"---name"}, absl::StatusCode::kInvalidArgument, "bad flag syntax: ---name"},
        Refusal{{"--heartbeat-interval=fast"},
                absl::StatusCode::kInvalidArgument,
                "invalid value \"fast\" for flag -heartbeat-interval: parse error"},
        Refusal{{"--heartbeat-interval=-1"},
                absl::StatusCode::kInvalidArgument,
                "invalid value \"-1\" for flag -heartbeat-interval: parse error"},
        Refusal{{"--heartbeat-interval=0"},
                absl::StatusCode::kFailedPrecondition,
                "--heartbeat-interval must be >0 (set to 0ms)"},
        Refusal{{"--force-new-cluster=yes"},
                absl::StatusCode::kInvalidArgument,
                "invalid boolean value \"yes\" for -force-new-cluster: parse error"},
        Refusal{{"--max-txn-ops=a\nb"}, absl::StatusCode::kInvalidArgument, "a\\nb"},
        Refusal{{"--auto-compaction-retention=xx"},
                absl::StatusCode::kFailedPrecondition,
                "error parsing CompactionRetention: time: invalid duration \"xx\""},
        Refusal{{"--auto-compaction-retention=-1"},
                absl::StatusCode::kFailedPrecondition,
                "error parsing CompactionRetention"},
        Refusal{{"--auto-compaction-retention=5000000h"},
                absl::StatusCode::kFailedPrecondition,
                "error parsing CompactionRetention"},
        Refusal{{"--auto-compaction-retention=99999999999999999999"},
                absl::StatusCode::kFailedPrecondition,
                "error parsing CompactionRetention"},
        Refusal{{"--auto-compaction-mode=xx"},
                absl::StatusCode::kFailedPrecondition,
                "unknown auto-compaction-mode \"xx\""},
        Refusal{{"--max-concurrent-streams=4294967296"}, absl::StatusCode::kInvalidArgument, ""},
        Refusal{{"--grpc-keepalive-min-time=inf"}, absl::StatusCode::kInvalidArgument, ""},
        Refusal{{"--config-file=/tmp"},
                absl::StatusCode::kFailedPrecondition,
                "read /tmp: is a directory"},
        Refusal{{"--election-timeout=60000"},
                absl::StatusCode::kFailedPrecondition,
                "--election-timeout[60000ms] is too long, and should be set less than 50000ms"},
        Refusal{{"--election-timeout=400"},
                absl::StatusCode::kFailedPrecondition,
                "--election-timeout[400ms] should be at least as 5 times as "
                "--heartbeat-interval[100ms]"},
        Refusal{{"--listen-client-urls=http://127.0.0.1:1"},
                absl::StatusCode::kFailedPrecondition,
                "--advertise-client-urls is required when --listen-client-urls is set explicitly"},
        Refusal{{"--listen-peer-urls=127.0.0.1:1"},
                absl::StatusCode::kInvalidArgument,
                "URL scheme must be http, https, unix, or unixs: 127.0.0.1:1"},
        Refusal{{"--listen-peer-urls=http://127.0.0.1"},
                absl::StatusCode::kInvalidArgument,
                "URL address does not have the form \"host:port\": http://127.0.0.1"},
        Refusal{{"--listen-peer-urls=http://127.0.0.1:1/x"},
                absl::StatusCode::kInvalidArgument,
                "URL must not contain a path: http://127.0.0.1:1/x"},
        Refusal{{"--listen-peer-urls=http://some.host:1"},
                absl::StatusCode::kFailedPrecondition,
                "expected IP in URL for binding (http://some.host:1)"},
        Refusal{{"--name=x", "--initial-cluster=y=http://localhost:2380"},
                absl::StatusCode::kFailedPrecondition,
                "couldn't find local name \"x\" in the initial cluster configuration"},
        Refusal{{"--initial-cluster=default=http://localhost:9999"},
                absl::StatusCode::kFailedPrecondition,
                "missing from --initial-advertise-peer-urls"},
        Refusal{{"--initial-cluster=default=http://localhost:2380,b=http://localhost:2380"},
                absl::StatusCode::kFailedPrecondition,
                "has duplicate url"},
        Refusal{
            {"--initial-cluster-state=old"}, absl::StatusCode::kInvalidArgument, "new, existing"},
        Refusal{{"--api-listen-url=http://0.0.0.0:6443"},
                absl::StatusCode::kFailedPrecondition,
                "loopback only"},
        Refusal{{"--tls-min-version=TLS1.1"},
                absl::StatusCode::kFailedPrecondition,
                "unexpected TLS version \"TLS1.1\" (must be one of: TLS1.2, TLS1.3)"},
        Refusal{{"--tls-min-version=TLS1.3", "--tls-max-version=TLS1.2"},
                absl::StatusCode::kFailedPrecondition,
                "min version (TLS1.3) is greater than max version (TLS1.2)"},
        Refusal{{"--peer-cert-allowed-cn=a", "--peer-cert-allowed-hostname=b",
                 "--listen-peer-urls=https://127.0.0.1:1"},
                absl::StatusCode::kFailedPrecondition,
                "exclude each other"},
        Refusal{{"--tls-min-version=TLS1.3", "--cipher-suites=x"},
                absl::StatusCode::kFailedPrecondition,
                "cipher suites cannot be configured when only TLS1.3 is enabled"},
        Refusal{{"--log-outputs=default,stdout"},
                absl::StatusCode::kFailedPrecondition,
                "multi logoutput for \"default\" is not supported yet"},
        Refusal{{"--log-outputs=systemd/journal"},
                absl::StatusCode::kUnimplemented,
                "systemd/journal is unimplemented"},
        Refusal{{"--enable-log-rotation"},
                absl::StatusCode::kFailedPrecondition,
                "--log-outputs requires a single file path"},
        Refusal{{"--logger=capnslog"},
                absl::StatusCode::kFailedPrecondition,
                "--logger=capnslog is removed in v3.5"},
        Refusal{{"--feature-gates=Nonsense=true"},
                absl::StatusCode::kInvalidArgument,
                "unrecognized feature gate: Nonsense"},
        Refusal{{"--memory-mlock"}, absl::StatusCode::kUnimplemented, "is unimplemented"},
        Refusal{{"--discovery=http://x"}, absl::StatusCode::kUnimplemented, "--initial-cluster"},
        Refusal{{"--config-file=/nonexistent"},
                absl::StatusCode::kFailedPrecondition,
                "/nonexistent"}));

// Word for word what kubeadm 1.31 writes into the static pod, with an address filled in.
TEST(Config, KubeadmsCommandLineStartsUnmodified) {
  const auto parsed = Parse({"--advertise-client-urls=https://10.0.0.5:2379",
                             "--cert-file=/etc/kubernetes/pki/etcd/server.crt",
                             "--client-cert-auth=true",
                             "--data-dir=/var/lib/etcd",
                             "--experimental-initial-corrupt-check=true",
                             "--experimental-watch-progress-notify-interval=5s",
                             "--feature-gates=InitialCorruptCheck=true",
                             "--initial-advertise-peer-urls=https://10.0.0.5:2380",
                             "--initial-cluster=cp1=https://10.0.0.5:2380",
                             "--initial-cluster-state=existing",
                             "--key-file=/etc/kubernetes/pki/etcd/server.key",
                             "--listen-client-urls=https://127.0.0.1:2379,https://10.0.0.5:2379",
                             "--listen-metrics-urls=http://127.0.0.1:2381",
                             "--listen-peer-urls=https://10.0.0.5:2380",
                             "--name=cp1",
                             "--peer-cert-file=/etc/kubernetes/pki/etcd/peer.crt",
                             "--peer-client-cert-auth=true",
                             "--peer-key-file=/etc/kubernetes/pki/etcd/peer.key",
                             "--peer-trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt",
                             "--snapshot-count=10000",
                             "--trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt",
                             "--watch-progress-notify-interval=5s"});
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const Config& config = parsed->config;
  EXPECT_EQ(config.client_tls.cert_file, "/etc/kubernetes/pki/etcd/server.crt");
  EXPECT_EQ(config.peer_tls.trusted_ca_file, "/etc/kubernetes/pki/etcd/ca.crt");
  EXPECT_TRUE(config.client_tls.client_cert_auth);
  EXPECT_TRUE(config.listen_client_urls.at(1).tls());
  EXPECT_FALSE(config.listen_metrics_urls.at(0).tls());
  EXPECT_EQ(config.watch_progress_notify_interval, absl::Seconds(5));
  EXPECT_EQ(config.warnings.size(), 1u) << "the snapshot count";
}

TEST(Config, ObsoleteFlagsAreTakenWithAWarning) {
  const auto parsed = Parse({"--enable-v2=false", "-proxy", "off", "--proxy-read-timeout=0",
                             "--debug", "--v2-deprecation=not-yet", "--experimental-enable-v2v3="});
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->config.warnings.size(), 6u);
}

TEST(Config, WhatIsUnsafeIsSaid) {
  const auto parsed = Parse({"--unsafe-no-fsync"});
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_TRUE(parsed->config.unsafe_no_fsync);
  ASSERT_EQ(parsed->config.warnings.size(), 1u);
  EXPECT_THAT(parsed->config.warnings[0], HasSubstr("nothing is synced"));
}

TEST(Config, DefaultsOfWhatIsNotThereAreNoNews) {
  const auto parsed = Parse({"--discovery=", "--memory-mlock=false"}, {"ETCD_DISCOVERY_SRV="});
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_TRUE(parsed->config.warnings.empty());
}

TEST(Config, EverySpellingOfFourReleasesIsKnown) {
  for (const char* name : {"experimental-peer-skip-client-san-verification",
                           "peer-skip-client-san-verification",
                           "experimental-compaction-batch-limit",
                           "compaction-batch-limit",
                           "max-wals",
                           "experimental-snapshot-catch-up-entries",
                           "experimental-snapshot-catchup-entries",
                           "experimental-memory-mlock",
                           "experimental-enable-distributed-tracing",
                           "host-whitelist",
                           "cors",
                           "peer-client-cert-file",
                           "client-cert-allowed-hostname",
                           "raft-read-timeout",
                           "experimental-warning-unary-request-duration",
                           "socket-reuse-address",
                           "ca-file",
                           "cluster-active-size",
                           "test.coverprofile",
                           "experimental-downgrade-check-time"}) {
    EXPECT_NE(FindFlag(name), nullptr) << name;
  }
}

TEST(Config, UnixSocketsAndSeveralUrls) {
  const auto parsed =
      Parse({"--listen-client-urls=unix://localhost:20000,http://[::1]:2379,unixs:///run/e.sock",
             "--advertise-client-urls=http://[::1]:2379"});
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const auto& urls = parsed->config.listen_client_urls;
  EXPECT_EQ(urls.at(0).host, "localhost:20000");
  EXPECT_TRUE(urls.at(0).local());
  EXPECT_EQ(urls.at(1).host, "::1");
  EXPECT_EQ(urls.at(2).host, "/run/e.sock");
  EXPECT_TRUE(urls.at(2).tls());
}

TEST(Config, UnixSocketsBetweenMembers) {
  const auto parsed = Parse({"--name=m1", "--listen-peer-urls=unix://m1.sock",
                             "--initial-advertise-peer-urls=unix://m1.sock",
                             "--initial-cluster=m1=unix://m1.sock,m2=unix://m2.sock"});
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_TRUE(parsed->config.listen_peer_urls.at(0).local());
  EXPECT_EQ(parsed->config.listen_peer_urls.at(0).host, "m1.sock");
}

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

TEST_F(ConfigFile, UnknownKeyIsOnlyAWarning) {
  const auto parsed = ParseFile(
      "name: m1\ninitial-cluster: m1=http://localhost:2380\nnmae: {m2: [x]}\n"
      "client-transport-security:\n  cret-file: /a\n");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_THAT(
      parsed->config.warnings,
      testing::IsSupersetOf({HasSubstr("unknown key 'nmae'"),
                             HasSubstr("unknown key 'client-transport-security: cret-file'")}));
}

TEST_F(ConfigFile, KeysInAnyCaseAndYamlsOwnWordsForTrue) {
  const auto parsed =
      ParseFile("Max-Txn-OPS: 5\nforce-new-cluster: yes\nstrict-reconfig-check: off\n");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->config.max_txn_ops, 5);
  EXPECT_TRUE(parsed->config.force_new_cluster);
  EXPECT_FALSE(parsed->config.strict_reconfig_check);
}

TEST_F(ConfigFile, AKeyWithoutAValueIsNone) {
  const auto parsed = ParseFile("max-txn-ops:\nsnapshot-count: ~\nforce-new-cluster:\n");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->config.max_txn_ops, 128);
}

TEST_F(ConfigFile, AdvertisesTheDefault) {
  const auto parsed = ParseFile("listen-client-urls: http://127.0.0.1:1\n");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->config.advertise_client_urls.at(0), "http://localhost:2379");
}

TEST_F(ConfigFile, BrokenYamlIsAnError) { EXPECT_FALSE(ParseFile("name: [m1\n").ok()); }

TEST_F(ConfigFile, TlsSitsInMaps) {
  const auto parsed = ParseFile(
      "client-transport-security:\n  cert-file: /a.pem\n  key-file: /a.key\n"
      "  client-cert-auth: true\n  trusted-ca-file: /ca.pem\n  auto-tls: false\n"
      "peer-transport-security:\n  cert-file: /p.pem\n  key-file: /p.key\n"
      "  allowed-cn: m1\n  skip-client-san-verification: true\n"
      "cipher-suites: [A, B]\nlisten-client-urls: https://127.0.0.1:1,https://127.0.0.1:2\n"
      "advertise-client-urls: https://127.0.0.1:1\nlisten-metrics-urls:\n");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const Config& config = parsed->config;
  EXPECT_EQ(config.client_tls.cert_file, "/a.pem");
  EXPECT_TRUE(config.client_tls.client_cert_auth);
  EXPECT_EQ(config.peer_tls.key_file, "/p.key");
  EXPECT_EQ(config.peer_tls.allowed_common_names, std::vector<std::string>{"m1"});
  EXPECT_TRUE(config.peer_skip_client_san_verification);
  EXPECT_EQ(config.cipher_suites, (std::vector<std::string>{"A", "B"}));
  EXPECT_EQ(config.listen_client_urls.size(), 2u);
  EXPECT_FALSE(ParseFile("client-transport-security: /a\n").ok());
}

TEST_F(ConfigFile, IsLimited) {
  EXPECT_FALSE(ParseFile("name: " + std::string(2 << 20, 'x')).ok());
  EXPECT_FALSE(ParseFile(std::string(100000, '[')).ok());
  EXPECT_FALSE(ParseFile(std::string(100000, '{')).ok());
}

TEST(Flags, EveryRowHasHelpAndTakesItsDefault) {
  for (const Flag& flag : Flags()) {
    EXPECT_TRUE(!flag.help.empty() || flag.standing == FlagStanding::kObsolete) << flag.name;
    if (flag.set == nullptr) continue;
    if (flag.fallback.empty() || flag.fallback.find('<') != std::string_view::npos) continue;
    Config config;
    EXPECT_TRUE(flag.set(config, flag.fallback).ok()) << flag.name;
  }
}

TEST(Flags, HelpNamesEveryFlagThatDoesSomething) {
  std::ostringstream help;
  PrintHelp(help);
  for (const Flag& flag : Flags()) {
    if (flag.standing != FlagStanding::kBuilt) continue;
    EXPECT_THAT(help.str(), HasSubstr("--" + std::string(flag.name) + " '"));
  }
}

}  // namespace
}  // namespace pintle::server
