// The scalar values with rules of their own: times and base64 bytes, read and rewritten as Go's
// libraries do.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace pintle::server::kube {

// RFC 3339, with or without a fraction → "2006-01-02T15:04:05Z". Errors are worded as Go's
// time.Parse does.
absl::Status CanonicalTime(std::string& text);
// RFC 3339 with exactly six digits of fraction → "2006-01-02T15:04:05.000000Z".
absl::Status CanonicalMicroTime(std::string& text);

std::string Rfc3339Seconds(absl::Time time);
std::string Rfc3339Micros(absl::Time time);

// Standard alphabet, padded; line breaks are cut out.
absl::Status CanonicalBase64(std::string& text);

}  // namespace pintle::server::kube
