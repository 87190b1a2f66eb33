// DeleteWait: waits until no key under a prefix is older than a given one: the queue behind Lock
// and Campaign (etcd-api 1.6). Each waits for the one right before it only, so that a release wakes
// one.
//
// Owner: who waits, with shared_ptr, on the outer call's thread. `done` runs once, unless
// cancelled: OK, or the error of a read or of the watch. A watch that falls behind compaction is
// begun again from a new read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "server/etcd/inner_client.h"

namespace pintle::server::etcd {

class DeleteWait : public std::enable_shared_from_this<DeleteWait> {
 public:
  using Done = absl::AnyInvocable<void(absl::Status)>;

  // Until no key under `prefix` has a create revision of at most `max_create_revision`.
  static std::shared_ptr<DeleteWait> Begin(InnerClient client, std::string prefix,
                                           int64_t max_create_revision, Done done);
  DeleteWait(InnerClient client, std::string prefix, int64_t max_create_revision, Done done);

  void Cancel();

 private:
  void Look();
  void WaitFor(const std::string& key, int64_t revision);
  void End(const absl::Status& status);

  const InnerClient client_;
  const std::string prefix_;
  const int64_t max_create_revision_;
  Done done_;
  std::shared_ptr<LocalCall> watch_;
  bool ended_ = false;
};

}  // namespace pintle::server::etcd
