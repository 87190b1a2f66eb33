// The parts that rows share: verbs, common subresources, common columns and cells, reading fields
// of an object.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "server/kube/resources/resource.h"

namespace pintle::server::kube {

// Sorted, as discovery shows them.
std::vector<std::string> AllVerbs();
std::vector<std::string> AllVerbsButDeleteCollection();
Subresource StatusSubresource();
Subresource ScaleSubresource();

// Name and Age: what a kind prints that has nothing else to say.
std::vector<Column> NameAndAgeColumns();
std::vector<Json> NameAndAgeCells(const Json& object, absl::Time now);
Column NameColumn();
Column AgeColumn();
Column WideColumn(std::string name, std::string type, std::string description);

// --- Reading
// -----------------------------------------------------------------------------------------------------
// The value at a chain of member names, or null. Never throws; whatever is not an object has no
// members.
const Json& At(const Json& object, std::initializer_list<std::string_view> path);
// The string there, or empty; the integer there, or `otherwise`.
std::string StringAt(const Json& object, std::initializer_list<std::string_view> path);
int64_t IntAt(const Json& object, std::initializer_list<std::string_view> path,
              int64_t otherwise = 0);
// Sets object[name] = value unless a value is there; true when it did.
bool SetDefault(Json& object, const char* name, Json value);
// object[name] as an object, made when absent.
Json& MakeObject(Json& object, const char* name);
// Equal, where an absent value equals an empty one (null, "", 0, false, [], {}): Go's omitempty
// makes no difference between them.
bool SemanticEqual(const Json& left, const Json& right);

std::string ObjectAge(const Json& object, absl::Time now);

}  // namespace pintle::server::kube
