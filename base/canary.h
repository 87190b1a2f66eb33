// Canaries: bugs kept on purpose, to prove that the simulator finds them (docs/canaries.md).
//
// PINTLE_CANARY("name") marks the place where the code would go wrong; it is `false`, a constant,
// in every build but the one that CMake's PINTLE_CANARIES makes. There it is true while the
// environment variable PINTLE_CANARY holds that name. Never shipped: pintle's main refuses to start
// from such a build.
#pragma once

#ifdef PINTLE_CANARIES
#include <cstdlib>
#include <string_view>
#endif

namespace pintle::base {

#ifdef PINTLE_CANARIES
inline constexpr bool kHasCanaries = true;

inline bool IsCanaryAlive(std::string_view name) {
  static const char* const alive = std::getenv("PINTLE_CANARY");
  return alive != nullptr && name == alive;
}
#else
inline constexpr bool kHasCanaries = false;
#endif

}  // namespace pintle::base

#ifdef PINTLE_CANARIES
#define PINTLE_CANARY(name) (::pintle::base::IsCanaryAlive(name))
#else
#define PINTLE_CANARY(name) (false)
#endif
