// Sha256: the hash that stands behind a snapshot file, fed piece by piece. One thread at a time.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace pintle::server::backup {

class Sha256 {
 public:
  static constexpr size_t kBytes = 32;

  Sha256();
  ~Sha256();
  void Add(std::string_view bytes);
  // kBytes bytes. Once; nothing is added any more.
  std::string Finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace pintle::server::backup
