#include "server/kube/list_options.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "server/kube/resources/field_error.h"
#include "server/kube/resources/row_parts.h"
#include "server/kube/text.h"

namespace pintle::server::kube {
namespace {

constexpr size_t kMaxToken = 4096;
constexpr size_t kMaxSelector = 64 << 10;

StatusError InvalidOptions(FieldErrors errors) {
  return InvalidKind("meta.k8s.io", "ListOptions", "", errors);
}

StatusError ForbiddenOption(std::string_view field, std::string_view why) {
  FieldErrors errors;
  AddForbidden(errors, std::string(field), why);
  return InvalidOptions(std::move(errors));
}

Result<VersionMatch> ParseMatch(const QueryParameters& query) {
  const std::string_view match = query.Get("resourceVersionMatch");
  if (match.empty()) return VersionMatch::kUnset;
  const std::string_view version = query.Get("resourceVersion");
  constexpr std::string_view kField = "resourceVersionMatch";
  if (query.Has("continue") && !query.Get("continue").empty())
    return ForbiddenOption(kField, "resourceVersionMatch is forbidden when continue is provided");
  if (version.empty())
    return ForbiddenOption(kField,
                           "resourceVersionMatch is forbidden unless resourceVersion is provided");
  if (match == "NotOlderThan") return VersionMatch::kNotOlderThan;
  if (match == "Exact") {
    if (version == "0")
      return ForbiddenOption(
          kField, "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
    return VersionMatch::kExact;
  }
  FieldErrors errors;
  AddNotSupported(errors, std::string(kField), std::string(match), {"Exact", "NotOlderThan", ""});
  return InvalidOptions(std::move(errors));
}

Result<Selection> ParseSelection(const Resource& resource, const QueryParameters& query) {
  const std::string_view labels = query.Get("labelSelector");
  const std::string_view fields = query.Get("fieldSelector");
  if (labels.size() > kMaxSelector || fields.size() > kMaxSelector)
    return BadRequest("the selector is too long");
  Selection selection;
  KUBE_ASSIGN_OR_RETURN(selection.labels, LabelSelector::Parse(labels));
  KUBE_ASSIGN_OR_RETURN(selection.fields, FieldSelector::Parse(resource, fields));
  return selection;
}

// "a/b" as it is; "../x", "a//b", "/a" are not clean.
bool IsCleanKey(std::string_view start) {
  if (start.empty() || start.front() == '/') return false;
  while (!start.empty()) {
    const size_t slash = start.find('/');
    const std::string_view part = start.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == std::string_view::npos) return true;
    start.remove_prefix(slash + 1);
  }
  return true;
}

}  // namespace

std::string ContinueToken::Encode() const {
  const Json token = {{"v", "meta.k8s.io/v1"}, {"rv", revision}, {"start", start}};
  std::string encoded = absl::WebSafeBase64Escape(Dump(token));
  encoded.erase(std::find(encoded.begin(), encoded.end(), '='), encoded.end());
  return encoded;
}

Result<ContinueToken> ContinueToken::Parse(std::string_view text) {
  const auto refuse = [](std::string_view why) {
    return BadRequest(StrCat("invalid continue token: ", why));
  };
  std::string bytes;
  if (text.size() > kMaxToken || !absl::WebSafeBase64Unescape(std::string(text), &bytes))
    return refuse("continue key is not valid: illegal base64 data");
  const Json json = Json::parse(bytes, nullptr, false);
  if (!json.is_object()) return refuse("continue key is not valid: invalid JSON");
  if (StringAt(json, {"v"}) != "meta.k8s.io/v1")
    return refuse(
        StrCat("continue key is not valid: server does not recognize this encoded "
               "version ",
               Quoted(StringAt(json, {"v"}))));
  ContinueToken token;
  token.revision = IntAt(json, {"rv"});
  token.start = StringAt(json, {"start"});
  if (token.revision == 0)
    return refuse("continue key is not valid: incorrect encoded start resourceVersion");
  if (!IsCleanKey(token.start)) return refuse(StrCat("continue key is not valid: ", token.start));
  return token;
}

Result<std::optional<int64_t>> ParseResourceVersion(const QueryParameters& query) {
  const std::string_view text = query.Get("resourceVersion");
  if (text.empty()) return std::optional<int64_t>();
  int64_t version = 0;
  if (!ParseInteger(text, version) || version < 0)
    return BadRequest(StrCat("resourceVersion: Invalid value: ", Quoted(text),
                             ": strconv.ParseUint: parsing ", Quoted(text), ": invalid syntax"));
  return std::optional<int64_t>(version);
}

int64_t ListOptions::exact_revision() const {
  if (token) return std::max<int64_t>(0, token->revision);
  const int64_t version = resource_version.value_or(0);
  if (match == VersionMatch::kExact) return version;
  if (match == VersionMatch::kUnset && limit > 0) return version;
  return 0;
}

Result<ListOptions> ParseListOptions(const Resource& resource, const QueryParameters& query) {
  ListOptions options;
  KUBE_ASSIGN_OR_RETURN(options.selection, ParseSelection(resource, query));
  KUBE_ASSIGN_OR_RETURN(std::optional<int64_t> limit, query.Integer("limit"));
  options.limit = std::max<int64_t>(0, limit.value_or(0));
  KUBE_ASSIGN_OR_RETURN(options.match, ParseMatch(query));
  KUBE_ASSIGN_OR_RETURN(options.resource_version, ParseResourceVersion(query));
  if (const std::string_view token = query.Get("continue"); !token.empty()) {
    if (options.resource_version.value_or(0) != 0)
      return BadRequest("specifying resource version is not allowed when using continue");
    KUBE_ASSIGN_OR_RETURN(options.token, ContinueToken::Parse(token));
  }
  return options;
}

Result<WatchOptions> ParseWatchOptions(const Resource& resource, const QueryParameters& query) {
  WatchOptions options;
  KUBE_ASSIGN_OR_RETURN(options.selection, ParseSelection(resource, query));
  // Clients that stream their first list fall back to list and watch when refused (kube-api §6.6).
  if (query.Has("sendInitialEvents"))
    return ForbiddenOption("sendInitialEvents",
                           "sendInitialEvents is forbidden for watch unless the WatchList feature "
                           "gate is enabled");
  if (!query.Get("resourceVersionMatch").empty())
    return ForbiddenOption("resourceVersionMatch", "resourceVersionMatch is forbidden for watch");
  KUBE_ASSIGN_OR_RETURN(std::optional<int64_t> version, ParseResourceVersion(query));
  options.resource_version = version.value_or(0);
  options.most_recent = !version.has_value();
  options.bookmarks = query.Flag("allowWatchBookmarks");
  KUBE_ASSIGN_OR_RETURN(std::optional<int64_t> timeout, query.Integer("timeoutSeconds"));
  options.timeout_seconds = std::max<int64_t>(0, timeout.value_or(0));
  return options;
}

}  // namespace pintle::server::kube
