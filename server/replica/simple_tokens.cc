#include "server/replica/simple_tokens.h"

#include <iterator>
#include <utility>

namespace pintle::server::replica {

void SimpleTokens::Issue(std::string token, std::string user, absl::Time now) {
  const std::lock_guard lock(mutex_);
  DropOld(now);
  const auto known = by_text_.find(token);
  if (known != by_text_.end()) Drop(known->second);
  if (tokens_.size() == kMostTokens) Drop(tokens_.begin());
  tokens_.push_back({token, std::move(user), now + time_to_live_});
  by_text_.emplace(std::move(token), std::prev(tokens_.end()));
}

std::optional<std::string> SimpleTokens::Use(std::string_view token, absl::Time now) {
  const std::lock_guard lock(mutex_);
  DropOld(now);
  const auto found = by_text_.find(std::string(token));
  if (found == by_text_.end()) return std::nullopt;
  found->second->until = now + time_to_live_;
  tokens_.splice(tokens_.end(), tokens_, found->second);
  return found->second->user;
}

void SimpleTokens::DropUser(std::string_view user) {
  const std::lock_guard lock(mutex_);
  for (auto it = tokens_.begin(); it != tokens_.end();) {
    const auto token = it++;
    if (token->user == user) Drop(token);
  }
}

void SimpleTokens::DropAll() {
  const std::lock_guard lock(mutex_);
  tokens_.clear();
  by_text_.clear();
}

size_t SimpleTokens::size() const {
  const std::lock_guard lock(mutex_);
  return tokens_.size();
}

void SimpleTokens::DropOld(absl::Time now) {
  while (!tokens_.empty() && tokens_.front().until <= now) Drop(tokens_.begin());
}

void SimpleTokens::Drop(Tokens::iterator token) {
  by_text_.erase(token->text);
  tokens_.erase(token);
}

}  // namespace pintle::server::replica
