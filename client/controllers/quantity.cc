#include "client/controllers/quantity.h"

#include <cmath>

#include "absl/strings/numbers.h"

namespace pintle::client::controllers {
namespace {

std::optional<double> Multiplier(std::string_view suffix) {
  struct Unit {
    std::string_view suffix;
    double factor;
  };
  static constexpr Unit kUnits[] = {
      {"", 1},        {"n", 1e-9},    {"u", 1e-6},    {"m", 1e-3},
      {"k", 1e3},     {"M", 1e6},     {"G", 1e9},     {"T", 1e12},
      {"P", 1e15},    {"E", 1e18},    {"Ki", 1024.0}, {"Mi", 1048576.0},
      {"Gi", 0x1p30}, {"Ti", 0x1p40}, {"Pi", 0x1p50}, {"Ei", 0x1p60}};
  for (const Unit& unit : kUnits) {
    if (unit.suffix == suffix) return unit.factor;
  }
  double exponent = 0;  // "1e3", "12E6"
  if ((suffix[0] == 'e' || suffix[0] == 'E') && suffix.size() > 1 &&
      absl::SimpleAtod({suffix.data() + 1, suffix.size() - 1}, &exponent)) {
    return std::pow(10.0, exponent);
  }
  return std::nullopt;
}

}  // namespace

std::optional<int64_t> ParseQuantity(std::string_view text) {
  const size_t end = text.find_first_not_of("+-.0123456789");
  const std::string_view number = text.substr(0, end);
  const std::string_view suffix =
      end == std::string_view::npos ? std::string_view() : text.substr(end);
  double value = 0;
  if (number.empty() || !absl::SimpleAtod({number.data(), number.size()}, &value)) {
    return std::nullopt;
  }
  const std::optional<double> factor = Multiplier(suffix);
  if (!factor) return std::nullopt;
  const double thousandths = std::ceil(value * *factor * 1000 - 1e-6);
  if (thousandths > 9e18 || thousandths < -9e18) return std::nullopt;
  return static_cast<int64_t>(thousandths);
}

int64_t QuantityOf(const Json& value) {
  if (value.is_number()) return static_cast<int64_t>(value.get<double>() * 1000);
  const auto* text = value.get_ptr<const std::string*>();
  return text == nullptr ? 0 : ParseQuantity(*text).value_or(0);
}

}  // namespace pintle::client::controllers
