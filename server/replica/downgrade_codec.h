// The body of a kDowngrade proposal: etcd's DowngradeInfoSetRequest (enabled 1, ver 2). Pure
// functions, any thread.
#pragma once

#include <string>
#include <string_view>

namespace pintle::server::replica {

// `target`: the version to go back to; empty: none any more.
std::string EncodeDowngrade(std::string_view target);
// False: no such body, or a version of more than 64 bytes.
bool DecodeDowngrade(std::string_view body, std::string& target);

}  // namespace pintle::server::replica
