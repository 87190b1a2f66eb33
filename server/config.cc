#include "server/config.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <ostream>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "server/flags.h"
#include "yaml-cpp/yaml.h"

namespace pintle::server {
namespace {

constexpr char kSeeHelp[] = "; see pintle --help";

absl::Status Contradiction(std::string text) {
  return absl::FailedPreconditionError(std::move(text));
}

// What to say about a flag, variable or key that the table does not have. OK: it may be ignored,
// with a warning.
absl::Status JudgeUnknown(Config& config, std::string_view name, std::string_view spelled) {
  const std::string where(spelled);
  if (IsAcceptedWithoutEffect(name)) {
    config.warnings.push_back(absl::StrCat(where, " is accepted and has no effect in Pintle"));
    return absl::OkStatus();
  }
  if (IsNotBuiltYet(name)) {
    return absl::UnimplementedError(absl::StrCat(
        where, " is not built yet in Pintle: start without it, or see the table in README.md"));
  }
  return absl::InvalidArgumentError(absl::StrCat("unknown flag ", where, kSeeHelp));
}

absl::Status Apply(Config& config, const Flag& flag, std::string_view value,
                   std::string_view spelled) {
  const absl::Status status = flag.set(config, value);
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(std::string(spelled), ": ", status.message()));
}

// As Go reads flags: one dash does for long ones too, and a switch without a value is on; CLI11
// does neither.
std::vector<std::string> AsCli11Wants(const std::vector<std::string>& arguments) {
  std::vector<std::string> out;
  for (const auto& argument : arguments) {
    const bool one_dash = argument.size() > 2 && argument[0] == '-' && argument[1] != '-';
    std::string wanted = one_dash ? "-" + argument : argument;
    const Flag* flag = absl::StartsWith(wanted, "--") ? FindFlag(wanted.substr(2)) : nullptr;
    if (flag != nullptr && flag->boolean) wanted += "=true";
    out.push_back(std::move(wanted));
  }
  return out;
}

struct CommandLine {
  bool help = false;
  bool version = false;
  std::string config_file;
  std::map<std::string, std::string> values;  // by flag name
  std::vector<std::string> unknown;
};

absl::StatusOr<CommandLine> Split(const std::vector<std::string>& arguments) {
  CommandLine line;
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  app.add_flag("-h,--help", line.help);
  app.add_flag("--version", line.version);
  app.add_option("--config-file", line.config_file);
  for (const Flag& flag : Flags()) {
    const std::string name(flag.name);
    app.add_option_function<std::string>(
           "--" + name, [&line, name](const std::string& value) { line.values[name] = value; })
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
  std::vector<std::string> reversed = AsCli11Wants(arguments);
  std::reverse(reversed.begin(), reversed.end());  // what CLI11's vector form wants
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    return absl::InvalidArgumentError(absl::StrCat(error.what(), kSeeHelp));
  }
  line.unknown = app.remaining();
  return line;
}

absl::Status ApplyUnknown(Config& config, const std::vector<std::string>& unknown) {
  for (size_t i = 0; i < unknown.size(); ++i) {
    const std::string& argument = unknown[i];
    if (!absl::StartsWith(argument, "--")) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", argument, "' is not a valid flag", kSeeHelp));
    }
    const auto equals = argument.find('=');
    const std::string spelled = argument.substr(0, equals);
    PINTLE_RETURN_IF_ERROR(JudgeUnknown(config, spelled.substr(2), spelled));
    // A value in the next word belongs to this flag.
    if (equals == std::string::npos && i + 1 < unknown.size() &&
        !absl::StartsWith(unknown[i + 1], "--"))
      ++i;
  }
  return absl::OkStatus();
}

absl::Status ApplyEnvironment(Config& config, const std::map<std::string, std::string>& variables,
                              const std::map<std::string, std::string>& given) {
  std::set<std::string> known = {"ETCD_CONFIG_FILE"};
  for (const Flag& flag : Flags()) {
    const std::string variable = EnvironmentName(flag.name);
    known.insert(variable);
    const auto found = variables.find(variable);
    if (found == variables.end() || given.contains(std::string(flag.name))) continue;
    PINTLE_RETURN_IF_ERROR(Apply(config, flag, found->second, variable));
  }
  for (const auto& [name, value] : variables) {
    if (!absl::StartsWith(name, "ETCD_") || known.contains(name)) continue;
    std::string flag = name.substr(5);
    for (char& c : flag)
      c = c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (IsNotBuiltYet(flag)) return JudgeUnknown(config, flag, name);
    config.warnings.push_back(absl::StrCat("unrecognized environment variable ", name));
  }
  return absl::OkStatus();
}

std::string Flatten(const YAML::Node& node) {
  if (!node.IsSequence()) return node.IsNull() ? "" : node.as<std::string>();
  std::vector<std::string> pieces;
  for (const auto& piece : node) pieces.push_back(piece.as<std::string>());
  return absl::StrJoin(pieces, ",");
}

// The config file gives durations as whole nanoseconds.
std::string FileValue(const Flag& flag, const YAML::Node& node) {
  std::string value = Flatten(node);
  const bool duration = flag.name.ends_with("watch-progress-notify-interval");
  const bool digits = !value.empty() && value.find_first_not_of("0123456789") == std::string::npos;
  return duration && digits ? value + "ns" : value;
}

