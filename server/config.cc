#include "server/config.h"

#include <algorithm>
#include <map>
#include <ostream>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "server/config_file.h"
#include "server/flags.h"

namespace pintle::server {
namespace {

constexpr int64_t kLongestElectionTimeoutMs = 50000;

absl::Status Contradiction(const std::string& text) { return absl::FailedPreconditionError(text); }

struct CommandLine {
  bool help = false;
  bool version = false;
  std::string config_file;
  std::vector<std::pair<std::string, std::string>> values;  // as spelled, in order
};

absl::Status Unusable(const std::string& text) { return absl::InvalidArgumentError(text); }

absl::Status Take(CommandLine& line, std::string name, std::string value) {
  if (name == "config-file") {
    line.config_file = std::move(value);
    return absl::OkStatus();
  }
  if (name == "h" || name == "help") {  // whatever its value, as in Go
    line.help = true;
    return absl::OkStatus();
  }
  if (name != "version") {
    line.values.emplace_back(std::move(name), std::move(value));
    return absl::OkStatus();
  }
  const absl::StatusOr<bool> on = ParseGoTruth(value);
  if (!on.ok()) {
    return Unusable(absl::StrCat("invalid boolean value ", Quoted(value),
                                 " for -version: ", on.status().message()));
  }
  line.version = *on;
  return absl::OkStatus();
}

absl::Status NoFlag(std::string_view argument) {
  return Contradiction(absl::StrCat("'", std::string(argument), "' is not a valid flag"));
}

// As Go reads flags: one dash does for long ones too, a switch without a value is on, two dashes
// end them, and nothing stands alone.
absl::StatusOr<CommandLine> Split(const std::vector<std::string>& arguments) {
  CommandLine line;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument.size() < 2 || argument[0] != '-') {
      return NoFlag(argument);
    }
    if (argument == "--") {
      if (i + 1 == arguments.size()) break;
      return NoFlag(arguments[i + 1]);
    }
    const std::string text = argument.substr(argument[1] == '-' ? 2 : 1);
    const size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    if (name.empty() || name[0] == '-') {
      return Unusable(absl::StrCat("bad flag syntax: ", argument));
    }
    const Flag* flag = FindFlag(name);
    const bool own_switch = name == "h" || name == "help" || name == "version";
    if (flag == nullptr && !own_switch && name != "config-file") {
      return Unusable(absl::StrCat("flag provided but not defined: -", name));
    }
    std::string value = "true";
    if (equals != std::string::npos) {
      value = text.substr(equals + 1);
    } else if (!own_switch && (flag == nullptr || !flag->boolean)) {
      if (++i == arguments.size()) {
        return Unusable(absl::StrCat("flag needs an argument: -", name));
      }
      value = arguments[i];
    }
    PINTLE_RETURN_IF_ERROR(Take(line, name, std::move(value)));
  }
  return line;
}

absl::Status ApplyFlags(Config& config, const CommandLine& line) {
  for (const auto& [name, value] : line.values) {
    const Flag& flag = *FindFlag(name);
    PINTLE_RETURN_IF_ERROR(SetFlag(config, flag, value, (flag.boolean ? "-" : "flag -") + name));
  }
  return absl::OkStatus();
}

bool IsGiven(const Flag& flag, const CommandLine& line) {
  return std::ranges::any_of(line.values, [&](const auto& given) {
    return given.first == flag.name || std::ranges::count(flag.older, given.first) > 0;
  });
}

