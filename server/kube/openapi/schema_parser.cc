#include "server/kube/openapi/schema_parser.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"

namespace pintle::server::kube {
namespace {

absl::Status Malformed(std::string_view what, std::string_view where) {
  return absl::InvalidArgumentError(std::string(what) + ": " + std::string(where));
}

std::vector<std::string> SplitWords(std::string_view text) {
  std::vector<std::string> words;
  size_t i = 0;
  while (i < text.size()) {
    const size_t start = text.find_first_not_of(' ', i);
    if (start == std::string_view::npos) break;
    const size_t end = std::min(text.find(' ', start), text.size());
    words.emplace_back(text.substr(start, end - start));
    i = end;
  }
  return words;
}

std::vector<std::string> SplitAt(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const size_t at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

bool ScalarKind(std::string_view name, Field& field) {
  static constexpr std::pair<std::string_view, FieldKind> kKinds[] = {
      {"string", FieldKind::kString},
      {"bool", FieldKind::kBoolean},
      {"number", FieldKind::kNumber},
      {"quantity", FieldKind::kQuantity},
      {"intorstring", FieldKind::kIntOrString},
      {"time", FieldKind::kTime},
      {"microtime", FieldKind::kMicroTime},
      {"bytes", FieldKind::kBytes},
      {"raw", FieldKind::kRaw},
      {"int32", FieldKind::kInteger},
      {"int64", FieldKind::kInteger}};
  for (const auto& [known, kind] : kKinds) {
    if (name != known) continue;
    field.kind = kind;
    if (kind == FieldKind::kInteger) field.bits = name == "int32" ? 32 : 64;
    return true;
  }
  return false;
}

absl::Status ParseAttribute(std::string_view word, Field& field) {
  const size_t at = word.find('=');
  if (at == std::string_view::npos) return Malformed("unknown attribute", word);
  const std::string_view name = word.substr(0, at);
  const std::string value(word.substr(at + 1));
  if (name == "strategy") {
    field.patch_strategy = value;
  } else if (name == "key") {
    field.merge_key = value;
  } else if (name == "list") {
    field.list_type = value;
  } else if (name == "listkeys") {
    field.list_map_keys = SplitAt(value, ',');
  } else if (name == "map") {
    field.map_type = value;
  } else {
    return Malformed("unknown attribute", word);
  }
  return absl::OkStatus();
}

Field MakeField(const char* name, FieldKind kind, const char* description) {
  Field field;
  field.name = name;
  field.kind = kind;
  field.description = description;
  return field;
}

bool ByName(const Field& a, const Field& b) { return a.name < b.name; }

}  // namespace

absl::Status SchemaParser::ParseText(std::string_view text) {
  int number = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    const size_t first = line.find_first_not_of(' ');
    if (first == std::string_view::npos || line[first] == '#') continue;
    const absl::Status status = ParseLine(line);
    if (!status.ok()) {
      return absl::InvalidArgumentError("line " + std::to_string(number) + " of package " +
                                        package_ + ": " + std::string(status.message()));
    }
  }
  return absl::OkStatus();
}

absl::Status SchemaParser::ParseLine(std::string_view line) {
  std::string description;
  const size_t colon = line.find(" : ");
  if (colon != std::string_view::npos) {
    description = std::string(line.substr(colon + 3));
    line = line.substr(0, colon);
  }
  const bool indented = line[0] == ' ';
  const std::vector<std::string> words = SplitWords(line);
  if (indented) return ParseField(words, std::move(description));
  if (words[0] == "package") return ParsePackage(words);
  if (words[0] == "type") return ParseType(words, std::move(description));
  return Malformed("neither package, type nor field", line);
}

absl::Status SchemaParser::ParsePackage(const std::vector<std::string>& words) {
  if (words.size() != 4) return Malformed("a package has prefix, group and version", words[0]);
  package_ = words[1];
  const std::vector<std::string> parts = SplitAt(package_, '.');
  if (parts.size() < 2) return Malformed("too short a package", package_);
  alias_ = parts[parts.size() - 2];
  group_ = words[2] == "-" ? "" : words[2];
  version_ = words[3];
  return absl::OkStatus();
}

absl::Status SchemaParser::ParseType(const std::vector<std::string>& words,
                                     std::string description) {
  if (words.size() < 2) return Malformed("a type has a name", words[0]);
  auto definition = std::make_unique<Definition>();
  definition->short_name = words[1];
  definition->name = package_ + "." + words[1];
  definition->description = std::move(description);
  for (size_t i = 2; i < words.size(); ++i) {
    if (words[i] == "kind") {
      definition->group = group_;
      definition->version = version_;
      definition->kind = words[1];
    } else if (words[i] == "map=atomic") {
      definition->map_type = "atomic";
    } else {
      return Malformed("unknown attribute of a type", words[i]);
    }
  }
  current_ = definition.get();
  if (!by_alias_.emplace(alias_ + "." + words[1], current_).second) {
    return Malformed("defined twice", words[1]);
  }
  definitions_.push_back(std::move(definition));
  return absl::OkStatus();
}

absl::Status SchemaParser::ParseField(const std::vector<std::string>& words,
                                      std::string description) {
  if (current_ == nullptr || words.size() < 2) return Malformed("a field has a type", words[0]);
  Field field;
  field.name = words[0];
  if (field.name.ends_with('!')) {
    field.name.pop_back();
    field.required = true;
  }
  field.description = std::move(description);
  PINTLE_RETURN_IF_ERROR(ParseFieldType(words[1], field));
  for (size_t i = 2; i < words.size(); ++i) {
    PINTLE_RETURN_IF_ERROR(ParseAttribute(words[i], field));
  }
  current_->fields.push_back(std::move(field));
  return absl::OkStatus();
}

absl::Status SchemaParser::ParseFieldType(std::string_view text, Field& field) {
  if (text.starts_with("[]")) {
    field.shape = FieldShape::kList;
    text.remove_prefix(2);
  } else if (text.starts_with("map[") && text.ends_with("]")) {
    field.shape = FieldShape::kMap;
    text = text.substr(4, text.size() - 5);
  }
  if (ScalarKind(text, field)) return absl::OkStatus();
  if (text.empty() || text.find_first_of("[]") != std::string_view::npos) {
    return Malformed("no such type", text);
  }
  field.kind = FieldKind::kObject;
  std::string target(text);
  if (target.find('.') == std::string::npos) target = alias_ + "." + target;
  references_.push_back({current_, field.name, std::move(target)});
  return absl::OkStatus();
}

void SchemaParser::AddListKinds() {
  const auto list_meta = by_alias_.find("meta.ListMeta");
  const auto object_meta = by_alias_.find("meta.ObjectMeta");
  if (list_meta == by_alias_.end() || object_meta == by_alias_.end()) return;
  std::vector<std::unique_ptr<Definition>> lists;
  for (const auto& item : definitions_) {
    const Field* metadata = item->FindField("metadata");
    if (item->kind.empty() || metadata == nullptr || metadata->definition != object_meta->second) {
      continue;
    }
    auto list = std::make_unique<Definition>(*item);
    list->name += "List";
    list->short_name += "List";
    list->kind += "List";
    list->map_type.clear();
    list->description = "A list of objects of kind " + item->kind + ".";
    Field items = MakeField("items", FieldKind::kObject, "The objects.");
    items.shape = FieldShape::kList;
    items.definition = item.get();
    items.required = true;
    Field meta = MakeField("metadata", FieldKind::kObject, "Metadata of the list.");
    meta.definition = list_meta->second;
    list->fields = {*item->FindField("apiVersion"), items, *item->FindField("kind"), meta};
    lists.push_back(std::move(list));
  }
  for (auto& list : lists) definitions_.push_back(std::move(list));
}

absl::StatusOr<Schema> SchemaParser::Finish() {
  for (auto& definition : definitions_) {
    std::sort(definition->fields.begin(), definition->fields.end(), ByName);
    const auto twice =
        std::adjacent_find(definition->fields.begin(), definition->fields.end(),
                           [](const Field& a, const Field& b) { return a.name == b.name; });
    if (twice != definition->fields.end()) return Malformed("field defined twice", twice->name);
  }
  for (const Reference& reference : references_) {
    const auto target = by_alias_.find(reference.target);
    if (target == by_alias_.end()) return Malformed("no such definition", reference.target);
    for (Field& field : reference.owner->fields) {
      if (field.name == reference.field) field.definition = target->second;
    }
  }
  Schema schema;
  AddListKinds();
  for (auto& definition : definitions_) {
    const Definition* made = definition.get();
    schema.by_name_.emplace(made->name, made);
    schema.sorted_.push_back(made);
    if (!made->kind.empty()) {
      schema.by_kind_.emplace(made->group + "/" + made->version + "/" + made->kind, made);
    }
    schema.owned_.push_back(std::move(definition));
  }
  std::sort(schema.sorted_.begin(), schema.sorted_.end(),
            [](const Definition* a, const Definition* b) { return a->name < b->name; });
  return schema;
}

}  // namespace pintle::server::kube
