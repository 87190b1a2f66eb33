#include "server/kube/write_loop.h"

#include <utility>
#include <variant>

#include "server/kube/stored_form.h"

namespace pintle::server::kube {
namespace {

class WriteLoop : public std::enable_shared_from_this<WriteLoop> {
 public:
  WriteLoop(replica::LocalMember& member, std::shared_ptr<net::HttpExchange> exchange,
            WriteOptions options, Planner planner, Written done)
      : member_(member),
        exchange_(std::move(exchange)),
        options_(options),
        planner_(std::move(planner)),
        done_(std::move(done)) {}

  void Start() {
    if (options_.dry_run) return PlanOnFreshView();
    Result<WritePlan> plan = planner_(*member_.view());
    if (!plan.ok() || plan->txn.empty()) return PlanOnFreshView();
    Propose(*std::move(plan));
  }

 private:
  void PlanOnFreshView() {
    member_.LinearizableRead(
        [self = shared_from_this()](absl::StatusOr<std::shared_ptr<const kv::ReadView>> view) {
          self->exchange_->executor().Post(
              [self, view = std::move(view)]() mutable { self->OnView(std::move(view)); });
        });
  }

  void OnView(absl::StatusOr<std::shared_ptr<const kv::ReadView>> view) {
    if (!view.ok()) return done_(FromMember(view.status(), false));
    Result<WritePlan> plan = planner_(**view);
    if (!plan.ok() || plan->txn.empty() || options_.dry_run) return done_(std::move(plan));
    Propose(*std::move(plan));
  }

  void Propose(WritePlan plan) {
    std::string body = EncodeTxn(plan.txn);
    member_.Propose(replica::RequestKind::kTxn, std::move(body),
                    [self = shared_from_this(),
                     plan = std::move(plan)](absl::StatusOr<replica::Applied> applied) mutable {
                      self->exchange_->executor().Post(
                          [self, plan = std::move(plan), applied = std::move(applied)]() mutable {
                            self->OnApplied(std::move(plan), std::move(applied));
                          });
                    });
  }

  void OnApplied(WritePlan plan, absl::StatusOr<replica::Applied> applied) {
    if (!applied.ok()) return done_(FromMember(applied.status(), true));
    const auto* txn = std::get_if<kv::TxnResult>(&applied->result);
    if (txn == nullptr) return done_(InternalError("a transaction was answered with another kind"));
    if (txn->succeeded) {
      if (plan.sets_resource_version) SetResourceVersion(plan.object, txn->revision);
      return done_(std::move(plan));
    }
    if (++conflicts_ > options_.max_conflicts) {
      StatusError error;
      error.code = 409;
      error.reason = "Conflict";
      error.message =
          "Operation cannot be fulfilled: the object has been modified; please apply your changes "
          "to the latest version and try again";
      return done_(std::move(error));
    }
    PlanOnFreshView();
  }

  replica::LocalMember& member_;
  const std::shared_ptr<net::HttpExchange> exchange_;
  const WriteOptions options_;
  const Planner planner_;
  Written done_;
  int conflicts_ = 0;
};

}  // namespace

void RunWrite(replica::LocalMember& member, std::shared_ptr<net::HttpExchange> exchange,
              WriteOptions options, Planner planner, Written done) {
  std::make_shared<WriteLoop>(member, std::move(exchange), options, std::move(planner),
                              std::move(done))
      ->Start();
}

}  // namespace pintle::server::kube