absl::Status ApplyFile(Config& config, const std::string& path) {
  try {
    const YAML::Node root = YAML::LoadFile(path);
    if (root.IsNull()) return absl::OkStatus();
    if (!root.IsMap())
      return absl::InvalidArgumentError(path + ": not a YAML map of flag names and values");
    for (const auto& item : root) {
      const auto key = item.first.as<std::string>();
      const Flag* flag = FindFlag(key);
      if (flag == nullptr) {
        const absl::Status status = JudgeUnknown(config, key, key);
        if (absl::IsInvalidArgument(status)) {
          return absl::InvalidArgumentError(absl::StrCat(
              path, ": unknown key '", key, "': keys are flag names without dashes", kSeeHelp));
        }
        PINTLE_RETURN_IF_ERROR(status);
        continue;
      }
      PINTLE_RETURN_IF_ERROR(
          Apply(config, *flag, FileValue(*flag, item.second), absl::StrCat(path, ": ", key)));
    }
  } catch (const YAML::BadFile&) {
    return absl::InvalidArgumentError(absl::StrCat("cannot read --config-file ", path));
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", error.what()));
  }
  return absl::OkStatus();
}

std::vector<Url> MustParse(std::initializer_list<const char*> texts) {
  std::vector<Url> urls;
  for (const char* text : texts) urls.push_back(*ParseUrl(text));
  return urls;
}

bool ListenFlagGiven(const Config& config) { return !config.listen_client_urls.empty(); }

absl::Status CheckUrls(const Config& config) {
  std::vector<const std::vector<Url>*> lists = {
      &config.listen_peer_urls, &config.listen_client_urls, &config.listen_metrics_urls,
      &config.api_listen_urls};
  for (const auto* list : lists) {
    for (const Url& url : *list) {
      const bool address = url.host.find_first_not_of("0123456789.") == std::string::npos ||
                           absl::StrContains(url.host, ":");
      if (!address && url.host != "localhost") {
        return Contradiction(absl::StrCat("expected IP in URL for binding (", url.text,
                                          "): use an address of this machine, or localhost"));
      }
    }
  }
  for (const Url& url : config.api_listen_urls) {
    if (url.host != "localhost" && url.host != "::1" && !absl::StartsWith(url.host, "127.")) {
      return Contradiction(absl::StrCat(
          "--api-listen-url=", url.text,
          ": the API has no authentication yet and binds loopback only: use 127.0.0.1"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckCluster(const Config& config) {
  const InitialMember* self = nullptr;
  std::set<std::string> seen;
  for (const InitialMember& member : config.initial_cluster) {
    if (member.name == config.name) self = &member;
    for (const auto& url : member.peer_urls) {
      if (!seen.insert(url).second) {
        return Contradiction(absl::StrCat("--initial-cluster has duplicate URL ", url,
                                          ": each member needs its own"));
      }
    }
  }
  if (self == nullptr) {
    return Contradiction(
        absl::StrCat("couldn't find local name \"", config.name,
                     "\" in the initial cluster configuration: --name must be one of the names in "
                     "--initial-cluster"));
  }
  std::vector<std::string> advertised = config.initial_advertise_peer_urls;
  std::vector<std::string> listed = self->peer_urls;
  std::sort(advertised.begin(), advertised.end());
  std::sort(listed.begin(), listed.end());
  if (advertised != listed) {
    return Contradiction(absl::StrCat(
        "--initial-cluster has ", config.name, "=", absl::StrJoin(listed, ","),
        " but missing from --initial-advertise-peer-urls=", absl::StrJoin(advertised, ","),
        ": make them equal"));
  }
  return absl::OkStatus();
}

absl::Status CheckTiming(const Config& config) {
  if (config.election_timeout_ms < 5 * config.heartbeat_interval_ms) {
    return Contradiction(absl::StrCat("--election-timeout[", config.election_timeout_ms,
                                      "ms] should be at least as 5 times as --heartbeat-interval[",
                                      config.heartbeat_interval_ms, "ms]"));
  }
  return absl::OkStatus();
}

absl::Status FillInAndCheck(Config& config) {
  if (ListenFlagGiven(config) && config.advertise_client_urls.empty()) {
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
  if (config.initial_cluster.empty()) {
    config.initial_cluster = {{config.name, config.initial_advertise_peer_urls}};
  }
  PINTLE_RETURN_IF_ERROR(CheckUrls(config));
  PINTLE_RETURN_IF_ERROR(CheckCluster(config));
  return CheckTiming(config);
}

}  // namespace

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
    if (!line.values.empty() || !line.unknown.empty()) {
      config.warnings.push_back("--config-file is given: all other flags are ignored");
    }
    PINTLE_RETURN_IF_ERROR(ApplyFile(config, line.config_file));
  } else {
    PINTLE_RETURN_IF_ERROR(ApplyUnknown(config, line.unknown));
    for (const auto& [name, value] : line.values) {
      PINTLE_RETURN_IF_ERROR(Apply(config, *FindFlag(name), value, "--" + name));
    }
    PINTLE_RETURN_IF_ERROR(ApplyEnvironment(config, variables, line.values));
  }
  PINTLE_RETURN_IF_ERROR(FillInAndCheck(config));
  return invocation;
}

void PrintHelp(std::ostream& out) {
  out << "Usage:\n"
         "  pintle [flags]         run a member of a cluster (etcd's flags; all of them below)\n"
         "  pintle controllers     run the controllers against a cluster's API (--help for its "
         "flags)\n"
         "  pintle --version       say what this is, as etcd does\n"
         "\n"
         "A member alone:      pintle --data-dir /var/lib/pintle\n"
         "Three on one machine: deploy/up\n"
         "\n"
         "Every flag --some-flag can also be given as the variable ETCD_SOME_FLAG, or all of them "
         "in a YAML file\n"
         "named by --config-file. A flag wins over its variable.\n"
         "\n"
         "Flags:\n"
         "  --config-file <path>\n"
         "        YAML file of flags; all other flags are then ignored.\n";
  for (const Flag& flag : Flags()) {
    out << "  --" << flag.name << " '" << flag.fallback << "'\n        " << flag.help << "\n";
  }
}

}  // namespace pintle::server
