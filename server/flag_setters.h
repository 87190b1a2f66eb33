// Setters of flags: how a value's text is read, in Go's and etcd's spelling, into a field of
// Config. Pure. Errors: INVALID_ARGUMENT with what was wanted; whoever calls says for which flag.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/config.h"

namespace pintle::server {

using FlagSetter = std::function<absl::Status(Config&, std::string_view value)>;
// Where a value goes: a field of Config, or one deeper inside.
template <typename T>
using FlagField = std::function<T&(Config&)>;
template <typename T>
FlagField<T> FieldOf(T Config::*field) {
  return [field](Config& config) -> T& { return config.*field; };
}

FlagSetter Text(FlagField<std::string> field);
FlagSetter Number(FlagField<int64_t> field, int64_t least, int64_t most);
FlagSetter Truth(FlagField<bool> field);
FlagSetter GoDuration(FlagField<absl::Duration> field);
FlagSetter OneOf(FlagField<std::string> field, std::vector<std::string> choices);
FlagSetter List(FlagField<std::vector<std::string>> field);  // comma separated
FlagSetter Urls(FlagField<std::vector<Url>> field);
FlagSetter UrlTexts(FlagField<std::vector<std::string>> field);

inline FlagSetter Text(std::string Config::*field) { return Text(FieldOf(field)); }
inline FlagSetter Number(int64_t Config::*field, int64_t least, int64_t most) {
  return Number(FieldOf(field), least, most);
}
inline FlagSetter Truth(bool Config::*field) { return Truth(FieldOf(field)); }
inline FlagSetter GoDuration(absl::Duration Config::*field) { return GoDuration(FieldOf(field)); }
inline FlagSetter OneOf(std::string Config::*field, std::vector<std::string> choices) {
  return OneOf(FieldOf(field), std::move(choices));
}
inline FlagSetter List(std::vector<std::string> Config::*field) { return List(FieldOf(field)); }
inline FlagSetter Urls(std::vector<Url> Config::*field) { return Urls(FieldOf(field)); }
inline FlagSetter UrlTexts(std::vector<std::string> Config::*field) {
  return UrlTexts(FieldOf(field));
}

std::vector<std::string> SplitList(std::string_view value);
absl::StatusOr<Url> ParseUrl(std::string_view text);
absl::StatusOr<int64_t> ParseGoNumber(std::string_view text);  // also 0x1F, 017, 1_000
absl::StatusOr<absl::Duration> ParseGoDuration(std::string_view text);
absl::StatusOr<bool> ParseGoTruth(std::string_view text);

}  // namespace pintle::server
