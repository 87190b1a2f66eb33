#include "server/storage/checked_text.h"

#include <cstdint>
#include <memory>
#include <span>

#include "absl/strings/str_format.h"
#include "base/crc32c.h"
#include "base/fault_point.h"
#include "base/status_macros.h"

namespace pintle::server::storage {

std::string WithChecksum(std::string text) {
  const uint32_t crc = base::Crc32c(text);
  return absl::StrFormat("%scrc32c %08x\n", text, crc);
}

bool IsIntact(const std::string& text) {
  const size_t last = text.rfind("crc32c ");
  return last != std::string::npos && WithChecksum(text.substr(0, last)) == text;
}

absl::Status WriteDurably(FileSystem& files, const std::string& path, std::string_view text) {
  const std::string temporary = path + ".tmp";
  {
    PINTLE_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, files.OpenForWrite(temporary));
    PINTLE_RETURN_IF_ERROR(file->Truncate(0));
    PINTLE_RETURN_IF_ERROR(file->WriteAt(0, std::span(&text, 1)));
    base::FaultPoint("data_dir.before_file_sync");
    PINTLE_RETURN_IF_ERROR(file->Sync());
  }
  base::FaultPoint("data_dir.before_file_rename");
  PINTLE_RETURN_IF_ERROR(files.Rename(temporary, path));
  base::FaultPoint("data_dir.before_folder_sync");
  return files.SyncFolder(path.substr(0, path.rfind('/')));
}

}  // namespace pintle::server::storage
