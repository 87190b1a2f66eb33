// The texts of openapi/definitions/*.schema, made part of the program by CMake.
#pragma once

#include <string_view>
#include <vector>

namespace pintle::server::kube {

const std::vector<std::string_view>& DefinitionTexts();

}  // namespace pintle::server::kube
