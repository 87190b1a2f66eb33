#include "server/etcd/debug_vars.h"

#include <malloc.h>
#include <sys/resource.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"

namespace pintle::server::etcd {
namespace {

using Json = nlohmann::ordered_json;

Json CommandLine() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  Json arguments = Json::array();
  for (std::string argument; std::getline(file, argument, '\0');) arguments.push_back(argument);
  return arguments;
}

uint64_t DescriptorLimit() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

Json Memory() {
  const struct mallinfo2 facts = mallinfo2();
  const size_t in_use = facts.uordblks + facts.hblkhd;
  return {{"Alloc", in_use},
          {"Sys", facts.arena + facts.hblkhd},
          {"HeapAlloc", in_use},
          {"HeapSys", facts.arena + facts.hblkhd},
          {"HeapIdle", facts.fordblks},
          {"HeapInuse", in_use}};
}

Json RaftStatus(const replica::MemberStatus& status) {
  const char* role = status.is_leader        ? "StateLeader"
                     : status.leader_id == 0 ? "StateCandidate"
                                             : "StateFollower";
  return {{"id", absl::StrCat(absl::Hex(status.member_id))},
          {"term", status.raft_term},
          {"commit", status.committed_index},
          {"lead", absl::StrCat(absl::Hex(status.leader_id))},
          {"raftState", role},
          {"applied", status.applied_index}};
}

}  // namespace

std::string DebugVars(const replica::MemberStatus& status) {
  const Json vars = {{"cmdline", CommandLine()},
                     {"file_descriptor_limit", DescriptorLimit()},
                     {"memstats", Memory()},
                     {"raft.status", RaftStatus(status)}};
  return vars.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace pintle::server::etcd
