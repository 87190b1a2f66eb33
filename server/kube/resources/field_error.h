// Makers of FieldErrors, worded as Kubernetes' field package words them.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "server/kube/resources/resource.h"

namespace pintle::server::kube {

void AddRequired(FieldErrors& errors, std::string field, std::string_view detail = {});
void AddInvalid(FieldErrors& errors, std::string field, const Json& value, std::string_view detail);
// For values that Go prints in a way of their own.
void AddInvalidText(FieldErrors& errors, std::string field, std::string_view value,
                    std::string_view detail);
void AddNotSupported(FieldErrors& errors, std::string field, const Json& value,
                     std::initializer_list<std::string_view> supported);
void AddDuplicate(FieldErrors& errors, std::string field, const Json& value);
void AddForbidden(FieldErrors& errors, std::string field, std::string_view detail);
void AddNotFound(FieldErrors& errors, std::string field, const Json& value);
void AddTooLong(FieldErrors& errors, std::string field, int max_bytes);

// A value as Go prints it in such a message: "text", 5, map[string]string{"a":"b"}, []string{"x"}.
std::string GoText(const Json& value);

// "spec.ports[3]".
std::string Indexed(std::string_view field, size_t index);
// "data[key]".
std::string Keyed(std::string_view field, std::string_view key);

}  // namespace pintle::server::kube
