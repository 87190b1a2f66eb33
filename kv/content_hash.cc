#include "kv/content_hash.h"

#include <string_view>

#include "base/hash64.h"
#include "base/status_macros.h"
#include "kv/auth/auth_record.h"
#include "kv/record.h"

namespace pintle::kv {
namespace {

// Records and leases lie before what the store notes for itself; roles, the server's state and
// users behind it.
std::string FirstKey() { return FirstRecordKey(0); }
std::string EndOfFirstPart() { return EndOfLeaseKeys(); }
std::string SecondPart() { return auth::RoleKey(""); }
std::string EndOfSecondPart() { return auth::EndOfUserKeys(); }

}  // namespace

absl::Status ContentHash::Begin() {
  const auto compacted = content_->Get(ScheduledCompactionKey());
  if (!compacted.ok() && !absl::IsNotFound(compacted.status())) return compacted.status();
  hash_ = base::Hash64(compacted.ok() ? std::string_view(*compacted) : std::string_view(), 0);
  from_ = FirstKey();
  begun_ = true;
  return absl::OkStatus();
}

absl::Status ContentHash::Step(size_t max_bytes) {
  if (!begun_) PINTLE_RETURN_IF_ERROR(Begin());
  const bool second = from_ >= SecondPart();
  std::string next;
  size_t bytes = 0;
  PINTLE_RETURN_IF_ERROR(content_->Scan(from_, second ? EndOfSecondPart() : EndOfFirstPart(),
                                        [&](std::string_view key, std::string_view value) {
                                          if (bytes >= max_bytes) {
                                            next = key;
                                            return false;
                                          }
                                          hash_ = base::Hash64(value, base::Hash64(key, hash_));
                                          bytes += key.size() + value.size();
                                          return true;
                                        }));
  if (!next.empty()) {
    from_ = std::move(next);
  } else if (second) {
    done_ = true;
  } else {
    from_ = SecondPart();
  }
  return absl::OkStatus();
}

}  // namespace pintle::kv
