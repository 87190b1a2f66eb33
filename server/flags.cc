#include "server/flags.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace pintle::server {
namespace {

std::vector<Flag> MakeFlags() {
  std::vector<Flag> all;
  const auto add = [&all](std::string_view section, std::vector<Flag> rows) {
    for (Flag& row : rows) {
      row.section = section;
      all.push_back(std::move(row));
    }
  };
  add("Member", MemberFlags());
  add("Cluster", ClusterFlags());
  add("Security", SecurityFlags());
  add("Transport", TransportFlags());
  add("Logging", LoggingFlags());
  add("Upkeep of the store", UpkeepFlags());
  add("Pintle's own", OwnFlags());
  add("", OtherFlags());
  return all;
}

std::map<std::string_view, const Flag*> MakeIndex() {
  std::map<std::string_view, const Flag*> index;
  for (const Flag& flag : Flags()) {
    index.emplace(flag.name, &flag);
    for (const std::string_view older : flag.older) index.emplace(older, &flag);
  }
  return index;
}

bool IsDefault(const Flag& flag, std::string_view value) {
  if (value == flag.fallback || value.empty()) return true;
  if (!flag.boolean) return false;
  const absl::StatusOr<bool> on = ParseGoTruth(value);
  return on.ok() && *on == (flag.fallback == "true");
}

}  // namespace

const std::vector<Flag>& Flags() {
  static const std::vector<Flag>& flags = *new std::vector<Flag>(MakeFlags());
  return flags;
}

const Flag* FindFlag(std::string_view name) {
  static const auto& index = *new std::map<std::string_view, const Flag*>(MakeIndex());
  const auto found = index.find(name);
  return found == index.end() ? nullptr : found->second;
}

absl::Status SetFlag(Config& config, const Flag& flag, std::string_view value,
                     std::string_view spelled) {
  const std::string where(spelled);
  if (flag.set != nullptr) {
    if (const absl::Status status = flag.set(config, value); !status.ok()) {
      const bool switched = flag.boolean && where.starts_with('-');
      return absl::Status(status.code(),
                          absl::StrCat("invalid ", switched ? "boolean " : "", "value ",
                                       Quoted(value), " for ", where, ": ", status.message()));
    }
  }
  switch (flag.standing) {
    case FlagStanding::kBuilt:
      break;
    case FlagStanding::kNoEffect:
      if (IsDefault(flag, value)) return absl::OkStatus();
      config.warnings.push_back(
          absl::StrCat(where, " has no effect in Pintle: ", std::string(flag.help)));
      return absl::OkStatus();
    case FlagStanding::kObsolete:
      config.warnings.push_back(absl::StrCat(where, " is obsolete and is ignored"));
      return absl::OkStatus();
    case FlagStanding::kNotBuilt:
      if (IsDefault(flag, value)) return absl::OkStatus();
      return absl::UnimplementedError(
          absl::StrCat(where, " is unimplemented: ", std::string(flag.help)));
  }
  return absl::OkStatus();
}

std::string Quoted(std::string_view text) {
  return absl::StrCat("\"", absl::Utf8SafeCEscape({text.data(), text.size()}), "\"");
}

std::string EnvironmentName(std::string_view flag) {
  std::string out = "ETCD_";
  for (const char c : flag) {
    out.push_back(c == '-' ? '_' : absl::ascii_toupper(static_cast<unsigned char>(c)));
  }
  return out;
}

}  // namespace pintle::server
