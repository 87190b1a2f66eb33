// Schema: what the façade knows about the shape of its objects.
//
// Purpose: one description of every type that the served kinds are made of. Decoding, strategic
// merge patches and the OpenAPI documents are all read from it, so that they cannot disagree.
// Source: openapi/definitions/*.schema (a line per field; schema_parser.h has the grammar),
// embedded at build time. Owner: BuiltInSchema() lives for the whole process, immutable. Threads:
// any.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace pintle::server::kube {

struct Definition;

// What one value is, whatever holds it.
enum class FieldKind {
  kString,
  kInteger,  // Field::bits wide
  kNumber,   // floating point
  kBoolean,
  kObject,       // Field::definition
  kIntOrString,  // "25%" or 3
  kQuantity,     // "500m"
  kTime,         // RFC 3339, whole seconds
  kMicroTime,    // RFC 3339 with six digits of fraction
  kBytes,        // base64
  kRaw,          // any JSON, kept as it is
};

enum class FieldShape { kSingle, kList, kMap };  // a map's keys are strings

struct Field {
  std::string name;
  FieldKind kind = FieldKind::kString;
  FieldShape shape = FieldShape::kSingle;
  int bits = 0;                            // kInteger: 32 or 64
  const Definition* definition = nullptr;  // kObject only, never null there
  bool required = false;
  std::string patch_strategy;  // "", "merge", "retainKeys", "merge,retainKeys", "replace"
  std::string merge_key;       // lists of objects with strategy merge
  std::string list_type;       // "", "atomic", "map", "set"
  std::vector<std::string> list_map_keys;  // list_type "map"
  std::string map_type;                    // "" or "atomic"
  std::string description;

  bool merges() const { return patch_strategy.starts_with("merge"); }
  bool retains_keys() const { return patch_strategy.ends_with("retainKeys"); }
};

struct Definition {
  std::string name;        // "io.k8s.api.core.v1.Pod"
  std::string short_name;  // "Pod"
  // Of kinds that stand alone in a request or an answer; `kind` is empty for the others.
  std::string group, version, kind;
  std::string map_type;  // "" or "atomic"
  std::string description;
  std::vector<Field> fields;  // sorted by name

  const Field* FindField(std::string_view field) const;
};

class Schema {
 public:
  // Parses definition texts; every reference must resolve. A list definition ("…PodList") is made
  // for each kind that has ObjectMeta.
  static absl::StatusOr<Schema> Parse(const std::vector<std::string_view>& texts);

  Schema(Schema&&) = default;
  Schema& operator=(Schema&&) = default;

  const Definition* Find(std::string_view name) const;
  // FindByKind("apps", "v1", "Deployment").
  const Definition* FindByKind(std::string_view group, std::string_view version,
                               std::string_view kind) const;
  // Sorted by name.
  const std::vector<const Definition*>& definitions() const { return sorted_; }

 private:
  friend class SchemaParser;
  Schema() = default;

  std::vector<std::unique_ptr<Definition>> owned_;
  std::vector<const Definition*> sorted_;
  std::map<std::string, const Definition*, std::less<>> by_name_;
  std::map<std::string, const Definition*, std::less<>> by_kind_;
};

// The schema of everything this server serves. Parsed at the first call; a broken definition file
// ends the process (a test reads it first).
const Schema& BuiltInSchema();

// --- Strategic merge patch
// --------------------------------------------------------------------------------------- How a
// patch's value at `field` of an object of type `definition` is to be merged. `definition` may be
// null (unknown territory: raw JSON, an unknown field): then everything is a plain merge patch and
// lists are replaced.
struct MergeRule {
  bool merge_list =
      false;  // list: item by item (with merge_key) or as a set of primitives (without)
  bool retain_keys = false;             // map: $retainKeys applies
  std::string_view merge_key;           // of list items, when they are objects
  const Definition* element = nullptr;  // what the value, or each item of a list, is
};
MergeRule FindMergeRule(const Definition* definition, std::string_view field);

}  // namespace pintle::server::kube
