// Tables and partial objects: what kubectl prints and what metadata informers hold (kube-api §4.2,
// §4.3). Pure functions; any thread.
#pragma once

#include "absl/time/time.h"
#include "server/kube/media.h"
#include "server/kube/resources/resource.h"
#include "server/kube/status_error.h"

namespace pintle::server::kube {

// {"kind":"PartialObjectMetadata",…} of one object.
Json PartialObject(const ResponseForm& form, const Json& object);

// One row: cells and, by includeObject, the object.
Json TableRow(const Resource& resource, const ResponseForm& form, const Json& object,
              absl::Time now);
// A Table without rows. `with_columns` false: columnDefinitions is [], as in all but the first
// event of a watch.
Json EmptyTable(const Resource& resource, const ResponseForm& form, bool with_columns);

// One object as the form has it (a Table of one row …). 406 for kPartialList.
Result<Json> RenderObject(const Resource& resource, const ResponseForm& form, Json object,
                          absl::Time now);
// The object of a watch event.
Json RenderEventObject(const Resource& resource, const ResponseForm& form, Json object,
                       bool first_event, absl::Time now);

}  // namespace pintle::server::kube
