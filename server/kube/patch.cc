#include "server/kube/patch.h"

#include "server/kube/text.h"

namespace pintle::server::kube {
namespace {

StatusError Rejected() {
  StatusError error;
  error.code = 422;
  error.reason = "Invalid";
  error.message = "the server rejected our request due to an error in our request";
  error.details = Json::object();
  return error;
}

Result<Json> ApplyJsonPatch(const Json& document, const Json& patch) {
  if (!patch.is_array())
    return BadRequest("json: cannot unmarshal object into Go value of type jsonpatch.Patch");
  if (patch.size() > kMaxJsonPatchOperations) {
    StatusError error;
    error.code = 413;
    error.reason = "RequestEntityTooLarge";
    error.message = StrCat(
        "Request entity too large: The allowed maximum operations in a "
        "JSON patch is ",
        kMaxJsonPatchOperations, ", got ", patch.size());
    return error;
  }
  // The library reports a patch that does not fit by throwing; nothing else in it can fail.
  try {
    return document.patch(patch);
  } catch (const Json::exception&) {
    return Rejected();
  }
}

}  // namespace

Result<PatchType> FindPatchType(std::string_view content_type) {
  const std::string type = Lower(Trim(content_type.substr(0, content_type.find(';'))));
  if (type == "application/json-patch+json") return PatchType::kJson;
  if (type == "application/merge-patch+json") return PatchType::kMerge;
  if (type == "application/strategic-merge-patch+json") return PatchType::kStrategicMerge;
  if (type == "application/apply-patch+yaml") return PatchType::kApply;
  return UnsupportedMediaType("415: Unsupported Media Type");
}

Result<Json> ApplyPatch(PatchType type, Json document, const Json& patch,
                        const Definition* definition) {
  if (type == PatchType::kJson) return ApplyJsonPatch(document, patch);
  if (!patch.is_object()) return BadRequest("Invalid JSON Patch");
  if (type == PatchType::kMerge) {
    document.merge_patch(patch);
    return document;
  }
  return StrategicMerge(std::move(document), patch, definition);
}

}  // namespace pintle::server::kube
