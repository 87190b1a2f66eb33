#include "server/kube/random.h"

#include <limits>
#include <string_view>

#include "absl/random/random.h"
#include "absl/strings/str_format.h"

namespace pintle::server::kube {
namespace {

absl::BitGen& Generator() {
  thread_local absl::BitGen generator;
  return generator;
}

}  // namespace

std::string RandomUid() {
  const uint64_t high =
      (absl::Uniform<uint64_t>(Generator()) & ~uint64_t{0xf000}) | uint64_t{0x4000};
  const uint64_t low =
      (absl::Uniform<uint64_t>(Generator()) & ~(uint64_t{3} << 62)) | (uint64_t{2} << 62);
  return absl::StrFormat("%08x-%04x-%04x-%04x-%012x", high >> 32, (high >> 16) & 0xffff,
                         high & 0xffff, low >> 48, low & 0xffffffffffff);
}

std::string RandomNameSuffix() {
  constexpr std::string_view kCharacters = "bcdfghjklmnpqrstvwxz2456789";
  std::string suffix;
  for (int i = 0; i < 5; ++i) suffix += kCharacters[RandomBelow(kCharacters.size())];
  return suffix;
}

int64_t RandomPositive() {
  return absl::Uniform<int64_t>(absl::IntervalClosed, Generator(), 1,
                                std::numeric_limits<int64_t>::max());
}

uint64_t RandomBelow(uint64_t n) { return absl::Uniform<uint64_t>(Generator(), 0, n); }

}  // namespace pintle::server::kube
