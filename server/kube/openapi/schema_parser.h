// SchemaParser: the text of openapi/definitions/*.schema to Definitions.
//
// Grammar, one thing per line; '#' at the start of a line is a comment:
//   package <definition prefix> <API group, "-" for core> <version>
//   type <Name> [kind] [map=atomic] [: description]           `kind`: has apiVersion and kind of
//   its own
//     <field>[!] <type> [attribute…] [: description]          '!': required
// Types: string bool int32 int64 number quantity intorstring time microtime bytes raw, <Name> of
// this package, <package>.<Name> of another ("meta.ObjectMeta"), []<type>, map[<type>] (keys are
// strings). Attributes: strategy=<patch strategy> key=<merge key> list=atomic|map|set
// listkeys=<a,b> map=atomic Used once at start; an error names the line.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "server/kube/openapi/schema.h"

namespace pintle::server::kube {

class SchemaParser {
 public:
  absl::Status ParseText(std::string_view text);
  // Resolves references, makes the list kinds; the parser is used up.
  absl::StatusOr<Schema> Finish();

 private:
  // A field whose type's name waits for all texts to be read.
  struct Reference {
    Definition* owner;
    std::string field;
    std::string target;  // "meta.ObjectMeta"
  };

  absl::Status ParseLine(std::string_view line);
  absl::Status ParsePackage(const std::vector<std::string>& words);
  absl::Status ParseType(const std::vector<std::string>& words, std::string description);
  absl::Status ParseField(const std::vector<std::string>& words, std::string description);
  absl::Status ParseFieldType(std::string_view text, Field& field);
  void AddListKinds();

  std::string package_, alias_, group_, version_;
  Definition* current_ = nullptr;
  std::vector<std::unique_ptr<Definition>> definitions_;
  std::map<std::string, Definition*, std::less<>> by_alias_;  // "core.Pod"
  std::vector<Reference> references_;
};

}  // namespace pintle::server::kube
