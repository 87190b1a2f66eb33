// ListOptions: the parameters of list and watch, and which revision they mean (kube-api §6.3,
// §6.4).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "server/kube/call.h"
#include "server/kube/selectors.h"

namespace pintle::server::kube {

// Where the next chunk of a list begins: opaque to clients, apiserver's own form.
struct ContinueToken {
  int64_t revision = 0;  // -1: whatever is newest
  std::string start;     // key, relative to the kind's prefix

  std::string Encode() const;
  // 400 `invalid continue token: …`.
  static Result<ContinueToken> Parse(std::string_view text);
};

enum class VersionMatch { kUnset, kExact, kNotOlderThan };

struct ListOptions {
  Selection selection;
  int64_t limit = 0;  // 0: none
  std::optional<ContinueToken> token;
  std::optional<int64_t> resource_version;  // unset: most recent
  VersionMatch match = VersionMatch::kUnset;

  // Any state will do: no round to the leader is needed.
  bool any_version() const { return !token && resource_version == 0; }
  // The revision to read at; 0: the view's own.
  int64_t exact_revision() const;
};

Result<ListOptions> ParseListOptions(const Resource& resource, const QueryParameters& query);

struct WatchOptions {
  Selection selection;
  int64_t resource_version = 0;  // 0: begin with the current state
  bool most_recent = false;      // of two kinds of 0: the parameter was absent
  bool bookmarks = false;
  int64_t timeout_seconds = 0;  // 0: the server's choice
};
Result<WatchOptions> ParseWatchOptions(const Resource& resource, const QueryParameters& query);

// `resourceVersion`: empty is nullopt; 400 when it is no number.
Result<std::optional<int64_t>> ParseResourceVersion(const QueryParameters& query);

// The whole collection as a List object, whatever the limit. `done` on the exchange's thread.
void ReadCollection(CallPtr call, ListOptions options, absl::AnyInvocable<void(Result<Json>)> done);

}  // namespace pintle::server::kube
