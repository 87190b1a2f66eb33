// PINTLE_CHECK(condition, "message"): a broken invariant ends the process, in every build.
//
// For bugs only. Expected failures are returned values; bad input is an error with a code.
// (Debian's Abseil has no absl/log, so this is its CHECK: see STYLE.md, "Three kinds of wrong".)
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace pintle::base {

[[noreturn]] inline void CheckFailed(const char* file, int line, const char* condition,
                                     std::string_view message) {
  std::fprintf(stderr, "%s:%d: invariant broken: %s: %.*s\n", file, line, condition,
               static_cast<int>(message.size()), message.data());
  std::fflush(stderr);
  std::abort();
}

}  // namespace pintle::base

#define PINTLE_CHECK(condition, message)                                      \
  do {                                                                        \
    if (!(condition)) [[unlikely]]                                            \
      ::pintle::base::CheckFailed(__FILE__, __LINE__, #condition, (message)); \
  } while (false)
