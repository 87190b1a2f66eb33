// The two macros we allow ourselves, until the packaged Abseil ships its own.
//
//   PINTLE_RETURN_IF_ERROR(DoIt());
//   PINTLE_ASSIGN_OR_RETURN(auto value, Compute());
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define PINTLE_RETURN_IF_ERROR(expression)                                                    \
  do {                                                                                        \
    if (absl::Status pintle_status = (expression); !pintle_status.ok()) return pintle_status; \
  } while (false)

#define PINTLE_MACRO_CONCAT_INNER(a, b) a##b
#define PINTLE_MACRO_CONCAT(a, b) PINTLE_MACRO_CONCAT_INNER(a, b)
#define PINTLE_ASSIGN_OR_RETURN(declaration, expression)                  \
  auto PINTLE_MACRO_CONCAT(pintle_or_, __LINE__) = (expression);          \
  if (!PINTLE_MACRO_CONCAT(pintle_or_, __LINE__).ok())                    \
    return std::move(PINTLE_MACRO_CONCAT(pintle_or_, __LINE__)).status(); \
  declaration = *std::move(PINTLE_MACRO_CONCAT(pintle_or_, __LINE__))
