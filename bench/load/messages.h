// The few etcd messages that the load generator sends and looks into, as bytes
// (etcd-api 1.1.1, 1.2). By hand, so that the generator costs little beside the servers it
// measures.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pintle::bench {

std::string PutMessage(std::string_view key, std::string_view value);
// `end` empty: one key. limit 0: no limit.
std::string RangeMessage(std::string_view key, std::string_view end, int64_t limit,
                         bool serializable);
// Kubernetes' guarded update: put if mod_revision is still `revision`, else read.
std::string GuardedPutMessage(std::string_view key, std::string_view value, int64_t revision);
std::string LeaseGrantMessage(int64_t id, int64_t ttl_seconds);
std::string LeasePutMessage(std::string_view key, std::string_view value, int64_t lease);
std::string KeepAliveMessage(int64_t id);
// LeaseKeepAliveResponse.TTL; 0: there is no such lease.
int64_t KeepAliveTtl(std::string_view response);
std::string WatchCreateMessage(std::string_view key, std::string_view end, int64_t watch_id);

int64_t HeaderRevision(std::string_view response);  // field 1.3 of every response
bool TxnSucceeded(std::string_view response);       // TxnResponse.succeeded
int64_t ModRevisionOfFirstKv(
    std::string_view response);  // RangeResponse inside a failed guarded update; 0: none
struct WatchSummary {
  bool created = false;
  bool canceled = false;
  int events = 0;
  std::string_view last_value;
};
WatchSummary ReadWatchResponse(std::string_view response);

}  // namespace pintle::bench
