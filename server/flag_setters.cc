#include "server/flag_setters.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"

namespace pintle::server {
namespace {

// 64 bits of nanoseconds.
constexpr absl::Duration kLongestOfGo = absl::Nanoseconds(INT64_MAX);

absl::Status Bad(std::string why) { return absl::InvalidArgumentError(std::move(why)); }

absl::Status ErrParse() { return Bad("parse error"); }  // Go's words for all that it cannot read

absl::Status ParsePort(std::string_view digits, std::string_view text, uint16_t& port) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || number > 65535) {
    return Bad(absl::StrCat("the port must be a number up to 65535: ", std::string(text)));
  }
  port = static_cast<uint16_t>(number);
  return absl::OkStatus();
}

}  // namespace

FlagSetter Text(FlagField<std::string> field) {
  return [field = std::move(field)](Config& config, std::string_view value) {
    field(config) = std::string(value);
    return absl::OkStatus();
  };
}

FlagSetter Number(FlagField<int64_t> field, int64_t least, int64_t most) {
  return [=](Config& config, std::string_view value) -> absl::Status {
    PINTLE_ASSIGN_OR_RETURN(const int64_t number, ParseGoNumber(value));
    if (number < 0 && least >= 0) return ErrParse();
    if (number < least || number > most) {
      return Bad(absl::StrCat("must lie between ", least, " and ", most));
    }
    field(config) = number;
    return absl::OkStatus();
  };
}

FlagSetter Truth(FlagField<bool> field) {
  return [field = std::move(field)](Config& config, std::string_view value) -> absl::Status {
    PINTLE_ASSIGN_OR_RETURN(field(config), ParseGoTruth(value));
    return absl::OkStatus();
  };
}

FlagSetter GoDuration(FlagField<absl::Duration> field) {
  return [field = std::move(field)](Config& config, std::string_view value) -> absl::Status {
    PINTLE_ASSIGN_OR_RETURN(field(config), ParseGoDuration(value));
    return absl::OkStatus();
  };
}

FlagSetter OneOf(FlagField<std::string> field, std::vector<std::string> choices) {
  return [field = std::move(field), choices = std::move(choices)](
             Config& config, std::string_view value) -> absl::Status {
    if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
      return Bad(absl::StrCat("invalid value, want one of ", absl::StrJoin(choices, ", ")));
    }
    field(config) = std::string(value);
    return absl::OkStatus();
  };
}

FlagSetter List(FlagField<std::vector<std::string>> field) {
  return [field = std::move(field)](Config& config, std::string_view value) {
    field(config) = SplitList(value);
    return absl::OkStatus();
  };
}

FlagSetter Urls(FlagField<std::vector<Url>> field) {
  return [field = std::move(field)](Config& config, std::string_view value) -> absl::Status {
    std::vector<Url> urls;
    for (const auto& piece : SplitList(value)) {
      PINTLE_ASSIGN_OR_RETURN(Url url, ParseUrl(piece));
      urls.push_back(std::move(url));
    }
    field(config) = std::move(urls);
    return absl::OkStatus();
  };
}

FlagSetter UrlTexts(FlagField<std::vector<std::string>> field) {
  return [field = std::move(field)](Config& config, std::string_view value) -> absl::Status {
    std::vector<std::string> urls = SplitList(value);
    for (const auto& url : urls) PINTLE_RETURN_IF_ERROR(ParseUrl(url).status());
    field(config) = std::move(urls);
    return absl::OkStatus();
  };
}

std::vector<std::string> SplitList(std::string_view value) {
  std::vector<std::string> out;
  for (auto piece : absl::StrSplit(std::string(value), ',', absl::SkipWhitespace())) {
    out.emplace_back(absl::StripAsciiWhitespace(piece));
  }
  return out;
}

absl::StatusOr<Url> ParseUrl(std::string_view text) {
  const auto scheme_end = text.find("://");
  Url url{.text = std::string(text)};
  if (scheme_end != std::string_view::npos) url.scheme = std::string(text.substr(0, scheme_end));
  const bool local = url.scheme == "unix" || url.scheme == "unixs";
  if (scheme_end == std::string_view::npos ||
      (!local && url.scheme != "http" && url.scheme != "https")) {
    return Bad("URL scheme must be http, https, unix, or unixs: " + url.text);
  }
  const std::string_view rest = text.substr(scheme_end + 3);
  if (local) {  // a file's name: host and path, as etcd reads it
    if (rest.empty()) return Bad("the name of the socket is missing: " + url.text);
    url.host = std::string(rest);
    return url;
  }
  if (rest.find_first_of("/?#") != std::string_view::npos) {
    return Bad("URL must not contain a path: " + url.text);
  }
  const auto colon = rest.rfind(':');
  url.host = std::string(rest.substr(0, colon));
  const bool bracketed = url.host.size() > 2 && url.host.front() == '[' && url.host.back() == ']';
  if (bracketed) url.host = url.host.substr(1, url.host.size() - 2);
  if (colon == std::string_view::npos || colon + 1 == rest.size() || url.host.empty() ||
      (!bracketed && url.host.find(':') != std::string::npos)) {
    return Bad("URL address does not have the form \"host:port\": " + url.text);
  }
  PINTLE_RETURN_IF_ERROR(ParsePort(rest.substr(colon + 1), text, url.port));
  return url;
}

absl::StatusOr<int64_t> ParseGoNumber(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char mark = absl::ascii_tolower(static_cast<unsigned char>(text[1]));
    base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
    text.remove_prefix(mark == 'x' || mark == 'b' || mark == 'o' ? 2 : 1);
  }
  // Underscores stand between digits only.
  if (text.starts_with('_') || text.ends_with('_') || text.find("__") != std::string_view::npos) {
    return ErrParse();
  }
  const std::string digits = absl::StrReplaceAll(std::string(text), {{"_", ""}});
  int64_t number = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number, base);
  if (error == std::errc::result_out_of_range) return Bad("value out of range");
  if (error != std::errc() || stop != end || number < 0) return ErrParse();
  return negative ? -number : number;
}

absl::StatusOr<absl::Duration> ParseGoDuration(std::string_view text) {
  absl::Duration duration;
  const std::string ascii =
      absl::StrReplaceAll(std::string(text), {{"\u00b5s", "us"}, {"\u03bcs", "us"}});
  if (ascii.empty() || !absl::ParseDuration(ascii, &duration) ||
      absl::AbsDuration(duration) > kLongestOfGo) {
    return ErrParse();
  }
  return duration;
}

absl::StatusOr<bool> ParseGoTruth(std::string_view text) {
  for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == no) return false;
  }
  return ErrParse();
}

}  // namespace pintle::server
