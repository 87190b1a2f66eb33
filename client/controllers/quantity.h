// Kubernetes resource quantities ("500m", "128Mi", "2") as integers of thousandths.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "client/json.h"

namespace pintle::client::controllers {

// Thousandths of the unit, rounded up; nothing when malformed. A JSON number is taken as well as a
// string.
std::optional<int64_t> ParseQuantity(std::string_view text);
int64_t QuantityOf(const Json& value);  // zero when absent or malformed

}  // namespace pintle::client::controllers
