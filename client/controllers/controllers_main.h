// The program `pintle controllers`: leader election, the controllers, and simulated nodes, on one
// thread.
#pragma once

namespace pintle::client::controllers {

// argv[0] is "controllers". Returns the exit code: 0 after SIGTERM or SIGINT, 2 for wrong flags
// (one line on stderr).
int ControllersMain(int argc, char** argv);

}  // namespace pintle::client::controllers
