// What must be equal between two servers' answers, in words.
//
// Told apart from the text: which server it was (ids of cluster and member, its own URLs, terms,
// sizes, versions),
// what depends on the moment (a lease's remaining seconds), and orders that etcd leaves open
// (pairs that sort the same, a lease's keys). Everything else counts, headers' revisions and
// errors' texts too.
#pragma once

#include <string>

#include "proto/etcd/rpc.pb.h"
#include "tests/differential/generator.h"
#include "tests/differential/names.h"
#include "tests/differential/side.h"

namespace pintle::tests {

// "OK {…}" or "code 3: etcdserver: key is not provided".
std::string Describe(const Request& request, const Answer& answer, const Names& names);

// One line for people.
std::string DescribeRequest(const Request& request);

// What a watch was told, one line for each event or control message.
std::string DescribeControl(const etcdserverpb::WatchResponse& response);
std::string DescribeEvent(const mvccpb::Event& event);

}  // namespace pintle::tests
