// Label selectors and node selectors, as Kubernetes evaluates them.
#pragma once

#include <string>
#include <string_view>

#include "client/json.h"

namespace pintle::client {

// A LabelSelector {matchLabels, matchExpressions} against a map of labels. An empty selector
// matches everything, null nothing; an operator that is not known matches nothing.
bool MatchesLabelSelector(const Json& selector, const Json& labels);
bool IsEmptySelector(const Json& selector);

// A plain map (Service.spec.selector, nodeSelector): every pair must be there.
bool MatchesMap(const Json& wanted, const Json& labels);

// One requirement {key, operator, values} with In, NotIn, Exists, DoesNotExist, Gt and Lt.
bool MatchesRequirement(const Json& requirement, const Json& labels);

// "a=b,c=d" for a query parameter.
std::string MapToSelector(const Json& labels);

}  // namespace pintle::client
