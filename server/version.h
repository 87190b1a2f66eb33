// The version that etcd's clients are told (Status, /version, --version): that of the etcd release
// whose calls are answered here. kube-apiserver derives from it what it may ask for (etcd-api 6.4).
#pragma once

#include <string>
#include <string_view>

namespace pintle::server {

inline constexpr std::string_view kEtcdVersion = "3.7.1";

// What is told: kEtcdVersion, or what --report-version says, for tests. Set by main before there
// are threads.
inline std::string& ReportedVersion() {
  static std::string version(kEtcdVersion);
  return version;
}

// Of the store's format and of the cluster, as etcd words them: major.minor.0.
inline std::string ReportedStorageVersion() {
  const std::string& version = ReportedVersion();
  return version.substr(0, version.rfind('.')) + ".0";
}

}  // namespace pintle::server
