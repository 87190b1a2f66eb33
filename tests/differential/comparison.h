// What must be equal between two servers' answers, in words.
//
// Told apart from the text: which server it was (ids of cluster and member, terms, URLs, sizes),
// what depends on the moment (a lease's remaining seconds), and orders that etcd leaves open
// (pairs that sort the same, a lease's keys). Everything else counts, headers' revisions and
// errors' texts too.
//
// Known differences are few, and stand here with releases and reasons.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/etcd/rpc.pb.h"
#include "tests/differential/generator.h"
#include "tests/differential/side.h"

namespace pintle::tests {

// "OK {…}" or "code 3: etcdserver: key is not provided".
std::string Describe(const Request& request, const Answer& answer);

// One line for people.
std::string DescribeRequest(const Request& request);

// What a watch was told, one line for each event or control message.
std::string DescribeControl(const etcdserverpb::WatchResponse& response);
std::string DescribeEvent(const mvccpb::Event& event);

// A difference that stays: which etcd has it, and why ours is as it is.
struct Difference {
  std::string_view name;
  std::string_view releases;  // "3.4", "3.4 3.5"
  std::string_view why;
  bool (*is)(const Request& request, const Answer& pintle, const Answer& etcd);
};
const std::vector<Difference>& KnownDifferences();

}  // namespace pintle::tests