absl::Status ApplyEnvironment(Config& config, const std::map<std::string, std::string>& variables,
                              const CommandLine& line) {
  std::set<std::string> known = {"ETCD_CONFIG_FILE", "ETCD_VERSION"};
  for (const auto& [name, value] : line.values) {
    const std::string variable = EnvironmentName(name);
    if (!variables.contains(variable)) continue;
    return Contradiction(
        absl::StrCat("conflicting environment variable \"", variable,
                     "\" is shadowed by corresponding command-line flag (either unset environment "
                     "variable or disable flag)"));
  }
  for (const Flag& flag : Flags()) {
    std::vector<std::string_view> spellings = flag.older;
    spellings.push_back(flag.name);  // last: the newest wins
    for (const std::string_view spelling : spellings) {
      const std::string variable = EnvironmentName(spelling);
      known.insert(variable);
      const auto found = variables.find(variable);
      if (found == variables.end() || found->second.empty() || IsGiven(flag, line)) continue;
      PINTLE_RETURN_IF_ERROR(SetFlag(config, flag, found->second, variable));
    }
  }
  for (const auto& [name, value] : variables) {
    if (!absl::StartsWith(name, "ETCD_") || known.contains(name)) continue;
    config.warnings.push_back(absl::StrCat("unrecognized environment variable ", name));
  }
  return absl::OkStatus();
}

std::vector<Url> MustParse(std::initializer_list<const char*> texts) {
  std::vector<Url> urls;
  for (const char* text : texts) urls.push_back(*ParseUrl(text));
  return urls;
}

bool ListenFlagGiven(const Config& config) { return !config.listen_client_urls.empty(); }

bool IsLoopback(const Url& url) {
  return url.local() || url.host == "localhost" || url.host == "::1" ||
         absl::StartsWith(url.host, "127.");
}

absl::Status CheckUrls(const Config& config) {
  for (const auto* list :
       {&config.listen_peer_urls, &config.listen_client_urls, &config.listen_client_http_urls,
        &config.listen_metrics_urls, &config.api_listen_urls}) {
    for (const Url& url : *list) {
      const bool address = url.host.find_first_not_of("0123456789.") == std::string::npos ||
                           absl::StrContains(url.host, ":");
      if (!address && !url.local() && url.host != "localhost") {
        return Contradiction(absl::StrCat("expected IP in URL for binding (", url.text, ")"));
      }
    }
  }
  for (const Url& url : config.api_listen_urls) {
    if (IsLoopback(url)) continue;
    return Contradiction(
        absl::StrCat("--api-listen-url=", url.text,
                     ": the API has no authentication yet and binds loopback only: use 127.0.0.1"));
  }
  return absl::OkStatus();
}

absl::Status CheckTiming(const Config& config) {
  for (const auto& [name, value] : {std::pair("heartbeat-interval", config.heartbeat_interval_ms),
                                    std::pair("election-timeout", config.election_timeout_ms)}) {
    if (value > 0) continue;
    return Contradiction(absl::StrCat("--", name, " must be >0 (set to ", value, "ms)"));
  }
  if (config.election_timeout_ms < 5 * config.heartbeat_interval_ms) {
    return Contradiction(absl::StrCat("--election-timeout[", config.election_timeout_ms,
                                      "ms] should be at least as 5 times as --heartbeat-interval[",
                                      config.heartbeat_interval_ms, "ms]"));
  }
  if (config.election_timeout_ms > kLongestElectionTimeoutMs) {
    return Contradiction(absl::StrCat("--election-timeout[", config.election_timeout_ms,
                                      "ms] is too long, and should be set less than ",
                                      kLongestElectionTimeoutMs, "ms"));
  }
  return absl::OkStatus();
}

absl::Status CheckTls(const Config& config) {
  for (const std::string& version : {config.tls_min_version, config.tls_max_version}) {
    if (version.empty() || version == "TLS1.2" || version == "TLS1.3") continue;
    return Contradiction(
        absl::StrCat("unexpected TLS version \"", version, "\" (must be one of: TLS1.2, TLS1.3)"));
  }
  const bool only_13 = config.tls_min_version == "TLS1.3";
  if (only_13 && config.tls_max_version == "TLS1.2") {
    return Contradiction("min version (TLS1.3) is greater than max version (TLS1.2)");
  }
  if (only_13 && !config.cipher_suites.empty()) {
    return Contradiction("cipher suites cannot be configured when only TLS1.3 is enabled");
  }
  const net::TlsOptions& peers = config.peer_tls;
  if (std::ranges::any_of(config.listen_peer_urls, &Url::tls) &&
      !peers.allowed_common_names.empty() && !peers.allowed_hostnames.empty()) {
    return Contradiction(
        "--peer-cert-allowed-cn and --peer-cert-allowed-hostname exclude each other");
  }
  return absl::OkStatus();
}

