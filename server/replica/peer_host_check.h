// Whether one of the names in a client's certificate is that of the address it connects from:
// etcd's check of members' certificates that have names and no fitting address.
//
// Thread: the stream's; look-ups run beside it. Bounded: the first 16 names, one after the other;
// the caller bounds the time.
#pragma once

#include <asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace pintle::server::replica {

// `done(true)`: one resolves to `address`; a "*.x" fits when the address has such a name that
// resolves back to it. Never called from inside. `keep` is held until then.
void CheckHosts(const asio::any_io_executor& executor, std::shared_ptr<void> keep,
                std::vector<std::string> hosts, asio::ip::address address,
                std::function<void(bool fits)> done);

}  // namespace pintle::server::replica
