// Small work on text, in terms of std::string_view: Debian's Abseil was built with a string_view of
// its own, so that its StrCat, StrSplit and SimpleAtoi do not take ours.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace pintle::server::kube {

namespace text_internal {
inline void Append(std::string& out, std::string_view piece) { out += piece; }
template <typename T>
requires std::is_integral_v<T>
void Append(std::string& out, T number) { out += std::to_string(number); }
}  // namespace text_internal

// Texts and integers, one behind the other.
template <typename... Pieces>
void StrAppend(std::string* out, const Pieces&... pieces) {
  (text_internal::Append(*out, pieces), ...);
}
template <typename... Pieces>
std::string StrCat(const Pieces&... pieces) {
  std::string out;
  StrAppend(&out, pieces...);
  return out;
}

// At every `separator`; the pieces point into `text`. "" gives one empty piece.
std::vector<std::string_view> Split(std::string_view text, char separator);
std::string Join(const std::vector<std::string>& pieces, std::string_view separator);
std::string_view Trim(std::string_view text);  // white space at both ends
std::string Lower(std::string_view text);
bool Contains(std::string_view text, std::string_view part);

// Decimal, with an optional sign, and nothing else.
bool ParseInteger(std::string_view text, int64_t& number);
bool ParseNumber(std::string_view text, double& number);

}  // namespace pintle::server::kube