absl::Status CheckLog(const Config& config) {
  if (config.logger == "capnslog") {
    return Contradiction("--logger=capnslog is removed in v3.5");
  }
  if (config.logger != "zap")
    return Contradiction("unknown logger option \"" + config.logger + "\"");
  bool file = false;
  for (const std::string& output : config.log_outputs) {
    if (output == "default" && config.log_outputs.size() > 1) {
      return Contradiction("multi logoutput for \"default\" is not supported yet");
    }
    if (output == "systemd/journal") {
      return absl::UnimplementedError(
          "--log-outputs=systemd/journal is unimplemented: use stderr, which systemd puts into the "
          "journal");
    }
    file = file || (output != "default" && output != "stderr" && output != "stdout");
  }
  if (config.enable_log_rotation && (!file || config.log_outputs.size() != 1)) {
    return Contradiction(
        "--log-outputs requires a single file path when --log-rotate-config-json is defined");
  }
  return absl::OkStatus();
}

// `from_file`: then the default is advertised when nothing else is, as with etcd.
absl::Status FillInAndCheck(Config& config, bool from_file) {
  PINTLE_RETURN_IF_ERROR(CheckLog(config));
  PINTLE_RETURN_IF_ERROR(CheckUrls(config));
  PINTLE_RETURN_IF_ERROR(CheckTiming(config));
  if (!from_file && ListenFlagGiven(config) && config.advertise_client_urls.empty()) {
    return Contradiction(
        "--advertise-client-urls is required when --listen-client-urls is set explicitly");
  }
  if (config.data_dir.empty()) config.data_dir = config.name + ".etcd";
  if (config.listen_client_urls.empty())
    config.listen_client_urls = MustParse({"http://localhost:2379"});
  if (config.listen_peer_urls.empty())
    config.listen_peer_urls = MustParse({"http://localhost:2380"});
  if (config.advertise_client_urls.empty())
    config.advertise_client_urls = {"http://localhost:2379"};
  if (config.initial_advertise_peer_urls.empty()) {
    config.initial_advertise_peer_urls = {"http://localhost:2380"};
  }
  config.initial_cluster_given = !config.initial_cluster.empty();
  if (!config.initial_cluster_given) {
    config.initial_cluster = {{config.name, config.initial_advertise_peer_urls}};
  }
  return CheckTls(config);
}

void PrintFlags(std::ostream& out, FlagStanding standing) {
  std::string_view section;
  for (const Flag& flag : Flags()) {
    if (flag.standing != standing || flag.help.empty()) continue;
    if (flag.section != section) out << "\n" << flag.section << ":\n";
    section = flag.section;
    std::vector<std::string_view> spellings = flag.older;
    spellings.insert(spellings.begin(), flag.name);
    for (const auto spelling : spellings)
      out << "  --" << spelling << " '" << flag.fallback << "'\n";
    out << "        " << flag.help << "\n";
  }
}

// Only what is wrong with a flag itself is a matter of usage.
absl::Status NotUsage(const absl::Status& status) {
  return absl::IsInvalidArgument(status) ? Contradiction(std::string(status.message())) : status;
}

}  // namespace

