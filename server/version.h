// The version that etcd's clients are told (Status, /version, --version): that of the etcd release
// whose calls are answered here. kube-apiserver derives from it what it may ask for (etcd-api 6.4).
#pragma once

#include <string_view>

namespace pintle::server {

inline constexpr std::string_view kEtcdVersion = "3.6.4";
// Of the store's format and of the cluster, as etcd words them: major.minor.0.
inline constexpr std::string_view kEtcdStorageVersion = "3.6.0";

}  // namespace pintle::server
