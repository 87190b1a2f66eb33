#include "server/kube/openapi/operations.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

namespace pintle::server::kube {
namespace {

using Json = nlohmann::json;

struct Parameter {
  const char* name;
  const char* type;
  const char* description;
};

constexpr Parameter kPretty = {"pretty", "string", "If true, the answer is indented."};
constexpr Parameter kDryRun = {"dryRun", "string",
                               "All: do everything but the write. Other values are refused."};
constexpr Parameter kFieldManager = {"fieldManager", "string",
                                     "The name of who makes the change, at most 128 characters."};
constexpr Parameter kFieldValidation = {
    "fieldValidation", "string",
    "What is done about unknown and duplicate fields: Ignore, Warn (the default) or Strict."};
constexpr Parameter kForce = {"force", "boolean",
                              "Apply patches only: take over fields that others own."};
constexpr Parameter kReadParameters[] = {
    {"allowWatchBookmarks", "boolean", "Watches only: BOOKMARK events may be sent."},
    {"continue", "string", "The token of the page before; the list goes on behind it."},
    {"fieldSelector", "string", "Only objects whose fields match."},
    {"labelSelector", "string", "Only objects whose labels match."},
    {"limit", "integer", "At most so many objects in one answer."},
    {"resourceVersion", "string", "The version to read at, or to watch from."},
    {"resourceVersionMatch", "string", "How resourceVersion is meant: Exact or NotOlderThan."},
    {"timeoutSeconds", "integer", "The watch or list ends after so long."},
    {"watch", "boolean", "A stream of changes instead of a list."}};
constexpr Parameter kDeleteParameters[] = {
    {"gracePeriodSeconds", "integer", "How long the object may take to end; 0 is at once."},
    {"propagationPolicy", "string", "What becomes of dependents: Orphan, Background, Foreground."}};

// What varies between the operations of one path.
struct Shape {
  const char* method;       // "get"
  const char* action;       // "list", as x-kubernetes-action says
  std::string verb_name;    // "listAppsV1NamespacedDeployment"
  std::string description;  // "List objects of kind Deployment"
  std::string answer;       // definition
  std::string body;         // definition, or empty
};

class Writer {
 public:
  Writer(const Resource& resource, const Schema& schema, Dialect dialect, Json& paths)
      : resource_(resource), schema_(schema), dialect_(dialect), paths_(paths) {}

  void Write();

 private:
  bool Has(const std::vector<std::string>& verbs, std::string_view verb) const {
    return std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
  }
  Json QueryParameter(const Parameter& parameter) const;
  Json PathParameter(const char* name, const char* description) const;
  void Write(Json& path, const Shape& shape, std::initializer_list<Parameter> parameters,
             std::string_view group, std::string_view version, std::string_view kind);
  void WriteBody(Json& operation, const Shape& shape) const;
  void WriteAnswers(Json& operation, const Shape& shape) const;
  void WriteCollection(const std::string& path);
  void WriteAllNamespaces(const std::string& path);
  void WriteItem(const std::string& path);
  void WriteSubresource(const std::string& path, const Subresource& subresource);
  void AddPathParameters(Json& path, bool with_name) const;
  Shape MakeShape(const char* method, const char* action, const std::string& what,
                  const std::string& answer, const std::string& body = "") const;

