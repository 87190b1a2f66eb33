// Checks that several kinds share: names, labels, ports, selectors. Texts are Kubernetes' own
// (apimachinery's validation package). Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/kube/resources/resource.h"

namespace pintle::server::kube {

// Each gives the complaints about one value; none when it is fine.
using Complaints = std::vector<std::string>;

Complaints CheckName(NameRule rule, std::string_view name);
Complaints CheckDns1123Label(std::string_view value);
Complaints CheckDns1123Subdomain(std::string_view value);
Complaints CheckDns1035Label(std::string_view value);
// "[prefix/]name": keys of labels, annotations, resources.
Complaints CheckQualifiedName(std::string_view value);
Complaints CheckLabelValue(std::string_view value);
Complaints CheckConfigKey(std::string_view value);
Complaints CheckPortName(std::string_view value);
Complaints CheckEnvName(std::string_view value);
bool IsIpAddress(std::string_view value);

// Adds one Invalid error per complaint.
void AddComplaints(FieldErrors& errors, const std::string& field, const Json& value,
                   const Complaints& complaints);

// metadata.labels-like: keys and values.
void ValidateLabels(const Json& labels, const std::string& field, FieldErrors& errors);
// metadata.annotations-like: keys, and 256 KiB in all.
void ValidateAnnotations(const Json& annotations, const std::string& field, FieldErrors& errors);
// Name or generateName, labels, annotations, owner references, finalizers. `object` has passed
// decoding.
void ValidateObjectMeta(const Json& object, const Resource& row, FieldErrors& errors);

// A LabelSelector's operators, keys and values.
void ValidateLabelSelector(const Json& selector, const std::string& field, FieldErrors& errors);
bool IsEmptySelector(const Json& selector);
// `labels` may be null.
bool SelectorMatches(const Json& selector, const Json& labels);
// "a=b,c in (d,e)": how tables and the Scale subresource print a selector.
std::string FormatLabelSelector(const Json& selector);
// "a=b,c=d" of a plain map; "<none>" when empty.
std::string FormatLabels(const Json& labels);

// object[name] ≥ 0, when present.
void ValidateNonNegative(const Json& object, const char* name, const std::string& parent,
                         FieldErrors& errors);
// 1…65535.
void ValidatePortNumber(const Json& value, const std::string& field, FieldErrors& errors);
// An int-or-string that is a count ≥ 0 or a percentage.
void ValidateCountOrPercent(const Json& value, const std::string& field, FieldErrors& errors);
// new == old, else "field is immutable".
void ValidateImmutable(const Json& value, const Json& old, const std::string& field,
                       FieldErrors& errors);

}  // namespace pintle::server::kube
