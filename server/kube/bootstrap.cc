#include "server/kube/bootstrap.h"

#include <array>
#include <utility>

#include "server/kube/plans.h"
#include "server/kube/write_loop.h"

namespace pintle::server::kube {
namespace {

constexpr std::array<const char*, 4> kNamespaces = {"default", "kube-system", "kube-public",
                                                    "kube-node-lease"};

}  // namespace

void Bootstrap::Ensure(std::shared_ptr<net::HttpExchange> exchange, Finished next) {
  if (done()) return next(Done{});
  Make(0, std::move(exchange), std::move(next));
}

void Bootstrap::Make(size_t index, std::shared_ptr<net::HttpExchange> exchange, Finished next) {
  if (index == kNamespaces.size()) {
    done_.store(true, std::memory_order_release);
    return next(Done{});
  }
  const Resource* row = FindResource("", "v1", "namespaces");
  const PlanContext context{row, &face_.addresses, "", face_.options.now(), kv::LeaseId()};
  Json object = {{"kind", row->kind},
                 {"apiVersion", row->group_version()},
                 {"metadata", {{"name", kNamespaces[index]}}}};
  row->set_defaults(object);
  RunWrite(
      face_.member, exchange, WriteOptions(),
      [context, object = std::move(object)](const kv::ReadView& view) {
        return PlanCreate(context, object, view);
      },
      [this, index, exchange, next = std::move(next)](Result<WritePlan> outcome) mutable {
        const bool exists = !outcome.ok() && outcome.error().reason == "AlreadyExists";
        if (!outcome.ok() && !exists) return next(outcome.error());
        Make(index + 1, exchange, std::move(next));
      });
}

}  // namespace pintle::server::kube