  const Resource& resource_;
  const Schema& schema_;
  const Dialect dialect_;
  Json& paths_;
};

// "coordination.k8s.io" → "Coordination": how operation ids name the group.
std::string GroupWord(const Resource& resource) {
  if (resource.group.empty()) return "Core";
  std::string word = resource.group.substr(0, resource.group.find('.'));
  word[0] = static_cast<char>(word[0] - 'a' + 'A');
  return word;
}

Shape Writer::MakeShape(const char* method, const char* action, const std::string& what,
                        const std::string& answer, const std::string& body) const {
  Shape shape;
  shape.method = method;
  shape.action = action;
  std::string version = resource_.version;
  version[0] = 'V';
  shape.verb_name = std::string(action) + GroupWord(resource_) + version +
                    (resource_.namespaced ? "Namespaced" : "") + resource_.kind;
  shape.description = what;
  shape.answer = answer;
  shape.body = body;
  return shape;
}

Json Writer::QueryParameter(const Parameter& parameter) const {
  Json json = {{"name", parameter.name}, {"in", "query"}, {"description", parameter.description}};
  if (dialect_ == Dialect::kSwagger2) {
    json["type"] = parameter.type;
    json["uniqueItems"] = true;
  } else {
    json["schema"] = {{"type", parameter.type}, {"uniqueItems", true}};
  }
  return json;
}

Json Writer::PathParameter(const char* name, const char* description) const {
  Json json = QueryParameter({name, "string", description});
  json["in"] = "path";
  json["required"] = true;
  return json;
}

void Writer::AddPathParameters(Json& path, bool with_name) const {
  Json parameters = Json::array();
  if (with_name) parameters.push_back(PathParameter("name", "The object's name."));
  if (resource_.namespaced) {
    parameters.push_back(PathParameter("namespace", "The namespace the object lives in."));
  }
  parameters.push_back(QueryParameter(kPretty));
  path["parameters"] = std::move(parameters);
}

void Writer::WriteBody(Json& operation, const Shape& shape) const {
  const bool patch = std::string_view(shape.method) == "patch";
  static const std::vector<std::string>& patch_types = *new std::vector<std::string>{
      "application/json-patch+json", "application/merge-patch+json",
      "application/strategic-merge-patch+json", "application/apply-patch+yaml"};
  if (dialect_ == Dialect::kSwagger2) {
    operation["consumes"] = patch ? Json(patch_types) : Json::array({"*/*"});
    if (shape.body.empty()) return;
    operation["parameters"].push_back({{"name", "body"},
                                       {"in", "body"},
                                       {"required", true},
                                       {"schema", SchemaReference(shape.body, dialect_)}});
    return;
  }
  if (shape.body.empty()) return;
  const Json content = {{"schema", SchemaReference(shape.body, dialect_)}};
  Json& contents = operation["requestBody"]["content"];
  if (!patch) {
    contents["*/*"] = content;
    return;
  }
  for (const std::string& type : patch_types) contents[type] = content;
}

void Writer::WriteAnswers(Json& operation, const Shape& shape) const {
  const Json reference = SchemaReference(shape.answer, dialect_);
  Json answer = {{"description", "OK"}};
  if (dialect_ == Dialect::kSwagger2) {
    answer["schema"] = reference;
    operation["produces"] = {"application/json"};
    operation["schemes"] = {"https"};
  } else {
    answer["content"]["application/json"]["schema"] = reference;
  }
  const std::string_view action = shape.action;
  operation["responses"]["200"] = answer;
  if (action == "post" || action == "put" || action == "patch") {
    answer["description"] = "Created";
    operation["responses"]["201"] = std::move(answer);
  }
}

void Writer::Write(Json& path, const Shape& shape, std::initializer_list<Parameter> parameters,
                   std::string_view group, std::string_view version, std::string_view kind) {
  Json operation = {{"description", shape.description},
                    {"operationId", shape.verb_name},
                    {"tags", {GroupWord(resource_) + "_" + resource_.version}},
                    {"x-kubernetes-action", shape.action},
                    {"x-kubernetes-group-version-kind",
                     {{"group", group}, {"version", version}, {"kind", kind}}}};
  for (const Parameter& parameter : parameters) {
    operation["parameters"].push_back(QueryParameter(parameter));
  }
  const std::string_view action = shape.action;
  if (action == "list" || action == "deletecollection") {
    for (const Parameter& parameter : kReadParameters) {
      operation["parameters"].push_back(QueryParameter(parameter));
    }
  }
  if (action == "delete" || action == "deletecollection") {
    for (const Parameter& parameter : kDeleteParameters) {
      operation["parameters"].push_back(QueryParameter(parameter));
    }
  }
  WriteBody(operation, shape);
  WriteAnswers(operation, shape);
  path[shape.method] = std::move(operation);
}

constexpr const char* kStatus = "io.k8s.apimachinery.pkg.apis.meta.v1.Status";
constexpr const char* kDeleteOptions = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";

void Writer::WriteCollection(const std::string& name) {
  Json path;
  const std::string& kind = resource_.kind;
  const std::string list = resource_.definition + "List";
  const auto write = [&](const Shape& shape, std::initializer_list<Parameter> parameters) {
    Write(path, shape, parameters, resource_.group, resource_.version, kind);
  };
  if (Has(resource_.verbs, "list")) {
    write(MakeShape("get", "list", "Lists or watches objects of kind " + kind, list), {});
  }
  if (Has(resource_.verbs, "create")) {
    write(MakeShape("post", "post", "Creates an object of kind " + kind, resource_.definition,
                    resource_.definition),
          {kDryRun, kFieldManager, kFieldValidation});
  }
  if (Has(resource_.verbs, "deletecollection")) {
    Shape shape = MakeShape("delete", "deletecollection", "Deletes objects of kind " + kind,
                            kStatus, kDeleteOptions);
    write(shape, {kDryRun});
  }
  AddPathParameters(path, false);
  paths_[name] = std::move(path);
}

void Writer::WriteAllNamespaces(const std::string& name) {
  Json path;
  Shape shape = MakeShape("get", "list", "Lists or watches objects of kind " + resource_.kind,
                          resource_.definition + "List");
  const size_t at = shape.verb_name.find("Namespaced");
  shape.verb_name.erase(at, std::string_view("Namespaced").size());
  shape.verb_name += "ForAllNamespaces";
  Write(path, shape, {}, resource_.group, resource_.version, resource_.kind);
  path["parameters"] = Json::array({QueryParameter(kPretty)});
  paths_[name] = std::move(path);
}

void Writer::WriteItem(const std::string& name) {
  Json path;
  const std::string& kind = resource_.kind;
  const std::string& definition = resource_.definition;
  const auto write = [&](const Shape& shape, std::initializer_list<Parameter> parameters) {
    Write(path, shape, parameters, resource_.group, resource_.version, kind);
  };
  if (Has(resource_.verbs, "get")) {
    write(MakeShape("get", "get", "Reads an object of kind " + kind, definition), {});
  }
  if (Has(resource_.verbs, "update")) {
    write(MakeShape("put", "put", "Replaces an object of kind " + kind, definition, definition),
          {kDryRun, kFieldManager, kFieldValidation});
  }
  if (Has(resource_.verbs, "patch")) {
    write(MakeShape("patch", "patch", "Changes parts of an object of kind " + kind, definition,
                    std::string(kPatchDefinition)),
          {kDryRun, kFieldManager, kFieldValidation, kForce});
  }
  if (Has(resource_.verbs, "delete")) {
    write(
        MakeShape("delete", "delete", "Deletes an object of kind " + kind, kStatus, kDeleteOptions),
        {kDryRun});
  }
  AddPathParameters(path, true);
  paths_[name] = std::move(path);
}

void Writer::WriteSubresource(const std::string& name, const Subresource& subresource) {
  const bool own = subresource.kind.empty();
  const std::string& group = own ? resource_.group : subresource.group;
  const std::string& version = own ? resource_.version : subresource.version;
  const std::string& kind = own ? resource_.kind : subresource.kind;
  const Definition* exchanged = schema_.FindByKind(group, version, kind);
  if (exchanged == nullptr) return;
  Json path;
  const auto write = [&](const char* verb, const char* method, const std::string& body,
                         std::initializer_list<Parameter> parameters) {
    if (!Has(subresource.verbs, verb)) return;
    Shape shape = MakeShape(method, method, "The " + subresource.name + " of a " + resource_.kind,
                            exchanged->name, body);
    shape.verb_name += subresource.name;
    Write(path, shape, parameters, group, version, kind);
  };
  write("get", "get", "", {});
  write("create", "post", exchanged->name, {kDryRun, kFieldManager, kFieldValidation});
  write("update", "put", exchanged->name, {kDryRun, kFieldManager, kFieldValidation});
  write("patch", "patch", std::string(kPatchDefinition),
        {kDryRun, kFieldManager, kFieldValidation, kForce});
  AddPathParameters(path, true);
  paths_[name] = std::move(path);
}

void Writer::Write() {
  const std::string base = "/" + GroupVersionPath(resource_) + "/";
  const std::string collection =
      base + (resource_.namespaced ? "namespaces/{namespace}/" : "") + resource_.plural;
  WriteCollection(collection);
  if (resource_.namespaced) WriteAllNamespaces(base + resource_.plural);
  WriteItem(collection + "/{name}");
  for (const Subresource& subresource : resource_.subresources) {
    WriteSubresource(collection + "/{name}/" + subresource.name, subresource);
  }
}

}  // namespace

std::string GroupVersionPath(const Resource& resource) {
  return (resource.group.empty() ? "api/" : "apis/") + resource.group_version();
}

void AddResourcePaths(const Resource& resource, const Schema& schema, Dialect dialect,
                      Json& paths) {
  Writer(resource, schema, dialect, paths).Write();
}

}  // namespace pintle::server::kube