absl::Status CheckInitialCluster(const Config& config) {
  const InitialMember* self = nullptr;
  std::set<std::string> seen;
  std::vector<std::string> all;
  bool duplicate = false;
  for (const InitialMember& member : config.initial_cluster) {
    if (member.name == config.name) self = &member;
    for (const auto& url : member.peer_urls) {
      duplicate = !seen.insert(url).second || duplicate;
      all.push_back(absl::StrCat(member.name, "=", url));
    }
  }
  if (duplicate) {
    std::sort(all.begin(), all.end());
    return Contradiction(
        absl::StrCat("initial cluster ", absl::StrJoin(all, ","), " has duplicate url"));
  }
  if (self == nullptr) {
    return Contradiction(absl::StrCat("couldn't find local name \"", config.name,
                                      "\" in the initial cluster configuration"));
  }
  std::vector<std::string> advertised = config.initial_advertise_peer_urls;
  std::vector<std::string> listed = self->peer_urls;
  std::sort(advertised.begin(), advertised.end());
  std::sort(listed.begin(), listed.end());
  if (advertised != listed) {
    return Contradiction(absl::StrCat(
        "--initial-cluster has ", config.name, "=", absl::StrJoin(listed, ","),
        " but missing from --initial-advertise-peer-urls=", absl::StrJoin(advertised, ",")));
  }
  return absl::OkStatus();
}

absl::StatusOr<Invocation> ParseCommandLine(const std::vector<std::string>& arguments,
                                            const std::vector<std::string>& environment) {
  PINTLE_ASSIGN_OR_RETURN(CommandLine line, Split(arguments));
  if (line.help) return Invocation{.kind = Invocation::Kind::kHelp};
  if (line.version) return Invocation{.kind = Invocation::Kind::kVersion};

  std::map<std::string, std::string> variables;
  for (const auto& entry : environment) {
    const auto equals = entry.find('=');
    if (equals != std::string::npos) variables[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  if (line.config_file.empty()) line.config_file = variables["ETCD_CONFIG_FILE"];

  Invocation invocation;
  Config& config = invocation.config;
  if (!line.config_file.empty()) {
    if (!line.values.empty()) {
      config.warnings.push_back("--config-file is given: all other flags are ignored");
    }
    PINTLE_RETURN_IF_ERROR(NotUsage(ApplyConfigFile(config, line.config_file)));
  } else {
    PINTLE_RETURN_IF_ERROR(ApplyFlags(config, line));
    PINTLE_RETURN_IF_ERROR(NotUsage(ApplyEnvironment(config, variables, line)));
  }
  PINTLE_RETURN_IF_ERROR(FillInAndCheck(config, !line.config_file.empty()));
  if (config.unsafe_no_fsync) {
    config.warnings.push_back(
        "--unsafe-no-fsync: nothing is synced, and a power failure loses what was acknowledged");
  }
  return invocation;
}

void PrintUsage(std::ostream& out) {
  out << "Usage:\n"
         "  pintle [flags]         run a member of a cluster (etcd's flags; --help names them)\n"
         "  pintle controllers     run the controllers against a cluster's API (--help for its "
         "flags)\n"
         "  pintle inspect         show what is in a member's files\n"
         "  pintle snapshot        save, look at and restore backups\n"
         "  pintle --version       say what this is, as etcd does\n"
         "\n"
         "A member alone:      pintle --data-dir /var/lib/pintle\n"
         "Three on one machine: deploy/up\n"
         "\n"
         "Every flag --some-flag can also be given as the variable ETCD_SOME_FLAG, or all of them "
         "in a YAML file\n"
         "named by --config-file. A flag and its variable exclude each other. Spellings of etcd "
         "3.4 "
         "to 3.7 are taken, with\n"
         "one dash or two; what etcd has and Pintle does not need is accepted with a warning.\n";
}

void PrintHelp(std::ostream& out) {
  PrintUsage(out);
  out << "\n"
         "  --config-file <path>\n"
         "        YAML file of flags; all other flags and variables are then ignored.\n";
  PrintFlags(out, FlagStanding::kBuilt);
  out << "\nTaken, and without effect here:\n";
  PrintFlags(out, FlagStanding::kNoEffect);
  out << "\nNot there (only the default is taken):\n";
  PrintFlags(out, FlagStanding::kNotBuilt);
  out << "\nObsolete:\n";
  PrintFlags(out, FlagStanding::kObsolete);
}

}  // namespace pintle::server
