// Fault points: named places at which a test may let a member crash.
//
//   base::FaultPoint("wal.before_sync");
//
// In production nobody listens, and a point costs one load and one branch. The simulator listens,
// counts, and crashes the member whose step is running: a crash at a point means that nothing the
// member does from there on reaches its disk, its peers or its clients.
//
// Names are "<part>.<moment>", constant strings, each used in one place. Threads: SetFaultListener
// before any other thread starts; FaultPoint from any.
#pragma once

namespace pintle::base {

using FaultListener = void (*)(const char* name);

inline FaultListener& TheFaultListener() {
  static constinit FaultListener listener = nullptr;
  return listener;
}

inline void SetFaultListener(FaultListener listener) { TheFaultListener() = listener; }

inline void FaultPoint(const char* name) {
  if (const FaultListener listener = TheFaultListener(); listener != nullptr) [[unlikely]] {
    listener(name);
  }
}

}  // namespace pintle::base
