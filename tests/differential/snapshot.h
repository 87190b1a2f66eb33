// A snapshot file as it came, in words that can be compared: two servers' files differ in pages and
// in ids, and hold the same.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace pintle::tests {

// `messages` are all SnapshotResponses of a stream. In the words are the keys' records (as a
// checksum), leases, roles, and what was compacted; the other buckets hold what a server calls its
// own: ids, URLs, hashes of passwords, its log's position. DATA_LOSS: what remains was not said
// right, the hash at the end is not that of the file, or it is no database.
absl::StatusOr<std::string> DescribeSnapshot(const std::vector<std::string>& messages);

}  // namespace pintle::tests
