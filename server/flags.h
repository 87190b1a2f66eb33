// The table of server flags: one row each, read by the command line, the environment and the config
// file alike.
//
// A new flag is a row in flag_table.cc (etcd's) or flag_table_rest.cc (etcd's that do nothing here,
// or do not exist, and Pintle's own). Values arrive as text in etcd's spelling and are checked by
// the row's setter (flag_setters.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "server/flag_setters.h"

namespace pintle::server {

// What becomes of a flag that etcd has.
enum class FlagStanding {
  kBuilt,
  kNoEffect,  // accepted; a value other than the default is worth a warning
  kObsolete,  // accepted with a warning, as etcd's own releases do
  kNotBuilt,  // promises something that is not there: only the default is accepted
};

struct Flag {
  std::string_view name;      // without dashes
  std::string_view fallback;  // default, for --help; of those that are not built: what is accepted
  std::string_view help;
  bool boolean = false;
  FlagSetter set;  // of those that are not kBuilt: checks only; null: takes everything
  std::vector<std::string_view> older;  // further spellings, of other releases
  bool duration = false;                // the config file may give nanoseconds
  FlagStanding standing = FlagStanding::kBuilt;
  std::string_view section;  // heading in --help
};

const std::vector<Flag>& Flags();
// By any of its spellings; null: there is none.
const Flag* FindFlag(std::string_view name);

// Sets it, or says why not. `spelled`: how the user wrote it, for the message.
absl::Status SetFlag(Config& config, const Flag& flag, std::string_view value,
                     std::string_view spelled);

std::string Quoted(std::string_view text);           // as Go's %q, on one line
std::string EnvironmentName(std::string_view flag);  // "data-dir" → "ETCD_DATA_DIR"

// The rows. flags.cc puts them together.
std::vector<Flag> MemberFlags();
std::vector<Flag> ClusterFlags();
std::vector<Flag> SecurityFlags();
std::vector<Flag> TransportFlags();
std::vector<Flag> LoggingFlags();
std::vector<Flag> UpkeepFlags();
std::vector<Flag> OwnFlags();
std::vector<Flag> OtherFlags();  // without effect, obsolete, or not built

}  // namespace pintle::server
