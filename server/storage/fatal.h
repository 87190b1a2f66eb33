// Fatal: storage that fails ends the process, at once and with a clear line.
//
// A failed write or sync leaves unknown what is on the disk; going on could acknowledge what is not
// there. A restart reads what is really there, and the other members carry on meanwhile.
//
// In production neither function returns after a failure. The simulator sets a listener, which
// freezes the member's disk, network and answers, and destroys the member after its step; then they
// do return, and the caller goes on to the end of its step as if its work had been refused.
// Threads: SetFatalListener before any other thread starts; the others from any.
#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace pintle::server::storage {

using FatalListener = void (*)(std::string_view text);

// nullptr: the process ends (the default).
void SetFatalListener(FatalListener listener);

void Fatal(std::string_view text);

// Whether it was OK; else Fatal("<action> failed, stopping: <message>").
bool DieUnlessOk(const absl::Status& status, std::string_view action);

}  // namespace pintle::server::storage
