#include "server/etcd/cpu_profile.h"

#include <gperftools/profiler.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"

namespace pintle::server::etcd {
namespace {

// gperftools says on stderr how many samples there were, which is no line of a JSON log. glibc lets
// a program set the variable; the log has a stream of its own.
void StopInSilence() {
  FILE* const nowhere = std::fopen("/dev/null", "w");
  FILE* const kept = stderr;
  if (nowhere != nullptr) stderr = nowhere;
  ProfilerStop();
  stderr = kept;
  if (nowhere != nullptr) std::fclose(nowhere);
}

}  // namespace

absl::StatusOr<std::unique_ptr<CpuProfile>> CpuProfile::Start() {
  // gperftools writes to a path: this one is memory.
  const int fd = memfd_create("cpu-profile", MFD_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, "no memory file for the profile");
  if (ProfilerStart(absl::StrCat("/proc/self/fd/", fd).c_str()) == 0) {
    close(fd);
    return absl::FailedPreconditionError("cpu profiling already in use");
  }
  return std::unique_ptr<CpuProfile>(new CpuProfile(fd));
}

CpuProfile::~CpuProfile() {
  if (running_) StopInSilence();
  close(fd_);
}

std::string CpuProfile::Finish() {
  if (std::exchange(running_, false)) StopInSilence();
  std::string profile;
  std::array<char, 65536> piece;
  for (;;) {
    const ssize_t got = pread(fd_, piece.data(), piece.size(), static_cast<off_t>(profile.size()));
    if (got <= 0) return profile;
    profile.append(piece.data(), static_cast<size_t>(got));
  }
}

}  // namespace pintle::server::etcd
