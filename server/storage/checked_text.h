// The data-dir's small text files: the last line is the CRC-32C of those before it, and a file is
// replaced as a whole. Layout: docs/formats/data-dir.md.
//
// Pure, but for WriteDurably. Errors: those of the disk. Threads: any.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "server/storage/file_system.h"

namespace pintle::server::storage {

// `text` ends with a line break.
std::string WithChecksum(std::string text);
// The last line fits those before it.
bool IsIntact(const std::string& text);
// By way of <path>.tmp: a crash leaves the old content or the new one. Durable when it returns.
absl::Status WriteDurably(FileSystem& files, const std::string& path, std::string_view text);

}  // namespace pintle::server::storage
