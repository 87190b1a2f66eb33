#include "server/kube/resources/quantity.h"

#include <cstdint>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace pintle::server::kube {
namespace {

using Int128 = absl::int128;

constexpr int64_t kNano = 1'000'000'000;
constexpr std::string_view kWrongFormat =
    "quantities must match the regular expression "
    "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
constexpr std::string_view kWrongSuffix = "unable to parse quantity's suffix";

Int128 LargestNanos() { return Int128(std::numeric_limits<int64_t>::max()) * kNano; }

struct Suffix {
  enum class Base { kTen, kTwo } base = Base::kTen;
  int exponent = 0;  // of the base
  bool scientific = false;
};

bool ParseSuffix(std::string_view text, Suffix& suffix) {
  static constexpr std::pair<std::string_view, int> kDecimal[] = {
      {"n", -9}, {"u", -6}, {"m", -3}, {"", 0},   {"k", 3},
      {"M", 6},  {"G", 9},  {"T", 12}, {"P", 15}, {"E", 18}};
  for (const auto& [name, exponent] : kDecimal) {
    if (text == name) {
      suffix = {Suffix::Base::kTen, exponent, false};
      return true;
    }
  }
  static constexpr std::pair<std::string_view, int> kBinary[] = {
      {"Ki", 10}, {"Mi", 20}, {"Gi", 30}, {"Ti", 40}, {"Pi", 50}, {"Ei", 60}};
  for (const auto& [name, exponent] : kBinary) {
    if (text == name) {
      suffix = {Suffix::Base::kTwo, exponent, false};
      return true;
    }
  }
  if (text.size() < 2 || (text[0] != 'e' && text[0] != 'E')) return false;
  text.remove_prefix(1);
  if (text[0] == '+') text.remove_prefix(1);
  int exponent = 0;
  if (text.empty() || text.size() > 4 || !absl::SimpleAtoi(std::string(text), &exponent))
    return false;
  suffix = {Suffix::Base::kTen, exponent, true};
  return true;
}

// value · multiplier, held at `limit`, which is small enough that one multiplication by ten or two
// cannot overflow.
Int128 GrowLimited(Int128 value, int factor, int times, Int128 limit) {
  for (int i = 0; i < times && value < limit; ++i) value *= factor;
  return value < limit ? value : limit;
}

Int128 DivideUp(Int128 value, int factor, int times) {
  bool rest = false;
  for (int i = 0; i < times && value != 0; ++i) {
    rest = rest || value % factor != 0;
    value /= factor;
  }
  return rest ? value + 1 : value;
}

std::string Digits(Int128 value) {
  std::string text;
  do {
    text.insert(text.begin(), static_cast<char>('0' + static_cast<int>(value % 10)));
    value /= 10;
  } while (value != 0);
  return text;
}

// Where the pieces of "<sign><digits>[.<digits>]<suffix>" are.
struct Pieces {
  bool negative = false;
  std::string digits;  // both sides of the point
  int fraction_digits = 0;
  std::string_view suffix;
};

bool Split(std::string_view text, Pieces& pieces) {
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    pieces.negative = text[0] == '-';
    text.remove_prefix(1);
  }
  bool point = false;
  size_t i = 0;
  for (; i < text.size() && (absl::ascii_isdigit(text[i]) || text[i] == '.'); ++i) {
    if (text[i] == '.') {
      if (point) return false;
      point = true;
      continue;
    }
    pieces.digits.push_back(text[i]);
    if (point) ++pieces.fraction_digits;
  }
  pieces.suffix = text.substr(i);
  return !pieces.digits.empty();
}

}  // namespace

absl::StatusOr<Quantity> Quantity::Parse(std::string_view text) {
  Pieces pieces;
  if (text.size() > 256 || !Split(text, pieces)) {
    return absl::InvalidArgumentError(std::string(kWrongFormat));
  }
  Suffix suffix;
  if (!ParseSuffix(pieces.suffix, suffix)) {
    const bool shaped =
        pieces.suffix.find_first_not_of("eEinumkKMGTP+-0123456789") == std::string_view::npos;
    return absl::InvalidArgumentError(std::string(shaped ? kWrongSuffix : kWrongFormat));
  }
  // Digits beyond the limit only move the decimal point; 2^63 · 10^9 has 28 digits, so 30 are kept.
  std::string_view digits = pieces.digits;
  while (digits.size() > 1 && digits[0] == '0') digits.remove_prefix(1);
  int ten_exponent = 9 - pieces.fraction_digits;
  Int128 value = 0;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i < 30) {
      value = value * 10 + (digits[i] - '0');
    } else {
      ++ten_exponent;
      if (digits[i] != '0' && value % 10 == 0) value += 1;  // keeps "not exact" visible to rounding
    }
  }
  const Int128 limit = LargestNanos() * 1024;
  if (suffix.base == Suffix::Base::kTwo) {
    value = GrowLimited(value, 2, suffix.exponent, limit * 1024);
  } else {
    ten_exponent += suffix.exponent;
  }
  value = ten_exponent >= 0 ? GrowLimited(value, 10, ten_exponent, limit)
                            : DivideUp(value, 10, -ten_exponent);
  if (value > LargestNanos()) value = LargestNanos();

  Quantity quantity;
  quantity.nanos_ = pieces.negative ? -value : value;
  quantity.format_ = suffix.base == Suffix::Base::kTwo ? Format::kBinary
                     : suffix.scientific               ? Format::kExponent
                                                       : Format::kDecimal;
  return quantity;
}

bool Quantity::is_whole() const { return nanos_ % kNano == 0; }

void Quantity::RoundUpToMilli() {
  constexpr int64_t kMilli = 1'000'000;
  const Int128 rest = nanos_ % kMilli;
  if (rest == 0) return;
  nanos_ -= rest;
  nanos_ += rest > 0 ? kMilli : -kMilli;
}

std::string Quantity::Canonical() const {
  if (nanos_ == 0) return "0";
  const std::string sign = nanos_ < 0 ? "-" : "";
  Int128 value = nanos_ < 0 ? -nanos_ : nanos_;
  if (format_ == Format::kBinary && is_whole() && value >= Int128(1024) * kNano) {
    static constexpr const char* kSuffixes[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
    value /= kNano;
    int power = 0;
    for (; value % 1024 == 0 && power < 6; ++power) value /= 1024;
    return absl::StrCat(sign, Digits(value), kSuffixes[power]);
  }
  int exponent = -9;
  for (; value % 1000 == 0 && exponent < 18; exponent += 3) value /= 1000;
  if (format_ == Format::kExponent) {
    return absl::StrCat(sign, Digits(value), exponent == 0 ? "" : absl::StrCat("e", exponent));
  }
  static constexpr const char* kSuffixes[] = {"n", "u", "m", "", "k", "M", "G", "T", "P", "E"};
  return absl::StrCat(sign, Digits(value), kSuffixes[(exponent + 9) / 3]);
}

}  // namespace pintle::server::kube
