// Concat: joins texts and integers. (Debian's absl::StrCat does not take std::string_view.) Private
// to net/.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

namespace pintle::net {

inline void AppendText(std::string& out, std::string_view text) { out.append(text); }
template <std::integral Int>
void AppendText(std::string& out, Int value) {
  out.append(std::to_string(value));
}

template <typename... Parts>
std::string Concat(const Parts&... parts) {
  std::string out;
  (AppendText(out, parts), ...);
  return out;
}

}  // namespace pintle::net
