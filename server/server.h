// Server: one member of a cluster, wired: log and store, raft and its threads, the two faces, the
// listeners.
//
// Owner: main. Start() returns once the member listens (it may not have a leader yet), and waits as
// long as there is no room on its disk; Stop() ends it in order: listeners first, then calls under
// way, then the replica. Errors are one line and say what to do.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/config.h"
#include "server/replica/peer_transport.h"

namespace pintle::server {

class Server {
 public:
  // `must_stop`: the member has to end, for good; main calls Stop(). On any thread, once or more.
  using MustStop = std::function<void(replica::Refusal, const std::string& why)>;
  // Waits that long; false: the start is given up.
  using WaitForRoom = std::function<bool(absl::Duration)>;
  static absl::StatusOr<std::unique_ptr<Server>> Start(const Config& config, MustStop must_stop,
                                                       WaitForRoom wait_for_room);
  ~Server();  // Stop()
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // The cluster knows this member's name and client URLs: what etcd calls ready.
  bool Published() const;
  // The lines that tools wait for, in the log.
  void SayReady(const Config& config) const;

  void Stop();

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace pintle::server
