#include <algorithm>

#include "absl/strings/ascii.h"
#include "server/kube/resources/validation.h"

namespace pintle::server::kube {
namespace {

constexpr std::string_view kLabelText =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
constexpr std::string_view kSubdomainText =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
constexpr std::string_view kDns1035Text =
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
    "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', "
    "regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
constexpr std::string_view kQualifiedText =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
constexpr std::string_view kLabelValueText =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  "
    "or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
constexpr std::string_view kConfigKeyText =
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. "
    "'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is "
    "'[-._a-zA-Z0-9]+')";

bool IsLowerAlnum(char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c); }

bool IsLabelText(std::string_view value) {
  if (value.empty() || !IsLowerAlnum(value.front()) || !IsLowerAlnum(value.back())) return false;
  return std::all_of(value.begin(), value.end(),
                     [](char c) { return c == '-' || IsLowerAlnum(c); });
}

bool IsSubdomainText(std::string_view value) {
  while (true) {
    const size_t dot = value.find('.');
    if (!IsLabelText(value.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    value.remove_prefix(dot + 1);
  }
}

bool IsWordChar(char c) { return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.'; }

// Starts and ends with a letter or digit, words in between.
bool IsQualifiedText(std::string_view value) {
  if (value.empty() || !absl::ascii_isalnum(value.front()) || !absl::ascii_isalnum(value.back())) {
    return false;
  }
  return std::all_of(value.begin(), value.end(), IsWordChar);
}

std::string TooLong(int max) {
  return "must be no more than " + std::to_string(max) + " characters";
}

Complaints LengthAndShape(std::string_view value, size_t max, bool shaped,
                          std::string_view complaint) {
  Complaints complaints;
  if (value.size() > max) complaints.push_back(TooLong(static_cast<int>(max)));
  if (!shaped) complaints.emplace_back(complaint);
  return complaints;
}

Complaints CheckPathSegment(std::string_view name) {
  if (name == ".") return {"may not be '.'"};
  if (name == "..") return {"may not be '..'"};
  Complaints complaints;
  for (const char* part : {"/", "%"}) {
    if (name.find(part) != std::string_view::npos) {
      complaints.push_back("may not contain '" + std::string(part) + "'");
    }
  }
  return complaints;
}

}  // namespace

Complaints CheckDns1123Label(std::string_view value) {
  return LengthAndShape(value, 63, IsLabelText(value), kLabelText);
}

Complaints CheckDns1123Subdomain(std::string_view value) {
  return LengthAndShape(value, 253, IsSubdomainText(value), kSubdomainText);
}

Complaints CheckDns1035Label(std::string_view value) {
  const bool shaped = IsLabelText(value) && absl::ascii_islower(value.front());
  return LengthAndShape(value, 63, shaped, kDns1035Text);
}

Complaints CheckName(NameRule rule, std::string_view name) {
  switch (rule) {
    case NameRule::kDns1123Label:
      return CheckDns1123Label(name);
    case NameRule::kDns1035Label:
      return CheckDns1035Label(name);
    case NameRule::kPathSegment:
      return CheckPathSegment(name);
    case NameRule::kDns1123Subdomain:
      break;
  }
  return CheckDns1123Subdomain(name);
}

Complaints CheckQualifiedName(std::string_view value) {
  Complaints complaints;
  std::string_view name = value;
  const size_t slash = value.find('/');
  if (slash != std::string_view::npos) {
    name = value.substr(slash + 1);
    if (name.find('/') != std::string_view::npos) {
      return {"a qualified name " + std::string(kQualifiedText) +
              " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"};
    }
    const std::string_view prefix = value.substr(0, slash);
    if (prefix.empty()) {
      complaints.push_back("prefix part must be non-empty");
    } else {
      for (const std::string& complaint : CheckDns1123Subdomain(prefix)) {
        complaints.push_back("prefix part " + complaint);
      }
    }
  }
  if (name.empty()) {
    complaints.push_back("name part must be non-empty");
  } else if (name.size() > 63) {
    complaints.push_back("name part " + TooLong(63));
  }
  if (!IsQualifiedText(name)) complaints.push_back("name part " + std::string(kQualifiedText));
  return complaints;
}

Complaints CheckLabelValue(std::string_view value) {
  return LengthAndShape(value, 63, value.empty() || IsQualifiedText(value), kLabelValueText);
}

Complaints CheckConfigKey(std::string_view value) {
  const bool shaped = !value.empty() && std::all_of(value.begin(), value.end(), IsWordChar);
  Complaints complaints = LengthAndShape(value, 253, shaped, kConfigKeyText);
  if (value == ".") {
    complaints.push_back("must not be '.'");
  } else if (value == "..") {
    complaints.push_back("must not be '..'");
  } else if (value.starts_with("..")) {
    complaints.push_back("must not start with '..'");
  }
  return complaints;
}

Complaints CheckPortName(std::string_view value) {
  Complaints complaints;
  if (value.size() > 15) complaints.push_back(TooLong(15));
  if (!std::all_of(value.begin(), value.end(),
                   [](char c) { return c == '-' || IsLowerAlnum(c); })) {
    complaints.push_back("must contain only alphanumeric characters (a-z, 0-9), and hyphens (-)");
  }
  if (std::none_of(value.begin(), value.end(), [](char c) { return absl::ascii_islower(c); })) {
    complaints.push_back("must contain at least one letter (a-z)");
  }
  if (value.find("--") != std::string_view::npos) {
    complaints.push_back("must not contain consecutive hyphens");
  }
  if (!value.empty() && (value.front() == '-' || value.back() == '-')) {
    complaints.push_back("must not begin or end with a hyphen");
  }
  return complaints;
}

Complaints CheckEnvName(std::string_view value) {
  const auto printable = [](char c) { return c >= ' ' && c <= '~' && c != '='; };
  if (!value.empty() && std::all_of(value.begin(), value.end(), printable)) return {};
  return {
      "a valid environment variable name must consist only of printable ASCII characters other "
      "than '='"};
}

}  // namespace pintle::server::kube
