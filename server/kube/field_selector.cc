#include <algorithm>

#include "server/kube/resources/row_parts.h"
#include "server/kube/selectors.h"
#include "server/kube/text.h"

namespace pintle::server::kube {
namespace {

// At commas that no backslash stands before.
std::vector<std::string_view> SplitTerms(std::string_view text) {
  std::vector<std::string_view> terms;
  size_t begin = 0;
  bool escaped = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (escaped) {
      escaped = false;
    } else if (text[i] == '\\') {
      escaped = true;
    } else if (text[i] == ',') {
      terms.push_back(text.substr(begin, i - begin));
      begin = i + 1;
    }
  }
  terms.push_back(text.substr(begin));
  return terms;
}

struct TermParts {
  std::string_view left, op, right;
};

bool SplitTerm(std::string_view term, TermParts& split) {
  for (size_t i = 0; i < term.size(); ++i) {
    for (std::string_view op : {"!=", "==", "="}) {
      if (term.substr(i).starts_with(op)) {
        split = {term.substr(0, i), op, term.substr(i + op.size())};
        return true;
      }
    }
  }
  return false;
}

Result<std::string> Unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      if (text[i] == ',' || text[i] == '=')
        return BadRequest(
            StrCat("invalid field selector: unescaped character in value: ", text.substr(i, 1)));
      out += text[i];
      continue;
    }
    ++i;
    if (i == text.size() || std::string_view("\\,=").find(text[i]) == std::string_view::npos)
      return BadRequest(
          StrCat("invalid field selector: invalid escape sequence: ", text.substr(i - 1, 2)));
    out += text[i];
  }
  return out;
}

StatusError UnknownPath(const Resource& resource, std::string_view path) {
  if (!resource.field_labels.empty())
    return BadRequest(StrCat("field label not supported: ", path));
  return BadRequest(StrCat(Quoted(path),
                           " is not a known field selector: only \"metadata.name\", "
                           "\"metadata.namespace\""));
}

}  // namespace

Result<FieldSelector> FieldSelector::Parse(const Resource& resource, std::string_view text) {
  FieldSelector selector;
  for (std::string_view piece : SplitTerms(text)) {
    if (piece.empty()) continue;
    TermParts split;
    if (!SplitTerm(piece, split))
      return BadRequest(StrCat("invalid selector: '", text, "'; can't understand '", piece, "'"));
    KUBE_ASSIGN_OR_RETURN(std::string value, Unescape(split.right));
    Term term{std::string(split.left), std::move(value), split.op != "!=", nullptr};
    const bool known = term.path == "metadata.name" || term.path == "metadata.namespace";
    if (!known) {
      const auto label =
          std::find_if(resource.field_labels.begin(), resource.field_labels.end(),
                       [&](const Resource::FieldLabel& each) { return each.path == term.path; });
      if (label == resource.field_labels.end()) return UnknownPath(resource, term.path);
      term.label = &*label;
    }
    selector.terms_.push_back(std::move(term));
  }
  return selector;
}

bool FieldSelector::Matches(const Json& object) const {
  return std::all_of(terms_.begin(), terms_.end(), [&](const Term& term) {
    const std::string value =
        term.label != nullptr
            ? term.label->value(object)
            : StringAt(object, {"metadata", std::string_view(term.path).substr(9)});
    return (value == term.value) == term.equal;
  });
}

std::string_view FieldSelector::required_name() const {
  for (const Term& term : terms_) {
    if (term.equal && term.path == "metadata.name") return term.value;
  }
  return {};
}

bool Selection::Matches(const Json& object) const {
  return (labels.empty() || labels.Matches(At(object, {"metadata", "labels"}))) &&
         (fields.empty() || fields.Matches(object));
}

}  // namespace pintle::server::kube
