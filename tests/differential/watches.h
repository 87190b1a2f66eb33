// Watches: the same watch stream on both servers, and whether both were told the same.
//
// How many events come in one message is not compared, nor the order between watches; each watch's
// own sequence is, with the control messages in it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/differential/generator.h"
#include "tests/differential/side.h"

namespace pintle::tests {

class Watches {
 public:
  // Each is a server and the token that goes along.
  Watches(Side& pintle, const std::string& pintle_token, Side& etcd, const std::string& etcd_token);

  // `request` names the watch created() + 1.
  void Create(const etcdserverpb::WatchRequest& request);
  // Watches that begin in the past may not have been told of it yet: etcd looks after them every
  // 100 ms, and what ends them before that ends them without.
  bool behind() const { return behind_; }
  // Watches `key`, which changed at `revision` and not after it, until both tell of that. False
  // when one does not, because it is not allowed, say.
  bool Sees(const std::string& key, int64_t revision);
  void CaughtUp() { behind_ = false; }
  // One of those created, when none is behind; then it is silent.
  void Cancel(int64_t watch_id);
  // Waits until both were told the same; what differs, when they were not in time.
  std::optional<std::string> Compare();
  int64_t created() const { return created_; }
  bool ended() const { return pintle_.ended || etcd_.ended; }
  int64_t events() const { return events_; }

 private:
  using Told = std::map<int64_t, std::vector<std::string>>;  // by watch
  struct Half {
    const std::vector<std::string>& Of(int64_t watch_id) const;

    std::unique_ptr<Side::Stream> stream;
    int64_t answered = 0;  // of those created, refused ones too
    bool ended = false;
    Told told;
  };
  void Send(const etcdserverpb::WatchRequest& request);
  void Read(Half& half, absl::Duration limit);
  template <typename Condition>
  void ReadUntil(Condition condition);
  std::optional<std::string> Differences() const;

  Half pintle_;
  Half etcd_;
  std::vector<std::string> requests_;  // as text, for who reads of a difference
  bool behind_ = false;
  int64_t created_ = 0;
  int64_t events_ = 0;
};

}  // namespace pintle::tests
