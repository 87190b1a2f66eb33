// ServiceAddresses: cluster IPs and node ports of Services, taken and given back in the very
// transaction that writes or removes the Service (kube-api §12.4). Immutable configuration; any
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "kv/read_view.h"
#include "server/kube/resources/resource.h"
#include "server/kube/status_error.h"
#include "server/kube/store_txn.h"

namespace pintle::server::kube {

class ServiceAddresses {
 public:
  // `range`: IPv4 CIDR from /12 to /30.
  static absl::StatusOr<ServiceAddresses> Create(std::string range, int first_port, int last_port);

  // Whether objects of this kind hold addresses at all.
  static bool Concerns(const Resource& resource) {
    return resource.group.empty() && resource.plural == "services";
  }

  // After validation: takes what `service` asks for or lacks, gives back what only `old` had, and
  // puts the change into `txn`. `old` null: create. 422 and 500 in upstream's words.
  Result<Done> Allocate(const kv::ReadView& view, Json& service, const Json* old,
                        StoreTxn& txn) const;
  Result<Done> Release(const kv::ReadView& view, const Json& old, StoreTxn& txn) const;

  // The address that belongs to the Service default/kubernetes.
  std::string first_ip() const { return FormatIp(0); }

 private:
  class Attempt;

  ServiceAddresses() = default;
  std::string FormatIp(uint64_t offset) const;
  // Offset in the range; false when outside, or no address at all.
  bool FindOffset(std::string_view ip, uint64_t& offset) const;

  std::string range_;
  uint32_t base_ = 0;  // the network's own address
  uint64_t size_ = 0;  // usable addresses: network and broadcast are not
  int first_port_ = 0;
  int last_port_ = 0;
};

}  // namespace pintle::server::kube
