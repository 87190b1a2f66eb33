#include "server/replica/peer_host_check.h"

#include <algorithm>
#include <utility>

namespace pintle::server::replica {
namespace {

using asio::ip::tcp;

constexpr size_t kMostHosts = 16;

struct Check : std::enable_shared_from_this<Check> {
  explicit Check(const asio::any_io_executor& executor) : resolver(executor) {}

  void Next() {
    if (hosts.empty()) return done(false);
    const std::string host = std::move(hosts.back());
    hosts.pop_back();
    if (host.starts_with("*.")) return FindNameLike(host.substr(1));
    Forward(host);
  }
  void Forward(const std::string& host) {
    resolver.async_resolve(
        host, "0", [self = shared_from_this()](const asio::error_code& error, const auto& found) {
          if (!error) {
            for (const auto& entry : found) {
              if (entry.endpoint().address() == self->address) return self->done(true);
            }
          }
          self->Next();
        });
  }
  void FindNameLike(const std::string& suffix) {
    resolver.async_resolve(
        tcp::endpoint(address, 0),
        [self = shared_from_this(), suffix](const asio::error_code& error, const auto& found) {
          if (error || found.empty()) return self->Next();
          const std::string name = found.begin()->host_name();
          const size_t dot = name.find('.');
          if (dot == std::string::npos || name.substr(dot) != suffix) return self->Next();
          self->Forward(name);
        });
  }

  tcp::resolver resolver;
  std::shared_ptr<void> keep;
  std::vector<std::string> hosts;  // from the back
  asio::ip::address address;
  std::function<void(bool)> done;
};

}  // namespace

void CheckHosts(const asio::any_io_executor& executor, std::shared_ptr<void> keep,
                std::vector<std::string> hosts, asio::ip::address address,
                std::function<void(bool fits)> done) {
  const auto check = std::make_shared<Check>(executor);
  check->keep = std::move(keep);
  if (hosts.size() > kMostHosts) hosts.resize(kMostHosts);
  std::ranges::reverse(hosts);
  check->hosts = std::move(hosts);
  check->address = std::move(address);
  check->done = std::move(done);
  check->Next();
}

}  // namespace pintle::server::replica
