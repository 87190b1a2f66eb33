#include "server/kube/request.h"

#include <algorithm>

#include "server/kube/text.h"

namespace pintle::server::kube {
namespace {

constexpr size_t kMaxSegments = 8;

bool Lists(const std::vector<std::string>& verbs, std::string_view verb) {
  return std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
}

std::string_view VerbName(Verb verb) {
  switch (verb) {
    case Verb::kGet:
      return "get";
    case Verb::kList:
      return "list";
    case Verb::kWatch:
      return "watch";
    case Verb::kCreate:
      return "create";
    case Verb::kUpdate:
      return "update";
    case Verb::kPatch:
      return "patch";
    case Verb::kDelete:
      return "delete";
    case Verb::kDeleteCollection:
      return "deletecollection";
  }
  return "";
}

Result<std::vector<std::string>> Segments(std::string_view path) {
  std::vector<std::string> segments;
  for (std::string_view piece : Split(path, '/')) {
    std::string decoded;
    if (!net::PercentDecode(piece, false, decoded))
      return BadRequest(StrCat("invalid URL escape ", Quoted(piece)));
    segments.push_back(std::move(decoded));
    if (segments.size() > kMaxSegments) return UnknownResource();
  }
  if (!segments.empty() && segments.back().empty()) segments.pop_back();
  return segments;
}

// Takes the resource's place in the path apart: [namespaces/<ns>/]<resource>[/<name>[/<sub>]].
struct Place {
  std::string name_space, plural, name, subresource;
  bool in_namespace = false;
};

Result<Place> FindPlace(std::vector<std::string> segments) {
  Place place;
  size_t at = 0;
  const bool namespaces_itself =
      segments.size() <= 2 ||
      (segments.size() == 3 && (segments[2] == "status" || segments[2] == "finalize"));
  if (segments[0] == "namespaces" && !namespaces_itself) {
    place.in_namespace = true;
    place.name_space = segments[1];
    if (place.name_space.empty()) return UnknownResource();
    at = 2;
  }
  if (segments.size() - at > 3) return UnknownResource();
  place.plural = segments[at];
  if (segments.size() > at + 1) place.name = segments[at + 1];
  if (segments.size() > at + 2) place.subresource = segments[at + 2];
  if (segments.size() > at + 1 && place.name.empty()) return UnknownResource();
  return place;
}

Result<Verb> FindVerb(const net::HttpRequest& request, const RequestInfo& info, bool watch_alias) {
  const bool collection = info.name.empty();
  if (request.method == "GET") {
    if (watch_alias) return Verb::kWatch;
    if (!collection) return Verb::kGet;
    return info.query.Flag("watch") ? Verb::kWatch : Verb::kList;
  }
  if (request.method == "POST" && (collection || info.subresource != nullptr)) return Verb::kCreate;
  if (request.method == "PUT" && !collection) return Verb::kUpdate;
  if (request.method == "PATCH" && !collection) return Verb::kPatch;
  if (request.method == "DELETE") return collection ? Verb::kDeleteCollection : Verb::kDelete;
  return MethodNotAllowed();
}

}  // namespace

QueryParameters QueryParameters::Parse(std::string_view query) {
  QueryParameters parameters;
  for (std::string_view piece : Split(query, '&')) {
    if (piece.empty()) continue;
    const size_t equals = piece.find('=');
    std::string name, value;
    if (!net::PercentDecode(piece.substr(0, equals), true, name)) continue;
    if (equals != std::string_view::npos &&
        !net::PercentDecode(piece.substr(equals + 1), true, value))
      continue;
    parameters.values_.emplace_back(std::move(name), std::move(value));
  }
  return parameters;
}

std::string_view QueryParameters::Get(std::string_view name) const {
  for (const auto& [key, value] : values_) {
    if (key == name) return value;
  }
  return {};
}

bool QueryParameters::Has(std::string_view name) const {
  return std::any_of(values_.begin(), values_.end(),
                     [&](const auto& each) { return each.first == name; });
}

std::vector<std::string> QueryParameters::All(std::string_view name) const {
  std::vector<std::string> all;
  for (const auto& [key, value] : values_) {
    if (key == name) all.push_back(value);
  }
  return all;
}

bool QueryParameters::Flag(std::string_view name) const {
  if (!Has(name)) return false;
  const std::string value = Lower(Get(name));
  return value != "false" && value != "0";
}

Result<std::optional<int64_t>> QueryParameters::Integer(std::string_view name) const {
  const std::string_view text = Get(name);
  if (text.empty()) return std::optional<int64_t>();
  int64_t number = 0;
  if (!ParseInteger(text, number))
    return BadRequest(StrCat("strconv.ParseInt: parsing ", Quoted(text), ": invalid syntax"));
  return std::optional<int64_t>(number);
}

Result<RequestInfo> ParseResourceRequest(std::string_view group, std::string_view version,
                                         std::string_view resource_path,
                                         const net::HttpRequest& request) {
  KUBE_ASSIGN_OR_RETURN(std::vector<std::string> segments, Segments(resource_path));
  const bool watch_alias = segments.size() > 1 && segments[0] == "watch";
  if (watch_alias) segments.erase(segments.begin());
  if (segments.empty()) return UnknownResource();
  KUBE_ASSIGN_OR_RETURN(Place place, FindPlace(std::move(segments)));

  RequestInfo info;
  info.resource = FindResource(group, version, place.plural);
  if (info.resource == nullptr) return UnknownResource();
  info.name_space = std::move(place.name_space);
  info.name = std::move(place.name);
  info.query = QueryParameters::Parse(request.query);
  if (place.in_namespace && !info.resource->namespaced) return UnknownResource();
  if (!place.subresource.empty()) {
    info.subresource = info.resource->FindSubresource(place.subresource);
    if (info.subresource == nullptr) return UnknownResource();
  }
  const bool scoped = !info.resource->namespaced || place.in_namespace;
  if (!scoped && !info.name.empty()) return UnknownResource();
  KUBE_ASSIGN_OR_RETURN(info.verb, FindVerb(request, info, watch_alias));
  if (!scoped && info.verb != Verb::kList && info.verb != Verb::kWatch) return MethodNotAllowed();
  const std::vector<std::string>& verbs =
      info.subresource != nullptr ? info.subresource->verbs : info.resource->verbs;
  if (!Lists(verbs, VerbName(info.verb))) return MethodNotAllowed();
  return info;
}

}  // namespace pintle::server::kube
