// Delete and deletecollection.
#include <utility>
#include <vector>

#include "server/kube/call.h"
#include "server/kube/list_options.h"
#include "server/kube/object_meta.h"
#include "server/kube/plans.h"
#include "server/kube/resources/row_parts.h"
#include "server/kube/with_lease.h"

namespace pintle::server::kube {
namespace {

constexpr int kConflictsOfDelete = 20;
constexpr int kDeletesAtOnce = 16;  // of one collection

Planner DeletePlanner(DeleteInput input) {
  return [input = std::move(input)](const kv::ReadView& view) { return PlanDelete(input, view); };
}

// Deletes what a list found, a few at a time, and answers with the list as it was.
class CollectionDeletion : public std::enable_shared_from_this<CollectionDeletion> {
 public:
  CollectionDeletion(CallPtr call, DeleteOptions options, Json list)
      : call_(std::move(call)), options_(std::move(options)), list_(std::move(list)) {}

  void Start() {
    if (list_["items"].empty()) return Finish();
    for (int i = 0; i < kDeletesAtOnce; ++i) Next();
  }

 private:
  void Next() {
    const Json& items = list_["items"];
    if (started_ == items.size() || failed_) return;
    const Json& object = items[started_++];
    ++running_;
    DeleteInput input;
    input.context = ContextOf(*call_, kv::LeaseId());
    input.context.name_space = StringAt(object, {"metadata", "namespace"});
    input.name = Name(object);
    input.options = options_;
    RunWrite(call_->face.member, call_->reply.exchange, {options_.dry_run, kConflictsOfDelete},
             DeletePlanner(std::move(input)),
             [self = shared_from_this()](Result<WritePlan> outcome) {
               self->OnDeleted(std::move(outcome));
             });
  }

  void OnDeleted(Result<WritePlan> outcome) {
    --running_;
    // Gone meanwhile is as good as deleted.
    if (!outcome.ok() && outcome.error().code != 404 && !failed_) {
      failed_ = true;
      call_->reply.SendError(outcome.error());
    }
    Next();
    if (running_ == 0 && !failed_ && started_ == list_["items"].size()) Finish();
  }

  void Finish() { call_->reply.Send(200, list_); }

  const CallPtr call_;
  const DeleteOptions options_;
  Json list_;
  size_t started_ = 0;
  int running_ = 0;
  bool failed_ = false;
};

}  // namespace

void HandleDelete(CallPtr call) {
  Result<DeleteOptions> options =
      ParseDeleteOptions(call->request, call->info.query, call->face.schema);
  if (!options.ok()) return call->reply.SendError(options.error());
  DeleteInput input{ContextOf(*call, kv::LeaseId()), call->info.name, *options};
  RunWrite(call->face.member, call->reply.exchange, {options->dry_run, kConflictsOfDelete},
           DeletePlanner(std::move(input)),
           [call](Result<WritePlan> outcome) { SendWritten(*call, std::move(outcome)); });
}

void HandleDeleteCollection(CallPtr call) {
  Result<DeleteOptions> options =
      ParseDeleteOptions(call->request, call->info.query, call->face.schema);
  if (!options.ok()) return call->reply.SendError(options.error());
  Result<ListOptions> list_options = ParseListOptions(call->resource(), call->info.query);
  if (!list_options.ok()) return call->reply.SendError(list_options.error());
  ReadCollection(call, *std::move(list_options),
                 [call, options = *std::move(options)](Result<Json> list) {
                   if (!list.ok()) return call->reply.SendError(list.error());
                   std::make_shared<CollectionDeletion>(call, options, *std::move(list))->Start();
                 });
}

}  // namespace pintle::server::kube
