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

// "3.6.0" → "3.6"
inline std::string ShortVersion(const std::string& version) {
  return version.substr(0, version.rfind('.'));
}

// Of the cluster, and of what it stores, as etcd words them: major.minor.0. A version that
// operators want to go back to (replica::LocalMember::downgrade_target) stands in its place.
inline std::string ReportedClusterVersion() { return ShortVersion(ReportedVersion()) + ".0"; }

}  // namespace pintle::server
