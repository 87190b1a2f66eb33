#include "server/kube/table.h"

#include "server/kube/resources/row_parts.h"
#include "server/kube/text.h"

namespace pintle::server::kube {
namespace {

std::string MetaVersion(const ResponseForm& form) {
  return StrCat("meta.k8s.io/", form.meta_version);
}

}  // namespace

Json PartialObject(const ResponseForm& form, const Json& object) {
  return {{"kind", "PartialObjectMetadata"},
          {"apiVersion", MetaVersion(form)},
          {"metadata", At(object, {"metadata"})}};
}

Json TableRow(const Resource& resource, const ResponseForm& form, const Json& object,
              absl::Time now) {
  Json cells = Json::array();
  for (Json& cell : resource.row(object, now)) cells.push_back(std::move(cell));
  Json row = {{"cells", std::move(cells)}};
  switch (form.include_object) {
    case IncludeObject::kMetadata:
      row["object"] = PartialObject(form, object);
      break;
    case IncludeObject::kObject:
      row["object"] = object;
      break;
    case IncludeObject::kNone:
      row["object"] = nullptr;
      break;
  }
  return row;
}

Json EmptyTable(const Resource& resource, const ResponseForm& form, bool with_columns) {
  Json columns = Json::array();
  for (const Column& column : resource.columns) {
    if (!with_columns) break;
    columns.push_back({{"name", column.name},
                       {"type", column.type},
                       {"format", column.format},
                       {"description", column.description},
                       {"priority", column.priority}});
  }
  return {{"kind", "Table"},
          {"apiVersion", MetaVersion(form)},
          {"metadata", Json::object()},
          {"columnDefinitions", std::move(columns)},
          {"rows", Json::array()}};
}

Result<Json> RenderObject(const Resource& resource, const ResponseForm& form, Json object,
                          absl::Time now) {
  if (form.transform == Transform::kNone) return object;
  if (form.transform == Transform::kPartial) return PartialObject(form, object);
  if (form.transform == Transform::kPartialList)
    return NotAcceptable(
        StrCat("you requested PartialObjectMetadataList, but the requested object is not a "
               "list (*",
               resource.group.empty() ? "core" : resource.group, ".", resource.kind, ")"));
  return RenderEventObject(resource, form, std::move(object), true, now);
}

Json RenderEventObject(const Resource& resource, const ResponseForm& form, Json object,
                       bool first_event, absl::Time now) {
  switch (form.transform) {
    case Transform::kNone:
      return object;
    case Transform::kPartial:
    case Transform::kPartialList:
      return PartialObject(form, object);
    case Transform::kTable:
      break;
  }
  Json table = EmptyTable(resource, form, first_event);
  const Json& version = At(object, {"metadata", "resourceVersion"});
  if (!version.is_null()) table["metadata"]["resourceVersion"] = version;
  table["rows"].push_back(TableRow(resource, form, object, now));
  return table;
}

}  // namespace pintle::server::kube
