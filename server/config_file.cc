#include "server/config_file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "server/flags.h"
#include "yaml-cpp/yaml.h"

namespace pintle::server {
namespace {

struct TlsKey {
  std::string_view key;
  std::string_view client_flag;  // empty: there is none
  std::string_view peer_flag;
};
constexpr TlsKey kTlsKeys[] = {
    {"cert-file", "cert-file", "peer-cert-file"},
    {"key-file", "key-file", "peer-key-file"},
    {"client-cert-file", "client-cert-file", "peer-client-cert-file"},
    {"client-key-file", "client-key-file", "peer-client-key-file"},
    {"client-cert-auth", "client-cert-auth", "peer-client-cert-auth"},
    {"trusted-ca-file", "trusted-ca-file", "peer-trusted-ca-file"},
    {"ca-file", "trusted-ca-file", "peer-trusted-ca-file"},
    {"auto-tls", "auto-tls", "peer-auto-tls"},
    {"crl-file", "client-crl-file", "peer-crl-file"},
    {"client-crl-file", "client-crl-file", ""},
    {"allowed-cn", "", "peer-cert-allowed-cn"},
    {"allowed-cns", "", "peer-cert-allowed-cn"},
    {"allowed-hostname", "client-cert-allowed-hostname", "peer-cert-allowed-hostname"},
    {"allowed-hostnames", "client-cert-allowed-hostname", "peer-cert-allowed-hostname"},
    {"skip-client-san-verification", "", "peer-skip-client-san-verification"},
};

absl::Status Bad(const std::string& path, std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", std::string(what)));
}

std::string Flatten(const YAML::Node& node) {
  if (!node.IsSequence()) return node.as<std::string>();
  std::vector<std::string> pieces;
  for (const auto& piece : node) pieces.push_back(piece.as<std::string>());
  return absl::StrJoin(pieces, ",");
}

// As a flag would have it: the config file gives durations as whole nanoseconds.
std::string FileValue(const Flag& flag, const YAML::Node& node) {
  bool on = false;  // YAML has more words for it than flags: yes, off, …
  if (flag.boolean && node.IsScalar() && YAML::convert<bool>::decode(node, on)) {
    return on ? "true" : "false";
  }
  std::string value = Flatten(node);
  const bool digits = !value.empty() && value.find_first_not_of("0123456789") == std::string::npos;
  return flag.duration && digits ? value + "ns" : value;
}

// As etcd, which takes keys in any case, and passes over those that it does not know or that have
// no value.
absl::Status ApplyKey(Config& config, std::string_view name, const YAML::Node& node,
                      const std::string& spelled) {
  const Flag* flag = FindFlag(name);
  if (flag == nullptr) {
    config.warnings.push_back(
        absl::StrCat("--config-file: unknown key '", spelled, "' is ignored"));
    return absl::OkStatus();
  }
  if (node.IsNull()) return absl::OkStatus();
  return SetFlag(config, *flag, FileValue(*flag, node), spelled);
}

absl::Status ApplyTls(Config& config, const YAML::Node& map, bool peer) {
  if (map.IsNull()) return absl::OkStatus();
  const std::string name = peer ? "peer-transport-security" : "client-transport-security";
  if (!map.IsMap()) return absl::InvalidArgumentError(name + ": not a map");
  for (const auto& item : map) {
    const std::string key = absl::AsciiStrToLower(item.first.as<std::string>());
    std::string_view flag;
    for (const TlsKey& known : kTlsKeys) {
      if (known.key == key) flag = peer ? known.peer_flag : known.client_flag;
    }
    PINTLE_RETURN_IF_ERROR(ApplyKey(config, flag, item.second, absl::StrCat(name, ": ", key)));
  }
  return absl::OkStatus();
}

absl::Status ApplyRoot(Config& config, const YAML::Node& root) {
  if (root.IsNull()) return absl::OkStatus();
  if (!root.IsMap()) {
    return absl::InvalidArgumentError("not a YAML map of flag names and values");
  }
  for (const auto& item : root) {
    const std::string key = absl::AsciiStrToLower(item.first.as<std::string>());
    if (key == "client-transport-security" || key == "peer-transport-security") {
      PINTLE_RETURN_IF_ERROR(ApplyTls(config, item.second, key[0] == 'p'));
    } else {
      PINTLE_RETURN_IF_ERROR(ApplyKey(config, key, item.second, key));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ApplyConfigText(Config& config, const std::string& text, const std::string& path) {
  if (text.size() > kMostConfigFileBytes) return Bad(path, "larger than 1 MiB");
  try {
    absl::Status status = ApplyRoot(config, YAML::Load(text));
    if (status.ok()) return status;
    return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
  } catch (const YAML::Exception& error) {
    return Bad(path, error.what());
  }
}

absl::Status ApplyConfigFile(Config& config, const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    return absl::InvalidArgumentError(absl::StrCat("read ", path, ": is a directory"));
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return absl::InvalidArgumentError(
        absl::StrCat("open ", path, ": ", absl::AsciiStrToLower(std::strerror(errno))));
  }
  std::string text(kMostConfigFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return absl::InvalidArgumentError("cannot read --config-file " + path);
  text.resize(static_cast<size_t>(file.gcount()));
  return ApplyConfigText(config, text, path);
}

}  // namespace pintle::server
