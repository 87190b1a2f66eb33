#include "server/kube/openapi/schema.h"

#include <algorithm>
#include <string>

#include "base/check.h"
#include "base/status_macros.h"
#include "server/kube/openapi/definition_texts.h"
#include "server/kube/openapi/schema_parser.h"

namespace pintle::server::kube {

const Field* Definition::FindField(std::string_view field) const {
  const auto it = std::lower_bound(
      fields.begin(), fields.end(), field,
      [](const Field& candidate, std::string_view wanted) { return candidate.name < wanted; });
  return it == fields.end() || it->name != field ? nullptr : &*it;
}

absl::StatusOr<Schema> Schema::Parse(const std::vector<std::string_view>& texts) {
  SchemaParser parser;
  for (std::string_view text : texts) PINTLE_RETURN_IF_ERROR(parser.ParseText(text));
  return parser.Finish();
}

const Definition* Schema::Find(std::string_view name) const {
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : it->second;
}

const Definition* Schema::FindByKind(std::string_view group, std::string_view version,
                                     std::string_view kind) const {
  std::string key(group);
  key.append("/").append(version).append("/").append(kind);
  const auto it = by_kind_.find(key);
  return it == by_kind_.end() ? nullptr : it->second;
}

const Schema& BuiltInSchema() {
  static const Schema& schema = *[] {
    absl::StatusOr<Schema> parsed = Schema::Parse(DefinitionTexts());
    PINTLE_CHECK(parsed.ok(), std::string(parsed.status().message()));
    return new Schema(*std::move(parsed));
  }();
  return schema;
}

MergeRule FindMergeRule(const Definition* definition, std::string_view field_name) {
  MergeRule rule;
  if (definition == nullptr) return rule;
  const Field* field = definition->FindField(field_name);
  if (field == nullptr) return rule;
  if (field->shape != FieldShape::kMap) rule.element = field->definition;
  rule.retain_keys = field->retains_keys();
  if (field->shape == FieldShape::kList && field->merges()) {
    rule.merge_list = true;
    rule.merge_key = field->merge_key;
  }
  return rule;
}

}  // namespace pintle::server::kube
