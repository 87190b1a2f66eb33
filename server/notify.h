// What systemd wants to hear from a Type=notify service, over NOTIFY_SOCKET (sd_notify(3)). Does
// nothing without that variable. Any thread.
#pragma once

#include <string_view>

namespace pintle::server {

// "READY=1", "STOPPING=1". A socket that nobody reads is no reason to stop: failures are ignored.
void NotifyServiceManager(std::string_view state);

}  // namespace pintle::server
