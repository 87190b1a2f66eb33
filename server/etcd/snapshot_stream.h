// SnapshotStream: one Maintenance.Snapshot call. The store as it stood when the call came, as an
// etcd database file (server/backup/etcd_export.h) in pieces of 32 KiB, then its SHA-256
// (etcd-api 1.5).
//
// Reading is done slice by slice on the member's background thread, so that neither apply nor this
// connection waits; the next slice is read when the client has taken most of the last one. So a
// stream costs a few slices of memory whoever reads it, and nothing once it is closed.
// Thread: the call's. Errors: ErrStoreUnderRepair; what reading the store says.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kv/backend.h"
#include "server/etcd/leader_watch.h"
#include "server/etcd/service.h"

namespace pintle::server::etcd {

class SnapshotStream : public std::enable_shared_from_this<SnapshotStream> {
 public:
  static constexpr size_t kPieceBytes = size_t{32} << 10;

  SnapshotStream(ServicePtr service, std::shared_ptr<net::GrpcCall> call);
  ~SnapshotStream();

  void Open();
  void Receive(const std::string& message);

 private:
  struct Work;
  struct Slice;

  // In the background, until there is something to send.
  static void Turn(replica::LocalMember& member, const std::shared_ptr<Work>& work,
                   const std::shared_ptr<net::GrpcCall>& call,
                   const std::weak_ptr<SnapshotStream>& stream);
  void Close();
  void Freeze();
  void Read(std::shared_ptr<const kv::BackendReader> content);
  void ReadOn();
  void GoOn();  // once the client wants more
  void Deliver(Slice slice);

  const ServicePtr service_;
  std::shared_ptr<net::GrpcCall> call_;  // null once closed
  std::shared_ptr<Work> work_;           // shared with the background thread
  std::unique_ptr<LeaderWatch> leader_watch_;
  bool begun_ = false;
  bool reading_ = false;
};

void RegisterSnapshot(net::GrpcRouter& router, ServicePtr service);

}  // namespace pintle::server::etcd
