#include "bench/load/scripts.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "base/byte_codec.h"
#include "bench/load/messages.h"

namespace pintle::bench {
namespace {

constexpr size_t kBlockBytes = size_t{1} << 20;

class PutScript final : public ClientScript {
 public:
  PutScript(const Options& options, int client)
      : keys_(options.keys),
        random_(options.seed * 1000003 + static_cast<uint64_t>(client)),
        values_(options.value_bytes, random_()) {}
  std::string path() const override { return "/etcdserverpb.KV/Put"; }
  std::string NextRequest() override {
    return PutMessage(KeyName(static_cast<int64_t>(random_() % static_cast<uint64_t>(keys_))),
                      values_.Next());
  }
  void OnReply(std::string_view) override {}

 private:
  int64_t keys_;
  std::mt19937_64 random_;
  Values values_;
};

class RangeScript final : public ClientScript {
 public:
  RangeScript(const Options& options, int client)
      : options_(options), random_(options.seed * 1000003 + static_cast<uint64_t>(client)) {}
  std::string path() const override { return "/etcdserverpb.KV/Range"; }
  std::string NextRequest() override {
    const std::string key =
        KeyName(static_cast<int64_t>(random_() % static_cast<uint64_t>(options_.keys)));
    if (options_.range_limit == 1) return RangeMessage(key, "", 0, options_.serializable);
    return RangeMessage(key, "/registry0", options_.range_limit, options_.serializable);
  }
  void OnReply(std::string_view) override {}

 private:
  const Options& options_;
  std::mt19937_64 random_;
};

// Updates its own share of the keys as kube-apiserver does: guarded by the revision that it saw
// last.
class TxnScript final : public ClientScript {
 public:
  TxnScript(const Options& options, int client)
      : random_(options.seed * 1000003 + static_cast<uint64_t>(client)),
        values_(options.value_bytes, random_()) {
    for (int64_t key = client; key < std::max<int64_t>(options.keys, client + 1);
         key += options.clients) {
      keys_.push_back({KeyName(key), 0});
    }
  }
  std::string path() const override { return "/etcdserverpb.KV/Txn"; }
  std::string NextRequest() override {
    current_ = random_() % keys_.size();
    const bool conflict = random_() % 100 == 0;  // so that the else-branch runs too
    return GuardedPutMessage(keys_[current_].first, values_.Next(),
                             keys_[current_].second + (conflict ? 1 : 0));
  }
  void OnReply(std::string_view reply) override {
    keys_[current_].second =
        TxnSucceeded(reply) ? HeaderRevision(reply) : ModRevisionOfFirstKv(reply);
  }

 private:
  std::mt19937_64 random_;
  Values values_;
  std::vector<std::pair<std::string, int64_t>> keys_;  // and the revision last seen
  size_t current_ = 0;
};

class WatchedPutScript final : public ClientScript {
 public:
  WatchedPutScript(const Options& options, int client)
      : values_(options.value_bytes, options.seed * 1000003 + static_cast<uint64_t>(client)) {}
  std::string path() const override { return "/etcdserverpb.KV/Put"; }
  std::string NextRequest() override {
    std::string value;
    base::AppendFixed64(value, static_cast<uint64_t>(absl::GetCurrentTimeNanos()));
    return PutMessage(WatchedKey(), value + values_.Next());
  }
  void OnReply(std::string_view) override {}

 private:
  Values values_;
};

}  // namespace

std::string KeyName(int64_t i) {
  return absl::StrFormat("/registry/pods/namespace-%02d/my-app-7d4b9c6f5-%010d", i % 20, i);
}

Values::Values(size_t bytes, uint64_t seed)
    : bytes_(bytes), random_(seed), block_(kBlockBytes + bytes, '\0') {
  for (size_t i = 0; i + 8 <= block_.size(); i += 8) {
    const uint64_t word = random_();
    std::copy_n(reinterpret_cast<const char*>(&word), 8, block_.data() + i);
  }
}

std::string Values::Next() { return block_.substr(random_() % kBlockBytes, bytes_); }

std::string WatchedKey() { return "/registry/pods/default/watched"; }

absl::Time SendTimeOf(std::string_view value) {
  base::ByteReader reader(value);
  uint64_t nanos = 0;
  return reader.TakeFixed64(nanos) ? absl::FromUnixNanos(static_cast<int64_t>(nanos))
                                   : absl::InfinitePast();
}

std::unique_ptr<ClientScript> MakePutScript(const Options& options, int client) {
  return std::make_unique<PutScript>(options, client);
}
std::unique_ptr<ClientScript> MakeRangeScript(const Options& options, int client) {
  return std::make_unique<RangeScript>(options, client);
}
std::unique_ptr<ClientScript> MakeTxnScript(const Options& options, int client) {
  return std::make_unique<TxnScript>(options, client);
}
std::unique_ptr<ClientScript> MakeWatchedPutScript(const Options& options, int client) {
  return std::make_unique<WatchedPutScript>(options, client);
}

}  // namespace pintle::bench
