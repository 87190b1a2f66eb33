// DieUnlessOk: storage that fails ends the process, at once and with a clear line.
//
// A failed write or sync leaves unknown what is on the disk; going on could acknowledge what is not
// there. A restart reads what is really there, and the other members carry on meanwhile.
#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace pintle::server::replica {

void DieUnlessOk(const absl::Status& status, std::string_view action);

}  // namespace pintle::server::replica
