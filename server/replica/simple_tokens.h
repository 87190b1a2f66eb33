// SimpleTokens: etcd's simple tokens, whose they are and until when (etcd-api 1.8.2).
//
// A token is issued by an Authenticate entry, so that every member knows it from the same place in
// the log on; how long it lives, counted from its last use, each member measures for itself. Kept
// in memory only: after a restart its owner asks for a new one.
// Threads: any; one mutex, held for a few instructions. Limit: kMostTokens, then the one that would
// be the first to run out goes.
#pragma once

#include <cstddef>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"

namespace pintle::server::replica {

class SimpleTokens {
 public:
  static constexpr size_t kMostTokens = 100'000;

  explicit SimpleTokens(absl::Duration time_to_live) : time_to_live_(time_to_live) {}

  void Issue(std::string token, std::string user, absl::Time now);
  // Whose it is; it begins to live anew.
  std::optional<std::string> Use(std::string_view token, absl::Time now);
  void DropUser(std::string_view user);
  void DropAll();
  size_t size() const;

 private:
  struct Token {
    std::string text;
    std::string user;
    absl::Time until;
  };
  using Tokens = std::list<Token>;

  void DropOld(absl::Time now);
  void Drop(Tokens::iterator token);

  const absl::Duration time_to_live_;
  mutable std::mutex mutex_;
  Tokens tokens_;  // the first to run out in front
  absl::flat_hash_map<std::string, Tokens::iterator> by_text_;
};

}  // namespace pintle::server::replica
