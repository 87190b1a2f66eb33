// The rules, in apimachinery's order (strategicpatch.mergeMap): $patch, $retainKeys,
// $setElementOrder/<list>, $deleteFromPrimitiveList/<list>, then field by field.
#include <algorithm>
#include <string>
#include <vector>

#include "server/kube/openapi/decode.h"
#include "server/kube/patch.h"
#include "server/kube/text.h"

namespace pintle::server::kube {
namespace {

constexpr std::string_view kPatch = "$patch";
constexpr std::string_view kRetainKeys = "$retainKeys";
constexpr std::string_view kSetElementOrder = "$setElementOrder/";
constexpr std::string_view kDeleteFromPrimitiveList = "$deleteFromPrimitiveList/";

StatusError Unfit(std::string_view detail) {
  return InvalidKind("", "", "",
                     {{FieldError::Type::kInvalid, "patch", StrCat("Invalid value: ", detail)}});
}

class Merger {
 public:
  Result<Json> MergeMap(Json original, Json patch, const Definition* definition, int depth);

 private:
  using Items = std::vector<Json>;

  Result<Done> RetainKeys(Json& original, Json& patch);
  Result<Done> OrderedLists(Json& original, Json& patch, const Definition* definition, int depth);
  Result<Done> DeletionLists(Json& original, Json& patch);
  Result<Done> MergeField(Json& original, const std::string& name, Json value,
                          const Definition* definition, int depth);
  Result<Json> MergeList(const Json& original, Json patch, const MergeRule& rule, int depth);
  Result<Json> MergeListUnordered(const Json& original, const Json& patch, const MergeRule& rule,
                                  int depth, Json& ordinary_patch);
  Result<Json> SpecialItems(Json original, const Json& patch, const MergeRule& rule,
                            Json& ordinary_patch, bool& replaced);
};

// New values carry no directives; nulls in them mean nothing.
Json WithoutDirectives(const Json& value) {
  if (value.is_object()) {
    Json out = Json::object();
    for (const auto& [name, child] : value.items()) {
      if (name == kPatch || name == kRetainKeys || name.starts_with(kSetElementOrder) ||
          name.starts_with(kDeleteFromPrimitiveList) || child.is_null())
        continue;
      out[name] = WithoutDirectives(child);
    }
    return out;
  }
  if (value.is_array()) {
    Json out = Json::array();
    for (const Json& child : value) {
      const bool deletion = child.is_object() && child.value("$patch", Json()) == "delete";
      const bool replacement = child.is_object() && child.value("$patch", Json()) == "replace";
      if (!deletion && !replacement) out.push_back(WithoutDirectives(child));
    }
    return out;
  }
  return value;
}

bool SameItem(const Json& left, const Json& right, const MergeRule& rule) {
  if (rule.merge_key.empty()) return left == right;
  if (!left.is_object() || !right.is_object()) return false;
  const auto l = left.find(rule.merge_key);
  const auto r = right.find(rule.merge_key);
  return l != left.end() && r != right.end() && *l == *r;
}

int IndexOf(const Json& list, const Json& item, const MergeRule& rule) {
  for (size_t i = 0; i < list.size(); ++i) {
    if (SameItem(list[i], item, rule)) return static_cast<int>(i);
  }
  return -1;
}

std::vector<Json> SortedBy(std::vector<Json> items, const Json& order, const MergeRule& rule) {
  std::stable_sort(items.begin(), items.end(), [&](const Json& a, const Json& b) {
    return IndexOf(order, a, rule) < IndexOf(order, b, rule);
  });
  return items;
}

// The patch's items in the order of `patch_order`, the server's own in the order they had, woven
// together by where the server had both.
Json InOrder(const Json& merged, const Json& patch_order, const Json& server_order,
             const MergeRule& rule) {
  std::vector<Json> listed, others;
  for (const Json& item : merged)
    (IndexOf(patch_order, item, rule) >= 0 ? listed : others).push_back(item);
  listed = SortedBy(std::move(listed), patch_order, rule);
  others = SortedBy(std::move(others), server_order, rule);
  Json out = Json::array();
  size_t i = 0, j = 0;
  while (i < others.size() || j < listed.size()) {
    bool take_other = j == listed.size();
    if (i < others.size() && j < listed.size()) {
      const int other_at = IndexOf(server_order, others[i], rule);
      const int listed_at = IndexOf(server_order, listed[j], rule);
      take_other = other_at >= 0 && listed_at >= 0 && other_at < listed_at;
    }
    out.push_back(take_other ? std::move(others[i++]) : std::move(listed[j++]));
  }
  return out;
}

Result<Json> CheckMergeKeys(const Json& list, const MergeRule& rule) {
  if (rule.merge_key.empty()) return Json();
  for (const Json& item : list) {
    if (!item.is_object() || !item.contains(rule.merge_key))
      return Unfit(StrCat(item.dump(), ": does not contain declared merge key: ", rule.merge_key));
  }
  return Json();
}

Result<Json> Merger::MergeMap(Json original, Json patch, const Definition* definition, int depth) {
  if (depth > kMaxJsonDepth) return BadRequest("patch is nested too deeply");
  if (const auto directive = patch.find(kPatch); directive != patch.end()) {
    const Json kind = *directive;
    patch.erase(directive);
    if (kind == "delete") return Json(Json::object());
    if (kind == "replace") return WithoutDirectives(patch);
    if (kind != "merge")
      return Unfit(StrCat(kind.dump(), ": Unknown patch type found: ", kind.dump()));
  }
  KUBE_RETURN_IF_ERROR(RetainKeys(original, patch));
  KUBE_RETURN_IF_ERROR(OrderedLists(original, patch, definition, depth));
  KUBE_RETURN_IF_ERROR(DeletionLists(original, patch));
  for (auto it = patch.begin(); it != patch.end(); ++it)
    KUBE_RETURN_IF_ERROR(MergeField(original, it.key(), std::move(*it), definition, depth));
  return original;
}

Result<Done> Merger::RetainKeys(Json& original, Json& patch) {
  const auto found = patch.find(kRetainKeys);
  if (found == patch.end()) return Done{};
  const Json retained = *found;
  patch.erase(found);
  if (!retained.is_array()) return Unfit(StrCat(retained.dump(), ": wrong $retainKeys"));
  const auto listed = [&](const std::string& name) {
    return std::find(retained.begin(), retained.end(), Json(name)) != retained.end();
  };
  for (const auto& [name, value] : patch.items()) {
    if (!value.is_null() && !name.starts_with('$') && !listed(name))
      return Unfit(StrCat(Quoted(name), ": not in the $retainKeys list"));
  }
  for (auto it = original.begin(); it != original.end();)
    it = listed(it.key()) ? std::next(it) : original.erase(it);
  return Done{};
}

Result<Done> Merger::OrderedLists(Json& original, Json& patch, const Definition* definition,
                                  int depth) {
  std::vector<std::string> directives;
  for (const auto& [name, value] : patch.items()) {
    if (name.starts_with(kSetElementOrder)) directives.push_back(name);
  }
  for (const std::string& directive : directives) {
    const std::string field = directive.substr(kSetElementOrder.size());
    const Json order = patch[directive];
    patch.erase(directive);
    const MergeRule rule = FindMergeRule(definition, field);
    const Json server = original.value(field, Json());
    const Json changes = patch.value(field, Json());
    if (!order.is_array() || !(changes.is_array() || changes.is_null()) ||
        !(server.is_array() || server.is_null()))
      return Unfit(StrCat(order.dump(), ": wrong $setElementOrder of ", field));
    if (!rule.merge_list) continue;  // an atomic list: the patch's value stands for itself
    KUBE_RETURN_IF_ERROR(CheckMergeKeys(order, rule));
    for (const Json& item : changes.is_array() ? changes : Json::array()) {
      const bool deletion = item.is_object() && item.value("$patch", Json()) == "delete";
      if (!deletion && IndexOf(order, item, rule) < 0)
        return Unfit(StrCat(order.dump(), ": the order in patch list doesn't match the ", directive,
                            " list"));
    }
    // A null for the list deletes it; that is a matter of the field itself.
    if (patch.contains(field) && changes.is_null()) continue;
    if (server.is_null() && changes.is_null()) continue;
    const Json old = server.is_array() ? server : Json::array();
    Json ordinary;
    KUBE_ASSIGN_OR_RETURN(
        Json merged, MergeListUnordered(old, changes.is_array() ? changes : Json::array(), rule,
                                        depth, ordinary));
    original[field] = InOrder(merged, order, old, rule);
    patch.erase(field);
  }
  return Done{};
}

Result<Done> Merger::DeletionLists(Json& original, Json& patch) {
  for (auto it = patch.begin(); it != patch.end();) {
    if (!it.key().starts_with(kDeleteFromPrimitiveList)) {
      ++it;
      continue;
    }
    const std::string field = it.key().substr(kDeleteFromPrimitiveList.size());
    const Json gone = *it;
    it = patch.erase(it);
    if (!gone.is_array()) return Unfit(StrCat(gone.dump(), ": wrong deletion list"));
    const auto list = original.find(field);
    if (list == original.end() || !list->is_array()) continue;
    Json kept = Json::array();
    for (const Json& item : *list) {
      if (std::find(gone.begin(), gone.end(), item) == gone.end()) kept.push_back(item);
    }
    *list = std::move(kept);
  }
  return Done{};
}

Result<Done> Merger::MergeField(Json& original, const std::string& name, Json value,
                                const Definition* definition, int depth) {
  if (value.is_null()) {
    original.erase(name);
    return Done{};
  }
  const auto old = original.find(name);
  if (old == original.end() || old->type() != value.type()) {
    original[name] = WithoutDirectives(value);
    return Done{};
  }
  const MergeRule rule = FindMergeRule(definition, name);
  if (value.is_object()) {
    KUBE_ASSIGN_OR_RETURN(*old,
                          MergeMap(std::move(*old), std::move(value), rule.element, depth + 1));
  } else if (value.is_array() && rule.merge_list) {
    KUBE_ASSIGN_OR_RETURN(*old, MergeList(*old, std::move(value), rule, depth));
  } else {
    *old = value.is_array() ? WithoutDirectives(value) : std::move(value);
  }
  return Done{};
}

Result<Json> Merger::MergeList(const Json& original, Json patch, const MergeRule& rule, int depth) {
  Json ordinary;
  KUBE_ASSIGN_OR_RETURN(Json merged, MergeListUnordered(original, patch, rule, depth, ordinary));
  return InOrder(merged, ordinary, original, rule);
}

// `ordinary_patch` (out): the patch's items that are no directives.
Result<Json> Merger::MergeListUnordered(const Json& original, const Json& patch,
                                        const MergeRule& rule, int depth, Json& ordinary_patch) {
  bool replaced = false;
  KUBE_ASSIGN_OR_RETURN(Json merged, SpecialItems(original, patch, rule, ordinary_patch, replaced));
  if (replaced) return merged;
  KUBE_RETURN_IF_ERROR(CheckMergeKeys(ordinary_patch, rule));
  for (const Json& item : ordinary_patch) {
    const int at = IndexOf(merged, item, rule);
    if (at < 0) {
      merged.push_back(WithoutDirectives(item));
    } else if (!rule.merge_key.empty()) {
      KUBE_ASSIGN_OR_RETURN(
          merged[static_cast<size_t>(at)],
          MergeMap(merged[static_cast<size_t>(at)], item, rule.element, depth + 1));
    }
  }
  return merged;
}

Result<Json> Merger::SpecialItems(Json original, const Json& patch, const MergeRule& rule,
                                  Json& ordinary_patch, bool& replaced) {
  ordinary_patch = Json::array();
  for (const Json& item : patch) {
    const auto directive = item.is_object() ? item.find(kPatch) : item.end();
    if (!item.is_object() || directive == item.end()) {
      ordinary_patch.push_back(item);
    } else if (*directive == "replace") {
      replaced = true;
    } else if (*directive == "delete") {
      if (rule.merge_key.empty() || !item.contains(rule.merge_key))
        return Unfit(
            StrCat(item.dump(), ": does not contain declared merge key: ", rule.merge_key));
      Json kept = Json::array();
      for (const Json& each : original) {
        if (!SameItem(each, item, rule)) kept.push_back(each);
      }
      original = std::move(kept);
    } else if (*directive == "merge") {
      Json plain = item;
      plain.erase(kPatch);
      ordinary_patch.push_back(std::move(plain));
    } else {
      return Unfit(StrCat(directive->dump(), ": Unknown patch type found: ", directive->dump()));
    }
  }
  if (replaced) return WithoutDirectives(ordinary_patch);
  return original;
}

}  // namespace

Result<Json> StrategicMerge(Json document, const Json& patch, const Definition* definition) {
  return Merger().MergeMap(std::move(document), patch, definition, 0);
}

}  // namespace pintle::server::kube
