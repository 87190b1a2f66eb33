#include "server/backup/status_text.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace pintle::server::backup {
namespace {

std::vector<std::string> Cells(const SnapshotStatus& status) {
  return {absl::StrFormat("%x", status.hash), absl::StrCat(status.revision),
          absl::StrCat(status.total_keys), HumanBytes(status.total_bytes)};
}

}  // namespace

// Powers of 1000; one digit behind the point below ten.
std::string HumanBytes(uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 10) return absl::StrCat(bytes, " B");
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 1000; value /= 1000) ++unit;
  const double rounded = static_cast<double>(std::lround(value * 10)) / 10;
  if (rounded < 10) return absl::StrFormat("%.1f %s", rounded, kUnits[unit]);
  return absl::StrFormat("%.0f %s", rounded, kUnits[unit]);
}

std::string SimpleText(const SnapshotStatus& status) {
  return absl::StrJoin(Cells(status), ", ") + "\n";
}

std::string JsonText(const SnapshotStatus& status) {
  return absl::StrFormat(R"({"hash":%d,"revision":%d,"totalKey":%d,"totalSize":%d})"
                         "\n",
                         status.hash, status.revision, status.total_keys, status.total_bytes);
}

std::string FieldsText(const SnapshotStatus& status) {
  return absl::StrFormat("\"Hash\" : %d\n\"Revision\" : %d\n\"Keys\" : %d\n\"Size\" : %d\n",
                         status.hash, status.revision, status.total_keys, status.total_bytes);
}

std::string TableText(const SnapshotStatus& status) {
  const std::vector<std::string> heads{"HASH", "REVISION", "TOTAL KEYS", "TOTAL SIZE"};
  const std::vector<std::string> cells = Cells(status);
  std::string line = "+";
  std::string head = "|";
  std::string body = "|";
  for (size_t i = 0; i < heads.size(); ++i) {
    const size_t width = std::max(heads[i].size(), cells[i].size());
    const size_t room = width - heads[i].size();
    line += std::string(width + 2, '-') + "+";
    head += std::string(1 + room / 2, ' ') + heads[i] + std::string(1 + room - room / 2, ' ') + "|";
    body += std::string(1 + width - cells[i].size(), ' ') + cells[i] + " |";
  }
  return absl::StrCat(line, "\n", head, "\n", line, "\n", body, "\n", line, "\n");
}

}  // namespace pintle::server::backup
