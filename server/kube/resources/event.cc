#include "absl/strings/ascii.h"
#include "server/kube/resources/age.h"
#include "server/kube/resources/field_error.h"
#include "server/kube/resources/kinds.h"
#include "server/kube/resources/row_parts.h"
#include "server/kube/resources/validation.h"

namespace pintle::server::kube {
namespace {

// Always printed, empty or not.
void SetDefaults(Json& object) {
  MakeObject(object, "involvedObject");
  MakeObject(object, "source");
  for (const char* name : {"firstTimestamp", "lastTimestamp", "eventTime"}) {
    SetDefault(object, name, nullptr);
  }
  SetDefault(object, "reportingComponent", "");
  SetDefault(object, "reportingInstance", "");
}

// The events of cluster-wide objects live in "default", as do those of the newer style in
// "kube-system".
void ValidateNamespace(const Json& object, bool newer, FieldErrors& errors) {
  const std::string own = StringAt(object, {"metadata", "namespace"});
  const std::string involved = StringAt(object, {"involvedObject", "namespace"});
  const bool fits = involved.empty()
                        ? own.empty() || own == "default" || (newer && own == "kube-system")
                        : newer || own == involved;
  if (!fits) {
    AddInvalid(errors, "involvedObject.namespace", involved, "does not match event.namespace");
  }
}

// Events with eventTime are of the newer style, which asks for more.
void ValidateNewer(const Json& object, FieldErrors& errors) {
  const std::string reporter = StringAt(object, {"reportingComponent"});
  if (reporter.empty()) {
    AddRequired(errors, "reportingComponent");
  } else {
    AddComplaints(errors, "reportingComponent", reporter, CheckQualifiedName(reporter));
  }
  const std::string instance = StringAt(object, {"reportingInstance"});
  if (instance.empty()) AddRequired(errors, "reportingInstance");
  if (instance.size() > 128) {
    AddInvalid(errors, "reportingInstance", "", "can have at most 128 characters");
  }
  for (const char* name : {"action", "reason"}) {
    const std::string text = StringAt(object, {name});
    if (text.empty()) AddRequired(errors, name);
    if (text.size() > 128) AddInvalid(errors, name, "", "can have at most 128 characters");
  }
  if (StringAt(object, {"message"}).size() > 1024) {
    AddInvalid(errors, "message", "", "can have at most 1024 characters");
  }
}

void Validate(const Json& object, const Json*, FieldErrors& errors) {
  const bool newer = At(object, {"eventTime"}).is_string();
  ValidateNamespace(object, newer, errors);
  if (newer) ValidateNewer(object, errors);
}

std::string Since(const Json& time, absl::Time now) {
  absl::Time then;
  if (!time.is_string() ||
      !absl::ParseTime(absl::RFC3339_full, time.get_ref<const std::string&>(), &then, nullptr)) {
    return "<unknown>";
  }
  return HumanDuration(now - then);
}

const Json& FirstOf(const Json& object, const char* preferred, const char* other) {
  const Json& first = At(object, {preferred});
  return first.is_null() ? At(object, {other}) : first;
}

std::string Target(const Json& event) {
  const std::string kind = absl::AsciiStrToLower(StringAt(event, {"involvedObject", "kind"}));
  const std::string name = StringAt(event, {"involvedObject", "name"});
  return name.empty() ? kind : kind + "/" + name;
}

std::string Source(const Json& event) {
  std::string source = StringAt(event, {"source", "component"});
  std::string host = StringAt(event, {"source", "host"});
  if (source.empty()) {
    source = StringAt(event, {"reportingComponent"});
    host = StringAt(event, {"reportingInstance"});
  }
  return host.empty() ? source : source + ", " + host;
}

std::string SourceLabel(const Json& event) {
  const std::string component = StringAt(event, {"source", "component"});
  return component.empty() ? StringAt(event, {"reportingComponent"}) : component;
}

std::vector<Column> Columns() {
  return {{"Last Seen", "string", "", "Time since it happened last.", 0},
          {"Type", "string", "", "Normal, or Warning.", 0},
          {"Reason", "string", "", "What happened, in a word.", 0},
          {"Object", "string", "", "To what it happened.", 0},
          WideColumn("Subobject", "string", "To which part of it."),
          WideColumn("Source", "string", "Who tells."),
          {"Message", "string", "", "What happened, in a sentence.", 0},
          WideColumn("First Seen", "string", "Time since it happened first."),
          WideColumn("Count", "string", "How often it happened."),
          {"Name", "string", "name", "Name of the event itself.", 1}};
}

std::vector<Json> Cells(const Json& event, absl::Time now) {
  std::string last = Since(FirstOf(event, "lastTimestamp", "eventTime"), now);
  int64_t count = IntAt(event, {"count"});
  const Json& series = At(event, {"series"});
  if (series.is_object()) {
    last = Since(At(series, {"lastObservedTime"}), now);
    count = IntAt(series, {"count"});
  } else if (count == 0) {
    count = 1;
  }
  std::string message = StringAt(event, {"message"});
  absl::StripTrailingAsciiWhitespace(&message);
  return {last,
          StringAt(event, {"type"}),
          StringAt(event, {"reason"}),
          Target(event),
          StringAt(event, {"involvedObject", "fieldPath"}),
          Source(event),
          message,
          Since(FirstOf(event, "firstTimestamp", "eventTime"), now),
          count,
          StringAt(event, {"metadata", "name"})};
}

std::vector<Resource::FieldLabel> FieldLabels() {
  std::vector<Resource::FieldLabel> labels;
  for (const char* name :
       {"kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"}) {
    labels.push_back({std::string("involvedObject.") + name, [name](const Json& event) {
                        return StringAt(event, {"involvedObject", name});
                      }});
  }
  for (const char* name : {"reason", "reportingComponent", "type"}) {
    labels.push_back({name, [name](const Json& event) { return StringAt(event, {name}); }});
  }
  labels.push_back({"source", SourceLabel});
  return labels;
}

}  // namespace

Resource EventRow() {
  Resource row;
  row.version = "v1";
  row.plural = "events";
  row.singular = "event";
  row.kind = "Event";
  row.short_names = {"ev"};
  row.verbs = AllVerbs();
  row.storage_prefix = "/registry/events";
  row.definition = "io.k8s.api.core.v1.Event";
  row.name_rule = NameRule::kPathSegment;
  row.create_on_update = true;
  row.ttl = absl::Hours(1);
  row.set_defaults = SetDefaults;
  row.validate = Validate;
  row.columns = Columns();
  row.row = Cells;
  row.field_labels = FieldLabels();
  return row;
}

}  // namespace pintle::server::kube
