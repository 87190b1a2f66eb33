// What Deployment, ReplicaSet, DaemonSet and StatefulSet share.
// Source: kube-api §12.2, §12.3, §14. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "server/kube/resources/resource.h"

namespace pintle::server::kube {

// spec.selector: there, not empty ("empty selector is invalid for <owner>"), well formed; unchanged
// when `old` is given.
void ValidateOwnerSelector(const Json& object, const Json* old, std::string_view owner,
                           FieldErrors& errors);
// Every count of .status is ≥ 0, and none of `parts` is above .status.replicas.
void ValidateStatusCounts(const Json& object, std::initializer_list<const char*> counts,
                          std::initializer_list<const char*> parts, FieldErrors& errors);

Column ContainersColumn();
Column ImagesColumn();
Column SelectorColumn();
// Containers, images and selector of spec.template and spec.selector, appended to a row.
void AppendTemplateCells(const Json& object, bool with_selector, std::vector<Json>& cells);

}  // namespace pintle::server::kube
